/* The API's requests and answers, over TLS, above a made-up pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "fas/api.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "harness.h"
#include "table.h"

static const char *const schema[] = {AUDIT_SCHEMA};
static const struct db_migrations migrations = {schema, NELEMS(schema)};

static char folder[] = "/tmp/fas-api-XXXXXX";
static struct pki_ca ca;
static struct pki_leaf server_leaf, host, storefront;
static struct caller_table *callers;
static struct http_tls *tls;
static struct service service = {.node = "fas1"};
static struct api api;
static struct harness h;

static const struct table_entry machines[] = {
    {"1001", "host", "vda1.example.com", false}, {"1002", "storefront", "sf1.example.com", false}};

static int
set_up_group(void **state)
{
	struct fas_err e = {0};
	char path[64];
	struct http_server_config config = {
	    .routes = api_routes, .n_routes = api_n_routes, .app = &api};
	(void)state;
	pki_ca_make(&ca, "Service CA");
	pki_leaf_make(&ca,
	    &(struct pki_spec){.eku = "serverAuth", .san = "IP:127.0.0.1", .serial = 0x77},
	    &server_leaf);
	pki_leaf_make(&ca, &(struct pki_spec){.serial = 0x1001}, &host);
	pki_leaf_make(&ca,
	    &(struct pki_spec){
		.role = "storefront", .san = "DNS:sf1.example.com", .serial = 0x1002},
	    &storefront);
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/fas.db", folder);
	if (db_pool_open(path, &migrations, 1, &service.db, &e) != FAS_OK ||
	    caller_table_new(ca.pem, &callers, &e) != FAS_OK ||
	    http_tls_new(ca.pem, server_leaf.key_pem, server_leaf.pem, &tls, &e) != FAS_OK)
		return -1;
	table_set(callers, 1, machines, NELEMS(machines));
	config.tls = tls;
	config.callers = callers;
	harness_start(&h, &config, 2, 8);
	api = (struct api){.service = &service, .callers = callers, .metrics = h.metrics};
	return 0;
}

static int
tear_down_group(void **state)
{
	char command[96];
	(void)state;
	harness_stop(&h);
	http_tls_free(tls);
	caller_table_free(callers);
	db_pool_close(service.db);
	pki_leaf_done(&server_leaf);
	pki_leaf_done(&host);
	pki_leaf_done(&storefront);
	pki_ca_done(&ca);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int
set_up(void **state)
{
	(void)state;
	fakes_reset();
	return 0;
}

/* The client stays open for the test's looks at the answer; one at a time. */
static struct client c;

static long
post(const struct pki_leaf *who, const char *path, const char *body)
{
	client_init(&c, h.port, ca.pem, who);
	return client_ask(&c, &(struct ask){.method = "POST", .path = path, .body = body});
}

static void
assert_member(const char *name, const char *want)
{
	char text[512];
	assert_string_equal(client_member(&c, name, text), want);
}

static size_t
count_members(void)
{
	OWN(json) json_t *body = json_loads(buf_str(&c.body), 0, NULL);
	return json_object_size(body);
}

static void
a_storefront_gets_a_ticket(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(post(&storefront, "/v1/logons",
			     "{\"saml_response\":\"PHg+\\r\\nPC94Pg==\",\"host\":\"vda1.example."
			     "com\",\"in_response_to\":\"_a1\"}"),
	    201);
	assert_string_equal(fakes.caller, "storefront:sf1.example.com");
	assert_string_equal(fakes.saml_response, "PHg+\r\nPC94Pg==");
	assert_string_equal(fakes.host, "vda1.example.com");
	assert_string_equal(fakes.in_response_to, "_a1");
	assert_member("ticket", "fas1-ticket");
	assert_member("expires_at", "2023-11-14T22:13:20Z");
	assert_member("upn", "alice@example.com");
	assert_member("sid", "S-1-5-21-1-2-3-1104");
	assert_member("rule", "engineering");
	assert_member("correlation_id", FAKE_CORRELATION);
	assert_int_equal(count_members(), 6);
	assert_string_equal(client_header(&c, "X-Correlation-Id", text), FAKE_CORRELATION);
	assert_string_equal(client_header(&c, "Content-Type", text), "application/json");
	assert_string_equal(client_header(&c, "Cache-Control", text), "no-store");
	client_done(&c);
}

