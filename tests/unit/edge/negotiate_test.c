/* One negotiation a connection: who may begin one, what it is asked with, and how long it lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "harness.h"
#include "table.h"

#define GOOD "Authorization: Negotiate Z29vZA=="
#define BAD "Authorization: Negotiate YmFk"

/* The negotiation, made up. */
static struct {
	_Atomic unsigned accepts, rechecks;
	enum caller_role role;
	int64_t life_s;
	enum fas_code recheck_code;
	struct http_terms terms;
	uint8_t binding[HTTP_TLS_BINDING_MAX];
	size_t binding_len;
} fake;

static enum fas_code
accept_token(void *arg, const char *token, const uint8_t *binding, size_t binding_len,
    struct http_negotiated *out, char **reply, struct fas_err *e)
{
	(void)arg;
	fake.accepts++;
	memcpy(fake.binding, binding, binding_len);
	fake.binding_len = binding_len;
	if (strcmp(token, "Z29vZA==") != 0)
		return fas_fail(e, FAS_E_AUTH, "caller_ticket", "made up");
	*out = (struct http_negotiated){.caller = {.kind = CALLER_KERBEROS,
					    .role = fake.role,
					    .name = "vda1.example.com",
					    .not_after_s = clock_now() + fake.life_s},
	    .principal = "VDA1$@EXAMPLE.COM",
	    .checked_s = clock_now(),
	    .generation = fake.terms.generation};
	*reply = strdup("cmVwbHk=");
	return FAS_OK;
}

static enum fas_code
recheck(void *arg, struct http_negotiated *n, struct fas_err *e)
{
	(void)arg;
	fake.rechecks++;
	assert_string_equal(n->principal, "VDA1$@EXAMPLE.COM");
	if (fake.recheck_code != FAS_OK)
		return fas_fail(e, fake.recheck_code, "machine_disabled", "made up");
	n->checked_s = clock_now();
	n->generation = fake.terms.generation;
	return FAS_OK;
}

static struct http_terms
terms(void *arg)
{
	(void)arg;
	return fake.terms;
}

static const struct http_negotiation negotiation = {
    .terms = terms, .accept = accept_token, .recheck = recheck};

static void
get_name(void *app, const struct http_request *request, struct http_response *response)
{
	char text[CALLER_TEXT_MAX];
	(void)app;
	http_answer_text(response, 200, "text/plain", caller_format(&request->caller, text));
}

static const struct http_route routes[] = {
    {"GET", "/open", "open", 0, 0, 0, false, false, get_name},
    {"GET", "/host", "host", ROLE_HOST, 0, 0, true, false, get_name},
    {"GET", "/quick", "quick", ROLE_HOST, 0, 0, false, false, get_name},
    {"GET", "/renew", "renew", ROLE_STOREFRONT | ROLE_HOST, 0, 0, true, true, get_name},
};

static struct pki_ca ca, other_ca;
static struct pki_leaf server_leaf, next_leaf, foreign;
static struct caller_table *callers;
static struct http_tls *tls;
static struct harness h;
static struct client c;

static int
set_up(void **state)
{
	struct fas_err e = {0};
	const struct pki_spec server = {.eku = "serverAuth", .san = "IP:127.0.0.1", .serial = 0x77};
	struct http_server_config config = {
	    .routes = routes, .n_routes = NELEMS(routes), .negotiation = &negotiation};
	(void)state;
	pki_ca_make(&ca, "Service CA");
	pki_ca_make(&other_ca, "Service CA");
	pki_leaf_make(&ca, &server, &server_leaf);
	pki_leaf_make(&ca, &server, &next_leaf);
	pki_leaf_make(&other_ca, &(struct pki_spec){.serial = 0x1001}, &foreign);
	if (caller_table_new(ca.pem, &callers, &e) != FAS_OK ||
	    http_tls_new(ca.pem, server_leaf.key_pem, server_leaf.pem, &tls, &e) != FAS_OK)
		return -1;
	config.tls = tls;
	config.callers = callers;
	harness_start(&h, &config, 2, 8);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	harness_stop(&h);
	http_tls_free(tls);
	caller_table_free(callers);
	pki_leaf_done(&server_leaf);
	pki_leaf_done(&next_leaf);
	pki_leaf_done(&foreign);
	pki_ca_done(&ca);
	pki_ca_done(&other_ca);
	return 0;
}

/* Each test has a connection of its own, and an account that is a host. */
static int
begin(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.role = ROLE_HOST;
	fake.life_s = 3600;
	fake.terms = (struct http_terms){.on = true, .recheck_s = 60, .generation = 1};
	client_init(&c, h.port, ca.pem, NULL);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	client_done(&c);
	return 0;
}

