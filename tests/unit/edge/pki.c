#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/text.h"

static void
must(int good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "pki: %s\n", what);
	abort();
}

static void
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(extension && X509_add_ext(certificate, extension, -1), value);
	X509_EXTENSION_free(extension);
}

static void
add_name(X509_NAME *name, const char *type, const char *value)
{
	must(X509_NAME_add_entry_by_txt(
		 name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0),
	    value);
}

static X509 *
begin(EVP_PKEY *key, uint64_t serial, long begins_s, long ends_s)
{
	X509 *certificate = X509_new();
	must(certificate && X509_set_version(certificate, X509_VERSION_3), "new");
	must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial), "serial");
	must(X509_gmtime_adj(X509_getm_notBefore(certificate), begins_s) != NULL, "notBefore");
	must(X509_gmtime_adj(X509_getm_notAfter(certificate), ends_s) != NULL, "notAfter");
	must(X509_set_pubkey(certificate, key), "key");
	return certificate;
}

static char *
to_pem(X509 *certificate, EVP_PKEY *key)
{
	char *data, *text;
	BIO *bio = BIO_new(BIO_s_mem());
	must(bio != NULL, "bio");
	if (certificate)
		must(PEM_write_bio_X509(bio, certificate), "PEM");
	else
		must(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), "PEM");
	long len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	must(text != NULL, "memory");
	return text;
}

void
pki_ca_make(struct pki_ca *ca, const char *name)
{
	ca->key = EVP_EC_gen("P-256");
	must(ca->key != NULL, "key");
	ca->certificate = begin(ca->key, 1, -3600, 86400);
	add_name(X509_get_subject_name(ca->certificate), "CN", name);
	must(X509_set_issuer_name(ca->certificate, X509_get_subject_name(ca->certificate)),
	    "issuer");
	add_extension(
	    ca->certificate, ca->certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	add_extension(
	    ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
	must(X509_sign(ca->certificate, ca->key, EVP_sha256()), "sign");
	ca->pem = to_pem(ca->certificate, NULL);
}

void
pki_ca_done(struct pki_ca *ca)
{
	X509_free(ca->certificate);
	EVP_PKEY_free(ca->key);
	free(ca->pem);
}

static void
fill_leaf(const struct pki_ca *ca, const struct pki_spec *spec, X509 *certificate)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	add_name(subject, "OU", spec->role ? spec->role : "host");
	if (spec->second_role)
		add_name(subject, "OU", spec->second_role);
	add_name(subject, "CN", "machine");
	must(X509_set_issuer_name(certificate, X509_get_subject_name(ca->certificate)), "issuer");
	add_extension(certificate, ca->certificate, NID_key_usage, "critical,digitalSignature");
	const char *eku = spec->eku ? spec->eku : "clientAuth";
	if (eku[0])
		add_extension(certificate, ca->certificate, NID_ext_key_usage, eku);
	const char *san = spec->san ? spec->san : "DNS:vda1.example.com";
	if (san[0])
		add_extension(certificate, ca->certificate, NID_subject_alt_name, san);
}

void
pki_leaf_make(const struct pki_ca *ca, const struct pki_spec *spec, struct pki_leaf *leaf)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool dated = spec->begins_s != 0 || spec->ends_s != 0;
	must(key != NULL, "key");
	X509 *certificate = begin(key, spec->serial ? spec->serial : 0x1001,
	    dated ? spec->begins_s : -60, dated ? spec->ends_s : 3600);
	fill_leaf(ca, spec, certificate);
	must(X509_sign(certificate, ca->key, EVP_sha256()), "sign");
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), leaf->serial);
	leaf->der = NULL;
	int len = i2d_X509(certificate, &leaf->der);
	must(len > 0, "DER");
	leaf->len = (size_t)len;
	leaf->pem = to_pem(certificate, NULL);
	leaf->key_pem = to_pem(NULL, key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void
pki_leaf_done(struct pki_leaf *leaf)
{
	OPENSSL_free(leaf->der);
	free(leaf->pem);
	free(leaf->key_pem);
}
