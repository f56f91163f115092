/* Signatures of users' keys: over a digest and nothing else, since what is signed comes from outside. */
#include "ca/key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "ca/key_parts.h"

#define DER_SIGNATURE_MAX 160

DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(ecdsa_sig, ECDSA_SIG *, ECDSA_SIG_free);

static const char *const mechanisms[] = {
    [KEY_RSA_PKCS1] = "rsa-pkcs1", [KEY_RSA_PSS] = "rsa-pss", [KEY_ECDSA] = "ecdsa"};

bool
key_mechanism_parse(const char *name, enum key_mechanism *out)
{
	for (size_t i = 0; i < NELEMS(mechanisms); i++) {
		if (strcmp(mechanisms[i], name) == 0) {
			*out = (enum key_mechanism)i;
			return true;
		}
	}
	return false;
}

const char *
key_mechanism_name(enum key_mechanism mechanism)
{
	return mechanisms[mechanism];
}

static const struct hash {
	const char *name;
	const EVP_MD *(*md)(void);
	size_t len;
} hashes[] = {{"sha256", EVP_sha256, 32}, {"sha384", EVP_sha384, 48}, {"sha512", EVP_sha512, 64}};

/* *md stays NULL for "none". */
static enum fas_code
check_digest(enum key_mechanism mechanism, const char *hash, size_t len, const EVP_MD **md,
    struct fas_err *e)
{
	*md = NULL;
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (strcmp(hashes[i].name, hash) == 0 && hashes[i].len == len) {
			*md = hashes[i].md();
			return FAS_OK;
		}
	}
	if (mechanism == KEY_ECDSA && strcmp(hash, "none") == 0 && len >= KEY_DIGEST_MIN &&
	    len <= KEY_DIGEST_MAX)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "digest_malformed",
	    "RFC 8017 9: %zu octets are no digest of \"%.16s\", want sha256, sha384 or sha512", len,
	    hash);
}

enum fas_code
key_digest_check(
    enum key_mechanism mechanism, const char *hash, size_t digest_len, struct fas_err *e)
{
	const EVP_MD *md = NULL;
	return check_digest(mechanism, hash, digest_len, &md, e);
}

static bool
set_padding(EVP_PKEY_CTX *ctx, enum key_mechanism mechanism, const EVP_MD *md)
{
	switch (mechanism) {
	case KEY_RSA_PKCS1:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
	case KEY_RSA_PSS:
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	case KEY_ECDSA:
		return !md || EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
	}
	return false;
}

/* SEQUENCE of r and s -> r and s, side by side. */
static enum fas_code
flatten(const struct key *key, const uint8_t *der, size_t der_len, uint8_t *signature, size_t *len,
    struct fas_err *e)
{
	int half = (EVP_PKEY_get_bits(key_pkey(key)) + 7) / 8;
	OWN(ecdsa_sig) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, half) != half ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, half) != half)
		return fas_fail_openssl(e, "signature by a user's key");
	*len = 2 * (size_t)half;
	return FAS_OK;
}

enum fas_code
key_sign_digest(const struct key *key, enum key_mechanism mechanism, const char *hash,
    const uint8_t *digest, size_t digest_len, uint8_t *signature, size_t *signature_len,
    struct fas_err *e)
{
	const EVP_MD *md = NULL;
	uint8_t der[DER_SIGNATURE_MAX];
	size_t der_len = sizeof(der);
	bool ecdsa = mechanism == KEY_ECDSA;
	EVP_PKEY *pkey = key_pkey(key);
	if (EVP_PKEY_is_a(pkey, "EC") != (ecdsa ? 1 : 0))
		return fas_fail(e, FAS_E_DENIED, "sign_mechanism", "a %s key makes no %s signature",
		    key_type(key), key_mechanism_name(mechanism));
	enum fas_code rc = check_digest(mechanism, hash, digest_len, &md, e);
	if (rc != FAS_OK)
		return rc;
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	*signature_len = KEY_SIGNATURE_MAX;
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || !set_padding(ctx, mechanism, md) ||
	    EVP_PKEY_sign(ctx, ecdsa ? der : signature, ecdsa ? &der_len : signature_len, digest,
		digest_len) != 1)
		return fas_fail_openssl(e, "signature by a user's key");
	return ecdsa ? flatten(key, der, der_len, signature, signature_len, e) : FAS_OK;
}
