#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "fas/agent/card_key.h"
#include "fas/agent/signing.h"
#include "pki.h"

static EVP_PKEY *rsa, *ec;
static struct pki_node ca;
static const char text[] = "to sign";

static const char *const user_extensions[] = {"extendedKeyUsage=clientAuth", NULL};

static int
setup(void **state)
{
	(void)state;
	rsa = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-384");
	pki_make(&ca, NULL, "Logon CA", pki_ca);
	return rsa && ec ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	pki_done(&ca);
	return 0;
}

/* A request SIGN as a module writes it. */
struct ask {
	enum card_mechanism mechanism;
	int hash, mgf, salt; /* 0, 0, -1 = not there */
	const uint8_t *data;
	size_t len;
};

static enum fas_code
read_ask(const struct ask *ask, struct signing *out, struct fas_err *e)
{
	static uint8_t buffer[2048];
	static const uint8_t id[CARD_KEY_ID_BYTES];
	struct card_writer w;
	struct card_message m;
	card_write_begin(&w, buffer, sizeof(buffer), CARD_OP_SIGN);
	card_write_number(&w, CARD_TAG_CARD_ID, 1);
	card_write_bytes(&w, CARD_TAG_KEY_ID, id, sizeof(id));
	card_write_number(&w, CARD_TAG_MECHANISM, ask->mechanism);
	if (ask->hash)
		card_write_number(&w, CARD_TAG_HASH, (uint64_t)ask->hash);
	if (ask->mgf)
		card_write_number(&w, CARD_TAG_MGF_HASH, (uint64_t)ask->mgf);
	if (ask->salt >= 0)
		card_write_number(&w, CARD_TAG_SALT_LEN, (uint64_t)ask->salt);
	card_write_bytes(&w, CARD_TAG_DATA, ask->data, ask->len);
	size_t len = card_write_end(&w);
	assert_true(card_read_request(buffer, len, &m));
	return signing_read(&m, out, e);
}

static const uint8_t sha256_head[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

static void
make_info(uint8_t out[sizeof(sha256_head) + 32])
{
	memcpy(out, sha256_head, sizeof(sha256_head));
	assert_int_equal(
	    EVP_Digest(text, sizeof(text), out + sizeof(sha256_head), NULL, EVP_sha256(), NULL), 1);
}

static int
verify(EVP_PKEY *key, const EVP_MD *md, bool pss, const uint8_t *signature, size_t len)
{
	EVP_PKEY_CTX *padding = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(ctx, &padding, md, NULL, key), 1);
	if (pss)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
	int rc = EVP_DigestVerify(ctx, signature, len, (const unsigned char *)text, sizeof(text));
	EVP_MD_CTX_free(ctx);
	return rc;
}

static void
a_digest_info_is_signed_as_pkcs1_says(void **state)
{
	uint8_t info[sizeof(sha256_head) + 32], signature[SIGNATURE_MAX];
	struct signing s;
	struct fas_err e = {0};
	size_t len = 0;
	(void)state;
	make_info(info);
	const struct ask ask = {CARD_MECHANISM_RSA_PKCS1, 0, 0, -1, info, sizeof(info)};
	assert_int_equal(read_ask(&ask, &s, &e), FAS_OK);
	assert_int_equal(s.hash, CARD_HASH_SHA256);
	assert_int_equal(signing_make(&s, rsa, signature, &len, &e), FAS_OK);
	assert_int_equal(verify(rsa, EVP_sha256(), false, signature, len), 1);
}

static void
each_bit_of_a_digest_infos_head_matters(void **state)
{
	uint8_t info[sizeof(sha256_head) + 32];
	struct signing s;
	(void)state;
	for (size_t bit = 0; bit < sizeof(sha256_head) * 8; bit++) {
		struct fas_err e = {0};
		make_info(info);
		info[bit / 8] ^= (uint8_t)(1U << bit % 8);
		const struct ask ask = {CARD_MECHANISM_RSA_PKCS1, 0, 0, -1, info, sizeof(info)};
		if (read_ask(&ask, &s, &e) == FAS_OK)
			fail_msg("bit %zu turned is taken", bit);
		assert_string_equal(e.reason, "data_refused");
	}
}

