/* Certification requests: what is taken, and everything that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ca/csr.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE REQUEST-----"
#define PEM_END "-----END CERTIFICATE REQUEST-----"

static EVP_PKEY *rsa_key;
static char *rsa_pem;

/* As any client makes it: a subject, an attribute, signed. */
static char *
make(EVP_PKEY *key, const EVP_MD *digest)
{
	X509_REQ *request = X509_REQ_new();
	assert_int_equal(X509_REQ_set_version(request, X509_REQ_VERSION_1), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN",
			     MBSTRING_UTF8, (const unsigned char *)"Administrator", -1, -1, 0),
	    1);
	assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword,
			     MBSTRING_ASC, (const unsigned char *)"x", -1),
	    1);
	assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
	assert_true(X509_REQ_sign(request, key, digest) > 0);
	BIO *memory = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509_REQ(memory, request), 1);
	char *data = NULL;
	long len = BIO_get_mem_data(memory, &data);
	char *pem = strndup(data, (size_t)len);
	assert_non_null(pem);
	BIO_free(memory);
	X509_REQ_free(request);
	return pem;
}

static int
set_up(void **state)
{
	(void)state;
	rsa_key = EVP_RSA_gen(2048);
	rsa_pem = make(rsa_key, EVP_sha256());
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa_key);
	free(rsa_pem);
	return 0;
}

