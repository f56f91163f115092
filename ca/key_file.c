/* A key in its file: PKCS#8 (RFC 5958), plain or under a passphrase. */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "ca/key.h"
#include "ca/key_parts.h"
#include "fas/base/file.h"

/* RFC 7914 2: 16 MB and some 50 ms for each guess; what the library opens without being told of more memory. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1

DEFINE_OWN(bio, BIO *, BIO_free_all);
DEFINE_OWN(info, PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free);
DEFINE_OWN(sealed, X509_SIG *, X509_SIG_free);
DEFINE_OWN(algorithm, X509_ALGOR *, X509_ALGOR_free);

static enum fas_code
write_pem(BIO *bio, const char *path, struct fas_err *e)
{
	char *pem = NULL;
	long len = BIO_get_mem_data(bio, &pem);
	return file_write_new(path, pem, (size_t)len, 0600, e);
}

enum fas_code
key_save(const struct key *key, const char *path, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new(BIO_s_secmem());
	if (!bio ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key_pkey(key), NULL, NULL, 0, NULL, NULL) != 1)
		return fas_fail_openssl(e, "PKCS#8");
	return write_pem(bio, path, e);
}

enum fas_code
key_save_sealed(
    const struct key *key, const char *path, const struct secret *passphrase, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	OWN(info) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key_pkey(key));
	OWN(algorithm)
	X509_ALGOR *scrypt =
	    PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	if (!bio || !info || !scrypt)
		return fas_fail_openssl(e, "PKCS#8");
	OWN(sealed)
	X509_SIG *sealed =
	    PKCS8_set0_pbe((const char *)passphrase->data, (int)passphrase->len, info, scrypt);
	if (!sealed)
		return fas_fail_openssl(e, "PKCS#8 under a passphrase");
	scrypt = NULL; /* it is part of sealed now */
	if (PEM_write_bio_PKCS8(bio, sealed) != 1)
		return fas_fail_openssl(e, "PKCS#8 under a passphrase");
	return write_pem(bio, path, e);
}

static enum fas_code
not_a_key(const char *path, struct fas_err *e)
{
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_CONFIG, "key_file", "%s: not a private key in PEM (PKCS#8)", path);
}

/* NULL: nothing of that kind stands there, or it cannot be read. */
static PKCS8_PRIV_KEY_INFO *
read_plain(const struct secret *pem)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	return bio ? PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio, NULL, NULL, NULL) : NULL;
}

static X509_SIG *
read_sealed(const struct secret *pem)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	return bio ? PEM_read_bio_PKCS8(bio, NULL, NULL, NULL) : NULL;
}

static enum fas_code
wrap_info(const PKCS8_PRIV_KEY_INFO *info, const char *path, struct key **out, struct fas_err *e)
{
	EVP_PKEY *pkey = EVP_PKCS82PKEY(info);
	return pkey ? key_wrap(pkey, path, out, e) : not_a_key(path, e);
}

enum fas_code
key_load(const char *path, struct key **out, struct fas_err *e)
{
	OWN(secret) struct secret pem = {0};
	enum fas_code rc = secret_load(&pem, path, KEY_FILE_MAX, e);
	if (rc != FAS_OK)
		return rc;
	OWN(info) PKCS8_PRIV_KEY_INFO *info = read_plain(&pem);
	if (info)
		return wrap_info(info, path, out, e);
	OWN(sealed) X509_SIG *sealed = read_sealed(&pem);
	ERR_clear_error();
	if (sealed)
		return fas_fail(e, FAS_E_CONFIG, "key_file",
		    "%s is under a passphrase: name it (signer.yaml, key: passphrase_file or "
		    "passphrase_credential)",
		    path);
	return not_a_key(path, e);
}

enum fas_code
key_load_sealed(
    const char *path, const struct secret *passphrase, struct key **out, struct fas_err *e)
{
	OWN(secret) struct secret pem = {0};
	enum fas_code rc = secret_load(&pem, path, KEY_FILE_MAX, e);
	if (rc != FAS_OK)
		return rc;
	OWN(sealed) X509_SIG *sealed = read_sealed(&pem);
	if (!sealed) {
		OWN(info) PKCS8_PRIV_KEY_INFO *plain = read_plain(&pem);
		ERR_clear_error();
		if (plain)
			return fas_fail(e, FAS_E_CONFIG, "key_unsealed",
			    "%s lies there without the passphrase that signer.yaml names: openssl "
			    "pkcs8 -topk8 -scrypt puts it under one",
			    path);
		return not_a_key(path, e);
	}
	OWN(info)
	PKCS8_PRIV_KEY_INFO *info =
	    PKCS8_decrypt(sealed, (const char *)passphrase->data, (int)passphrase->len);
	if (info)
		return wrap_info(info, path, out, e);
	ERR_clear_error();
	return fas_fail(
	    e, FAS_E_CONFIG, "key_passphrase", "%s: the passphrase does not open it", path);
}
