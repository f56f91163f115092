/* Signatures over a digest that was made before: what is long is read once for its signature and for its confirmation. */
#include "ca/key.h"

#include <openssl/rsa.h>

#include "ca/key_parts.h"

DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);

static const EVP_MD *
hash_of(enum profile_signature algorithm)
{
	return algorithm == SIGNATURE_ECDSA_SHA384 ? EVP_sha384() : EVP_sha256();
}

enum fas_code
key_hash(enum profile_signature algorithm, const uint8_t *data, size_t len, struct key_hash *out,
    struct fas_err *e)
{
	unsigned digest_len = 0;
	out->algorithm = algorithm;
	if (EVP_Digest(data, len, out->digest, &digest_len, hash_of(algorithm), NULL) != 1)
		return fas_fail_openssl(e, "digest of what is to be signed");
	out->len = digest_len;
	return FAS_OK;
}

/* RSA keys sign PKCS#1 v1.5, as key_sign does. */
static bool
set_up(EVP_PKEY_CTX *ctx, const struct key_hash *hash)
{
	return (hash->algorithm != SIGNATURE_RSA_SHA256 ||
		   EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	       EVP_PKEY_CTX_set_signature_md(ctx, hash_of(hash->algorithm)) == 1;
}

enum fas_code
key_sign_hash(const struct key *key, const struct key_hash *hash, uint8_t *signature,
    size_t *signature_len, struct fas_err *e)
{
	if (key_is_in_token(key))
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "key_elsewhere", "this key makes its digests itself");
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key_pkey(key), NULL);
	*signature_len = KEY_SIGNATURE_MAX;
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || !set_up(ctx, hash) ||
	    EVP_PKEY_sign(ctx, signature, signature_len, hash->digest, hash->len) != 1)
		return fas_fail_openssl(e, "signature by the CA's key");
	return FAS_OK;
}

enum fas_code
key_verify_hash(EVP_PKEY *public_key, const struct key_hash *hash, const uint8_t *signature,
    size_t signature_len, struct fas_err *e)
{
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public_key, NULL);
	if (!ctx || EVP_PKEY_verify_init(ctx) != 1 || !set_up(ctx, hash))
		return fas_fail_openssl(e, "verification");
	if (EVP_PKEY_verify(ctx, signature, signature_len, hash->digest, hash->len) == 1)
		return FAS_OK;
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_CRYPTO, "signature_wrong",
	    "RFC 5280 6.1.3 (a)(1): the issuer's public key does not confirm the signature");
}
