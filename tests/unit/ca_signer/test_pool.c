/* The pool, the keys of sessions, and their signatures: through the client, as fasd asks. */
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "ca/held.h"
#include "ca/pool.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define WAIT_US 60000000
#define DIGEST_LEN 32
#define STOOD_BACK_US 1000000

static const uint8_t digest[KEY_DIGEST_MAX] = "32 octets that pass for a digest";

static struct place *
new_place(void)
{
	return place_new(&(struct place_options){.pool = "pool: { rsa-2048: 2, p-256: 3 }\n"});
}

static int
set_up(void **state)
{
	*state = new_place();
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static json_int_t
pool_number(struct place *p, const char *type, const char *member)
{
	OWN(json) json_t *all = place_admin(p, json_pack("{s:s}", "op", "pool.show"));
	json_t *shelf;
	size_t i;
	json_array_foreach(json_object_get(all, "pools"), i, shelf)
	{
		if (strcmp(json_string_value(json_object_get(shelf, "type")), type) == 0)
			return json_integer_value(json_object_get(shelf, member));
	}
	fail_msg("no pool of %s", type);
	return -1;
}

static void
await_depth(struct place *p, const char *type, json_int_t depth)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	while (pool_number(p, type, "depth") < depth) {
		assert_true(clock_monotonic_us() < until_us);
		(void)nanosleep(&pause, NULL);
	}
}

static struct signer_request
alice_held(const char *request_id, const char *type)
{
	struct signer_request q = alice(request_id);
	q.spki = NULL;
	q.spki_len = 0;
	q.key_type = type;
	q.signatures = 3;
	q.sign_until_s = clock_now() + 600;
	return q;
}

static void
issue(struct place *p, const struct signer_request *q, struct signer_certificate *out)
{
	struct fas_err e = {0};
	await_depth(p, q->key_type, 1);
	if (signer_issue(p->signer, q, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(strlen(out->key_id), 32);
}

static EVP_PKEY *
public_key(const struct signer_certificate *c)
{
	BIO *bio = BIO_new_mem_buf(c->pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	EVP_PKEY *key = X509_get_pubkey(x);
	X509_free(x);
	assert_non_null(key);
	return key;
}

static struct signer_sign
sign_request(const struct signer_certificate *c, const char *mechanism)
{
	return (struct signer_sign){.correlation_id = "0123456789abcdef0123456789abcdef",
	    .session = "session-of-alice",
	    .key_id = c->key_id,
	    .mechanism = mechanism,
	    .hash = "sha256",
	    .digest = digest,
	    .digest_len = DIGEST_LEN};
}

static void
refuses(struct place *p, const struct signer_sign *q, enum fas_code code, const char *reason)
{
	struct fas_err e = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	assert_int_equal(signer_sign(p->signer, q, signature, &len, &e), code);
	assert_reason(e, reason);
}

static void
signs(struct place *p, const struct signer_sign *q, uint8_t *signature, size_t *len)
{
	struct fas_err e = {0};
	if (signer_sign(p->signer, q, signature, len, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static bool
rsa_confirms(const struct signer_certificate *c, int padding, const uint8_t *signature, size_t len)
{
	EVP_PKEY *key = public_key(c);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	if (padding == RSA_PKCS1_PSS_PADDING)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, DIGEST_LEN), 1);
	bool ok = EVP_PKEY_verify(ctx, signature, len, digest, DIGEST_LEN) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

/* ---- signatures ---- */

static void
a_held_rsa_key_signs_what_its_certificate_confirms(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "rsa-2048");
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "rsa-pkcs1");
	signs(p, &s, signature, &len);
	assert_int_equal(len, 256);
	assert_true(rsa_confirms(&c, RSA_PKCS1_PADDING, signature, len));
	s.mechanism = "rsa-pss";
	signs(p, &s, signature, &len);
	assert_true(rsa_confirms(&c, RSA_PKCS1_PSS_PADDING, signature, len));
}

static void
a_held_p256_key_answers_r_and_s(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	uint8_t signature[SIGNATURE_MAX], der[128], *at = der;
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "p-256");
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "ecdsa");
	s.hash = "none";
	signs(p, &s, signature, &len);
	assert_int_equal(len, 64);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL),
			     BN_bin2bn(signature + 32, 32, NULL)),
	    1);
	int der_len = i2d_ECDSA_SIG(sig, &at);
	EVP_PKEY *key = public_key(&c);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, der, (size_t)der_len, digest, DIGEST_LEN), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	ECDSA_SIG_free(sig);
}

