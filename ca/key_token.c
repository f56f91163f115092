/* Signatures of a key in a token, in the form that certificates have them. */
#include <openssl/ecdsa.h>

#include "ca/key.h"
#include "ca/key_parts.h"
#include "ca/pkcs11.h"

DEFINE_OWN(ecdsa_sig, ECDSA_SIG *, ECDSA_SIG_free);

static const struct {
	const char *hash;
	const EVP_MD *(*md)(void);
} hashes[] = {
    [SIGNATURE_RSA_SHA256] = {"sha256", EVP_sha256},
    [SIGNATURE_ECDSA_SHA256] = {"sha256", EVP_sha256},
    [SIGNATURE_ECDSA_SHA384] = {"sha384", EVP_sha384},
};

/* r and s side by side (PKCS#11 2.3.1) -> SEQUENCE of both (RFC 3279 2.2.3). */
static enum fas_code
encode_pair(uint8_t *signature, size_t *len, struct fas_err *e)
{
	size_t half = *len / 2;
	OWN(ecdsa_sig) ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(signature + half, (int)half, NULL);
	if (!pair || !r || !s || *len % 2 != 0 || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return fas_fail_openssl(e, "signature by a token");
	}
	int need = i2d_ECDSA_SIG(pair, NULL);
	if (need <= 0 || need > KEY_SIGNATURE_MAX)
		return fas_fail_openssl(e, "signature by a token");
	*len = (size_t)i2d_ECDSA_SIG(pair, &signature);
	return FAS_OK;
}

enum fas_code
key_token_sign(const struct pkcs11_config *token, const char *id, enum profile_signature algorithm,
    const uint8_t *tbs, size_t tbs_len, uint8_t *signature, size_t *signature_len,
    struct fas_err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (EVP_Digest(tbs, tbs_len, digest, &len, hashes[algorithm].md(), NULL) != 1)
		return fas_fail_openssl(e, "digest for a token");
	enum fas_code rc = pkcs11_sign(
	    token, id, hashes[algorithm].hash, digest, len, signature, signature_len, e);
	if (rc == FAS_OK && algorithm != SIGNATURE_RSA_SHA256)
		rc = encode_pair(signature, signature_len, e);
	return rc;
}
