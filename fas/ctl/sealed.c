#include "fas/ctl/sealed.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "fas/base/file.h"

#define CERTIFICATE_MAX 65536
#define KEY_MAX 65536
#define PASSPHRASE_MAX 1024
#define RSA_BITS_MIN 3072
#define ENVELOPE_MAX 65536 /* beyond the content: recipients and algorithms */

DEFINE_OWN(bio, BIO *, BIO_free_all);
DEFINE_OWN(cms, CMS_ContentInfo *, CMS_ContentInfo_free);

/* ---- to whom ---- */

static bool
key_is_strong(EVP_PKEY *key)
{
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       (EVP_PKEY_get_bits(key) == 256 || EVP_PKEY_get_bits(key) == 384);
}

enum fas_code
sealed_to_add(struct sealed_to *to, const char *path, struct fas_err *e)
{
	OWN(text) char *text = NULL;
	size_t len = 0;
	if (to->n == SEALED_TO_MAX)
		return fas_fail(e, FAS_E_INPUT, "recipient_certificate", "at most %d certificates",
		    SEALED_TO_MAX);
	enum fas_code rc = file_read(path, CERTIFICATE_MAX, &text, &len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(bio) BIO *bio = BIO_new_mem_buf(text, (int)len);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	ERR_clear_error();
	if (!certificate)
		return fas_fail(e, FAS_E_INPUT, "recipient_certificate",
		    "%s holds no certificate in PEM", path);
	to->certificates[to->n++] = certificate;
	if (!key_is_strong(X509_get0_pubkey(certificate)))
		return fas_fail(e, FAS_E_INPUT, "recipient_certificate",
		    "%s: its key is not RSA of %d bits or more, P-256 or P-384", path,
		    RSA_BITS_MIN);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
		return fas_fail(
		    e, FAS_E_INPUT, "recipient_certificate", "%s: it has expired", path);
	return FAS_OK;
}

void
sealed_to_done(struct sealed_to *to)
{
	for (size_t i = 0; i < to->n; i++)
		X509_free(to->certificates[i]);
	to->n = 0;
}

/* ---- sealing ---- */

static bool
use_sha256(CMS_RecipientInfo *recipient, const X509 *certificate)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(recipient);
	if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_EC)
		return ctx && EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
	return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static enum fas_code
envelope(const struct sealed_to *to, BIO *content, BIO *out, struct fas_err *e)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_STREAM;
	OWN(cms) CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags);
	if (!cms)
		return fas_fail_openssl(e, "CMS");
	for (size_t i = 0; i < to->n; i++) {
		CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(
		    cms, to->certificates[i], CMS_USE_KEYID | CMS_KEY_PARAM);
		if (!recipient) /* without a subjectKeyIdentifier: by issuer and serial number */
			recipient =
			    CMS_add1_recipient_cert(cms, to->certificates[i], CMS_KEY_PARAM);
		if (!recipient || !use_sha256(recipient, to->certificates[i]))
			return fas_fail_openssl(e, "CMS recipient");
	}
	ERR_clear_error();
	if (CMS_final(cms, content, NULL, flags) != 1 || i2d_CMS_bio(out, cms) != 1)
		return fas_fail_openssl(e, "CMS");
	return FAS_OK;
}

enum fas_code
sealed_write(
    const struct sealed_to *to, const char *path, const void *data, size_t len, struct fas_err *e)
{
	char *sealed = NULL;
	if (len > INT32_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "too_large", "%zu bytes in one file", len);
	OWN(bio) BIO *content = BIO_new_mem_buf(data, (int)len);
	OWN(bio) BIO *out = BIO_new(BIO_s_mem());
	if (!content || !out)
		return fas_fail_nomem(e);
	enum fas_code rc = envelope(to, content, out, e);
	if (rc != FAS_OK)
		return rc;
	long sealed_len = BIO_get_mem_data(out, &sealed);
	return file_write_new(path, sealed, (size_t)sealed_len, 0600, e);
}

/* ---- opening ---- */

static int
give_passphrase(char *out, int size, int writing, void *arg)
{
	const struct secret *secret = arg;
	(void)writing;
	if (!secret->data || secret->len > (size_t)size)
		return 0;
	memcpy(out, secret->data, secret->len);
	return (int)secret->len;
}

enum fas_code
sealed_key_load(const char *path, const char *passphrase_file, EVP_PKEY **out, struct fas_err *e)
{
	OWN(secret) struct secret text = {0};
	OWN(secret) struct secret passphrase = {0};
	enum fas_code rc = secret_load(&text, path, KEY_MAX, e);
	if (rc == FAS_OK && passphrase_file)
		rc = secret_load(&passphrase, passphrase_file, PASSPHRASE_MAX, e);
	if (rc != FAS_OK)
		return rc;
	OWN(bio) BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	*out = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &passphrase) : NULL;
	ERR_clear_error();
	return *out ? FAS_OK
		    : fas_fail(e, FAS_E_INPUT, "backup_key",
			  "%s is no private key in PEM, or its passphrase is another one", path);
}

static enum fas_code
parse(const char *path, size_t max_bytes, CMS_ContentInfo **out, struct fas_err *e)
{
	OWN(text) char *data = NULL;
	size_t len = 0;
	enum fas_code rc = file_read(path, max_bytes + ENVELOPE_MAX, &data, &len, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *at = (const uint8_t *)data;
	*out = d2i_CMS_ContentInfo(NULL, &at, (long)len);
	ERR_clear_error();
	if (*out && at == (const uint8_t *)data + len &&
	    OBJ_obj2nid(CMS_get0_type(*out)) == NID_id_smime_ct_authEnvelopedData)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "sealed_malformed",
	    "RFC 5083 2: %s is no AuthEnvelopedData in DER", path);
}

enum fas_code
sealed_read(
    const char *path, EVP_PKEY *key, size_t max_bytes, struct secret *out, struct fas_err *e)
{
	char *data = NULL;
	OWN(cms) CMS_ContentInfo *cms = NULL;
	enum fas_code rc = parse(path, max_bytes, &cms, e);
	if (rc != FAS_OK)
		return rc;
	OWN(bio) BIO *content = BIO_new(BIO_s_secmem());
	if (!content)
		return fas_fail_nomem(e);
	int opened = CMS_decrypt(cms, key, NULL, NULL, content, CMS_BINARY);
	ERR_clear_error();
	long n = BIO_get_mem_data(content, &data);
	if (opened != 1 || n < 0 || (size_t)n > max_bytes)
		return fas_fail(e, FAS_E_CRYPTO, "sealed_unopened",
		    "%s does not open: it is sealed to another key, or was changed", path);
	return secret_copy(out, data, (size_t)n, e);
}
