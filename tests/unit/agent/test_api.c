#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/api.h"
#include "fas/base/json.h"
#include "server.h"

static struct pki_node ca, other_ca, api_leaf, host;
static struct agent_config config;
static uint8_t print[FINGERPRINT_BYTES];

static const char *const server_extensions[] = {
    "extendedKeyUsage=serverAuth", "subjectAltName=IP:127.0.0.1", NULL};
static const char *const foreign_name[] = {
    "extendedKeyUsage=serverAuth", "subjectAltName=DNS:elsewhere.x.org", NULL};
static const char *const client_extensions[] = {"extendedKeyUsage=clientAuth", NULL};

/* Without a length, the body ends with the connection (RFC 9112 6.3). */
#define HEAD(status, type)                                                                         \
	"HTTP/1.1 " status "\r\nContent-Type: application/" type "\r\nConnection: close\r\n\r\n"
#define OK_ANSWER HEAD("201 Created", "json") "{\"n\": 17}"
#define PROBLEM(status, title, code)                                                               \
	HEAD(status, "problem+json") "{\"title\": \"" title "\", \"code\": \"" code "\"}"
#define USED PROBLEM("409 Conflict", "It is used", "ticket_used")
#define ELSEWHERE PROBLEM("403 Forbidden", "Elsewhere", "ticket_other_node")
#define AWAY PROBLEM("503 Service Unavailable", "It is away", "unavailable")

static int
setup(void **state)
{
	unsigned len = 0;
	struct fas_err e = {0};
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	pki_make(&ca, NULL, "Service CA", pki_ca);
	pki_make(&other_ca, NULL, "Other CA", pki_ca);
	pki_make(&api_leaf, &ca, "api", server_extensions);
	pki_make(&host, &ca, "vda1", client_extensions);
	assert_int_equal(X509_digest(ca.certificate, EVP_sha256(), print, &len), 1);
	return api_init(&e) == FAS_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	pki_done(&ca);
	pki_done(&other_ca);
	pki_done(&api_leaf);
	pki_done(&host);
	return 0;
}

/* One call as a machine that has joined, or (joined false) that knows the fingerprint only. */
static enum fas_code
call(const struct server *const *servers, size_t n, bool joined, struct api_answer *answer,
    X509 **pinned, struct fas_err *e)
{
	const struct identity identity = {host.key, host.certificate, ca.certificate, NULL};
	OWN(trust) struct trust trust = {.identity = joined ? &identity : NULL};
	const struct api api = {.config = &config, .trust = &trust};
	OWN(json) json_t *body = json_pack("{s:s}", "a", "b");
	memcpy(trust.fingerprint, print, sizeof(print));
	agent_config_defaults(&config);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(agent_config_add_server(&config, servers[i]->url, e), FAS_OK);
	enum fas_code rc = api_call(&api, "POST", "/v1/x", body, answer, e);
	if (pinned)
		*pinned = TAKE(trust.pinned);
	return rc;
}

/* The same with one server; only the error counts. */
static enum fas_code
call_one(const struct server *s, bool joined, struct fas_err *e)
{
	OWN(api_answer) struct api_answer answer = {0};
	return call(&s, 1, joined, &answer, NULL, e);
}

static void
a_machine_that_has_joined_shows_its_certificate_and_gets_the_answer(void **state)
{
	struct server s;
	const struct server *servers[] = {&s};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, &ca);
	server_answer(&s, OK_ANSWER);
	enum fas_code rc = call(servers, 1, true, &answer, NULL, &e);
	server_stop(&s);
	assert_int_equal(rc, FAS_OK);
	assert_int_equal(answer.status, 201);
	assert_int_equal(json_integer_value(json_object_get(answer.body, "n")), 17);
	assert_string_equal(answer.server, s.url);
	assert_string_equal(s.client, "vda1");
	assert_int_equal(strncmp(s.request, "POST /v1/x HTTP/1.1\r\n", 21), 0);
	assert_non_null(strstr(s.request, "Content-Type: application/json"));
	assert_non_null(strstr(s.request, "\r\n\r\n{\"a\":\"b\"}"));
}

