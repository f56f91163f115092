/* What is signed, and that nothing else passes for it. */
#include "tests/unit/base/base_fixture.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/audit_head.h"
#include "fas/base/json.h"

struct signing {
	EVP_PKEY *key;
	uint8_t *spki;
	size_t spki_len;
	struct audit_head head;
};

static int
sign_one(void **state)
{
	struct signing *s = calloc(1, sizeof(*s));
	uint8_t message[AUDIT_HEAD_MESSAGE_MAX];
	assert_non_null(s);
	s->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	s->spki_len = (size_t)i2d_PUBKEY(s->key, &s->spki);
	s->head = (struct audit_head){.counter = 7,
	    .time_ms = 1,
	    .key = 1,
	    .seq = 42,
	    .trail = TRAIL_FASD,
	    .node = "fas1",
	    .hash = {1, 2, 3},
	    .signature_len = AUDIT_SIGNATURE_MAX};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = audit_head_message(&s->head, message);
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, s->key, NULL), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, s->head.signature, &s->head.signature_len, message, len), 1);
	EVP_MD_CTX_free(ctx);
	*state = s;
	return 0;
}

static int
forget(void **state)
{
	struct signing *s = *state;
	EVP_PKEY_free(s->key);
	OPENSSL_free(s->spki);
	free(s);
	return 0;
}

static void
a_head_is_confirmed_also_after_its_way_through_json(void **state)
{
	struct signing *s = *state;
	struct fas_err e = {0};
	struct audit_head back;
	OWN(json) json_t *object = audit_head_to_json(&s->head);
	assert_good(audit_head_from_json(object, &back, &e), &e);
	assert_good(audit_head_verify(&back, s->spki, s->spki_len, &e), &e);
}

static void
each_member_is_under_the_signature(void **state)
{
	struct signing *s = *state;
	for (size_t i = 0; i < 8; i++) {
		struct fas_err e = {0};
		struct audit_head h = s->head;
		h.counter += i == 0;
		h.time_ms += i == 1;
		h.key += i == 2;
		h.seq += i == 3;
		h.hash[31] ^= i == 4;
		h.trail[0] = i == 5 ? 'g' : h.trail[0];
		h.node[3] = i == 6 ? '2' : h.node[3];
		if (i == 7) { /* what ends the one name does not begin the other */
			(void)snprintf(h.trail, sizeof(h.trail), "fasdf");
			(void)snprintf(h.node, sizeof(h.node), "as1");
		}
		assert_failed(audit_head_verify(&h, s->spki, s->spki_len, &e), &e, FAS_E_CRYPTO,
		    "signature_wrong");
	}
}

static void
the_message_is_no_der(void **state)
{
	struct signing *s = *state;
	uint8_t message[AUDIT_HEAD_MESSAGE_MAX];
	assert_true(audit_head_message(&s->head, message) > 32);
	assert_int_not_equal(message[0], 0x30); /* SEQUENCE: certificates, CRLs, requests */
}

static void
a_foreign_or_broken_key_confirms_nothing(void **state)
{
	struct signing *s = *state;
	struct fas_err e = {0};
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	uint8_t *spki = NULL;
	size_t len = (size_t)i2d_PUBKEY(other, &spki);
	assert_failed(
	    audit_head_verify(&s->head, spki, len, &e), &e, FAS_E_CRYPTO, "signature_wrong");
	fas_err_clear(&e);
	assert_failed(
	    audit_head_verify(&s->head, spki, 3, &e), &e, FAS_E_CRYPTO, "signature_wrong");
	EVP_PKEY_free(other);
	OPENSSL_free(spki);
}

static void
malformed_heads_are_refused(void **state)
{
	static const char *const members[] = {"counter", "head", "signature", "trail", "node"};
	struct signing *s = *state;
	for (size_t i = 0; i < NELEMS(members); i++) {
		struct fas_err e = {0};
		struct audit_head back;
		OWN(json) json_t *object = audit_head_to_json(&s->head);
		(void)json_object_set_new(object, members[i],
		    json_string(
			"!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"));
		assert_int_equal(audit_head_from_json(object, &back, &e), FAS_E_INPUT);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sign_one, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_head_is_confirmed_also_after_its_way_through_json),
	    TEST(each_member_is_under_the_signature),
	    TEST(the_message_is_no_der),
	    TEST(a_foreign_or_broken_key_confirms_nothing),
	    TEST(malformed_heads_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
