/* Issuing through the client: what comes back, and that a repeat never makes a second certificate. */
#include "place.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

static int
set_up(void **state)
{
	*state = place_new(NULL);
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static X509 *
parse(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(x);
	BIO_free(bio);
	return x;
}

static void
issue(struct place *p, const struct signer_request *q, struct signer_certificate *out)
{
	struct fas_err e = {0};
	if (signer_issue(p->signer, q, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static void
an_allowed_request_gets_a_certificate_of_the_authority(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	X509 *x = parse(c.pem);
	assert_int_equal(c.not_after_s - c.not_before_s, 900 + 300);
	assert_int_equal(strlen(c.serial), 32);
	OWN(json)
	json_t *show =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "ca.show", "authority", AUTHORITY));
	const char *pem = json_string_value(json_object_get(
	    json_array_get(json_object_get(show, "authorities"), 0), "certificate"));
	X509 *ca = parse(pem);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
	assert_non_null(strstr(c.chain_pem, pem));
	X509_free(ca);
	X509_free(x);
	assert_int_equal(place_records(p, "certificate_issued", NULL), 1);
}

static void
the_same_request_again_gets_the_same_certificate(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &a);
	q.correlation_id = "ffffffffffffffffffffffffffffffff";
	issue(p, &q, &b);
	assert_string_equal(a.pem, b.pem);
	assert_string_equal(a.chain_pem, b.chain_pem);
	place_restart(p);
	issue(p, &q, &c);
	assert_string_equal(a.pem, c.pem);
	assert_string_equal(a.chain_pem, c.chain_pem);
	assert_int_equal(place_records(p, "certificate_issued", NULL), 1);
}

/* A reply of the issue socket to a caller that says it has this chain. */
static json_t *
reply_to_knower(struct place *p, const char *chain)
{
	uint8_t digest[32];
	char hex[65];
	json_t *request = alice_wire("request-1");
	assert_int_equal(EVP_Digest(chain, strlen(chain), digest, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(json_object_set_new(request, "chain_known",
			     json_string(hex_encode(digest, sizeof(digest), hex))),
	    0);
	return place_issue(p, request);
}

static void
a_chain_that_the_caller_has_is_left_out(void **state)
{
	struct place *p = *state;
	OWN(json) json_t *first = place_issue(p, alice_wire("request-1"));
	const char *chain = json_string_value(json_object_get(first, "chain"));
	assert_non_null(chain);
	OWN(json) json_t *other = reply_to_knower(p, "another chain");
	assert_true(json_equal(other, first));
	OWN(json) json_t *same = reply_to_knower(p, chain);
	assert_null(json_object_get(same, "chain"));
	(void)json_object_set(same, "chain", json_object_get(first, "chain"));
	assert_true(json_equal(same, first));
}

static void
a_request_id_with_other_content_is_a_conflict(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct fas_err e = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	signer_certificate_done(&c);
	q.validity_s = 901;
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_CONFLICT);
	assert_reason(e, "request_id_reused");
	assert_int_equal(place_records(p, "issue_refused", "request_id_reused"), 1);
}

static void
a_repeat_after_revocation_is_refused(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct fas_err e = {0};
	size_t n = 0;
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	assert_int_equal(signer_revoke(p->signer, q.correlation_id, c.serial, NULL,
			     "cessationOfOperation", &n, &e),
	    FAS_OK);
	assert_int_equal(n, 1);
	signer_certificate_done(&c);
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_DENIED);
	assert_reason(e, "certificate_revoked");
}

static void
serial_numbers_grow_and_are_positive(void **state)
{
	struct place *p = *state;
	char last[SERIAL_HEX_MAX] = "";
	for (int i = 0; i < 5; i++) {
		char id[16];
		OWN(signer_certificate) struct signer_certificate c = {0};
		(void)snprintf(id, sizeof(id), "request-%d", i);
		struct signer_request q = alice(id);
		issue(p, &q, &c);
		/* The first six octets are the time: equal within a millisecond, else growing. */
		assert_true(strncmp(c.serial, last, 12) >= 0);
		assert_true(c.serial[0] < '8');
		assert_string_not_equal(c.serial, last);
		memcpy(last, c.serial, sizeof(last));
	}
}

static void
an_authority_without_certificate_is_not_ready(void **state)
{
	struct place *p = place_new(&(struct place_options){.no_authority = true});
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	(void)state;
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_UNAVAILABLE);
	assert_reason(e, "authority_not_ready");
	OWN(json) json_t *s = NULL;
	fas_err_clear(&e);
	assert_int_equal(signer_state(p->signer, &s, &e), FAS_OK);
	json_t *a = json_array_get(json_object_get(s, "authorities"), 0);
	assert_string_equal(json_string_value(json_object_get(a, "state")), "no_certificate");
	place_free(p);
}

