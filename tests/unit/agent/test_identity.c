/* A machine that several nodes know, each by its own service CA. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/account.h"
#include "fas/agent/api.h"
#include "fas/base/file.h"
#include "server.h"

#define OK_ANSWER                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: "   \
	"close\r\n\r\n{}"
#define FIRST "https://fas1.x.org:8443"
#define SECOND "https://FAS2.x.org:8443"

static const char *const server_extensions[] = {
    "extendedKeyUsage=serverAuth", "subjectAltName=IP:127.0.0.1", NULL};
static const char *const client_extensions[] = {"extendedKeyUsage=clientAuth", NULL};

/* Two nodes: CA, server, and this machine by each. */
static struct pki_node cas[2], leaves[2], hosts[2];
static char state_folder[64];
static struct api_line *line; /* one for both servers, as the daemon's threads have it */

static int
setup(void **state)
{
	static const char *const names[] = {"vda1 of one", "vda1 of two"};
	static const char *const ca_names[] = {"Service CA 1", "Service CA 2"};
	struct fas_err e = {0};
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		pki_make(&cas[i], NULL, ca_names[i], pki_ca);
		pki_make(&leaves[i], &cas[i], "api", server_extensions);
		pki_make(&hosts[i], &cas[i], names[i], client_extensions);
	}
	return api_init(&e) == FAS_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		pki_done(&cas[i]);
		pki_done(&leaves[i]);
		pki_done(&hosts[i]);
	}
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	(void)strcpy(state_folder, "/tmp/fas-identity-XXXXXX");
	struct fas_err e = {0};
	return mkdtemp(state_folder) && api_line_new(&line, &e) == FAS_OK ? 0 : -1;
}

static int
end(void **state)
{
	char command[96];
	(void)state;
	api_line_free(TAKE(line));
	(void)snprintf(command, sizeof(command), "rm -rf %s", state_folder);
	return system(command);
}

/* The machine joins that server, which node i runs; the folder into which it went. */
static void
join(const char *server, int i, char folder[PATH_MAX])
{
	struct fas_err e = {0};
	X509 *ca = cas[i].certificate;
	assert_int_equal(identity_choose_folder(state_folder, server, ca, folder, &e), FAS_OK);
	assert_int_equal(
	    identity_store(folder, hosts[i].key, hosts[i].certificate, ca, &e), FAS_OK);
}

static void
the_first_pair_is_every_servers_and_another_cas_is_its_servers_own(void **state)
{
	char folder[PATH_MAX], own[PATH_MAX];
	struct fas_err e = {0};
	(void)state;
	(void)snprintf(own, sizeof(own), "%s/servers/fas2.x.org:8443", state_folder);
	join(FIRST, 0, folder);
	assert_string_equal(folder, state_folder);
	assert_int_equal(identity_folder(state_folder, SECOND, folder, &e), FAS_OK);
	assert_string_equal(folder, state_folder);
	join(SECOND, 1, folder);
	assert_string_equal(folder, own);
	assert_int_equal(identity_folder(state_folder, SECOND, folder, &e), FAS_OK);
	assert_string_equal(folder, own);
	assert_int_equal(identity_folder(state_folder, FIRST, folder, &e), FAS_OK);
	assert_string_equal(folder, state_folder);
}

static void
joining_again_replaces_the_pair_that_the_server_is_shown(void **state)
{
	char folder[PATH_MAX];
	(void)state;
	join(FIRST, 0, folder);
	join("https://alias.x.org", 0, folder);
	assert_string_equal(folder, state_folder);
	join(FIRST, 1, folder); /* its service CA is a new one */
	assert_string_not_equal(folder, state_folder);
	join(FIRST, 0, folder);
	assert_string_not_equal(folder, state_folder);
}

static void
a_name_leads_nowhere_else(void **state)
{
	static const char *const names[] = {
	    "https://../x", "https://.", "https://", "fas2.x.org", "https://a/../../b"};
	char folder[PATH_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fas_err e = {0};
		assert_int_equal(
		    identity_own_folder(state_folder, names[i], folder, &e), FAS_E_INTERNAL);
	}
}

/* One request, by what lies in the state folder. */
static enum fas_code
ask(struct server *s, struct fas_err *e)
{
	OWN(identity) struct identity shared = {0};
	OWN(api_answer) struct api_answer answer = {0};
	assert_int_equal(identity_load(state_folder, &shared, e), FAS_OK);
	OWN(trust) struct trust trust = {.identity = &shared, .state = state_folder};
	const struct api api = {.trust = &trust, .only = s->url, .line = line, .once = true};
	s->client[0] = 0;
	return api_call(&api, "POST", "/v1/x", NULL, &answer, e);
}