static void
a_storefront_gets_a_ticket_for_a_code(void **state)
{
	(void)state;
	assert_int_equal(
	    post(&storefront, "/v1/logons", "{\"code\":\"fas1-c\",\"host\":\"vda1.example.com\"}"),
	    201);
	assert_string_equal(fakes.ticket, "fas1-c");
	assert_string_equal(fakes.saml_response, "(null)");
	assert_string_equal(fakes.host, "vda1.example.com");
	assert_member("ticket", "fas1-ticket");
	client_done(&c);
}

static void
a_host_gets_a_certificate(void **state)
{
	(void)state;
	assert_int_equal(
	    post(&host, "/v1/certificates", "{\"ticket\":\"fas1-t\",\"csr\":\"A\\nB\\n\"}"), 201);
	assert_string_equal(fakes.caller, "host:vda1.example.com");
	assert_string_equal(fakes.ticket, "fas1-t");
	assert_string_equal(fakes.saml_response, "(null)");
	assert_string_equal(fakes.csr, "A\nB\n");
	assert_member("session_id", "5e55");
	assert_member("session_expires_at", "2023-11-14T23:13:20Z");
	assert_member("certificate", "CERT");
	assert_member("chain", "CHAIN");
	assert_member("serial", "0a0b");
	assert_member("not_after", "2023-11-14T22:28:20Z");
	assert_member("sam_account_name", "alice");
	assert_member("realm", "EXAMPLE.COM");
	assert_member("principal", "alice@EXAMPLE.COM");
	assert_true(client_has_member(&c, "lease_s"));
	assert_member("custody", "host");
	assert_true(client_has_member(&c, "in_session"));
	assert_int_equal(count_members(), 15);
	client_done(&c);
}

static void
a_key_of_the_service_is_named_and_needs_no_request(void **state)
{
	(void)state;
	fakes.key_id = "000102";
	fakes.in_session = "{\"fetch\":\"logon\"}";
	assert_int_equal(post(&host, "/v1/certificates", "{\"ticket\":\"fas1-t\"}"), 201);
	assert_string_equal(fakes.csr, "(null)");
	assert_member("custody", "service");
	assert_member("key", "000102");
	assert_int_equal(count_members(), 16);
	client_done(&c);
}

static void
a_session_gets_a_certificate(void **state)
{
	(void)state;
	assert_int_equal(post(&host, "/v1/sessions/5e55/certificates",
			     "{\"request_id\":\"0123456789abcdef\",\"csr\":\"A\\nB\"}"),
	    201);
	assert_string_equal(fakes.session, "5e55");
	assert_string_equal(fakes.ask, "0123456789abcdef");
	assert_string_equal(fakes.csr, "A\nB");
	assert_member("certificate", "CERT");
	assert_member("chain", "CHAIN");
	assert_member("serial", "0c0d");
	assert_member("not_before", "2023-11-14T22:13:20Z");
	assert_member("not_after", "2023-11-14T22:28:20Z");
	assert_member("custody", "host");
	assert_member("correlation_id", FAKE_CORRELATION);
	assert_int_equal(count_members(), 8);
	client_done(&c);
}

#define DIGEST32 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define SIGN(mechanism, hash, digest, more)                                                        \
	"{\"mechanism\":\"" mechanism "\",\"hash\":\"" hash "\",\"digest\":\"" digest "\"" more "}"

static void
a_key_signs_a_digest(void **state)
{
	(void)state;
	assert_int_equal(
	    post(&host, "/v1/sessions/5e55/keys/00ab/sign",
		SIGN("rsa-pss", "sha256", DIGEST32,
		    ",\"salt_len\":32,\"program\":\"/usr/bin/ssh\",\"purpose\":\"tls\"")),
	    200);
	assert_string_equal(fakes.session, "5e55");
	assert_string_equal(fakes.key, "00ab");
	assert_string_equal(fakes.mechanism, "rsa-pss");
	assert_string_equal(fakes.hash, "sha256");
	assert_string_equal(fakes.program, "/usr/bin/ssh");
	assert_string_equal(fakes.purpose, "tls");
	assert_int_equal(fakes.digest_len, 32);
	assert_member("signature", "c2lnbmVk");
	assert_int_equal(count_members(), 2);
	client_done(&c);
}

#define USE(more)                                                                                  \
	"{\"serial\":\"00ab\",\"mechanism\":\"rsa-pss\",\"hash\":\"sha256\",\"first_ago_s\":9,"    \
	"\"last_ago_s\":0" more "}"

