/* What is stated about trails: every member is under the signature, and what contradicts itself is none. */
#include "tests/unit/base/base_fixture.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/audit_statement.h"
#include "fas/base/json.h"

#define NOW_MS INT64_C(1800000000000)
#define DAY_MS INT64_C(86400000)

static struct audit_stated
checkpoint(void)
{
	return (struct audit_stated){.kind = AUDIT_CHECKPOINT,
	    .trail = TRAIL_FASD,
	    .node = "fas1",
	    .time_ms = NOW_MS,
	    .checkpoint = {.at = {.seq = 10, .hash = {1, 2}},
		.counter = 4,
		.head_ms = NOW_MS - 400 * DAY_MS,
		.count = 9,
		.keep_s = 400 * 86400}};
}

static struct audit_stated
gap(void)
{
	return (struct audit_stated){.kind = AUDIT_ACKNOWLEDGEMENT,
	    .trail = TRAIL_SIGNER,
	    .node = "fas1",
	    .time_ms = NOW_MS,
	    .gap = {.from = 5,
		.to = 9,
		.at = {.seq = 4, .hash = {3}},
		.counter = 7,
		.since_ms = NOW_MS - 1000,
		.missing = 2,
		.by = "uid:0(login 1000)",
		.reason = "the disk of \"Monday\" \xc3\xa9"}};
}

/* ---- the text ---- */

static void
both_kinds_come_back_from_their_text(void **state)
{
	const struct audit_stated kinds[] = {checkpoint(), gap()};
	(void)state;
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		struct fas_err e = {0};
		struct audit_stated back;
		OWN(text) char *text = audit_stated_format(&kinds[i]);
		assert_good(audit_stated_parse(text, &back, &e), &e);
		OWN(text) char *again = audit_stated_format(&back);
		assert_string_equal(text, again);
		assert_int_equal(audit_stated_seq(&back), 10);
	}
}

static void
refused(const struct audit_stated *stated)
{
	struct fas_err e = {0};
	struct audit_stated back;
	OWN(text) char *text = audit_stated_format(stated);
	assert_failed(audit_stated_parse(text, &back, &e), &e, FAS_E_INPUT, "statement_malformed");
}

static void
a_checkpoint_that_is_too_young_or_counts_wrong_is_none(void **state)
{
	struct audit_stated s[5];
	(void)state;
	for (size_t i = 0; i < NELEMS(s); i++)
		s[i] = checkpoint();
	s[0].checkpoint.head_ms += 1;
	s[1].checkpoint.count = 8;
	s[2].checkpoint.at.seq = 1;
	s[3].checkpoint.keep_s = 60;
	s[4].checkpoint.head_ms = NOW_MS + 1;
	for (size_t i = 0; i < NELEMS(s); i++)
		refused(&s[i]);
}

static void
a_gap_without_reason_or_name_or_from_behind_is_none(void **state)
{
	struct audit_stated s[5];
	(void)state;
	for (size_t i = 0; i < NELEMS(s); i++)
		s[i] = gap();
	s[0].gap.reason[0] = 0;
	s[1].gap.by[0] = 0;
	s[2].gap.from = 10;
	s[3].gap.since_ms = NOW_MS + 1;
	(void)snprintf(s[4].trail, sizeof(s[4].trail), "other");
	for (size_t i = 0; i < NELEMS(s); i++)
		refused(&s[i]);
}

static void
foreign_texts_are_none(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "{\"kind\":\"other\"}",
	    "{\"kind\":\"checkpoint\",\"trail\":\"fasd\",\"node\":\"fas1\",\"time_ms\":1}",
	    "{\"kind\":\"checkpoint\",\"kind\":\"checkpoint\"}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e = {0};
		struct audit_stated back;
		assert_failed(audit_stated_parse(texts[i], &back, &e), &e, FAS_E_INPUT,
		    "statement_malformed");
	}
	struct fas_err e = {0};
	struct audit_stated s = checkpoint(), back;
	OWN(text) char *text = audit_stated_format(&s);
	OWN(json) json_t *object = json_loads(text, 0, NULL);
	(void)json_object_set_new(object, "more", json_true());
	OWN(text) char *longer = json_dumps(object, JSON_COMPACT);
	assert_failed(
	    audit_stated_parse(longer, &back, &e), &e, FAS_E_INPUT, "statement_malformed");
}

