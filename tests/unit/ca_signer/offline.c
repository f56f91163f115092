#include "offline.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

const struct cut good = {.constraints = "critical,CA:TRUE,pathlen:0",
    .usage = GOOD_USAGE,
    .cdp = GOOD_CDP,
    .from_s = -60,
    .to_s = 86400};
const struct cut good_root = {
    .constraints = "critical,CA:TRUE", .usage = GOOD_USAGE, .from_s = -3600, .to_s = 864000};

static void
add(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* issuer NULL: self-signed by key. */
X509 *
cut(const struct cut *c, const char *name, EVP_PKEY *public_key, X509 *issuer, EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_NAME_new();
	static long serial = 1000;
	assert_int_equal(X509_NAME_add_entry_by_txt(
			     subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0),
	    1);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
	X509_gmtime_adj(X509_getm_notBefore(x), c->from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), c->to_s);
	assert_int_equal(X509_set_pubkey(x, public_key), 1);
	add(x, issuer ? issuer : x, NID_basic_constraints, c->constraints);
	add(x, issuer ? issuer : x, NID_key_usage, c->usage);
	add(x, issuer ? issuer : x, NID_crl_distribution_points, c->cdp);
	add(x, issuer ? issuer : x, NID_ext_key_usage, c->purposes);
	add(x, issuer ? issuer : x, NID_name_constraints, c->names);
	add(x, x, NID_subject_key_identifier, c->no_key_id ? NULL : "hash");
	assert_true(X509_sign(x, key, c->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	X509_NAME_free(subject);
	return x;
}

char *
to_pem(X509 *x)
{
	static char text[8][8192];
	static size_t next;
	char *out = text[next++ % 8], *data = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	long len = BIO_get_mem_data(bio, &data);
	assert_true(len < 8192);
	memcpy(out, data, (size_t)len);
	out[len] = 0;
	BIO_free(bio);
	return out;
}

/* CRL of the root: serial > 0 revokes it. */
char *
crl_pem(X509 *root, EVP_PKEY *key, long from_s, long to_s, const ASN1_INTEGER *serial)
{
	static char text[4096];
	char *data = NULL;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *to = X509_gmtime_adj(NULL, to_s);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(root));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	if (serial) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *copy = ASN1_INTEGER_dup(serial);
		X509_REVOKED_set_serialNumber(r, copy);
		X509_REVOKED_set_revocationDate(r, from);
		X509_CRL_add0_revoked(crl, r);
		ASN1_INTEGER_free(copy);
	}
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
	long len = BIO_get_mem_data(bio, &data);
	assert_true(len < (long)sizeof(text));
	memcpy(text, data, (size_t)len);
	text[len] = 0;
	BIO_free(bio);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
	return text;
}
