#include "fas/saml/key.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "fas/base/file.h"

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

static enum fas_code
refuse(const struct yaml_node *at, struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return yaml_fail(at, e, "idp_certificate", "certificate %s: %s", at->text, finding);
}

/* Every certificate of one PEM file. */
static enum fas_code
read_pem(const struct yaml_node *at, const char *pem, size_t len, X509 **out, size_t max, size_t *n,
    struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	size_t before = *n;
	ERR_clear_error();
	for (bool more = bio != NULL; more;) {
		OWN(x509) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		more = cert != NULL;
		if (cert && *n == max)
			return refuse(at, e, "more than 8 certificates of one provider");
		if (cert)
			out[(*n)++] = TAKE(cert);
	}
	unsigned long why = ERR_peek_last_error();
	bool ended = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
	if (!ended || *n == before)
		return refuse(at, e, "the file holds no readable PEM certificate");
	ERR_clear_error();
	return FAS_OK;
}

enum fas_code
key_load_certificates(const struct yaml_node *at, const char *folder, X509 **out, size_t max,
    size_t *n, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(text) char *pem = NULL;
	size_t len = 0;
	struct fas_err why = {0};
	enum fas_code rc =
	    file_join(path, sizeof(path), at->text[0] == '/' ? "" : folder, at->text, &why);
	if (rc == FAS_OK)
		rc = file_read(path, KEY_CERT_FILE_MAX, &pem, &len, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return refuse(at, e, why.message);
	return read_pem(at, pem, len, out, max, n, e);
}
