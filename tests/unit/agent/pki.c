#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

const char *const pki_ca[] = {"basicConstraints=critical,CA:TRUE",
    "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash", NULL};

static void
add_extensions(X509 *to, X509 *issuer, const char *const *extensions)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, to, NULL, NULL, 0);
	for (size_t i = 0; extensions[i]; i++) {
		char name[64];
		const char *equals = strchr(extensions[i], '=');
		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)(equals - extensions[i]), extensions[i]);
		X509_EXTENSION *ext = X509V3_EXT_nconf(NULL, &ctx, name, equals + 1);
		assert_non_null(ext);
		assert_int_equal(X509_add_ext(to, ext, -1), 1);
		X509_EXTENSION_free(ext);
	}
}

void
pki_make(struct pki_node *out, const struct pki_node *issuer, const char *name,
    const char *const *extensions)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_non_null(key);
	pki_make_for(out, issuer, key, name, extensions);
	EVP_PKEY_free(key);
}

void
pki_make_for(struct pki_node *out, const struct pki_node *issuer, EVP_PKEY *key, const char *name,
    const char *const *extensions)
{
	static long serial;
	X509 *c = out->certificate = X509_new();
	out->key = key;
	assert_int_equal(EVP_PKEY_up_ref(key), 1);
	assert_non_null(c);
	const struct pki_node *by = issuer ? issuer : out;
	assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
			     (const unsigned char *)name, -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(c, X509_get_subject_name(by->certificate)), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), 3600));
	assert_int_equal(X509_set_pubkey(c, out->key), 1);
	add_extensions(c, by->certificate, extensions);
	assert_true(X509_sign(c, by->key, EVP_sha256()) > 0);
}

void
pki_done(struct pki_node *node)
{
	EVP_PKEY_free(node->key);
	X509_free(node->certificate);
}

char *
pki_pem(const struct pki_node *const *nodes, size_t n)
{
	char *data = NULL;
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	for (size_t i = 0; i < n; i++)
		assert_int_equal(PEM_write_bio_X509(bio, nodes[i]->certificate), 1);
	long len = BIO_get_mem_data(bio, &data);
	return strndup(data, (size_t)len);
}