static void
a_gap_covers_only_what_was_countersigned_before(void **state)
{
	const struct audit_stated s = gap(), other = checkpoint();
	struct audit_head head = {.counter = 7, .seq = 5, .trail = TRAIL_SIGNER};
	(void)state;
	assert_true(audit_gap_covers(&s, &head));
	assert_false(audit_gap_covers(&other, &head));
	head.seq = 4;
	assert_false(audit_gap_covers(&s, &head));
	head.seq = 10;
	assert_false(audit_gap_covers(&s, &head));
	head = (struct audit_head){.counter = 8, .seq = 5, .trail = TRAIL_SIGNER};
	assert_false(audit_gap_covers(&s, &head));
	head = (struct audit_head){.counter = 7, .seq = 5, .trail = TRAIL_FASD};
	assert_false(audit_gap_covers(&s, &head));
}

/* ---- the signature ---- */

static void
sign_it(const char *text, struct audit_keys *keys, struct audit_statement *out)
{
	uint8_t message[AUDIT_STATEMENT_MESSAGE_MAX], *spki = keys->keys[0].spki;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	*out = (struct audit_statement){
	    .key = 3, .text = strdup(text), .signature_len = AUDIT_SIGNATURE_MAX};
	size_t len = audit_statement_message(text, message);
	keys->n = 1;
	keys->keys[0].id = 3;
	keys->keys[0].spki_len = (size_t)i2d_PUBKEY(key, &spki);
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, out->signature, &out->signature_len, message, len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void
a_statement_is_confirmed_also_after_its_way_through_json(void **state)
{
	struct fas_err e = {0};
	struct audit_keys keys = {0};
	struct audit_stated s = gap();
	OWN(text) char *text = audit_stated_format(&s);
	OWN(audit_statement) struct audit_statement made = {0};
	OWN(audit_statement) struct audit_statement back = {0};
	(void)state;
	sign_it(text, &keys, &made);
	OWN(json) json_t *object = audit_statement_to_json(&made);
	assert_good(audit_statement_from_json(object, &back, &e), &e);
	assert_good(audit_statement_verify(&back, &keys, &e), &e);
}

static void
another_text_key_or_signature_is_not_confirmed(void **state)
{
	struct audit_keys keys = {0};
	struct audit_stated s = checkpoint();
	OWN(text) char *text = audit_stated_format(&s);
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fas_err e = {0};
		OWN(audit_statement) struct audit_statement made = {0};
		sign_it(text, &keys, &made);
		made.text[20] = (char)(made.text[20] ^ (i == 0));
		made.key += i == 1;
		made.signature[10] = (uint8_t)(made.signature[10] ^ (i == 2));
		keys.keys[0].spki_len -= i == 3;
		assert_failed(
		    audit_statement_verify(&made, &keys, &e), &e, FAS_E_AUTH, "signature_wrong");
	}
}

/* No head's bytes are a statement's: the contexts differ before anything else. */
static void
a_statement_is_no_head_and_no_der(void **state)
{
	uint8_t statement[AUDIT_STATEMENT_MESSAGE_MAX], head[AUDIT_HEAD_MESSAGE_MAX];
	const struct audit_head h = {.counter = 1, .trail = TRAIL_FASD};
	(void)state;
	assert_true(audit_statement_message("{}", statement) > 8);
	assert_true(audit_head_message(&h, head) > 16);
	assert_memory_not_equal(statement, head, 16);
	assert_int_not_equal(statement[0], 0x30);
}

static void
malformed_envelopes_are_refused(void **state)
{
	static const char *const texts[] = {"{}",
	    "{\"key\":0,\"text\":\"{}\",\"signature\":\"AA==\"}",
	    "{\"key\":1,\"text\":\"\",\"signature\":\"AA==\"}",
	    "{\"key\":1,\"text\":\"{}\",\"signature\":\"?\"}",
	    "{\"key\":1,\"text\":\"{}\",\"signature\":\"AA==\",\"more\":1}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e = {0};
		OWN(audit_statement) struct audit_statement back = {0};
		OWN(json) json_t *object = json_loads(texts[i], 0, NULL);
		assert_int_equal(audit_statement_from_json(object, &back, &e), FAS_E_INPUT);
		assert_null(back.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_kinds_come_back_from_their_text),
	    cmocka_unit_test(a_checkpoint_that_is_too_young_or_counts_wrong_is_none),
	    cmocka_unit_test(a_gap_without_reason_or_name_or_from_behind_is_none),
	    cmocka_unit_test(foreign_texts_are_none),
	    cmocka_unit_test(a_gap_covers_only_what_was_countersigned_before),
	    cmocka_unit_test(a_statement_is_confirmed_also_after_its_way_through_json),
	    cmocka_unit_test(another_text_key_or_signature_is_not_confirmed),
	    cmocka_unit_test(a_statement_is_no_head_and_no_der),
	    cmocka_unit_test(malformed_envelopes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