static void
a_server_of_another_ca_is_not_trusted(void **state)
{
	struct server s;
	struct fas_err e = {0};
	OWN(pki) struct pki_node leaf = {0};
	(void)state;
	pki_make(&leaf, &other_ca, "api", server_extensions);
	server_start(&s, &leaf, &other_ca, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, true, &e), FAS_E_AUTH);
	server_stop(&s);
	assert_string_equal(e.reason, "server_untrusted");
}

static void
a_server_that_is_not_trusted_is_told_nothing_and_the_next_is_asked(void **state)
{
	struct server foreign, good;
	const struct server *servers[] = {&foreign, &good};
	OWN(pki) struct pki_node leaf = {0};
	(void)state;
	pki_make(&leaf, &other_ca, "api", server_extensions);
	for (int joined = 0; joined < 2; joined++) {
		struct fas_err e = {0};
		OWN(api_answer) struct api_answer answer = {0};
		server_start(&foreign, &leaf, &other_ca, NULL);
		server_answer(&foreign, OK_ANSWER);
		server_start(&good, &api_leaf, &ca, NULL);
		server_answer(&good, OK_ANSWER);
		assert_int_equal(call(servers, 2, joined, &answer, NULL, &e), FAS_OK);
		server_stop(&foreign);
		server_stop(&good);
		assert_string_equal(answer.server, good.url);
		assert_string_equal(foreign.request, "");
	}
}

static void
a_server_of_another_name_is_not_trusted(void **state)
{
	struct server s;
	struct fas_err e = {0};
	OWN(pki) struct pki_node leaf = {0};
	(void)state;
	pki_make(&leaf, &ca, "api", foreign_name);
	server_start(&s, &leaf, &ca, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, true, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "server_untrusted");
	fas_err_clear(&e);
	assert_int_equal(call_one(&s, false, &e), FAS_E_AUTH);
	server_stop(&s);
}

static void
a_client_certificate_is_no_server(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &host, &ca, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, true, &e), FAS_E_AUTH);
	server_stop(&s);
}

static void
before_joining_the_shown_ca_with_the_fingerprint_is_pinned(void **state)
{
	struct server s;
	const struct server *servers[] = {&s};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	OWN(x509) X509 *pinned = NULL;
	(void)state;
	server_start(&s, &api_leaf, &ca, NULL);
	server_answer(&s, OK_ANSWER);
	enum fas_code rc = call(servers, 1, false, &answer, &pinned, &e);
	server_stop(&s);
	assert_int_equal(rc, FAS_OK);
	assert_non_null(pinned);
	assert_int_equal(X509_cmp(pinned, ca.certificate), 0);
	assert_string_equal(s.client, "");
}

static void
before_joining_a_server_that_does_not_show_its_ca_is_refused(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, false, &e), FAS_E_AUTH);
	server_stop(&s);
	assert_string_equal(e.reason, "pin_not_shown");
}

static void
before_joining_an_impostor_that_shows_the_right_ca_is_refused(void **state)
{
	struct server s;
	struct fas_err e = {0};
	OWN(pki) struct pki_node leaf = {0};
	(void)state;
	pki_make(&leaf, &other_ca, "api", server_extensions);
	server_start(&s, &leaf, &ca, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, false, &e), FAS_E_AUTH);
	server_stop(&s);
	assert_string_equal(e.reason, "server_untrusted");
	assert_string_equal(s.request, "");
}

static void
a_problem_document_becomes_the_error(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, USED);
	assert_int_equal(call_one(&s, true, &e), FAS_E_CONFLICT);
	server_stop(&s);
	assert_string_equal(e.reason, "ticket_used");
	assert_string_equal(e.message, "It is used");
	assert_int_equal(s.n_served, 1);
}

static void
a_busy_server_and_a_lost_answer_are_tried_again(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, AWAY);
	server_answer(&s, NULL);
	server_answer(&s, OK_ANSWER);
	assert_int_equal(call_one(&s, true, &e), FAS_OK);
	server_stop(&s);
	assert_int_equal(s.n_served, 3);
}

static void
a_server_that_stays_away_is_given_up_with_its_own_words(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, AWAY);
	assert_int_equal(call_one(&s, true, &e), FAS_E_UNAVAILABLE);
	server_stop(&s);
	assert_string_equal(e.reason, "unavailable");
	assert_int_equal(s.n_served, 3);
}

