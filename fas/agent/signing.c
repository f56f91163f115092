#include "fas/agent/signing.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fas/base/own.h"

DEFINE_OWN(sig, X509_SIG *, X509_SIG_free);
DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(ecdsa_sig, ECDSA_SIG *, ECDSA_SIG_free);

static const struct {
	enum card_hash hash;
	int nid;
	const char *name;
	size_t len;
} hashes[] = {
    {CARD_HASH_SHA256, NID_sha256, "sha256", 32},
    {CARD_HASH_SHA384, NID_sha384, "sha384", 48},
    {CARD_HASH_SHA512, NID_sha512, "sha512", 64},
};

const char *
signing_hash_name(enum card_hash hash)
{
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (hashes[i].hash == hash)
			return hashes[i].name;
	}
	return "none";
}

const EVP_MD *
signing_md(enum card_hash hash)
{
	return EVP_get_digestbyname(signing_hash_name(hash));
}

const char *
signing_mechanism_name(enum card_mechanism mechanism)
{
	switch (mechanism) {
	case CARD_MECHANISM_RSA_PKCS1:
		return "rsa-pkcs1";
	case CARD_MECHANISM_RSA_PSS:
		return "rsa-pss";
	case CARD_MECHANISM_ECDSA:
		return "ecdsa";
	}
	return "none";
}

static enum fas_code
set_digest(struct signing *out, const uint8_t *digest, size_t len, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (out->hash != hashes[i].hash || len != hashes[i].len)
			continue;
		memcpy(out->digest, digest, len);
		out->digest_len = len;
		return FAS_OK;
	}
	return fas_fail(e, FAS_E_INPUT, "data_refused", "%zu bytes are no digest of the hash", len);
}

/* ---- DigestInfo (RFC 8017 A.2.4) ---- */

static enum fas_code
fail_digest_info(struct fas_err *e)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "data_refused",
	    "RFC 8017 9.2: the data is no DigestInfo of SHA-256, SHA-384 or SHA-512");
}

/* The one DER form of it: parameters NULL, nothing behind. */
static bool
is_canonical(const struct signing *s, int nid, const uint8_t *data, size_t len)
{
	OWN(sig) X509_SIG *own = X509_SIG_new();
	X509_ALGOR *algorithm = NULL;
	ASN1_OCTET_STRING *digest = NULL;
	unsigned char *der = NULL;
	if (!own)
		return false;
	X509_SIG_getm(own, &algorithm, &digest);
	if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) != 1 ||
	    ASN1_OCTET_STRING_set(digest, s->digest, (int)s->digest_len) != 1)
		return false;
	int der_len = i2d_X509_SIG(own, &der);
	bool same = der_len > 0 && (size_t)der_len == len && memcmp(der, data, len) == 0;
	OPENSSL_free(der);
	return same;
}

static enum fas_code
read_digest_info(const uint8_t *data, size_t len, struct signing *out, struct fas_err *e)
{
	const unsigned char *at = data;
	OWN(sig) X509_SIG *sig = d2i_X509_SIG(NULL, &at, (long)len);
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OCTET_STRING *digest = NULL;
	const ASN1_OBJECT *oid = NULL;
	if (!sig || at != data + len)
		return fail_digest_info(e);
	X509_SIG_get0(sig, &algorithm, &digest);
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	int nid = OBJ_obj2nid(oid);
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (hashes[i].nid == nid)
			out->hash = hashes[i].hash;
	}
	if (out->hash == 0 ||
	    set_digest(out, ASN1_STRING_get0_data(digest), (size_t)ASN1_STRING_length(digest),
		NULL) != FAS_OK ||
	    !is_canonical(out, nid, data, len))
		return fail_digest_info(e);
	return FAS_OK;
}

/* ---- requests ---- */

static enum fas_code
fail_mechanism(const char *why, struct fas_err *e)
{
	return fas_fail(e, FAS_E_CONFLICT, "mechanism_refused", "%s", why);
}

