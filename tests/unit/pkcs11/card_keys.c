#include "tests/unit/pkcs11/card_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "fas/base/own.h"

DEFINE_OWN(ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(sig, X509_SIG *, X509_SIG_free);
DEFINE_OWN(ecdsa, ECDSA_SIG *, ECDSA_SIG_free);
DEFINE_OWN(number, BIGNUM *, BN_free);

#define RSA_BITS 2048
#define DAY_S 86400

void
must_fail(const char *what)
{
	(void)fprintf(stderr, "card server: %s\n", what);
	abort();
}

/* ---- making ---- */

static X509 *
make_certificate(
    EVP_PKEY *key, const char *name, const char *basic, const X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 0x1000;
	X509 *c = X509_new();
	must(c && X509_set_version(c, X509_VERSION_3), "new certificate");
	must(ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial), "serial");
	must(X509_gmtime_adj(X509_getm_notBefore(c), -60) != NULL, "notBefore");
	must(X509_gmtime_adj(X509_getm_notAfter(c), DAY_S) != NULL, "notAfter");
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
		 (const unsigned char *)name, -1, -1, 0),
	    "name");
	must(X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c)), "issuer");
	must(X509_set_pubkey(c, key), "key");
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, basic);
	must(e && X509_add_ext(c, e, -1), "extension");
	X509_EXTENSION_free(e);
	must(X509_sign(c, issuer_key, EVP_sha256()), "sign certificate");
	return c;
}

void
card_ca_make(struct card_key *ca)
{
	*ca = (struct card_key){.label = "Test CA"};
	ca->key = EVP_EC_gen("P-256");
	must(ca->key != NULL, "key");
	ca->certificate = make_certificate(ca->key, "Test CA", "critical,CA:TRUE", NULL, ca->key);
}

void
card_key_make(const struct card_key *ca, const char *type, const char *label,
    enum card_purpose purpose, struct card_key *out)
{
	bool rsa = strcmp(type, "RSA") == 0;
	*out = (struct card_key){.purpose = purpose};
	out->key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen(type);
	must(out->key != NULL, "key");
	out->mechanisms = rsa ? 1u << CARD_MECHANISM_RSA_PKCS1 | 1u << CARD_MECHANISM_RSA_PSS
			      : 1u << CARD_MECHANISM_ECDSA;
	(void)snprintf(out->label, sizeof(out->label), "%s", label);
	out->certificate = make_certificate(out->key, label, "CA:FALSE", ca->certificate, ca->key);
}

void
card_key_load(
    const char *key_path, const char *certificate_path, const char *label, struct card_key *out)
{
	*out = (struct card_key){.purpose = CARD_PURPOSE_IN_SESSION};
	FILE *f = fopen(certificate_path, "re");
	must(f && (out->certificate = PEM_read_X509(f, NULL, NULL, NULL)), certificate_path);
	(void)fclose(f);
	(void)snprintf(out->label, sizeof(out->label), "%s", label);
	if (!key_path)
		return;
	f = fopen(key_path, "re");
	must(f && (out->key = PEM_read_PrivateKey(f, NULL, NULL, NULL)), key_path);
	(void)fclose(f);
	out->mechanisms = EVP_PKEY_is_a(out->key, "RSA")
			      ? 1u << CARD_MECHANISM_RSA_PKCS1 | 1u << CARD_MECHANISM_RSA_PSS
			      : 1u << CARD_MECHANISM_ECDSA;
}

void
card_key_done(struct card_key *key)
{
	EVP_PKEY_free(key->key);
	X509_free(key->certificate);
	*key = (struct card_key){.key = NULL};
}

/* ---- as fields ---- */

void
card_key_id(const struct card_key *key, uint8_t id[CARD_KEY_ID_BYTES])
{
	must(X509_pubkey_digest(key->certificate, EVP_sha1(), id, NULL), "key id");
}

static void
write_der(struct card_writer *w, enum card_tag tag, unsigned char *der, int len)
{
	must(len > 0, "DER");
	card_write_bytes(w, tag, der, (size_t)len);
	OPENSSL_free(der);
}

static void
write_number(struct card_writer *w, enum card_tag tag, const EVP_PKEY *key, const char *name)
{
	uint8_t bytes[1024];
	OWN(number) BIGNUM *n = NULL;
	must(EVP_PKEY_get_bn_param(key, name, &n), name);
	int len = BN_bn2bin(n, bytes);
	card_write_bytes(w, tag, bytes, (size_t)len);
}

static void
write_point(struct card_writer *w, const EVP_PKEY *key)
{
	unsigned char *der = NULL, bytes[256];
	char group[64];
	size_t len = 0;
	must(EVP_PKEY_get_utf8_string_param(
		 key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL),
	    "group");
	int n = i2d_ASN1_OBJECT(OBJ_txt2obj(group, 0), &der);
	write_der(w, CARD_TAG_EC_PARAMS, der, n);
	must(EVP_PKEY_get_octet_string_param(
		 key, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes), &len),
	    "point");
	ASN1_OCTET_STRING *point = ASN1_OCTET_STRING_new();
	must(point && ASN1_OCTET_STRING_set(point, bytes, (int)len), "point");
	der = NULL;
	n = i2d_ASN1_OCTET_STRING(point, &der);
	write_der(w, CARD_TAG_EC_POINT, der, n);
	ASN1_OCTET_STRING_free(point);
}