static void
the_next_server_is_asked_when_one_is_away_or_the_wrong_node(void **state)
{
	struct server wrong, right;
	const struct server *servers[] = {&wrong, &right};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)state;
	server_start(&wrong, &api_leaf, NULL, NULL);
	server_answer(&wrong, ELSEWHERE);
	server_start(&right, &api_leaf, NULL, NULL);
	server_answer(&right, OK_ANSWER);
	enum fas_code rc = call(servers, 2, true, &answer, NULL, &e);
	server_stop(&wrong);
	server_stop(&right);
	assert_int_equal(rc, FAS_OK);
	assert_string_equal(answer.server, right.url);
}

static void
that_a_node_is_away_outweighs_what_the_wrong_node_says(void **state)
{
	struct server away, wrong;
	const struct server *servers[] = {&away, &wrong};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)state;
	server_start(&away, &api_leaf, NULL, NULL);
	server_answer(&away, AWAY);
	server_start(&wrong, &api_leaf, NULL, NULL);
	server_answer(&wrong, ELSEWHERE);
	enum fas_code rc = call(servers, 2, true, &answer, NULL, &e);
	server_stop(&away);
	server_stop(&wrong);
	assert_int_equal(rc, FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "unavailable");
}

static void
an_answer_that_is_no_json_object_is_refused(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<ht>");
	assert_int_equal(call_one(&s, true, &e), FAS_E_INPUT);
	server_stop(&s);
	assert_string_equal(e.reason, "answer_malformed");
}

static void
a_redirection_is_not_followed(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: "
			  "0\r\nConnection: close\r\n\r\n");
	assert_int_equal(call_one(&s, true, &e), FAS_E_INTERNAL);
	server_stop(&s);
	assert_string_equal(e.reason, "http_status");
	assert_int_equal(s.n_served, 1);
}

