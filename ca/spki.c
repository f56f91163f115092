#include "ca/spki.h"

#include <stdbool.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "ca/asn1.h"

DEFINE_OWN(group, EC_GROUP *, EC_GROUP_free);
DEFINE_OWN(point, EC_POINT *, EC_POINT_free);

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return fas_fail(
	    e, FAS_E_INPUT, "spki_malformed", "RFC 5280 4.1.2.7: the public key %s", finding);
}

static enum fas_code
check_rsa(const struct asn1_key *key, struct fas_err *e)
{
	const ASN1_INTEGER *n = key->rsa->modulus;
	const uint8_t *bytes = ASN1_STRING_get0_data(n);
	int len = ASN1_STRING_length(n);
	if (ASN1_STRING_type(n) != V_ASN1_INTEGER || len == 0 || (bytes[len - 1] & 1) == 0 ||
	    key->bits < 2048 || key->bits > 4096)
		return fas_fail(e, FAS_E_INPUT, "spki_key",
		    "RSA modulus of %u bits, want a positive odd one of 2048 to 4096", key->bits);
	if (key->exponent != 65537)
		return fas_fail(e, FAS_E_INPUT, "spki_key", "RSA exponent is not 65537");
	return FAS_OK;
}

static enum fas_code
check_ec(const struct asn1_key *key, struct fas_err *e)
{
	if (key->curve != NID_X9_62_prime256v1 && key->curve != NID_secp384r1)
		return fas_fail(e, FAS_E_INPUT, "spki_key",
		    "RFC 5480 2.1.1: the curve is not P-256 or P-384 by its name");
	OWN(group) EC_GROUP *group = EC_GROUP_new_by_curve_name(key->curve);
	OWN(point) EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	if (!point)
		return fas_fail_nomem(e);
	/* oct2point refuses what does not lie on the curve; both curves have cofactor 1. */
	if (EC_POINT_oct2point(group, point, key->point, key->point_len, NULL) != 1 ||
	    EC_POINT_is_at_infinity(group, point))
		return malformed(e, "does not lie on its curve");
	return FAS_OK;
}

enum fas_code
spki_check(const uint8_t *der, size_t len, uint8_t digest[SPKI_DIGEST], struct fas_err *e)
{
	const ASN1_ITEM *shape = ASN1_ITEM_rptr(asn1_spki);
	if (len == 0 || len > SPKI_MAX)
		return malformed(e, "is empty or larger than 1024 bytes");
	OWN(asn1_spki) struct asn1_spki *spki = asn1_decode(shape, der, len);
	OWN(asn1_key) struct asn1_key key = {0};
	if (!spki || !asn1_is_canonical(shape, spki, der, len))
		return malformed(e, "is not a SubjectPublicKeyInfo in DER");
	if (!asn1_key_read(spki, &key))
		return malformed(e, "is not a key as RFC 3279 2.3.1 or RFC 5480 2.2 write it");
	enum fas_code rc;
	if (key.type == ASN1_KEY_RSA)
		rc = check_rsa(&key, e);
	else if (key.type == ASN1_KEY_EC)
		rc = check_ec(&key, e);
	else
		rc = fas_fail(e, FAS_E_INPUT, "spki_key", "the public key is neither RSA nor EC");
	if (rc == FAS_OK && EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL) != 1)
		rc = fas_fail_openssl(e, "SHA-256");
	return rc;
}