static long
ask(const char *path, const char *header)
{
	return client_ask(&c, &(struct ask){.path = path, .header = header});
}

static void
assert_code(const char *code)
{
	char text[512];
	assert_string_equal(client_member(&c, "code", text), code);
}

static void
without_a_token_the_answer_asks_for_one(void **state)
{
	(void)state;
	assert_int_equal(ask("/host", NULL), 401);
	assert_code("caller_required");
	assert_non_null(strstr(buf_str(&c.head), "WWW-Authenticate: Negotiate\r\n"));
	assert_int_equal(fake.accepts, 0);
}

static void
one_token_serves_every_request_of_its_connection(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(ask("/host", GOOD), 200);
	assert_string_equal(buf_str(&c.body), "host:vda1.example.com");
	assert_string_equal(client_header(&c, "WWW-Authenticate", text), "Negotiate cmVwbHk=");
	assert_int_equal(ask("/host", NULL), 200);
	assert_int_equal(ask("/quick", GOOD), 200);
	assert_int_equal(c.new_connections, 0);
	assert_int_equal(fake.accepts, 1);
	assert_int_equal(fake.rechecks, 0);
}

static void
another_connection_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(ask("/host", GOOD), 200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host", .fresh = true}), 401);
	assert_code("caller_required");
}

static void
a_route_that_is_quick_waits_for_a_worker_too(void **state)
{
	(void)state;
	assert_int_equal(ask("/quick", GOOD), 200);
	assert_int_equal(fake.accepts, 1);
}

static void
an_open_route_negotiates_nothing(void **state)
{
	(void)state;
	assert_int_equal(ask("/open", GOOD), 200);
	assert_string_equal(buf_str(&c.body), "nobody");
	assert_int_equal(fake.accepts, 0);
}

static void
a_refused_token_is_401_and_the_end_of_the_connection(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(ask("/host", BAD), 401);
	assert_code("caller_refused");
	assert_string_equal(client_header(&c, "Connection", text), "close");
}

static void
only_a_token_behind_the_scheme_is_one(void **state)
{
	static const char *const headers[] = {"Authorization: Basic Z29vZA==",
	    "Authorization: Negotiate", "Authorization: NegotiateZ29vZA==", "Authorization: "};
	(void)state;
	for (size_t i = 0; i < NELEMS(headers); i++) {
		assert_int_equal(ask("/host", headers[i]), 401);
		assert_code("caller_required");
	}
	assert_int_equal(fake.accepts, 0);
	assert_int_equal(ask("/host", "authorization: negotiate Z29vZA=="), 200);
}

static void
the_role_counts_as_it_does_for_a_certificate(void **state)
{
	(void)state;
	fake.role = ROLE_STOREFRONT;
	assert_int_equal(ask("/host", GOOD), 403);
	assert_code("role_refused");
	assert_int_equal(ask("/host", NULL), 403);
	assert_int_equal(fake.accepts, 1);
}

static void
there_is_nothing_to_renew(void **state)
{
	(void)state;
	assert_int_equal(ask("/renew", GOOD), 403);
	assert_code("renewal_refused");
}

static void
a_certificate_that_is_refused_is_not_saved_by_a_token(void **state)
{
	(void)state;
	client_done(&c);
	client_init(&c, h.port, ca.pem, &foreign);
	assert_int_equal(ask("/host", GOOD), 401);
	assert_code("caller_refused");
	assert_int_equal(fake.accepts, 0);
}

static void
the_tickets_end_is_the_callers(void **state)
{
	(void)state;
	fake.life_s = -1;
	assert_int_equal(ask("/host", GOOD), 200);
	assert_int_equal(ask("/host", NULL), 401);
	assert_code("caller_refused");
}

static void
the_account_is_read_again_when_its_time_has_come(void **state)
{
	(void)state;
	fake.terms.recheck_s = 0;
	assert_int_equal(ask("/host", GOOD), 200);
	assert_int_equal(ask("/quick", NULL), 200);
	assert_int_equal(fake.rechecks, 1);
	fake.recheck_code = FAS_E_UNAVAILABLE;
	assert_int_equal(ask("/host", NULL), 503);
	fake.recheck_code = FAS_OK;
	assert_int_equal(ask("/host", NULL), 200);
	assert_int_equal(c.new_connections, 0);
}

static void
an_account_that_is_disabled_stops_on_its_kept_connection(void **state)
{
	(void)state;
	fake.terms.recheck_s = 0;
	assert_int_equal(ask("/host", GOOD), 200);
	fake.recheck_code = FAS_E_DENIED;
	assert_int_equal(ask("/host", NULL), 401);
	assert_code("caller_refused");
	assert_int_equal(c.new_connections, 0);
	fake.recheck_code = FAS_OK;
	assert_int_equal(ask("/host", NULL), 401);
	assert_code("caller_required");
}

