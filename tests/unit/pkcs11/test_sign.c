/* Signatures: every mechanism, whole and in parts, is one that OpenSSL accepts; and what is refused. */
#include "tests/unit/pkcs11/fixture.h"

#define TEXT "what is to be signed"

static CK_RSA_PKCS_PSS_PARAMS pss256 = {CKM_SHA256, CKG_MGF1_SHA256, 32};
static CK_RSA_PKCS_PSS_PARAMS pss384 = {CKM_SHA384, CKG_MGF1_SHA384, 48};
static CK_RSA_PKCS_PSS_PARAMS pss512 = {CKM_SHA512, CKG_MGF1_SHA512, 64};

/* hashes: the module's caller gives the text itself. */
static const struct row {
	CK_MECHANISM mechanism;
	const struct card_key *key;
	CK_MECHANISM_TYPE raw;
	enum card_hash hash;
	bool hashes;
} rows[] = {
    {{CKM_RSA_PKCS, NULL, 0}, &rsa, CKM_RSA_PKCS, CARD_HASH_SHA256, false},
    {{CKM_SHA256_RSA_PKCS, NULL, 0}, &rsa, CKM_RSA_PKCS, CARD_HASH_SHA256, true},
    {{CKM_SHA384_RSA_PKCS, NULL, 0}, &rsa, CKM_RSA_PKCS, CARD_HASH_SHA384, true},
    {{CKM_SHA512_RSA_PKCS, NULL, 0}, &rsa, CKM_RSA_PKCS, CARD_HASH_SHA512, true},
    {{CKM_RSA_PKCS_PSS, &pss256, sizeof(pss256)}, &rsa, CKM_RSA_PKCS_PSS, CARD_HASH_SHA256, false},
    {{CKM_RSA_PKCS_PSS, &pss512, sizeof(pss512)}, &rsa, CKM_RSA_PKCS_PSS, CARD_HASH_SHA512, false},
    {{CKM_SHA256_RSA_PKCS_PSS, &pss256, sizeof(pss256)}, &rsa, CKM_RSA_PKCS_PSS, CARD_HASH_SHA256,
	true},
    {{CKM_SHA384_RSA_PKCS_PSS, &pss384, sizeof(pss384)}, &rsa, CKM_RSA_PKCS_PSS, CARD_HASH_SHA384,
	true},
    {{CKM_SHA512_RSA_PKCS_PSS, &pss512, sizeof(pss512)}, &rsa, CKM_RSA_PKCS_PSS, CARD_HASH_SHA512,
	true},
    {{CKM_ECDSA, NULL, 0}, &ec, CKM_ECDSA, CARD_HASH_SHA256, false},
    {{CKM_ECDSA_SHA256, NULL, 0}, &ec, CKM_ECDSA, CARD_HASH_SHA256, true},
    {{CKM_ECDSA_SHA384, NULL, 0}, &ec, CKM_ECDSA, CARD_HASH_SHA384, true},
    {{CKM_ECDSA_SHA512, NULL, 0}, &ec, CKM_ECDSA, CARD_HASH_SHA512, true},
};

struct input {
	uint8_t digest[64], data[128];
	size_t digest_len, len;
};

static struct input
input_of(const struct row *row)
{
	struct input in = {.digest_len = 0};
	in.digest_len = digest_of(row->hash, TEXT, strlen(TEXT), in.digest);
	if (row->hashes) {
		memcpy(in.data, TEXT, strlen(TEXT));
		in.len = strlen(TEXT);
	} else if (row->raw == CKM_RSA_PKCS) {
		in.len = digest_info(in.digest, in.data);
	} else {
		memcpy(in.data, in.digest, in.digest_len);
		in.len = in.digest_len;
	}
	return in;
}

static void
begin(CK_SESSION_HANDLE session, const struct row *row)
{
	CK_MECHANISM m = row->mechanism;
	assert_ok(p11->C_SignInit(session, &m, find_object(session, CKO_PRIVATE_KEY, row->key)));
}

static void
check(const struct row *row, const struct input *in, const uint8_t *signature, size_t len)
{
	assert_int_equal(len, row->key == &rsa ? 256 : 64);
	assert_true(
	    verifies(row->key, row->raw, row->hash, in->digest, in->digest_len, signature, len));
}