static void
what_is_no_digest_is_not_signed(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	OWN(signer_certificate) struct signer_certificate ec = {0};
	struct signer_request q = alice_held("request-1", "rsa-2048");
	issue(p, &q, &c);
	static const struct {
		const char *hash;
		size_t len;
	} cases[] = {{"sha256", 31}, {"sha256", 33}, {"sha384", 32}, {"sha512", 48}, {"none", 32},
	    {"md5", 16}, {"sha1", 20}, {"", 32}};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct signer_sign s = sign_request(&c, i % 2 ? "rsa-pss" : "rsa-pkcs1");
		s.hash = cases[i].hash;
		s.digest_len = cases[i].len;
		struct fas_err e = {0};
		uint8_t signature[SIGNATURE_MAX];
		size_t len = 0;
		assert_int_equal(signer_sign(p->signer, &s, signature, &len, &e), FAS_E_INPUT);
	}
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_sign s = sign_request(&c, "rsa-pss");
	signs(p, &s, signature, &len); /* none of them has used one of the three up */
	struct signer_request r = alice_held("request-2", "p-256");
	issue(p, &r, &ec);
	s = sign_request(&ec, "ecdsa");
	s.hash = "none";
	s.digest_len = 19;
	refuses(p, &s, FAS_E_INPUT, "digest_malformed");
	s = sign_request(&c, "ecdsa");
	refuses(p, &s, FAS_E_DENIED, "sign_mechanism");
	s = sign_request(&ec, "rsa-pss");
	refuses(p, &s, FAS_E_DENIED, "sign_mechanism");
	s = sign_request(&c, "rsa-raw");
	refuses(p, &s, FAS_E_INPUT, "mechanism_unknown");
	assert_true(place_records(p, "signature_refused", "digest_malformed") >= 7);
}

static void
a_key_signs_as_often_as_was_said_and_no_more(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "p-256");
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "ecdsa");
	for (int i = 0; i < 3; i++)
		signs(p, &s, signature, &len);
	refuses(p, &s, FAS_E_DENIED, "sign_count");
	assert_int_equal(place_records(p, "signature_refused", "sign_count"), 1);
}

static void
another_session_does_not_have_the_key(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice_held("request-1", "p-256");
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "ecdsa");
	s.session = "session-of-bob";
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
	s = sign_request(&c, "ecdsa");
	s.key_id = "00000000000000000000000000000000";
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
}

static void
a_key_ends_with_its_time(void **state)
{
	struct place *p = *state;
	const struct timespec pause = {.tv_nsec = 10000000};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct fas_err e = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "p-256");
	q.signatures = 10000;
	q.sign_until_s = clock_now() + 2;
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "ecdsa");
	int64_t end_us = clock_monotonic_us() + WAIT_US;
	while (signer_sign(p->signer, &s, signature, &len, &e) == FAS_OK &&
	       clock_monotonic_us() < end_us)
		(void)nanosleep(&pause, NULL);
	assert_true(clock_now() >= q.sign_until_s);
	assert_true(e.code == FAS_E_DENIED || e.code == FAS_E_NOTFOUND);
	/* ... and is destroyed, without anybody asking for it. */
	for (;;) {
		OWN(json) json_t *all = place_admin(p, json_pack("{s:s}", "op", "pool.show"));
		if (json_integer_value(json_object_get(all, "held")) == 0)
			break;
		assert_true(clock_monotonic_us() < end_us);
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- requests ---- */

static void
a_repeat_has_the_same_certificate_and_key(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	struct signer_request q = alice_held("request-1", "p-256");
	issue(p, &q, &a);
	q.correlation_id = "ffffffffffffffffffffffffffffffff";
	issue(p, &q, &b);
	assert_string_equal(a.key_id, b.key_id);
	assert_string_equal(a.pem, b.pem);
	assert_int_equal(pool_number(p, "p-256", "taken"), 1);
}

static void
after_a_restart_the_key_is_gone_and_said_to_be(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct fas_err e = {0};
	struct signer_request q = alice_held("request-1", "p-256");
	issue(p, &q, &c);
	struct signer_sign s = sign_request(&c, "ecdsa");
	place_restart(p);
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
	await_depth(p, "p-256", 3);
	OWN(signer_certificate) struct signer_certificate again = {0};
	assert_int_equal(signer_issue(p->signer, &q, &again, &e), FAS_E_NOTFOUND);
	assert_reason(e, "key_gone");
	assert_int_equal(pool_number(p, "p-256", "taken"), 0);
}

static void
a_refused_request_uses_no_key_up(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	await_depth(p, "p-256", 3);
	struct signer_request q = alice_held("request-1", "p-256");
	q.upn = "alice@elsewhere.example.com";
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_DENIED);
	fas_err_clear(&e);
	q = alice_held("request-2", "p-256");
	q.signatures = 10001;
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_DENIED);
	assert_reason(e, "signatures_outside_limits");
	fas_err_clear(&e);
	q = alice_held("request-3", "p-256");
	q.authority = "other";
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_NOTFOUND);
	assert_int_equal(pool_number(p, "p-256", "taken"), 0);
	/* (4 where the next one was under way when a key came back) */
	assert_in_range(pool_number(p, "p-256", "depth"), 3, 4);
}

