/* Keys and certificates, made when they are needed. */
#include "saml_sign.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define CERT_LINE 64
#define CERT_LIFE_S ((time_t)5 * 365 * 86400)

DEFINE_OWN(x509, X509 *, X509_free);

EVP_PKEY *
saml_sign_new_rsa(unsigned int bits)
{
	return EVP_RSA_gen(bits);
}

EVP_PKEY *
saml_sign_new_ec(const char *curve)
{
	return EVP_EC_gen(curve);
}

X509 *
saml_sign_new_cert(EVP_PKEY *key, const char *cn, int64_t now_s)
{
	OWN(x509) X509 *cert = X509_new();
	time_t now = (time_t)now_s;
	if (!cert || !X509_set_version(cert, X509_VERSION_3))
		return NULL;
	X509_NAME *name = X509_get_subject_name(cert);
	if (!ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) ||
	    !X509_time_adj_ex(X509_getm_notBefore(cert), 0, -(long)CERT_LIFE_S, &now) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), 0, (long)CERT_LIFE_S, &now) ||
	    !X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) ||
	    !X509_set_issuer_name(cert, name) || !X509_set_pubkey(cert, key) ||
	    !X509_sign(cert, key, EVP_sha256()))
		return NULL;
	return TAKE(cert);
}

char *
saml_sign_cert_base64(X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	OWN(text) char *flat = len > 0 ? base64_encode(der, (size_t)len) : NULL;
	OPENSSL_free(der);
	char *lines = flat ? malloc(strlen(flat) * 2 + 2) : NULL;
	size_t used = 0;
	for (size_t i = 0; lines && flat[i]; i++) {
		lines[used++] = flat[i];
		if ((i + 1) % CERT_LINE == 0)
			lines[used++] = '\n';
	}
	if (lines)
		lines[used] = 0;
	return lines;
}

int
saml_sign_write_cert(const char *path, X509 *cert)
{
	FILE *file = fopen(path, "w");
	if (!file)
		return -1;
	int ok = PEM_write_X509(file, cert);
	return fclose(file) == 0 && ok == 1 ? 0 : -1;
}