static void
nobody_at_the_address_is_unavailable(void **state)
{
	struct server s;
	struct fas_err e = {0};
	(void)state;
	server_start(&s, &api_leaf, NULL, NULL);
	server_stop(&s);
	assert_int_equal(call_one(&s, true, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "server_away");
}

/* ---- as the daemon calls ---- */

static struct servers known;
static struct api_line *line;

static void
daemon_begins(const struct server *const *servers, size_t n)
{
	struct fas_err e = {0};
	agent_config_defaults(&config);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(agent_config_add_server(&config, servers[i]->url, &e), FAS_OK);
	servers_init(&known, &config);
	assert_int_equal(api_line_new(&line, &e), FAS_OK);
}

static void
daemon_ends(void)
{
	api_line_free(line);
	servers_done(&known);
}

static enum fas_code
daemon_calls(const char *only, const char *node, struct api_answer *answer, struct fas_err *e)
{
	const struct identity identity = {host.key, host.certificate, ca.certificate, NULL};
	OWN(trust) struct trust trust = {.identity = &identity};
	const struct api api = {.config = &config,
	    .trust = &trust,
	    .only = only,
	    .servers = &known,
	    .node = node,
	    .user = "alice",
	    .line = line};
	return api_call(&api, "POST", "/v1/x", NULL, answer, e);
}

static void
a_dead_server_is_asked_once_and_then_left_alone(void **state)
{
	struct server dead, alive;
	const struct server *servers[] = {&dead, &alive};
	(void)state;
	server_start(&dead, &api_leaf, NULL, NULL);
	server_stop(&dead);
	server_start(&alive, &api_leaf, NULL, NULL);
	server_answer(&alive, OK_ANSWER);
	daemon_begins(servers, 2);
	servers_note_node(&known, dead.url, "fas1");
	for (int i = 0; i < 3; i++) {
		struct fas_err e = {0};
		OWN(api_answer) struct api_answer answer = {0};
		assert_int_equal(daemon_calls(NULL, "fas1", &answer, &e), FAS_OK);
		assert_string_equal(answer.server, alive.url);
		assert_true(servers_is_away(&known, dead.url));
		assert_int_equal(known.list[0].failures, 1);
	}
	daemon_ends();
	server_stop(&alive);
}

static void
a_session_whose_node_is_away_is_told_so_at_once(void **state)
{
	struct server dead, alive;
	const struct server *servers[] = {&dead, &alive};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)state;
	server_start(&dead, &api_leaf, NULL, NULL);
	server_stop(&dead);
	server_start(&alive, &api_leaf, NULL, NULL);
	daemon_begins(servers, 2);
	servers_note(&known, dead.url, false);
	assert_int_equal(daemon_calls(dead.url, NULL, &answer, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "server_away");
	assert_non_null(strstr(e.message, "another server does not know this session"));
	assert_int_equal(known.list[0].failures, 1);
	daemon_ends();
	server_stop(&alive);
	assert_int_equal(alive.n_served, 0);
}

/* The other nodes say that the ticket is none of theirs: that is not what the user is to hear. */
static void
that_the_tickets_node_is_away_outweighs_what_the_others_say(void **state)
{
	struct server dead, wrong;
	const struct server *servers[] = {&dead, &wrong};
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)state;
	server_start(&dead, &api_leaf, NULL, NULL);
	server_stop(&dead);
	server_start(&wrong, &api_leaf, NULL, NULL);
	server_answer(&wrong, ELSEWHERE);
	daemon_begins(servers, 2);
	assert_int_equal(daemon_calls(NULL, "fas1", &answer, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "server_away");
	daemon_ends();
	server_stop(&wrong);
}

static void
a_probe_says_whether_a_server_is_there_and_ours(void **state)
{
	struct server s, foreign;
	OWN(pki) struct pki_node leaf = {0};
	struct fas_err e = {0};
	const struct identity identity = {host.key, host.certificate, ca.certificate, NULL};
	OWN(trust) struct trust trust = {.identity = &identity};
	const struct api api = {.config = &config, .trust = &trust};
	(void)state;
	pki_make(&leaf, &other_ca, "api", server_extensions);
	server_start(&s, &api_leaf, NULL, NULL);
	server_answer(&s, OK_ANSWER);
	server_start(&foreign, &leaf, NULL, NULL);
	server_answer(&foreign, OK_ANSWER);
	assert_int_equal(api_probe(&api, s.url, &e), FAS_OK);
	assert_int_equal(api_probe(&api, foreign.url, &e), FAS_E_AUTH);
	server_stop(&s);
	server_stop(&foreign);
	fas_err_clear(&e);
	assert_int_equal(api_probe(&api, s.url, &e), FAS_E_UNAVAILABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_machine_that_has_joined_shows_its_certificate_and_gets_the_answer),
	    cmocka_unit_test(a_server_of_another_ca_is_not_trusted),
	    cmocka_unit_test(a_server_that_is_not_trusted_is_told_nothing_and_the_next_is_asked),
	    cmocka_unit_test(a_server_of_another_name_is_not_trusted),
	    cmocka_unit_test(a_client_certificate_is_no_server),
	    cmocka_unit_test(before_joining_the_shown_ca_with_the_fingerprint_is_pinned),
	    cmocka_unit_test(before_joining_a_server_that_does_not_show_its_ca_is_refused),
	    cmocka_unit_test(before_joining_an_impostor_that_shows_the_right_ca_is_refused),
	    cmocka_unit_test(a_problem_document_becomes_the_error),
	    cmocka_unit_test(a_busy_server_and_a_lost_answer_are_tried_again),
	    cmocka_unit_test(a_server_that_stays_away_is_given_up_with_its_own_words),
	    cmocka_unit_test(the_next_server_is_asked_when_one_is_away_or_the_wrong_node),
	    cmocka_unit_test(that_a_node_is_away_outweighs_what_the_wrong_node_says),
	    cmocka_unit_test(an_answer_that_is_no_json_object_is_refused),
	    cmocka_unit_test(a_redirection_is_not_followed),
	    cmocka_unit_test(nobody_at_the_address_is_unavailable),
	    cmocka_unit_test(a_dead_server_is_asked_once_and_then_left_alone),
	    cmocka_unit_test(a_session_whose_node_is_away_is_told_so_at_once),
	    cmocka_unit_test(that_the_tickets_node_is_away_outweighs_what_the_others_say),
	    cmocka_unit_test(a_probe_says_whether_a_server_is_there_and_ours),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
