#include "fas/saml/detached.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

DEFINE_OWN(verifying, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(ecdsa_parts, ECDSA_SIG *, ECDSA_SIG_free);

struct octets {
	const uint8_t *data;
	size_t len;
};

static bool
verify_plain(EVP_PKEY *key, const char *md, struct octets data, struct octets signature)
{
	OWN(verifying) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	return ctx && EVP_DigestVerifyInit_ex(ctx, NULL, md, NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, signature.data, signature.len, data.data, data.len) == 1;
}

/* r and s side by side (XML Signature 1.1, 6.4.3) into the DER that OpenSSL takes; 0 when they are not. */
static size_t
join(const EVP_PKEY *key, struct octets signature, uint8_t der[DETACHED_SIGNATURE_MAX])
{
	size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	OWN(ecdsa_parts) ECDSA_SIG *parts = ECDSA_SIG_new();
	if (!parts || signature.len != 2 * half)
		return 0;
	BIGNUM *r = BN_bin2bn(signature.data, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(signature.data + half, (int)half, NULL);
	if (!r || !s || ECDSA_SIG_set0(parts, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return 0;
	}
	int len = i2d_ECDSA_SIG(parts, &der);
	return len > 0 ? (size_t)len : 0;
}

static bool
verify_with(const struct idp_key *key, const char *md, struct octets data, struct octets signature)
{
	EVP_PKEY *pkey = xmlSecOpenSSLEvpKeyDataGetEvp(xmlSecKeyGetValue(key->key));
	uint8_t der[DETACHED_SIGNATURE_MAX];
	if (!pkey)
		return false;
	if (key->kind == KEY_EC) {
		size_t len = join(pkey, signature, der);
		if (len > 0 && verify_plain(pkey, md, data, (struct octets){der, len}))
			return true;
	}
	return verify_plain(pkey, md, data, signature);
}

enum fas_code
detached_verify(const struct idp *idp, const char *href, const void *data, size_t len,
    const uint8_t *signature, size_t signature_len, struct fas_err *e)
{
	const struct signature_method *method =
	    signature_method_find(href, idp->insecure_allow_sha1);
	bool tried = false, good = false;
	if (!method || signature_len == 0 || signature_len > DETACHED_SIGNATURE_MAX)
		return fas_fail(e, FAS_E_AUTH, method ? "saml_signature" : "saml_algorithm",
		    "SAML bindings 3.4.4.1: SigAlg %.100s is not allowed, or Signature has %zu "
		    "octets",
		    href, signature_len);
	for (size_t i = 0; i < idp->n_keys && !good; i++) {
		if (idp->keys[i].kind != method->kind)
			continue;
		tried = true;
		good = verify_with(&idp->keys[i], method->md, (struct octets){data, len},
		    (struct octets){signature, signature_len});
	}
	ERR_clear_error();
	if (good)
		return FAS_OK;
	if (!tried)
		return fas_fail(e, FAS_E_AUTH, "saml_algorithm",
		    "SAML bindings 3.4.4.1: provider %s has no key for %s", idp->name, href);
	return fas_fail(e, FAS_E_AUTH, "saml_signature",
	    "SAML bindings 3.4.4.1: Signature is by none of the provider's keys, of this query");
}
