#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

static size_t
spki_of(EVP_PKEY *key, uint8_t **out)
{
	*out = NULL;
	int len = i2d_PUBKEY(key, out);
	assert_true(len > 0);
	return (size_t)len;
}

X509 *
fixture_sign(EVP_PKEY *key, const uint8_t *tbs, size_t tbs_len)
{
	OWN(bytes) uint8_t *der = NULL;
	uint8_t signature[1024];
	size_t signature_len = sizeof(signature), len = 0;
	enum profile_signature algorithm;
	struct fas_err e = {0};
	assert_int_equal(profile_signature_for(key, &algorithm, &e), FAS_OK);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *digest = algorithm == SIGNATURE_ECDSA_SHA384 ? EVP_sha384() : EVP_sha256();
	assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &signature_len, tbs, tbs_len), 1);
	EVP_MD_CTX_free(context);
	assert_int_equal(
	    profile_assemble(algorithm, tbs, tbs_len, signature, signature_len, &der, &len, &e),
	    FAS_OK);
	const uint8_t *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)len);
	assert_non_null(certificate);
	assert_ptr_equal(at, der + len);
	return certificate;
}

static X509 *
make_root(EVP_PKEY *key)
{
	OWN(bytes) uint8_t *tbs = NULL;
	uint8_t *spki = NULL;
	size_t tbs_len = 0, spki_len = spki_of(key, &spki);
	struct fas_err e = {0};
	const struct profile_ca_facts facts = {
	    .common_name = "CORP Federated Logon CA",
	    .organization = "Example Corp",
	    .serial = {0x01, 2, 3, 4, 5, 6, 7, 8, 9},
	    .serial_len = 9,
	    .not_before_s = FIXTURE_NOW - 86400,
	    .not_after_s = FIXTURE_NOW + INT64_C(10) * 365 * 86400,
	    .path_len = 0,
	    .spki = spki,
	    .spki_len = spki_len,
	};
	assert_int_equal(
	    profile_build_ca(NULL, SIGNATURE_RSA_SHA256, &facts, &tbs, &tbs_len, &e), FAS_OK);
	OPENSSL_free(spki);
	return fixture_sign(key, tbs, tbs_len);
}

void
fixture_init(struct fixture *f)
{
	struct fas_err e = {0};
	*f = (struct fixture){0};
	f->ca_key = EVP_RSA_gen(2048);
	f->rsa = EVP_RSA_gen(2048);
	f->p256 = EVP_EC_gen("P-256");
	assert_true(f->ca_key && f->rsa && f->p256);
	f->rsa_spki_len = spki_of(f->rsa, &f->rsa_spki);
	f->p256_spki_len = spki_of(f->p256, &f->p256_spki);
	f->ca = make_root(f->ca_key);
	f->issuer = (struct profile_issuer){
	    .certificate = f->ca,
	    .signature = SIGNATURE_RSA_SHA256,
	    .crl_urls = {FIXTURE_CRL_URL},
	    .n_crl_urls = 1,
	    .ca_urls = {FIXTURE_CA_URL},
	    .n_ca_urls = 1,
	};
	static const char *const rdns[][2] = {{"DC", "com"}, {"DC", "example"}, {"DC", "corp"},
	    {"CN", "Users"}, {"CN", "Alice Ängström"}};
	for (size_t i = 0; i < NELEMS(rdns); i++)
		assert_int_equal(dn_add(&f->subject, rdns[i][0], rdns[i][1], &e), FAS_OK);
	assert_int_equal(sid_parse(FIXTURE_SID, &f->sid, &e), FAS_OK);
}

void
fixture_done(struct fixture *f)
{
	X509_free(f->ca);
	EVP_PKEY_free(f->ca_key);
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->p256);
	OPENSSL_free(f->rsa_spki);
	OPENSSL_free(f->p256_spki);
	dn_done(&f->subject);
}

struct profile_facts
fixture_facts(const struct fixture *f, enum profile_kind kind)
{
	static const char *const names[] = {"dc1.corp.example.com"};
	struct profile_facts facts = {
	    .kind = kind,
	    .serial = {0x6a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19},
	    .serial_len = 20,
	    .not_before_s = FIXTURE_NOW - 300,
	    .not_after_s = FIXTURE_NOW + 900,
	    .spki = f->rsa_spki,
	    .spki_len = f->rsa_spki_len,
	};
	if (kind == PROFILE_SMARTCARD_LOGON || kind == PROFILE_CLIENT_AUTH) {
		facts.subject = &f->subject;
		facts.sid = &f->sid;
		facts.upn = FIXTURE_UPN;
	} else {
		facts.dns_names = names;
		facts.n_dns_names = 1;
	}
	if (kind == PROFILE_SERVICE_CLIENT)
		facts.role = "host";
	if (kind == PROFILE_KDC)
		facts.realm = "CORP.EXAMPLE.COM";
	return facts;
}

X509 *
fixture_issue(const struct fixture *f, const struct profile_facts *facts)
{
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	if (profile_build(&f->issuer, facts, &tbs, &len, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return fixture_sign(f->ca_key, tbs, len);
}

char *
fixture_extension_hex(const X509 *certificate, const char *oid, int *critical)
{
	ASN1_OBJECT *id = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(certificate, id, -1);
	bool once = at >= 0 && X509_get_ext_by_OBJ(certificate, id, at) < 0;
	ASN1_OBJECT_free(id);
	if (!once)
		return NULL;
	X509_EXTENSION *extension = X509_get_ext(certificate, at);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
	if (critical)
		*critical = X509_EXTENSION_get_critical(extension);
	size_t len = (size_t)ASN1_STRING_length(value);
	char *hex = malloc(2 * len + 1);
	assert_non_null(hex);
	return hex_encode(ASN1_STRING_get0_data(value), len, hex);
}