static void
a_host_reports_what_its_own_keys_have_signed(void **state)
{
	(void)state;
	assert_int_equal(post(&host, "/v1/sessions/5e55/uses",
			     "{\"report\":7,\"uses\":[" USE(",\"signatures\":1") "," USE(
				 ",\"signatures\":12,\"program\":\"/usr/bin/ssh\"") "]}"),
	    200);
	assert_string_equal(fakes.session, "5e55");
	assert_int_equal(fakes.report, 7);
	assert_int_equal(fakes.n_uses, 2);
	assert_int_equal(fakes.signatures, 12);
	assert_string_equal(fakes.program, "/usr/bin/ssh");
	client_done(&c);
}

static void
what_is_no_report_is_400(void **state)
{
	static const char *const bad[] = {"{\"report\":1,\"uses\":[]}",
	    "{\"report\":0,\"uses\":[" USE(",\"signatures\":1") "]}",
	    "{\"report\":1,\"uses\":[" USE(",\"signatures\":0") "]}",
	    "{\"report\":1,\"uses\":[" USE("") "]}",
	    "{\"report\":1,\"uses\":[" USE(",\"signatures\":1,\"x\":1") "]}",
	    "{\"report\":1,\"uses\":[1]}", "{\"report\":1,\"uses\":{}}", "{}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		fakes_reset();
		assert_int_equal(post(&host, "/v1/sessions/5e55/uses", bad[i]), 400);
		assert_member("code", "request_invalid");
		assert_int_equal(fakes.calls, 0);
		client_done(&c);
	}
}

static void
what_is_no_digest_for_the_mechanism_is_400(void **state)
{
	static const char *const bad[] = {SIGN("rsa-pkcs1", "sha384", DIGEST32, ""),
	    SIGN("rsa-pkcs1", "sha1", "AQIDBAUGBwgJCgsMDQ4PEBESExQ=", ""),
	    SIGN("rsa-pkcs1", "none", DIGEST32, ""),
	    SIGN("ecdsa", "none", "AQIDBAUGBwgJCgsMDQ4PEBESExQ=", ""),
	    SIGN("rsa-pss", "sha256", DIGEST32, ",\"salt_len\":20"),
	    SIGN("rsa-pkcs1", "sha256", DIGEST32, ",\"salt_len\":32"),
	    SIGN("rsa-pkcs1", "sha256", DIGEST32, ",\"key\":\"x\""),
	    SIGN("rsa-pkcs1", "sha256", "AQ=", ""), SIGN("rsa-pkcs1", "sha256", "", ""),
	    "{\"mechanism\":\"rsa-pkcs1\",\"hash\":\"sha256\"}", "{}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		fakes_reset();
		assert_int_equal(post(&host, "/v1/sessions/5e55/keys/00ab/sign", bad[i]), 400);
		assert_member("code", "request_invalid");
		assert_int_equal(fakes.calls, 0);
		client_done(&c);
	}
}

static void
an_ec_key_signs_what_is_no_named_hash(void **state)
{
	(void)state;
	assert_int_equal(
	    post(&host, "/v1/sessions/5e55/keys/00ab/sign", SIGN("ecdsa", "none", DIGEST32, "")),
	    200);
	client_done(&c);
}

static void
storefronts_have_no_keys(void **state)
{
	(void)state;
	assert_int_equal(post(&storefront, "/v1/sessions/5e55/keys/00ab/sign",
			     SIGN("ecdsa", "none", DIGEST32, "")),
	    403);
	client_done(&c);
	assert_int_equal(post(&storefront, "/v1/sessions/5e55/certificates",
			     "{\"request_id\":\"0123456789abcdef\"}"),
	    403);
	client_done(&c);
	assert_int_equal(fakes.calls, 0);
}

static void
the_pipeline_says_when_to_come_again(void **state)
{
	char text[64];
	(void)state;
	fakes.code = FAS_E_UNAVAILABLE;
	(void)strcpy(fakes.reason, "pool_empty");
	fakes.retry_after_s = 17;
	assert_int_equal(
	    post(&host, "/v1/sessions/5e55/certificates", "{\"request_id\":\"0123456789abcdef\"}"),
	    503);
	assert_member("code", "pool_empty");
	assert_string_equal(client_header(&c, "Retry-After", text), "17");
	client_done(&c);
}

