#include "fas/doctor/certificate.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#define RSA_BITS_MIN 2048
#define CURVE_BITS_MIN 256
#define DEPTH_MAX 10

X509 *
certificate_parse(const uint8_t *data, size_t len)
{
	const uint8_t *at = data;
	if (len == 0 || len > CERTIFICATE_BYTES_MAX)
		return NULL;
	X509 *certificate = d2i_X509(NULL, &at, (long)len);
	if (certificate && at != data + len) {
		X509_free(certificate);
		certificate = NULL;
	}
	ERR_clear_error();
	return certificate;
}

static bool
time_of(const ASN1_TIME *time, int64_t *out)
{
	struct tm tm = {0};
	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

bool
certificate_life(const X509 *certificate, int64_t *not_before_s, int64_t *not_after_s)
{
	return time_of(X509_get0_notBefore(certificate), not_before_s) &&
	       time_of(X509_get0_notAfter(certificate), not_after_s);
}

const char *
certificate_name(const X509_NAME *name, char out[CERTIFICATE_NAME_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;
	out[0] = 0;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(bio, out, CERTIFICATE_NAME_MAX - 1);
	out[len > 0 ? len : 0] = 0;
	BIO_free(bio);
	return out;
}

bool
certificate_has_purpose(X509 *certificate, const char *oid)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
	bool found = false;
	for (int i = 0; wanted && !found && i < sk_ASN1_OBJECT_num(usage); i++)
		found = OBJ_cmp(sk_ASN1_OBJECT_value(usage, i), wanted) == 0;
	ASN1_OBJECT_free(wanted);
	EXTENDED_KEY_USAGE_free(usage);
	ERR_clear_error();
	return found;
}

bool
certificate_bears_host(X509 *certificate, const char *host)
{
	const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
	bool bears = X509_check_host(certificate, host, strlen(host), flags, NULL) == 1;
	ERR_clear_error();
	return bears;
}

const char *
certificate_weakness(X509 *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	int digest = NID_undef;
	if (!key)
		return "its key cannot be read";
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return "its RSA key has less than 2048 bits";
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) < CURVE_BITS_MIN)
		return "its curve has less than 256 bits";
	(void)OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL);
	if (digest == NID_sha1 || digest == NID_md5)
		return "it is signed over SHA-1 or MD5";
	return NULL;
}

X509 *
certificate_issuer_in(X509 *certificate, const STACK_OF(X509) * authorities)
{
	X509 *found = NULL;
	for (int i = 0; !found && i < sk_X509_num(authorities); i++) {
		X509 *authority = sk_X509_value(authorities, i);
		if (X509_check_issued(authority, certificate) == X509_V_OK &&
		    X509_verify(certificate, X509_get0_pubkey(authority)) == 1)
			found = authority;
	}
	ERR_clear_error();
	return found;
}

bool
certificate_is_in(const X509 *certificate, const STACK_OF(X509) * list)
{
	for (int i = 0; i < sk_X509_num(list); i++) {
		if (X509_cmp(certificate, sk_X509_value(list, i)) == 0)
			return true;
	}
	return false;
}

static X509_STORE *
store_of(const STACK_OF(X509) * roots)
{
	X509_STORE *store = X509_STORE_new();
	for (int i = 0; store && i < sk_X509_num(roots); i++)
		(void)X509_STORE_add_cert(store, sk_X509_value(roots, i));
	return store;
}

const char *
certificate_chain_fault(X509 *leaf, STACK_OF(X509) * others, const STACK_OF(X509) * roots)
{
	const char *fault = "out of memory";
	X509_STORE *store = store_of(roots);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	if (store && context && X509_STORE_CTX_init(context, store, leaf, others) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
		X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
		(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
		fault = X509_verify_cert(context) == 1
			    ? NULL
			    : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return fault;
}
