/*
 * The signer without memory and without a disk: no certificate that is not on record, one for each request however
 * often it is repeated, and a published CRL that is always a whole one.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "ca/server.h"
#include "ca/sockets.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "tests/unit/faults/faults.h"

#define CRL_MAX 65536

static char folder[64];
static struct signer_config *config;
static struct signer_server *server;

/* The sockets' operations, without the sockets; the admin socket starts first. */
static struct ca *ca;
static struct listener_config sockets[2];
static size_t n_sockets;

enum fas_code __wrap_listener_start(struct ca *the_ca, const struct listener_config *listener,
    struct listener **out, struct fas_err *e);
void __wrap_listener_stop(struct listener *listener);

enum fas_code
__wrap_listener_start(struct ca *the_ca, const struct listener_config *listener,
    struct listener **out, struct fas_err *e)
{
	(void)out;
	(void)e;
	ca = the_ca;
	sockets[n_sockets++ % 2] = *listener;
	return FAS_OK;
}

void
__wrap_listener_stop(struct listener *listener)
{
	(void)listener;
}

static json_t *
ask(size_t socket, json_t *message)
{
	return ca_dispatch(
	    ca, sockets[socket].operations, sockets[socket].n_operations, "uid:0", message);
}

/* ---- issuing ---- */

struct story {
	unsigned number;
	char *spki;
	json_t *request;
	char serial[64];
};

static void
new_request(void *arg)
{
	struct story *s = arg;
	char id[32];
	(void)snprintf(id, sizeof(id), "request-%u", s->number++);
	json_decref(s->request);
	s->serial[0] = 0;
	s->request = json_pack(
	    "{s:s,s:s,s:s,s:s,s:s,s:[[ss],[ss],[ss],[ss]],s:s,s:s,s:s,s:i,s:s,s:s,"
	    "s:s}",
	    "op", "issue", "request_id", id, "correlation_id", "0123456789abcdef0123456789abcdef",
	    "authority", "main", "profile", "smartcard-logon", "subject", "DC", "com", "DC",
	    "example", "DC", "corp", "CN", "alice", "sid", "S-1-5-21-1-2-3-1105", "upn",
	    "alice@corp.example.com", "spki", s->spki, "validity_s", 900, "rule", "eng", "host",
	    "vda1.corp.example.com", "session", id);
	assert_non_null(s->request);
}

static enum fas_code
run_issue(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	OWN(json) json_t *reply = ask(1, s->request);
	const char *serial = json_string_value(json_object_get(reply, "serial"));
	/* Without memory even for the refusal there is no reply, or an empty one: the connection ends. */
	if (!reply || json_object_size(reply) == 0)
		return fas_fail_nomem(e);
	enum fas_code rc = wire_check(reply, e);
	if (rc != FAS_OK)
		return rc;
	if (!serial || !json_object_get(reply, "pem") || !json_object_get(reply, "chain"))
		return fas_fail_nomem(e); /* a member is lost: wire_send would not have sent it */
	if (s->serial[0])
		assert_string_equal(s->serial, serial);
	(void)snprintf(s->serial, sizeof(s->serial), "%s", serial);
	return FAS_OK;
}

static size_t
on_record(const char *session)
{
	OWN(json) json_t *wish = json_pack("{s:s,s:s}", "op", "cert.list", "session", session);
	OWN(json) json_t *reply = ask(0, wish);
	return json_array_size(json_object_get(reply, "certificates"));
}

/* The same request again: the same certificate, and one only. */
static void
issue_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct fas_err e = {0};
	(void)rc;
	(void)json_starved();
	for (int i = 0; i < 2; i++) {
		if (run_issue(s, &e) != FAS_OK)
			fail_msg("again: %s: %s (at first: %s)", e.reason, e.message, why->message);
	}
	assert_int_equal(on_record(json_string_value(json_object_get(s->request, "session"))), 1);
}