static void
every_mechanism_signs_whole(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct input in = input_of(&rows[i]);
		uint8_t signature[512];
		CK_ULONG len = sizeof(signature);
		begin(session, &rows[i]);
		assert_ok(p11->C_Sign(session, in.data, in.len, signature, &len));
		check(&rows[i], &in, signature, len);
		assert_rv(p11->C_Sign(session, in.data, in.len, signature, &len),
		    CKR_OPERATION_NOT_INITIALIZED);
	}
}

static void
every_mechanism_signs_in_parts(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct input in = input_of(&rows[i]);
		uint8_t signature[512];
		CK_ULONG len = sizeof(signature);
		begin(session, &rows[i]);
		assert_ok(p11->C_SignUpdate(session, in.data, 7));
		assert_ok(p11->C_SignUpdate(session, NULL, 0));
		assert_ok(p11->C_SignUpdate(session, in.data + 7, in.len - 7));
		assert_ok(p11->C_SignFinal(session, signature, &len));
		check(&rows[i], &in, signature, len);
	}
}

static void
length_is_told_and_a_small_buffer_keeps_the_operation(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct input in = input_of(&rows[i]);
		uint8_t signature[512];
		CK_ULONG len = 0, want = rows[i].key == &rsa ? 256 : 64;
		begin(session, &rows[i]);
		assert_ok(p11->C_Sign(session, in.data, in.len, NULL, &len));
		assert_int_equal(len, want);
		len = want - 1;
		assert_rv(
		    p11->C_Sign(session, in.data, in.len, signature, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, want);
		assert_ok(p11->C_SignUpdate(session, in.data, in.len));
		assert_ok(p11->C_SignFinal(session, NULL, &len));
		assert_int_equal(len, want);
		len = 1;
		assert_rv(p11->C_SignFinal(session, signature, &len), CKR_BUFFER_TOO_SMALL);
		assert_ok(p11->C_SignFinal(session, signature, &len));
		check(&rows[i], &in, signature, len);
	}
}

static void
long_data_is_hashed_by_the_agent_in_pieces(void **state)
{
	enum { LEN = 1000000 };
	CK_SESSION_HANDLE session = open_session();
	uint8_t *data = malloc(LEN), digest[64], signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 7);
	size_t digest_len = digest_of(CARD_HASH_SHA256, data, LEN, digest);
	begin(session, &rows[1]);
	assert_ok(p11->C_Sign(session, data, LEN, signature, &len));
	assert_true(
	    verifies(&rsa, CKM_RSA_PKCS, CARD_HASH_SHA256, digest, digest_len, signature, len));
	assert_int_equal(card_server_count(server, CARD_OP_HASH_UPDATE), 17);
	free(data);
}

static void
two_sessions_hash_at_once_without_mixing(void **state)
{
	CK_SESSION_HANDLE a = open_session(), b = open_session();
	struct input in = input_of(&rows[1]);
	uint8_t signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	begin(a, &rows[1]);
	begin(b, &rows[10]);
	for (size_t i = 0; i < in.len; i++) {
		assert_ok(p11->C_SignUpdate(a, in.data + i, 1));
		assert_ok(p11->C_SignUpdate(b, in.data + i, 1));
	}
	assert_ok(p11->C_SignFinal(a, signature, &len));
	check(&rows[1], &in, signature, len);
	len = sizeof(signature);
	assert_ok(p11->C_SignFinal(b, signature, &len));
	check(&rows[10], &in, signature, len);
}

static void
nothing_is_hashed_as_nothing(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	uint8_t digest[64], signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	size_t digest_len = digest_of(CARD_HASH_SHA256, "", 0, digest);
	begin(session, &rows[1]);
	assert_ok(p11->C_SignFinal(session, signature, &len));
	assert_true(
	    verifies(&rsa, CKM_RSA_PKCS, CARD_HASH_SHA256, digest, digest_len, signature, len));
}

