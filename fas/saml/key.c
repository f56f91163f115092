#include "fas/saml/key.h"

#include <string.h>

const char *
key_judge(const EVP_PKEY *key, enum key_kind *kind)
{
	int bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "RSA")) {
		*kind = KEY_RSA;
		return bits >= KEY_RSA_BITS_MIN && bits <= KEY_RSA_BITS_MAX
			   ? NULL
			   : "its RSA key has not 2048 to 8192 bits";
	}
	char curve[32] = "";
	*kind = KEY_EC;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
	    (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0 ||
		strcmp(curve, "secp521r1") == 0))
		return NULL;
	return "its key is neither RSA nor on P-256, P-384 or P-521";
}

xmlSecKey *
key_bare(EVP_PKEY *pkey)
{
	OWN(xmlsec_key) xmlSecKey *key = xmlSecKeyCreate();
	if (!key || EVP_PKEY_up_ref(pkey) != 1)
		return NULL;
	xmlSecKeyData *value = xmlSecOpenSSLEvpKeyAdopt(pkey);
	if (!value) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	if (xmlSecKeySetValue(key, value) < 0) {
		xmlSecKeyDataDestroy(value);
		return NULL;
	}
	return TAKE(key);
}

bool
key_not_after(const X509 *cert, int64_t *out_s)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(cert)) == 1;
	ASN1_TIME_free(epoch);
	*out_s = (int64_t)days * 86400 + seconds;
	return ok;
}