static void
what_is_cut_or_longer_is_no_digest_info(void **state)
{
	uint8_t info[sizeof(sha256_head) + 33] = {0};
	struct signing s;
	(void)state;
	make_info(info);
	for (size_t len = 0; len <= sizeof(info); len++) {
		struct fas_err e = {0};
		const struct ask ask = {CARD_MECHANISM_RSA_PKCS1, 0, 0, -1, info, len};
		assert_int_equal(
		    read_ask(&ask, &s, &e), len == sizeof(sha256_head) + 32 ? FAS_OK : FAS_E_INPUT);
	}
}

static void
pss_is_signed_with_the_one_hash_and_its_salt(void **state)
{
	uint8_t digest[48], signature[SIGNATURE_MAX];
	struct signing s;
	struct fas_err e = {0};
	size_t len = 0;
	(void)state;
	assert_int_equal(EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha384(), NULL), 1);
	const struct ask ask = {
	    CARD_MECHANISM_RSA_PSS, CARD_HASH_SHA384, CARD_HASH_SHA384, 48, digest, sizeof(digest)};
	assert_int_equal(read_ask(&ask, &s, &e), FAS_OK);
	assert_int_equal(signing_make(&s, rsa, signature, &len, &e), FAS_OK);
	assert_int_equal(verify(rsa, EVP_sha384(), true, signature, len), 1);
}

static void
other_combinations_are_refused(void **state)
{
	static const uint8_t digest[64];
	static const struct {
		struct ask ask;
		const char *reason;
	} wrong[] = {
	    {{CARD_MECHANISM_RSA_PSS, 1, 2, 32, digest, 32}, "mechanism_refused"},
	    {{CARD_MECHANISM_RSA_PSS, 1, 1, 20, digest, 32}, "mechanism_refused"},
	    {{CARD_MECHANISM_RSA_PSS, 1, 0, 32, digest, 32}, "mechanism_refused"},
	    {{CARD_MECHANISM_RSA_PSS, 1, 1, -1, digest, 32}, "mechanism_refused"},
	    {{CARD_MECHANISM_RSA_PSS, 1, 1, 32, digest, 48}, "data_refused"},
	    {{CARD_MECHANISM_RSA_PSS, 0, 0, -1, digest, 32}, "data_refused"},
	    {{CARD_MECHANISM_ECDSA, 1, 0, -1, digest, 32}, "mechanism_refused"},
	    {{CARD_MECHANISM_ECDSA, 0, 0, -1, digest, 20}, "data_refused"},
	    {{CARD_MECHANISM_ECDSA, 0, 0, -1, digest, 0}, "data_refused"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct signing s;
		struct fas_err e = {0};
		if (read_ask(&wrong[i].ask, &s, &e) == FAS_OK)
			fail_msg("%zu is taken", i);
		assert_string_equal(e.reason, wrong[i].reason);
	}
}

static void
ecdsa_comes_as_two_numbers_as_long_as_the_order(void **state)
{
	uint8_t digest[32], raw[SIGNATURE_MAX], der[256], *at = der;
	struct signing s;
	struct fas_err e = {0};
	size_t len = 0;
	(void)state;
	assert_int_equal(EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL), 1);
	const struct ask ask = {CARD_MECHANISM_ECDSA, 0, 0, -1, digest, sizeof(digest)};
	assert_int_equal(read_ask(&ask, &s, &e), FAS_OK);
	assert_int_equal(signing_make(&s, ec, raw, &len, &e), FAS_OK);
	assert_int_equal(len, 96);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	assert_int_equal(
	    ECDSA_SIG_set0(sig, BN_bin2bn(raw, 48, NULL), BN_bin2bn(raw + 48, 48, NULL)), 1);
	int der_len = i2d_ECDSA_SIG(sig, &at);
	ECDSA_SIG_free(sig);
	assert_int_equal(verify(ec, EVP_sha256(), false, der, (size_t)der_len), 1);
}

/* ---- objects ---- */

static struct card_key *
card_key_of(EVP_PKEY *key, EVP_PKEY *ours, const char *name)
{
	OWN(pki) struct pki_node user = {0};
	struct fas_err e = {0};
	struct card_key *made = NULL;
	const struct pki_node *nodes[] = {&user}, *issuers[] = {&ca};
	pki_make_for(&user, &ca, key, "alice", user_extensions);
	OWN(text) char *pem = pki_pem(nodes, 1);
	OWN(text) char *chain = pki_pem(issuers, 1);
	const struct card_key_parts parts = {.purpose = CARD_PURPOSE_IN_SESSION,
	    .key = ours,
	    .name = name,
	    .certificate_pem = pem,
	    .chain_pem = chain};
	if (card_key_new(&parts, &made, &e) != FAS_OK)
		assert_string_equal(e.reason, "answer_certificate");
	return made;
}