static void
data_of_a_wrong_length_or_form_ends_the_operation(void **state)
{
	static const struct {
		size_t row, len;
		CK_RV want;
	} bad[] = {
	    {0, 20, CKR_DATA_INVALID}, /* no DigestInfo */
	    {0, 246, CKR_DATA_LEN_RANGE},
	    {4, 31, CKR_DATA_LEN_RANGE},
	    {4, 48, CKR_DATA_LEN_RANGE},
	    {9, 0, CKR_DATA_LEN_RANGE},
	    {9, 65, CKR_DATA_LEN_RANGE},
	};
	CK_SESSION_HANDLE session = open_session();
	uint8_t data[300] = {1}, signature[512];
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		CK_ULONG len = sizeof(signature);
		begin(session, &rows[bad[i].row]);
		assert_rv(p11->C_Sign(session, data, bad[i].len, signature, &len), bad[i].want);
		assert_rv(p11->C_Sign(session, data, bad[i].len, signature, &len),
		    CKR_OPERATION_NOT_INITIALIZED);
		begin(session, &rows[bad[i].row]);
		assert_ok(p11->C_SignUpdate(session, data, bad[i].len));
		assert_rv(p11->C_SignFinal(session, signature, &len), bad[i].want);
	}
	begin(session, &rows[0]);
	assert_ok(p11->C_SignUpdate(session, data, 300));
	assert_rv(p11->C_SignUpdate(session, data, 300), CKR_DATA_LEN_RANGE);
	assert_rv(p11->C_SignUpdate(session, data, 1), CKR_OPERATION_NOT_INITIALIZED);
}