static void
assert_refused(const char *pem, const char *reason)
{
	OWN(bytes) uint8_t *spki = NULL;
	size_t len = 0;
	enum csr_key key;
	unsigned bits;
	struct fas_err e = {0};
	assert_int_equal(csr_parse(pem, &spki, &len, &key, &bits, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, reason);
	assert_null(spki);
}

static void
assert_taken(EVP_PKEY *pkey, const EVP_MD *digest, enum csr_key want_key, unsigned want_bits)
{
	OWN(text) char *pem = make(pkey, digest);
	OWN(bytes) uint8_t *spki = NULL;
	uint8_t *want = NULL;
	size_t len = 0;
	enum csr_key key;
	unsigned bits;
	struct fas_err e = {0};
	if (csr_parse(pem, &spki, &len, &key, &bits, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(key, want_key);
	assert_int_equal(bits, want_bits);
	assert_int_equal(i2d_PUBKEY(pkey, &want), len);
	assert_memory_equal(spki, want, len);
	OPENSSL_free(want);
}

/* Back to DER, one byte changed, and PEM again. */
static char *
pem_of(const uint8_t *der, size_t len)
{
	OWN(text) char *base64 = base64_encode(der, len);
	char *pem = NULL;
	assert_true(asprintf(&pem, "%s\n%s\n%s\n", PEM_BEGIN, base64, PEM_END) > 0);
	return pem;
}

static uint8_t *
der_of(const char *pem, size_t *len)
{
	uint8_t *der = NULL;
	const char *begin = strstr(pem, PEM_BEGIN) + strlen(PEM_BEGIN), *end = strstr(pem, PEM_END);
	assert_int_equal(
	    base64_decode(begin, (size_t)(end - begin), true, &der, len, NULL), FAS_OK);
	return der;
}

static void
requests_of_every_key_and_digest_are_taken(void **state)
{
	(void)state;
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384");
	assert_taken(rsa_key, EVP_sha256(), CSR_KEY_RSA, 2048);
	assert_taken(rsa_key, EVP_sha384(), CSR_KEY_RSA, 2048);
	assert_taken(rsa_key, EVP_sha512(), CSR_KEY_RSA, 2048);
	assert_taken(p256, EVP_sha256(), CSR_KEY_P256, 256);
	assert_taken(p384, EVP_sha384(), CSR_KEY_P384, 384);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
}

static void
white_space_around_the_block_is_fine(void **state)
{
	(void)state;
	OWN(text) char *pem = NULL;
	OWN(bytes) uint8_t *spki = NULL;
	size_t len = 0;
	enum csr_key key;
	unsigned bits;
	assert_true(asprintf(&pem, "\r\n \t%s\n\n", rsa_pem) > 0);
	assert_int_equal(csr_parse(pem, &spki, &len, &key, &bits, NULL), FAS_OK);
}

static void
text_around_the_block_is_refused(void **state)
{
	(void)state;
	OWN(text) char *before = NULL, *after = NULL, *twice = NULL;
	assert_true(asprintf(&before, "x%s", rsa_pem) > 0);
	assert_true(asprintf(&after, "%sx", rsa_pem) > 0);
	assert_true(asprintf(&twice, "%s%s", rsa_pem, rsa_pem) > 0);
	assert_refused(before, "csr_malformed");
	assert_refused(after, "csr_malformed");
	assert_refused(twice, "csr_malformed");
	assert_refused("", "csr_malformed");
	assert_refused(PEM_BEGIN, "csr_malformed");
	assert_refused(PEM_BEGIN PEM_END, "csr_malformed");
	assert_refused(
	    "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "csr_malformed");
}

static void
oversized_request_is_refused(void **state)
{
	(void)state;
	OWN(text) char *pem = calloc(1, CSR_PEM_MAX + 2);
	assert_non_null(pem);
	memset(pem, '\n', CSR_PEM_MAX + 1);
	assert_refused(pem, "csr_malformed");
}

static void
weak_digest_is_refused(void **state)
{
	(void)state;
	OWN(text) char *pem = make(rsa_key, EVP_sha1());
	assert_refused(pem, "csr_signature");
}

static void
small_and_odd_keys_are_refused(void **state)
{
	(void)state;
	EVP_PKEY *small = EVP_RSA_gen(1024), *p521 = EVP_EC_gen("P-521"),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *three = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	assert_int_equal(BN_set_word(exponent, 3), 1);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, exponent), 1);
	assert_int_equal(EVP_PKEY_generate(context, &three), 1);
	EVP_PKEY_CTX_free(context);
	BN_free(exponent);
	OWN(text) char *pem_small = make(small, EVP_sha256());
	OWN(text) char *pem_p521 = make(p521, EVP_sha512());
	OWN(text) char *pem_ed = make(ed, NULL);
	OWN(text) char *pem_three = make(three, EVP_sha256());
	assert_refused(pem_small, "csr_key");
	assert_refused(pem_p521, "csr_key");
	assert_refused(pem_ed, "csr_key");
	assert_refused(pem_three, "csr_key");
	EVP_PKEY_free(small);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(three);
}

static void
request_signed_by_another_key_is_refused(void **state)
{
	(void)state;
	X509_REQ *request = X509_REQ_new();
	EVP_PKEY *other = EVP_RSA_gen(2048);
	assert_int_equal(X509_REQ_set_pubkey(request, rsa_key), 1);
	assert_true(X509_REQ_sign(request, other, EVP_sha256()) > 0);
	uint8_t *der = NULL;
	int len = i2d_X509_REQ(request, &der);
	OWN(text) char *pem = pem_of(der, (size_t)len);
	assert_refused(pem, "csr_signature");
	OPENSSL_free(der);
	X509_REQ_free(request);
	EVP_PKEY_free(other);
}

static void
point_off_its_curve_is_refused(void **state)
{
	(void)state;
	EVP_PKEY *p256 = EVP_EC_gen("P-256");
	OWN(text) char *pem = make(p256, EVP_sha256());
	size_t len = 0;
	OWN(bytes) uint8_t *der = der_of(pem, &len);
	uint8_t point[65];
	size_t point_len = 0;
	assert_int_equal(
	    EVP_PKEY_get_octet_string_param(p256, "pub", point, sizeof(point), &point_len), 1);
	uint8_t *at = memmem(der, len, point + point_len - 16, 16);
	assert_non_null(at);
	at[15] ^= 1;
	OWN(text) char *broken = pem_of(der, len);
	assert_refused(broken, "csr_key");
	EVP_PKEY_free(p256);
}

static void
left_overs_behind_the_request_are_refused(void **state)
{
	(void)state;
	size_t len = 0;
	OWN(bytes) uint8_t *der = der_of(rsa_pem, &len);
	OWN(bytes) uint8_t *longer = calloc(1, len + 1);
	assert_non_null(longer);
	memcpy(longer, der, len);
	OWN(text) char *pem = pem_of(longer, len + 1);
	assert_refused(pem, "csr_malformed");
}

/* Whatever is cut or changed, nothing crashes and nothing is taken. */
static void
no_cut_request_is_taken(void **state)
{
	(void)state;
	size_t len = 0;
	OWN(bytes) uint8_t *der = der_of(rsa_pem, &len);
	for (size_t cut = 0; cut < len; cut++) {
		OWN(text) char *pem = pem_of(der, cut);
		assert_refused(pem, "csr_malformed");
	}
}

static void
no_changed_request_is_taken(void **state)
{
	(void)state;
	size_t len = 0;
	OWN(bytes) uint8_t *der = der_of(rsa_pem, &len);
	for (size_t i = 0; i < len; i++) {
		der[i] ^= 0x41;
		OWN(text) char *pem = pem_of(der, len);
		OWN(bytes) uint8_t *spki = NULL;
		size_t spki_len = 0;
		enum csr_key key;
		unsigned bits;
		assert_int_equal(csr_parse(pem, &spki, &spki_len, &key, &bits, NULL), FAS_E_INPUT);
		der[i] ^= 0x41;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_of_every_key_and_digest_are_taken),
	    cmocka_unit_test(white_space_around_the_block_is_fine),
	    cmocka_unit_test(text_around_the_block_is_refused),
	    cmocka_unit_test(oversized_request_is_refused),
	    cmocka_unit_test(weak_digest_is_refused),
	    cmocka_unit_test(small_and_odd_keys_are_refused),
	    cmocka_unit_test(request_signed_by_another_key_is_refused),
	    cmocka_unit_test(point_off_its_curve_is_refused),
	    cmocka_unit_test(left_overs_behind_the_request_are_refused),
	    cmocka_unit_test(no_cut_request_is_taken),
	    cmocka_unit_test(no_changed_request_is_taken),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