static void
a_host_may_bring_the_response_itself(void **state)
{
	(void)state;
	assert_int_equal(
	    post(&host, "/v1/certificates", "{\"saml_response\":\"PHg+\",\"csr\":\"A\"}"), 201);
	assert_string_equal(fakes.ticket, "(null)");
	assert_string_equal(fakes.saml_response, "PHg+");
	client_done(&c);
}

/* None of them may reach the pipeline. */
static void
assert_bad_body(const struct pki_leaf *who, const char *path, const char *body)
{
	fakes_reset();
	assert_int_equal(post(who, path, body), 400);
	assert_member("code", "request_invalid");
	assert_int_equal(fakes.calls, 0);
	client_done(&c);
}

static void
a_body_that_is_not_exactly_right_is_400(void **state)
{
	static const char *const logons[] = {"{", "[]", "\"x\"", "null", "{}",
	    "{\"saml_response\":\"a\"}", "{\"saml_response\":\"a\",\"host\":\"h\",\"host\":\"h\"}",
	    "{\"saml_response\":\"a\",\"host\":\"h\",\"extra\":1}",
	    "{\"saml_response\":1,\"host\":\"h\"}", "{\"saml_response\":\"\",\"host\":\"h\"}",
	    "{\"saml_response\":\"a\",\"host\":\"h_h\"}",
	    "{\"saml_response\":\"a\",\"host\":\"a b\"}",
	    "{\"saml_response\":\"a\",\"host\":\"*\"}",
	    "{\"saml_response\":\"a\",\"host\":\"h\\u0000x\"}",
	    "{\"saml_response\":\"a\",\"host\":null}",
	    "{\"saml_response\":\"a\",\"host\":\"h\",\"in_response_to\":\"\"}",
	    "{\"saml_response\":\"a\",\"code\":\"c\",\"host\":\"h\"}", "{\"host\":\"h\"}",
	    "{\"code\":\"\",\"host\":\"h\"}", "{\"code\":\"c\"}",
	    "{\"code\":\"c\",\"host\":\"h\",\"in_response_to\":\"x\"}",
	    "{\"saml_response\":\"a\",\"host\":\"h\"} x",
	    "{\"saml_response\":\"\xff\",\"host\":\"h\"}"};
	static const char *const certificates[] = {"{\"csr\":\"A\"}",
	    "{\"ticket\":\"t\",\"csr\":\"\"}",
	    "{\"ticket\":\"t\",\"saml_response\":\"x\",\"csr\":\"A\"}",
	    "{\"ticket\":\"t\",\"in_response_to\":\"x\",\"csr\":\"A\"}",
	    "{\"ticket\":\"t\",\"csr\":\"A\",\"host\":\"h\"}",
	    "{\"ticket\":[\"t\"],\"csr\":\"A\"}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(logons); i++)
		assert_bad_body(&storefront, "/v1/logons", logons[i]);
	for (size_t i = 0; i < NELEMS(certificates); i++)
		assert_bad_body(&host, "/v1/certificates", certificates[i]);
	assert_bad_body(&host, "/v1/sessions/5e55/lease", "{\"x\":1}");
	assert_bad_body(NULL, "/v1/enroll", "{\"token\":\"t\"}");
	assert_bad_body(&host, "/v1/renew", "{\"csr\":\"CSR\",\"token\":\"t\"}");
}

static void
roles_do_not_reach_what_is_not_theirs(void **state)
{
	static const struct {
		const struct pki_leaf *who;
		const char *path;
		long status;
	} asks[] = {{&host, "/v1/logons", 403}, {NULL, "/v1/logons", 401},
	    {&storefront, "/v1/certificates", 403}, {NULL, "/v1/certificates", 401},
	    {&storefront, "/v1/sessions/5e55/lease", 403}, {NULL, "/v1/renew", 401}};
	(void)state;
	for (size_t i = 0; i < NELEMS(asks); i++) {
		assert_int_equal(post(asks[i].who, asks[i].path, "{}"), asks[i].status);
		assert_int_equal(fakes.calls, 0);
		client_done(&c);
	}
}

static void
a_failure_of_the_pipeline_is_its_problem(void **state)
{
	static const struct {
		enum fas_code code;
		const char *reason, *public;
		long status;
	} failures[] = {{FAS_E_AUTH, "saml_signature", "assertion_refused", 403},
	    {FAS_E_INPUT, "saml_xml", "assertion_refused", 403},
	    {FAS_E_DENIED, "account_disabled", "logon_denied", 403},
	    {FAS_E_DENIED, "policy_no_rule", "logon_denied", 403},
	    {FAS_E_UNAVAILABLE, "directory_away", "unavailable", 503},
	    {FAS_E_TIMEOUT, "signer_timeout", "unavailable", 503},
	    {FAS_E_IO, "database_corrupt", "unavailable", 503}};
	char text[512];
	(void)state;
	for (size_t i = 0; i < NELEMS(failures); i++) {
		fakes.code = failures[i].code;
		(void)snprintf(fakes.reason, sizeof(fakes.reason), "%s", failures[i].reason);
		assert_int_equal(
		    post(&storefront, "/v1/logons", "{\"saml_response\":\"a\",\"host\":\"h\"}"),
		    failures[i].status);
		assert_member("code", failures[i].public);
		assert_member("correlation_id", FAKE_CORRELATION);
		assert_null(strstr(buf_str(&c.body), "made up"));
		assert_null(strstr(buf_str(&c.body), failures[i].reason));
		assert_int_equal(
		    client_header(&c, "Retry-After", text)[0] != 0, failures[i].status == 503);
		client_done(&c);
	}
}

static void
outcomes_are_counted(void **state)
{
	uint64_t allow = metrics_get(h.metrics, METRIC_LOGON_ALLOW),
		 deny = metrics_get(h.metrics, METRIC_LOGON_DENY),
		 error = metrics_get(h.metrics, METRIC_LOGON_ERROR);
	static const char body[] = "{\"saml_response\":\"a\",\"host\":\"h\"}";
	static const enum fas_code codes[] = {FAS_OK, FAS_E_DENIED, FAS_E_UNAVAILABLE};
	(void)state;
	for (size_t i = 0; i < NELEMS(codes); i++) {
		fakes.code = codes[i];
		(void)post(&storefront, "/v1/logons", body);
		client_done(&c);
	}
	assert_int_equal(metrics_get(h.metrics, METRIC_LOGON_ALLOW), allow + 1);
	assert_int_equal(metrics_get(h.metrics, METRIC_LOGON_DENY), deny + 1);
	assert_int_equal(metrics_get(h.metrics, METRIC_LOGON_ERROR), error + 1);
}

static void
a_lease_needs_no_body(void **state)
{
	static const char *const bodies[] = {NULL, "{}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bodies); i++) {
		assert_int_equal(post(&host, "/v1/sessions/5e55/lease", bodies[i]), 200);
		assert_string_equal(fakes.session, "5e55");
		assert_member("session_id", "5e55");
		assert_member("session_expires_at", "2023-11-14T23:13:20Z");
		client_done(&c);
	}
	fakes.code = FAS_E_NOTFOUND;
	(void)snprintf(fakes.reason, sizeof(fakes.reason), "session_unknown");
	assert_int_equal(post(&host, "/v1/sessions/5e55/lease", NULL), 404);
	assert_member("code", "session_unknown");
	client_done(&c);
}

static void
a_session_is_ended_with_204(void **state)
{
	(void)state;
	client_init(&c, h.port, ca.pem, &host);
	assert_int_equal(
	    client_ask(&c, &(struct ask){.method = "DELETE", .path = "/v1/sessions/5e55"}), 204);
	assert_int_equal(c.body.len, 0);
	assert_string_equal(fakes.session, "5e55");
	client_done(&c);
}

static void
a_token_buys_a_certificate_once_asked_or_twice(void **state)
{
	char first[FAKE_TEXT];
	static const char body[] = "{\"token\":\"secret-token\",\"csr\":\"CSR\"}";
	(void)state;
	assert_int_equal(post(NULL, "/v1/enroll", body), 201);
	assert_string_equal(fakes.token, "secret-token");
	assert_int_equal(strlen(fakes.request_id), 64);
	memcpy(first, fakes.request_id, sizeof(first));
	assert_member("certificate", "MACHINE");
	assert_member("chain", "SERVICE CA");
	assert_int_equal(count_members(), 2);
	client_done(&c);
	/* The same question has the same id; another one has not. */
	assert_int_equal(post(NULL, "/v1/enroll", body), 201);
	assert_string_equal(fakes.request_id, first);
	client_done(&c);
	assert_int_equal(
	    post(NULL, "/v1/enroll", "{\"token\":\"secret-token2\",\"csr\":\"CSR\"}"), 201);
	assert_string_not_equal(fakes.request_id, first);
	client_done(&c);
}

static void
a_refused_token_is_403_and_a_bad_csr_400(void **state)
{
	(void)state;
	fakes.signer_code = FAS_E_AUTH;
	(void)snprintf(fakes.reason, sizeof(fakes.reason), "token_invalid");
	assert_int_equal(post(NULL, "/v1/enroll", "{\"token\":\"t\",\"csr\":\"CSR\"}"), 403);
	assert_member("code", "token_refused");
	client_done(&c);
	assert_int_equal(post(NULL, "/v1/enroll", "{\"token\":\"t\",\"csr\":\"no\"}"), 400);
	assert_member("code", "csr_refused");
	client_done(&c);
}

static void
a_known_machine_renews_with_its_own_certificate(void **state)
{
	(void)state;
	assert_int_equal(post(&host, "/v1/renew", "{\"csr\":\"CSR\"}"), 201);
	assert_int_equal(fakes.certificate_len, host.len);
	assert_member("certificate", "MACHINE");
	client_done(&c);
	assert_int_equal(post(&storefront, "/v1/renew", "{\"csr\":\"CSR\"}"), 201);
	assert_int_equal(fakes.certificate_len, storefront.len);
	client_done(&c);
}

static void
a_large_response_is_taken_and_a_huge_one_is_413(void **state)
{
	static const char head[] = "{\"host\":\"h\",\"saml_response\":\"";
	size_t large = 350 * 1024, huge = 401 * 1024, at = sizeof(head) - 1;
	char *body = malloc(at + huge + 3);
	(void)state;
	assert_non_null(body);
	memcpy(body, head, at);
	memset(body + at, 'A', huge);
	strcpy(body + at + large, "\"}");
	assert_int_equal(post(&storefront, "/v1/logons", body), 201);
	client_done(&c);
	memset(body + at, 'A', huge);
	strcpy(body + at + huge, "\"}");
	assert_int_equal(post(&storefront, "/v1/logons", body), 413);
	client_done(&c);
	assert_int_equal(post(NULL, "/v1/enroll", body), 413);
	client_done(&c);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_storefront_gets_a_ticket, set_up),
	    cmocka_unit_test_setup(a_storefront_gets_a_ticket_for_a_code, set_up),
	    cmocka_unit_test_setup(a_host_gets_a_certificate, set_up),
	    cmocka_unit_test_setup(a_key_of_the_service_is_named_and_needs_no_request, set_up),
	    cmocka_unit_test_setup(a_session_gets_a_certificate, set_up),
	    cmocka_unit_test_setup(a_key_signs_a_digest, set_up),
	    cmocka_unit_test_setup(a_host_reports_what_its_own_keys_have_signed, set_up),
	    cmocka_unit_test_setup(what_is_no_report_is_400, set_up),
	    cmocka_unit_test_setup(what_is_no_digest_for_the_mechanism_is_400, set_up),
	    cmocka_unit_test_setup(an_ec_key_signs_what_is_no_named_hash, set_up),
	    cmocka_unit_test_setup(storefronts_have_no_keys, set_up),
	    cmocka_unit_test_setup(the_pipeline_says_when_to_come_again, set_up),
	    cmocka_unit_test_setup(a_host_may_bring_the_response_itself, set_up),
	    cmocka_unit_test_setup(a_body_that_is_not_exactly_right_is_400, set_up),
	    cmocka_unit_test_setup(roles_do_not_reach_what_is_not_theirs, set_up),
	    cmocka_unit_test_setup(a_failure_of_the_pipeline_is_its_problem, set_up),
	    cmocka_unit_test_setup(outcomes_are_counted, set_up),
	    cmocka_unit_test_setup(a_lease_needs_no_body, set_up),
	    cmocka_unit_test_setup(a_session_is_ended_with_204, set_up),
	    cmocka_unit_test_setup(a_token_buys_a_certificate_once_asked_or_twice, set_up),
	    cmocka_unit_test_setup(a_refused_token_is_403_and_a_bad_csr_400, set_up),
	    cmocka_unit_test_setup(a_known_machine_renews_with_its_own_certificate, set_up),
	    cmocka_unit_test_setup(a_large_response_is_taken_and_a_huge_one_is_413, set_up),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
