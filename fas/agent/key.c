#include "fas/agent/key.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define PEM_MAX 65536

DEFINE_OWN(request, X509_REQ *, X509_REQ_free);

enum fas_code
key_new_machine(EVP_PKEY **out, struct fas_err *e)
{
	*out = EVP_EC_gen("P-256");
	return *out ? FAS_OK : fas_fail_openssl(e, "making a P-256 key");
}

enum fas_code
key_new_user(EVP_PKEY **out, struct fas_err *e)
{
	*out = EVP_RSA_gen(2048);
	return *out ? FAS_OK : fas_fail_openssl(e, "making an RSA-2048 key");
}

static const struct {
	const char *type;
	unsigned bits;     /* RSA */
	const char *curve; /* EC */
} kinds[] = {{"rsa-2048", 2048, NULL}, {"rsa-3072", 3072, NULL}, {"rsa-4096", 4096, NULL},
    {"p-256", 0, "P-256"}, {"p-384", 0, "P-384"}};

enum fas_code
key_new_of_type(const char *type, EVP_PKEY **out, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		*out = kinds[i].bits ? EVP_RSA_gen(kinds[i].bits) : EVP_EC_gen(kinds[i].curve);
		return *out ? FAS_OK : fas_fail_openssl(e, "making a key (%s)", type);
	}
	return fas_fail(e, FAS_E_INPUT, "key_type", "a key of type \"%.32s\" is not known", type);
}

/* What a memory BIO holds, copied into the secret and wiped behind. */
static enum fas_code
drain_into(BIO *bio, struct secret *out, struct fas_err *e)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);
	if (len <= 0 || !data)
		return fas_fail(e, FAS_E_CRYPTO, "crypto_error", "an empty PEM");
	enum fas_code rc = secret_copy(out, data, (size_t)len, e);
	secret_wipe(data, (size_t)len);
	return rc;
}

enum fas_code
key_to_pem(EVP_PKEY *key, struct secret *out, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new(BIO_s_secmem());
	if (!bio)
		return fas_fail_nomem(e);
	if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return fas_fail_openssl(e, "writing a key");
	return drain_into(bio, out, e);
}

/* Never ask a person for a passphrase. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

enum fas_code
key_from_pem(const struct secret *pem, EVP_PKEY **out, struct fas_err *e)
{
	if (pem->len > PEM_MAX)
		return fas_fail(e, FAS_E_INPUT, "key_malformed", "the key is too long");
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	if (!bio)
		return fas_fail_nomem(e);
	*out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	return *out ? FAS_OK : fas_fail_openssl(e, "reading the host's key");
}

static enum fas_code
request_to_pem(X509_REQ *request, char **pem, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	if (!bio || PEM_write_bio_X509_REQ(bio, request) != 1)
		return fas_fail_openssl(e, "writing a certification request");
	long len = BIO_get_mem_data(bio, &data);
	*pem = strndup(data, (size_t)len);
	return *pem ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
key_request(EVP_PKEY *key, char **pem, struct fas_err *e)
{
	OWN(request) X509_REQ *request = X509_REQ_new();
	if (!request)
		return fas_fail_nomem(e);
	if (X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, EVP_sha256()) <= 0)
		return fas_fail_openssl(e, "signing a certification request");
	return request_to_pem(request, pem, e);
}

enum fas_code
certificate_from_pem(const char *pem, size_t len, X509 **out, struct fas_err *e)
{
	if (len > PEM_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "certificate_malformed", "a certificate of %zu bytes", len);
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	if (!bio)
		return fas_fail_nomem(e);
	*out = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (*out)
		return FAS_OK;
	ERR_clear_error();
	return fas_fail(
	    e, FAS_E_INPUT, "certificate_malformed", "RFC 7468: no certificate in the PEM text");
}