static void
write_public_key(struct card_writer *w, const struct card_key *key)
{
	bool rsa = EVP_PKEY_is_a(key->key, "RSA");
	card_write_number(w, CARD_TAG_PURPOSE, (uint64_t)key->purpose);
	card_write_number(w, CARD_TAG_KEY_TYPE, rsa ? CARD_KEY_RSA : CARD_KEY_EC);
	card_write_number(w, CARD_TAG_BITS, (uint64_t)EVP_PKEY_get_bits(key->key));
	card_write_number(w, CARD_TAG_MECHANISMS, key->mechanisms);
	if (!rsa) {
		write_point(w, key->key);
		return;
	}
	write_number(w, CARD_TAG_MODULUS, key->key, OSSL_PKEY_PARAM_RSA_N);
	write_number(w, CARD_TAG_EXPONENT, key->key, OSSL_PKEY_PARAM_RSA_E);
}

static uint64_t
seconds(const ASN1_TIME *at)
{
	int days = 0, rest = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	must(epoch && ASN1_TIME_diff(&days, &rest, epoch, at), "time");
	ASN1_TIME_free(epoch);
	return (uint64_t)days * DAY_S + (uint64_t)rest;
}

void
card_key_write(struct card_writer *w, const struct card_key *key)
{
	uint8_t id[CARD_KEY_ID_BYTES];
	unsigned char *der = NULL;
	X509 *c = key->certificate;
	card_key_id(key, id);
	card_write_bytes(w, CARD_TAG_KEY_ID, id, sizeof(id));
	card_write_text(w, CARD_TAG_LABEL, key->label);
	int n = i2d_X509(c, &der);
	write_der(w, CARD_TAG_CERTIFICATE, der, n);
	der = NULL;
	n = i2d_X509_NAME(X509_get_subject_name(c), &der);
	write_der(w, CARD_TAG_SUBJECT, der, n);
	der = NULL;
	n = i2d_X509_NAME(X509_get_issuer_name(c), &der);
	write_der(w, CARD_TAG_ISSUER, der, n);
	der = NULL;
	n = i2d_ASN1_INTEGER(X509_get_serialNumber(c), &der);
	write_der(w, CARD_TAG_CERT_SERIAL, der, n);
	card_write_number(w, CARD_TAG_NOT_BEFORE, seconds(X509_get0_notBefore(c)));
	card_write_number(w, CARD_TAG_NOT_AFTER, seconds(X509_get0_notAfter(c)));
	if (key->purpose != 0)
		write_public_key(w, key);
}

/* ---- signing ---- */

const EVP_MD *
card_md(enum card_hash hash)
{
	switch (hash) {
	case CARD_HASH_SHA256:
		return EVP_sha256();
	case CARD_HASH_SHA384:
		return EVP_sha384();
	case CARD_HASH_SHA512:
		return EVP_sha512();
	}
	return NULL;
}

/* RFC 8017 9.2: SHA-2, and nothing behind it. */
static bool
is_digest_info(const uint8_t *data, size_t len)
{
	const unsigned char *at = data;
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *digest = NULL;
	const ASN1_OBJECT *name = NULL;
	OWN(sig) X509_SIG *info = d2i_X509_SIG(NULL, &at, (long)len);
	if (!info || at != data + len)
		return false;
	X509_SIG_get0(info, &algorithm, &digest);
	X509_ALGOR_get0(&name, NULL, NULL, algorithm);
	const EVP_MD *md = EVP_get_digestbyobj(name);
	return md && EVP_MD_get_size(md) == ASN1_STRING_length(digest) && EVP_MD_get_size(md) >= 32;
}

static enum card_status
set_up_pkcs1(EVP_PKEY_CTX *ctx, const struct card_sign_request *r)
{
	if (!r->hashed && !is_digest_info(r->data, r->len))
		return CARD_STATUS_DATA;
	must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0, "padding");
	if (r->hashed)
		must(EVP_PKEY_CTX_set_signature_md(ctx, card_md(r->hash)) > 0, "hash");
	return CARD_STATUS_OK;
}

static enum card_status
set_up_pss(EVP_PKEY_CTX *ctx, const struct card_sign_request *r)
{
	const EVP_MD *md = card_md(r->hash), *mgf = card_md(r->mgf);
	if (!md || !mgf)
		return CARD_STATUS_MECHANISM;
	if (r->len != (size_t)EVP_MD_get_size(md))
		return CARD_STATUS_DATA;
	must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
		 EVP_PKEY_CTX_set_signature_md(ctx, md) > 0 &&
		 EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf) > 0,
	    "PSS");
	return EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, r->salt_len) > 0 ? CARD_STATUS_OK
								      : CARD_STATUS_MECHANISM;
}

/* DER to r || s. */
static void
make_raw(const EVP_PKEY *key, uint8_t *signature, size_t *len)
{
	const unsigned char *at = signature;
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;
	OWN(ecdsa) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)*len);
	must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, half) == half &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, half) == half,
	    "r || s");
	*len = 2 * (size_t)half;
}

enum card_status
card_key_sign(
    const struct card_key *key, const struct card_sign_request *r, uint8_t *out, size_t *out_len)
{
	enum card_status rc = CARD_STATUS_OK;
	OWN(ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->key, NULL);
	if (!(key->mechanisms & 1u << r->mechanism))
		return CARD_STATUS_MECHANISM;
	must(ctx && EVP_PKEY_sign_init(ctx) > 0, "sign");
	switch (r->mechanism) {
	case CARD_MECHANISM_RSA_PKCS1:
		rc = set_up_pkcs1(ctx, r);
		break;
	case CARD_MECHANISM_RSA_PSS:
		rc = set_up_pss(ctx, r);
		break;
	case CARD_MECHANISM_ECDSA:
		break;
	}
	if (rc == CARD_STATUS_OK && EVP_PKEY_sign(ctx, out, out_len, r->data, r->len) <= 0)
		rc = CARD_STATUS_DATA;
	if (rc == CARD_STATUS_OK && r->mechanism == CARD_MECHANISM_ECDSA)
		make_raw(key->key, out, out_len);
	return rc;
}