static void
a_type_without_a_pool_is_a_matter_of_configuration(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice_held("request-1", "p-384");
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_CONFIG);
	assert_reason(e, "pool_type");
}

static void
an_empty_pool_says_when_to_come_again_and_uses_nothing(void **state)
{
	(void)state;
	struct place *p = place_new(&(struct place_options){.pool = "pool: { rsa-4096: 1 }\n"});
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	/* An RSA-4096 key takes seconds, a refusal microseconds: the first request finds none. */
	struct signer_request q = alice_held("request-1", "rsa-4096");
	if (signer_issue(p->signer, &q, &c, &e) == FAS_OK)
		fail_msg("a key of 4096 bits before the first question");
	assert_int_equal(e.code, FAS_E_UNAVAILABLE);
	assert_reason(e, "pool_empty");
	assert_in_range(c.pool_wait_s, 1, 120);
	assert_int_equal(place_records(p, "issue_refused", NULL), 0);
	assert_true(pool_number(p, "rsa-4096", "refused") >= 1);
	place_free(p);
}

/* ---- ends ---- */

static void
a_dropped_session_has_no_key(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "p-256");
	struct signer_request r = alice_held("request-2", "p-256");
	r.session = "session-of-bob";
	issue(p, &q, &a);
	issue(p, &r, &b);
	assert_int_equal(signer_drop(p->signer, q.correlation_id, "session-of-alice", &e), FAS_OK);
	struct signer_sign s = sign_request(&a, "ecdsa");
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
	s = sign_request(&b, "ecdsa");
	s.session = "session-of-bob";
	signs(p, &s, signature, &len);
}

static void
a_revocation_of_any_kind_ends_the_key(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *member, *value;
	} cases[] = {{"serial", NULL}, {"upn", "ALICE@corp.example.com"},
	    {"sid", "S-1-5-21-1-2-3-1105"}, {"host", "vda1.corp.example.com"},
	    {"session", "session-of-alice"}};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char id[32];
		OWN(signer_certificate) struct signer_certificate c = {0};
		(void)snprintf(id, sizeof(id), "request-%zu", i);
		struct signer_request q = alice_held(id, "p-256");
		issue(p, &q, &c);
		json_decref(
		    place_admin(p, json_pack("{s:s,s:s}", "op", "cert.revoke", cases[i].member,
				       cases[i].value ? cases[i].value : c.serial)));
		struct signer_sign s = sign_request(&c, "ecdsa");
		refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
	}
}

/* Of its rule and its time a key knows nothing: the ledger does. */
static void
a_revocation_by_rule_or_time_ends_just_those_keys(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t len = 0;
	struct signer_request q = alice_held("request-1", "p-256");
	struct signer_request r = alice_held("request-2", "p-256");
	r.rule = "sales";
	issue(p, &q, &a);
	issue(p, &r, &b);
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "cert.hold", "rule", "sales")));
	struct signer_sign s = sign_request(&b, "ecdsa");
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
	s = sign_request(&a, "ecdsa");
	signs(p, &s, signature, &len);
	json_decref(place_admin(p, json_pack("{s:s,s:b,s:i,s:i}", "op", "cert.revoke", "everything",
				       1, "from", 1, "to", 1000)));
	signs(p, &s, signature, &len);
	json_decref(place_admin(p, json_pack("{s:s,s:b}", "op", "cert.revoke", "everything", 1)));
	refuses(p, &s, FAS_E_NOTFOUND, "key_unknown");
}