/* `machines` was loaded anew: whoever is connected is judged by that at its next request. */
static void
new_terms_are_asked_at_once(void **state)
{
	(void)state;
	assert_int_equal(ask("/host", GOOD), 200);
	fake.terms.generation++;
	assert_int_equal(ask("/host", NULL), 200);
	assert_int_equal(ask("/host", NULL), 200);
	assert_int_equal(fake.rechecks, 1);
	fake.terms.generation++;
	fake.recheck_code = FAS_E_DENIED;
	assert_int_equal(ask("/host", NULL), 401);
	assert_int_equal(c.new_connections, 0);
}

static void
nobody_is_let_in_by_a_token_once_it_is_off(void **state)
{
	(void)state;
	assert_int_equal(ask("/host", GOOD), 200);
	fake.terms.on = false;
	assert_int_equal(ask("/host", NULL), 401);
	assert_code("caller_required");
	assert_null(strstr(buf_str(&c.head), "Negotiate"));
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/host", .header = GOOD, .fresh = true}), 401);
	assert_int_equal(fake.accepts, 1);
	fake.terms.on = true;
	assert_int_equal(
	    client_ask(&c, &(struct ask){.path = "/host", .header = GOOD, .fresh = true}), 200);
}

static void
assert_bound_to(const struct pki_leaf *leaf)
{
	static const char prefix[] = "tls-server-end-point:";
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	assert_int_equal(EVP_Digest(leaf->der, leaf->len, hash, &len, EVP_sha256(), NULL), 1);
	assert_int_equal(fake.binding_len, strlen(prefix) + len);
	assert_memory_equal(fake.binding, prefix, strlen(prefix));
	assert_memory_equal(fake.binding + strlen(prefix), hash, len);
}

/* RFC 5929 4.1; the client library resumes its TLS session where the server lets it. */
static void
the_binding_is_of_the_certificate_that_the_client_has_seen(void **state)
{
	struct fas_err e = {0};
	const struct ask fresh = {.path = "/host", .header = GOOD, .fresh = true};
	(void)state;
	assert_int_equal(ask("/host", GOOD), 200);
	assert_bound_to(&server_leaf);
	assert_int_equal(client_ask(&c, &fresh), 200);
	assert_bound_to(&server_leaf);
	assert_int_equal(http_tls_replace(tls, next_leaf.key_pem, next_leaf.pem, &e), FAS_OK);
	assert_int_equal(client_ask(&c, &fresh), 200);
	assert_bound_to(&next_leaf);
	assert_int_equal(http_tls_replace(tls, server_leaf.key_pem, server_leaf.pem, &e), FAS_OK);
}

static void
without_tls_a_token_is_nothing(void **state)
{
	struct harness plain;
	struct client bare;
	char text[512];
	const struct http_server_config config = {.routes = routes,
	    .n_routes = NELEMS(routes),
	    .callers = callers,
	    .negotiation = &negotiation};
	(void)state;
	harness_start(&plain, &config, 1, 1);
	client_init(&bare, plain.port, NULL, NULL);
	assert_int_equal(client_ask(&bare, &(struct ask){.path = "/host", .header = GOOD}), 401);
	assert_string_equal(client_member(&bare, "code", text), "caller_required");
	assert_null(strstr(buf_str(&bare.head), "Negotiate"));
	assert_int_equal(fake.accepts, 0);
	client_done(&bare);
	harness_stop(&plain);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_a_token_the_answer_asks_for_one),
	    TEST(one_token_serves_every_request_of_its_connection),
	    TEST(another_connection_begins_anew),
	    TEST(a_route_that_is_quick_waits_for_a_worker_too),
	    TEST(an_open_route_negotiates_nothing),
	    TEST(a_refused_token_is_401_and_the_end_of_the_connection),
	    TEST(only_a_token_behind_the_scheme_is_one),
	    TEST(the_role_counts_as_it_does_for_a_certificate),
	    TEST(there_is_nothing_to_renew),
	    TEST(a_certificate_that_is_refused_is_not_saved_by_a_token),
	    TEST(the_tickets_end_is_the_callers),
	    TEST(the_account_is_read_again_when_its_time_has_come),
	    TEST(an_account_that_is_disabled_stops_on_its_kept_connection),
	    TEST(new_terms_are_asked_at_once),
	    TEST(nobody_is_let_in_by_a_token_once_it_is_off),
	    TEST(the_binding_is_of_the_certificate_that_the_client_has_seen),
	    TEST(without_tls_a_token_is_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