static enum fas_code
check_pss(const struct card_message *m, const struct signing *s, struct fas_err *e)
{
	if (!card_has(m, CARD_TAG_MGF_HASH) || !card_has(m, CARD_TAG_SALT_LEN))
		return fail_mechanism("PSS needs the hash of MGF1 and the salt's length", e);
	if (card_number(m, CARD_TAG_MGF_HASH) != (uint64_t)s->hash)
		return fail_mechanism("PSS: MGF1 with another hash is not offered", e);
	if (card_number(m, CARD_TAG_SALT_LEN) != s->digest_len)
		return fail_mechanism("PSS: the salt has to be as long as the digest", e);
	return FAS_OK;
}

static enum card_hash
hash_of_length(size_t len)
{
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (hashes[i].len == len)
			return hashes[i].hash;
	}
	return 0;
}

enum fas_code
signing_read(const struct card_message *m, struct signing *out, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(m, CARD_TAG_DATA, &len);
	*out =
	    (struct signing){.mechanism = (enum card_mechanism)card_number(m, CARD_TAG_MECHANISM),
		.hash = (enum card_hash)card_number(m, CARD_TAG_HASH)};
	if (len > CARD_SIGN_DATA_MAX)
		return fas_fail(e, FAS_E_INPUT, "data_refused", "this is longer than any digest");
	if (out->mechanism != CARD_MECHANISM_RSA_PSS &&
	    (card_has(m, CARD_TAG_HASH) || card_has(m, CARD_TAG_MGF_HASH) ||
		card_has(m, CARD_TAG_SALT_LEN)))
		return fail_mechanism("a hash is a parameter of PSS only", e);
	switch (out->mechanism) {
	case CARD_MECHANISM_RSA_PKCS1:
		return read_digest_info(data, len, out, e);
	case CARD_MECHANISM_ECDSA:
		out->hash = hash_of_length(len);
		return set_digest(out, data, len, e);
	case CARD_MECHANISM_RSA_PSS:
		if (set_digest(out, data, len, e) != FAS_OK)
			return e->code;
		return check_pss(m, out, e);
	}
	return fail_mechanism("there is no such mechanism", e);
}

enum fas_code
signing_of_hash(const struct card_message *m, enum card_hash hash, const uint8_t *digest,
    size_t len, struct signing *out, struct fas_err *e)
{
	*out = (struct signing){
	    .mechanism = (enum card_mechanism)card_number(m, CARD_TAG_MECHANISM), .hash = hash};
	if (set_digest(out, digest, len, e) != FAS_OK)
		return e->code;
	return out->mechanism == CARD_MECHANISM_RSA_PSS ? check_pss(m, out, e) : FAS_OK;
}

/* ---- signing ---- */

static bool
set_padding(const struct signing *s, EVP_PKEY_CTX *ctx)
{
	const EVP_MD *md = signing_md(s->hash);
	switch (s->mechanism) {
	case CARD_MECHANISM_ECDSA:
		return true;
	case CARD_MECHANISM_RSA_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
	case CARD_MECHANISM_RSA_PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)s->digest_len) == 1;
	}
	return false;
}

/* PKCS#11 2.40 2.3.1: r || s instead of the DER. */
static enum fas_code
unwrap_ecdsa(EVP_PKEY *key, uint8_t *signature, size_t *len, struct fas_err *e)
{
	const unsigned char *at = signature;
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;
	OWN(ecdsa_sig) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)*len);
	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, half) != half ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, half) != half)
		return fas_fail_openssl(e, "an ECDSA signature");
	*len = 2 * (size_t)half;
	return FAS_OK;
}

enum fas_code
signing_make(const struct signing *s, EVP_PKEY *key, uint8_t *out, size_t *len, struct fas_err *e)
{
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	*len = SIGNATURE_MAX;
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || !set_padding(s, ctx) ||
	    EVP_PKEY_sign(ctx, out, len, s->digest, s->digest_len) != 1)
		return fas_fail_openssl(e, "signing");
	return s->mechanism == CARD_MECHANISM_ECDSA ? unwrap_ecdsa(key, out, len, e) : FAS_OK;
}