static void
state_tells_of_authorities_and_counts(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(json) json_t *s = NULL;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	assert_int_equal(signer_state(p->signer, &s, &e), FAS_OK);
	json_t *a = json_array_get(json_object_get(s, "authorities"), 0);
	assert_string_equal(json_string_value(json_object_get(a, "state")), "ready");
	assert_int_equal(json_integer_value(json_object_get(a, "generation")), 1);
	json_t *crl = json_object_get(a, "crl");
	assert_true(json_integer_value(json_object_get(crl, "number")) > 0);
	assert_string_equal(json_string_value(json_object_get(crl, "file")), AUTHORITY "-1.crl");
	assert_int_equal(json_integer_value(json_object_get(s, "certificates")), 1);
	assert_int_equal(json_integer_value(json_object_get(s, "signatures")), 1);
}

static void
a_kept_connection_survives_a_restart_of_the_signer(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	struct fas_err e = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &a);
	signer_server_stop(p->server);
	p->server = NULL;
	q.request_id = "request-2";
	assert_int_equal(signer_issue(p->signer, &q, &b, &e), FAS_E_UNAVAILABLE);
	assert_reason(e, "signer_away");
	fas_err_clear(&e);
	assert_int_equal(signer_server_start(p->config, geteuid(), &p->server, &e), FAS_OK);
	issue(p, &q, &b);
}

struct racer {
	struct place *place;
	pthread_t thread;
	struct signer_certificate got;
	enum fas_code rc;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	struct fas_err e = {0};
	struct signer_request q = alice("request-of-many");
	r->rc = signer_issue(r->place->signer, &q, &r->got, &e);
	return NULL;
}

static void
many_at_once_with_one_id_get_one_certificate(void **state)
{
	struct racer racers[8];
	(void)alice("fill the statics before the threads do");
	for (size_t i = 0; i < 8; i++) {
		racers[i] = (struct racer){.place = *state};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		assert_int_equal(racers[i].rc, FAS_OK);
		assert_string_equal(racers[i].got.serial, racers[0].got.serial);
	}
	for (size_t i = 0; i < 8; i++)
		signer_certificate_done(&racers[i].got);
	assert_int_equal(place_records(*state, "certificate_issued", NULL), 1);
}

static void
the_audit_chain_holds(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	OWN(json) json_t *v = place_admin(p, json_pack("{s:s}", "op", "audit.verify"));
	assert_int_equal(json_integer_value(json_object_get(v, "broken_seq")), 0);
	assert_true(json_integer_value(json_object_get(v, "records")) >= 5);
}

static void
the_ledger_shows_what_was_issued(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	issue(p, &q, &c);
	OWN(json)
	json_t *list = place_admin(p, json_pack("{s:s,s:s,s:s}", "op", "cert.list", "upn",
					  "ALICE@corp.example.com", "state", "valid"));
	json_t *one = json_array_get(json_object_get(list, "certificates"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "serial")), c.serial);
	assert_string_equal(json_string_value(json_object_get(one, "rule")), "engineering");
	OWN(json)
	json_t *none = place_admin(p, json_pack("{s:s,s:s}", "op", "cert.list", "after", c.serial));
	assert_int_equal(json_array_size(json_object_get(none, "certificates")), 0);
	OWN(json)
	json_t *show =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", c.serial));
	assert_string_equal(json_string_value(json_object_get(show, "pem")), c.pem);
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", "01ff"), "certificate_unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(an_allowed_request_gets_a_certificate_of_the_authority),
	    T(the_same_request_again_gets_the_same_certificate),
	    T(a_chain_that_the_caller_has_is_left_out),
	    T(a_request_id_with_other_content_is_a_conflict),
	    T(a_repeat_after_revocation_is_refused),
	    T(serial_numbers_grow_and_are_positive),
	    cmocka_unit_test(an_authority_without_certificate_is_not_ready),
	    T(state_tells_of_authorities_and_counts),
	    T(a_kept_connection_survives_a_restart_of_the_signer),
	    T(many_at_once_with_one_id_get_one_certificate),
	    T(the_audit_chain_holds),
	    T(the_ledger_shows_what_was_issued),
	};
	return cmocka_run_group_tests_name("issue", tests, NULL, NULL);
}