/* ---- the pool ---- */

static void
the_pool_fills_itself_and_can_be_filled_once(void **state)
{
	struct place *p = *state;
	await_depth(p, "p-256", 3);
	assert_int_equal(pool_number(p, "p-256", "depth"), 3);
	json_decref(place_admin(
	    p, json_pack("{s:s,s:s,s:i}", "op", "pool.fill", "type", "p-256", "depth", 20)));
	await_depth(p, "p-256", 20);
	assert_int_equal(pool_number(p, "p-256", "wanted"), 3);
	place_admin_refuses(p,
	    json_pack("{s:s,s:s,s:i}", "op", "pool.fill", "type", "p-384", "depth", 20),
	    "pool_type");
	place_admin_refuses(p,
	    json_pack("{s:s,s:s,s:i}", "op", "pool.fill", "type", "p-256", "depth", 10001),
	    "member_invalid");
}

static void
keys_of_a_pool_are_all_different(void **state)
{
	(void)state;
	struct fas_err e = {0};
	const struct pool_target target = {"p-256", 8};
	const struct timespec pause = {.tv_nsec = 1000000};
	OWN(pool) struct pool *pool = NULL;
	struct key *keys[32];
	int64_t wait_s = 0;
	assert_int_equal(pool_start(&target, 1, &pool, &e), FAS_OK);
	for (size_t i = 0; i < NELEMS(keys);) {
		struct fas_err none = {0};
		if (pool_take(pool, "p-256", &keys[i], &wait_s, &none) == FAS_OK)
			i++;
		else
			(void)nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < NELEMS(keys); i++) {
		for (size_t k = 0; k < i; k++) {
			size_t a_len = 0, b_len = 0;
			const uint8_t *a = key_spki(keys[i], &a_len);
			const uint8_t *b = key_spki(keys[k], &b_len);
			assert_true(a_len == b_len && memcmp(a, b, a_len) != 0);
		}
	}
	for (size_t i = 0; i < NELEMS(keys); i++)
		key_free(keys[i]);
}

/* Process time is all the maker's here, but for what asks. */
static void
while_signatures_are_asked_for_the_maker_stands_back(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct pool *pool = NULL;
	const struct pool_target target = {.type = "rsa-4096", .depth = 1};
	const struct timespec pause = {.tv_nsec = 5000000};
	int64_t begun_us = clock_monotonic_us();
	clock_t cpu = clock();
	assert_int_equal(pool_start(&target, 1, &pool, &e), FAS_OK);
	do {
		pool_stand_back(pool);
		(void)nanosleep(&pause, NULL);
	} while (clock_monotonic_us() - begun_us < STOOD_BACK_US);
	double used = (double)(clock() - cpu) / CLOCKS_PER_SEC;
	double wall = (double)(clock_monotonic_us() - begun_us) / 1e6;
	if (used > wall / 2)
		fail_msg("%.3f s of the processor in %.3f s", used, wall);
	pool_stop(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_held_rsa_key_signs_what_its_certificate_confirms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_held_p256_key_answers_r_and_s, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_digest_is_not_signed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_key_signs_as_often_as_was_said_and_no_more, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		another_session_does_not_have_the_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_key_ends_with_its_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_repeat_has_the_same_certificate_and_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		after_a_restart_the_key_is_gone_and_said_to_be, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_refused_request_uses_no_key_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_type_without_a_pool_is_a_matter_of_configuration, set_up, tear_down),
	    cmocka_unit_test(an_empty_pool_says_when_to_come_again_and_uses_nothing),
	    cmocka_unit_test_setup_teardown(a_dropped_session_has_no_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_revocation_of_any_kind_ends_the_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_revocation_by_rule_or_time_ends_just_those_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		the_pool_fills_itself_and_can_be_filled_once, set_up, tear_down),
	    cmocka_unit_test(keys_of_a_pool_are_all_different),
	    cmocka_unit_test(while_signatures_are_asked_for_the_maker_stands_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