/* What a module would read of it. */
static void
read_back(const struct card_key *key, uint8_t *buffer, size_t size, struct card_message *entry)
{
	struct card_writer w;
	struct card_message reply;
	struct fas_err e = {0};
	size_t at = 0;
	card_write_begin(&w, buffer, size, CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, 1);
	assert_int_equal(card_key_write(key, card_key_mechanisms(key), &w, &e), FAS_OK);
	assert_int_equal(card_key_write_issuers(key, &w, &e), FAS_OK);
	size_t len = card_write_end(&w);
	assert_true(card_read_reply(buffer, len, CARD_OP_OBJECTS, &reply));
	assert_true(card_read_entry(&reply, CARD_TAG_KEY, &at, entry));
}

static void
an_rsa_keys_objects_are_those_of_its_certificate(void **state)
{
	OWN(card_key) struct card_key *key = card_key_of(rsa, rsa, NULL);
	static uint8_t buffer[32768];
	struct card_message m;
	size_t len = 0;
	(void)state;
	assert_non_null(key);
	read_back(key, buffer, sizeof(buffer), &m);
	assert_int_equal(card_number(&m, CARD_TAG_KEY_TYPE), CARD_KEY_RSA);
	assert_int_equal(card_number(&m, CARD_TAG_BITS), 2048);
	assert_non_null(card_bytes(&m, CARD_TAG_MODULUS, &len));
	assert_int_equal(len, 256);
	assert_false(card_has(&m, CARD_TAG_EC_POINT));
	const unsigned char *der = card_bytes(&m, CARD_TAG_CERTIFICATE, &len);
	OWN(x509) X509 *certificate = d2i_X509(NULL, &der, (long)len);
	assert_int_equal(X509_cmp(certificate, key->certificate), 0);
	assert_true(card_key_is_valid(key, (int64_t)time(NULL)));
	assert_false(card_key_is_valid(key, (int64_t)time(NULL) + 7200));
	assert_false(card_key_is_valid(key, (int64_t)time(NULL) - 7200));
}

static void
an_ec_keys_point_is_an_octet_string_on_its_curve(void **state)
{
	OWN(card_key) struct card_key *key = card_key_of(ec, ec, NULL);
	static uint8_t buffer[32768];
	static const uint8_t secp384r1[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
	struct card_message m;
	size_t len = 0;
	(void)state;
	assert_non_null(key);
	read_back(key, buffer, sizeof(buffer), &m);
	assert_int_equal(card_number(&m, CARD_TAG_KEY_TYPE), CARD_KEY_EC);
	assert_int_equal(card_number(&m, CARD_TAG_MECHANISMS), 1U << CARD_MECHANISM_ECDSA);
	const uint8_t *params = card_bytes(&m, CARD_TAG_EC_PARAMS, &len);
	assert_int_equal(len, sizeof(secp384r1));
	assert_memory_equal(params, secp384r1, len);
	const uint8_t *point = card_bytes(&m, CARD_TAG_EC_POINT, &len);
	assert_int_equal(len, 99);
	assert_int_equal(point[0], 0x04); /* OCTET STRING */
	assert_int_equal(point[1], 97);
	assert_int_equal(point[2], 0x04); /* uncompressed */
}

static void
a_certificate_of_another_key_or_of_nobodys_is_refused(void **state)
{
	OWN(card_key) struct card_key *service = card_key_of(rsa, NULL, "0123");
	(void)state;
	assert_null(card_key_of(rsa, ec, NULL));
	assert_non_null(service);
	assert_null(service->key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_digest_info_is_signed_as_pkcs1_says),
	    cmocka_unit_test(each_bit_of_a_digest_infos_head_matters),
	    cmocka_unit_test(what_is_cut_or_longer_is_no_digest_info),
	    cmocka_unit_test(pss_is_signed_with_the_one_hash_and_its_salt),
	    cmocka_unit_test(other_combinations_are_refused),
	    cmocka_unit_test(ecdsa_comes_as_two_numbers_as_long_as_the_order),
	    cmocka_unit_test(an_rsa_keys_objects_are_those_of_its_certificate),
	    cmocka_unit_test(an_ec_keys_point_is_an_octet_string_on_its_curve),
	    cmocka_unit_test(a_certificate_of_another_key_or_of_nobodys_is_refused),
	};
	return cmocka_run_group_tests_name("signing", tests, setup, teardown);
}