static void
each_server_sees_its_own_nodes_certificate_and_is_believed_by_its_own_ca_alone(void **state)
{
	char folder[PATH_MAX];
	static const char *const seen[] = {"vda1 of one", "vda1 of two"};
	struct server nodes[2];
	(void)state;
	for (int i = 0; i < 2; i++) {
		server_start(&nodes[i], &leaves[i], &cas[i], &cas[i]);
		server_answer(&nodes[i], OK_ANSWER);
		join(nodes[i].url, i, folder);
	}
	for (int i = 0; i < 2; i++) {
		struct fas_err e = {0};
		assert_int_equal(ask(&nodes[i], &e), FAS_OK);
		assert_string_equal(nodes[i].client, seen[i]);
	}
	/* the other node's CA for this server's name */
	struct fas_err e = {0};
	join(nodes[0].url, 1, folder);
	api_line_free(TAKE(line)); /* with the TLS session that was begun in trust */
	assert_int_equal(api_line_new(&line, &e), FAS_OK);
	assert_int_equal(ask(&nodes[0], &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "server_untrusted");
	for (int i = 0; i < 2; i++)
		server_stop(&nodes[i]);
}

static void
a_pair_that_cannot_be_read_is_an_error_and_no_reason_to_show_another(void **state)
{
	char folder[PATH_MAX], path[PATH_MAX + 32];
	struct server node;
	struct fas_err e = {0};
	(void)state;
	server_start(&node, &leaves[1], &cas[1], &cas[1]);
	server_answer(&node, OK_ANSWER);
	join(FIRST, 0, folder);
	join(node.url, 1, folder);
	(void)snprintf(path, sizeof(path), "%s/" SERVICE_CA_FILE, folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ask(&node, &e), FAS_E_NOTFOUND);
	assert_string_equal(e.reason, "file_missing");
	server_stop(&node);
	assert_string_equal(node.request, "");
}

static void
a_machine_account_trusts_each_ca_in_the_file(void **state)
{
	struct agent_config config = {0};
	const struct pki_node *both[] = {&cas[0], &cas[1]};
	OWN(text) char *pem = pki_pem(both, 2);
	struct fas_err e = {0};
	OWN(identity) struct identity identity = {0};
	(void)state;
	(void)snprintf(config.service_ca, sizeof(config.service_ca), "%s/ca.pem", state_folder);
	assert_int_equal(file_write_new(config.service_ca, pem, strlen(pem), 0644, &e), FAS_OK);
	assert_int_equal(account_trust(&config, &identity, &e), FAS_OK);
	for (int i = 0; i < 2; i++) {
		struct server s;
		OWN(api_answer) struct api_answer answer = {0};
		OWN(trust) struct trust trust = {.identity = &identity};
		server_start(&s, &leaves[i], NULL, NULL);
		server_answer(&s, OK_ANSWER);
		const struct api api = {.trust = &trust, .only = s.url, .once = true};
		assert_int_equal(api_call(&api, "POST", "/v1/x", NULL, &answer, &e), FAS_OK);
		server_stop(&s);
	}
}

static void
a_file_without_a_certificate_is_no_service_ca(void **state)
{
	struct agent_config config = {0};
	struct fas_err e = {0};
	OWN(identity) struct identity identity = {0};
	(void)state;
	(void)snprintf(config.service_ca, sizeof(config.service_ca), "%s/ca.pem", state_folder);
	assert_int_equal(file_write_new(config.service_ca, "nothing\n", 8, 0644, &e), FAS_OK);
	assert_int_equal(account_trust(&config, &identity, &e), FAS_E_CONFIG);
}

static void
a_ca_that_was_renewed_is_the_same_and_no_other_is(void **state)
{
	static const char *const leaf[] = {"basicConstraints=CA:FALSE", NULL};
	char folder[PATH_MAX];
	struct fas_err e = {0};
	X509 *ca = cas[0].certificate;
	OWN(pki) struct pki_node renewed = {0}, other_key = {0}, other_name = {0}, no_ca = {0};
	(void)state;
	pki_make_for(&renewed, NULL, cas[0].key, "Service CA 1", pki_ca);
	pki_make(&other_key, NULL, "Service CA 1", pki_ca);
	pki_make_for(&other_name, NULL, cas[0].key, "Service CA 3", pki_ca);
	pki_make_for(&no_ca, NULL, cas[0].key, "Service CA 1", leaf);
	assert_int_not_equal(X509_cmp(ca, renewed.certificate), 0);
	assert_true(identity_is_same_ca(ca, renewed.certificate));
	assert_false(identity_is_same_ca(ca, other_key.certificate));
	assert_false(identity_is_same_ca(ca, other_name.certificate));
	assert_false(identity_is_same_ca(ca, no_ca.certificate));
	/* The key is its own, but somebody else has signed. */
	assert_true(X509_sign(renewed.certificate, cas[1].key, EVP_sha256()) > 0);
	assert_false(identity_is_same_ca(ca, renewed.certificate));
	assert_true(X509_sign(renewed.certificate, cas[0].key, EVP_sha256()) > 0);
	join(FIRST, 0, folder);
	assert_int_equal(
	    identity_choose_folder(state_folder, SECOND, renewed.certificate, folder, &e), FAS_OK);
	assert_string_equal(folder, state_folder);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_first_pair_is_every_servers_and_another_cas_is_its_servers_own),
	    T(joining_again_replaces_the_pair_that_the_server_is_shown),
	    T(a_ca_that_was_renewed_is_the_same_and_no_other_is),
	    T(a_name_leads_nowhere_else),
	    T(each_server_sees_its_own_nodes_certificate_and_is_believed_by_its_own_ca_alone),
	    T(a_pair_that_cannot_be_read_is_an_error_and_no_reason_to_show_another),
	    T(a_machine_account_trusts_each_ca_in_the_file),
	    T(a_file_without_a_certificate_is_no_service_ca),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