static void
mechanism_has_to_fit_key_and_parameters(void **state)
{
	static CK_RSA_PKCS_PSS_PARAMS sha1 = {CKM_SHA_1, CKG_MGF1_SHA1, 20};
	static CK_RSA_PKCS_PSS_PARAMS mixed = {CKM_SHA256, CKG_MGF1_SHA1, 32};
	static CK_RSA_PKCS_PSS_PARAMS huge = {CKM_SHA256, CKG_MGF1_SHA256, 65536};
	static const struct {
		CK_MECHANISM mechanism;
		const struct card_key *key;
		CK_RV want;
	} bad[] = {
	    {{CKM_RSA_X_509, NULL, 0}, &rsa, CKR_MECHANISM_INVALID},
	    {{CKM_SHA1_RSA_PKCS, NULL, 0}, &rsa, CKR_MECHANISM_INVALID},
	    {{CKM_ECDSA, NULL, 0}, &rsa, CKR_KEY_TYPE_INCONSISTENT},
	    {{CKM_RSA_PKCS, NULL, 0}, &ec, CKR_KEY_TYPE_INCONSISTENT},
	    {{CKM_RSA_PKCS, &sha1, sizeof(sha1)}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_RSA_PKCS_PSS, NULL, 0}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_RSA_PKCS_PSS, &pss256, 8}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_RSA_PKCS_PSS, &sha1, sizeof(sha1)}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_RSA_PKCS_PSS, &mixed, sizeof(mixed)}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_RSA_PKCS_PSS, &huge, sizeof(huge)}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	    {{CKM_SHA256_RSA_PKCS_PSS, &pss384, sizeof(pss384)}, &rsa, CKR_MECHANISM_PARAM_INVALID},
	};
	CK_SESSION_HANDLE session = open_session();
	CK_MECHANISM good = {CKM_RSA_PKCS, NULL, 0};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		CK_MECHANISM m = bad[i].mechanism;
		assert_rv(
		    p11->C_SignInit(session, &m, find_object(session, CKO_PRIVATE_KEY, bad[i].key)),
		    bad[i].want);
	}
	assert_rv(p11->C_SignInit(session, &good, find_object(session, CKO_PUBLIC_KEY, &rsa)),
	    CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_rv(p11->C_SignInit(session, &good, find_object(session, CKO_CERTIFICATE, &rsa)),
	    CKR_KEY_HANDLE_INVALID);
	assert_rv(p11->C_SignInit(session, &good, 0), CKR_KEY_HANDLE_INVALID);
	assert_rv(p11->C_SignInit(session, &good, 999999), CKR_KEY_HANDLE_INVALID);
	assert_rv(p11->C_SignInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
}

static void
refusals_of_the_agent_have_their_meaning(void **state)
{
	static const struct {
		enum card_status status;
		CK_RV want;
	} refusals[] = {
	    {CARD_STATUS_DENIED, CKR_KEY_FUNCTION_NOT_PERMITTED},
	    {CARD_STATUS_NO_CONSENT, CKR_FUNCTION_REJECTED},
	    {CARD_STATUS_CARD_GONE, CKR_DEVICE_REMOVED},
	    {CARD_STATUS_KEY_GONE, CKR_KEY_HANDLE_INVALID},
	    {CARD_STATUS_MECHANISM, CKR_MECHANISM_INVALID},
	    {CARD_STATUS_DATA, CKR_DATA_INVALID},
	    {CARD_STATUS_AWAY, CKR_DEVICE_ERROR},
	    {CARD_STATUS_LIMIT, CKR_FUNCTION_REJECTED},
	    {CARD_STATUS_BUSY, CKR_FUNCTION_FAILED},
	    {CARD_STATUS_INTERNAL, CKR_DEVICE_ERROR},
	};
	CK_SESSION_HANDLE session = open_session();
	struct input in = input_of(&rows[0]);
	uint8_t signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	for (size_t i = 0; i < NELEMS(refusals); i++) {
		len = sizeof(signature);
		card_server_refuse(server, refusals[i].status);
		begin(session, &rows[0]);
		assert_rv(p11->C_Sign(session, in.data, in.len, signature, &len), refusals[i].want);
	}
	card_server_refuse(server, CARD_STATUS_OK);
	begin(session, &rows[0]);
	assert_ok(p11->C_Sign(session, in.data, in.len, signature, &len));
}

static void
misuse_in_the_middle_ends_the_operation(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	struct input in = input_of(&rows[1]);
	CK_MECHANISM m = rows[1].mechanism;
	uint8_t signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	begin(session, &rows[1]);
	assert_rv(p11->C_SignInit(session, &m, find_object(session, CKO_PRIVATE_KEY, &rsa)),
	    CKR_OPERATION_ACTIVE);
	assert_ok(p11->C_SignUpdate(session, in.data, in.len));
	assert_rv(p11->C_Sign(session, in.data, in.len, signature, &len), CKR_OPERATION_ACTIVE);
	assert_rv(p11->C_SignFinal(session, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	begin(session, &rows[1]);
	assert_rv(p11->C_SignUpdate(session, NULL, 5), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_SignFinal(session, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	begin(session, &rows[1]);
	assert_rv(p11->C_SignFinal(session, signature, NULL), CKR_ARGUMENTS_BAD);
	begin(session, &rows[1]);
	assert_rv(p11->C_Sign(session, NULL, 5, signature, &len), CKR_ARGUMENTS_BAD);
	begin(session, &rows[1]);
	assert_rv(p11->C_Sign(session, in.data, in.len, signature, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(
	    p11->C_Sign(session, in.data, in.len, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
}

static void
card_taken_away_in_the_middle_is_a_removed_device(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	struct input in = input_of(&rows[0]);
	uint8_t signature[512];
	CK_ULONG len = sizeof(signature), n = 0;
	(void)state;
	begin(session, &rows[0]);
	card_server_remove(server, (uint32_t)slot);
	assert_rv(p11->C_Sign(session, in.data, in.len, signature, &len), CKR_DEVICE_REMOVED);
	assert_ok(p11->C_GetSlotList(CK_TRUE, NULL, &n));
	assert_int_equal(n, 0);
	assert_rv(
	    p11->C_Sign(session, in.data, in.len, signature, &len), CKR_SESSION_HANDLE_INVALID);
}

static void
agent_that_dies_in_a_hash_is_a_removed_device(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	struct input in = input_of(&rows[1]);
	uint8_t signature[512];
	CK_ULONG len = sizeof(signature);
	(void)state;
	begin(session, &rows[1]);
	assert_ok(p11->C_SignUpdate(session, in.data, in.len));
	card_server_stop(server);
	assert_rv(p11->C_SignFinal(session, signature, &len), CKR_DEVICE_REMOVED);
	server = card_server_start(getenv("FAS_AGENT_SOCKET"));
}

#define sign_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    sign_test(every_mechanism_signs_whole),
	    sign_test(every_mechanism_signs_in_parts),
	    sign_test(length_is_told_and_a_small_buffer_keeps_the_operation),
	    sign_test(long_data_is_hashed_by_the_agent_in_pieces),
	    sign_test(two_sessions_hash_at_once_without_mixing),
	    sign_test(nothing_is_hashed_as_nothing),
	    sign_test(data_of_a_wrong_length_or_form_ends_the_operation),
	    sign_test(mechanism_has_to_fit_key_and_parameters),
	    sign_test(refusals_of_the_agent_have_their_meaning),
	    sign_test(misuse_in_the_middle_ends_the_operation),
	    sign_test(card_taken_away_in_the_middle_is_a_removed_device),
	    sign_test(agent_that_dies_in_a_hash_is_a_removed_device),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