static void
a_request_gets_its_one_certificate(void **state)
{
	const struct fault_case c = {new_request, run_issue, issue_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

/* ---- publishing ---- */

static int64_t
published_number(void)
{
	char path[128];
	struct fas_err e = {0};
	OWN(text) char *der = NULL;
	size_t len = 0;
	int64_t number = 0;
	(void)snprintf(path, sizeof(path), "%s/public/crl/main-1.crl", folder);
	assert_int_equal(file_read(path, CRL_MAX, &der, &len, &e), FAS_OK);
	const unsigned char *at = (const unsigned char *)der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
	assert_true(crl && at == (const unsigned char *)der + len);
	ASN1_INTEGER *value = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	assert_int_equal(ASN1_INTEGER_get_int64(&number, value), 1);
	ASN1_INTEGER_free(value);
	X509_CRL_free(crl);
	return number;
}

static enum fas_code
run_publish(void *arg, struct fas_err *e)
{
	OWN(json) json_t *wish = json_pack("{s:s}", "op", "crl.publish");
	(void)arg;
	OWN(json) json_t *reply = wish ? ask(0, wish) : NULL;
	if (!reply || json_object_size(reply) == 0)
		return fas_fail_nomem(e);
	return wire_check(reply, e);
}

static int64_t number_before;

static void
note_number(void *arg)
{
	(void)arg;
	number_before = published_number();
}

/* Whole, never older; and the next one comes. */
static void
publish_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct fas_err e = {0};
	int64_t now = published_number();
	(void)rc;
	(void)why;
	assert_true(now >= number_before);
	if (run_publish(arg, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_true(published_number() > now);
}

static void
a_published_list_is_whole_and_never_goes_back(void **state)
{
	const struct fault_case c = {note_number, run_publish, publish_again, true};
	(void)faults_each(FAULT_SYSTEM, &c, *state);
	(void)faults_each(FAULT_MEMORY, &c, *state);
}

/* ---- the stage ---- */

static const char limits[] =
    "domains:\n  - sid: S-1-5-21-1-2-3\n    upn_suffixes: [corp.example.com]\n"
    "profiles: [smartcard-logon]\nlongest_life: 1h\n"
    "rate: { per_sid: { count: 1000000, period: 1h }, total: { count: 1000000, period: 1h } }\n";

static void
put_file(const char *name, const char *text, char path[128])
{
	struct fas_err e = {0};
	(void)snprintf(path, 128, "%s/%s", folder, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &e), FAS_OK);
}

static void
start(void)
{
	char text[1024], path[128];
	struct fas_err e = {0};
	put_file("limits.yaml", limits, path);
	(void)snprintf(text, sizeof(text),
	    "state: %s/state\npublic: %s/public\nissue: { socket: %s/i.sock, uid: 0 }\n"
	    "admin: { socket: %s/a.sock }\nlimits: limits.yaml\nauthorities:\n"
	    "  - name: main\n    common_name: Logon CA\n"
	    "    publish_urls: [http://pki.corp.example.com]\n"
	    "service_ca: { server_names: [fas1.corp.example.com] }\n",
	    folder, folder, folder, folder);
	put_file("signer.yaml", text, path);
	if (signer_config_load(path, geteuid(), &config, &e) != FAS_OK ||
	    signer_server_start(config, geteuid(), &server, &e) != FAS_OK)
		fail_msg("%s", e.message);
	OWN(json)
	json_t *init = json_pack(
	    "{s:s,s:s,s:s,s:b}", "op", "ca.init", "authority", "main", "key", "p-256", "root", 1);
	OWN(json) json_t *reply = ask(0, init);
	assert_int_equal(wire_check(reply, &e), FAS_OK);
}

static int
set_up(void **state)
{
	static struct story story;
	unsigned char *der = NULL;
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-faults-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int len = i2d_PUBKEY(key, &der);
	story.spki = base64_encode(der, (size_t)len);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	start();
	*state = &story;
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int
tear_down(void **state)
{
	struct story *s = *state;
	json_decref(s->request);
	free(s->spki);
	signer_server_stop(server);
	signer_config_free(config);
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_gets_its_one_certificate),
	    cmocka_unit_test(a_published_list_is_whole_and_never_goes_back),
	};
	return cmocka_run_group_tests_name("a signer in need", tests, set_up, tear_down);
}
