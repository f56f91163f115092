#include "fas/identity.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fas/base/audit.h"
#include "fas/base/file.h"
#include "fas/base/log.h"
#include "fas/base/own.h"

#define KEY_FILE "api-key.pem"
#define KEY_FILE_MAX 8192
#define CERTIFICATE_FILE "api-certificate.pem"
#define CERTIFICATE_FILE_MAX 65536

DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(bio, BIO *, BIO_free_all);

static enum fas_code
make_key(const char *path, struct fas_err *e)
{
	char *text = NULL;
	OWN(pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
	OWN(bio) BIO *bio = BIO_new(BIO_s_secmem());
	if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return fas_fail_openssl(e, "key of the API");
	long len = BIO_get_mem_data(bio, &text);
	if (len <= 0)
		return fas_fail_openssl(e, "key of the API");
	enum fas_code rc = file_write_new(path, text, (size_t)len, 0600, e);
	if (rc == FAS_OK)
		log_event(LOG_LEVEL_INFO, "api_key_made", "file", path, NULL);
	return rc;
}

static enum fas_code
read_spki(const char *path, struct identity_key *out, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(out->pem.data, (int)out->pem.len);
	OWN(pkey) EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_bits(key) != 256)
		return fas_fail(e, FAS_E_CONFIG, "api_key",
		    "%s is no P-256 key in PKCS#8: move it away, and a new one is made", path);
	int len = i2d_PUBKEY(key, &out->spki);
	if (len <= 0)
		return fas_fail_openssl(e, "%s", path);
	out->spki_len = (size_t)len;
	return FAS_OK;
}

enum fas_code
identity_key_load(const char *state, struct identity_key *out, struct fas_err *e)
{
	char path[PATH_MAX];
	out->state = state;
	enum fas_code rc = file_join(path, sizeof(path), state, KEY_FILE, e);
	if (rc != FAS_OK)
		return rc;
	if (access(path, F_OK) != 0 && (rc = make_key(path, e)) != FAS_OK)
		return rc;
	if ((rc = secret_load(&out->pem, path, KEY_FILE_MAX, e)) != FAS_OK)
		return rc;
	return read_spki(path, out, e);
}

void
identity_key_done(struct identity_key *key)
{
	secret_done(&key->pem);
	OPENSSL_free(key->spki);
	key->spki = NULL;
}

/* For the time when this process runs and the signer does not: nothing else depends on it. */
static void
remember(const struct identity_key *key, const char *pem)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	enum fas_code rc = file_join(path, sizeof(path), key->state, CERTIFICATE_FILE, &e);
	if (rc == FAS_OK)
		rc = file_write_atomic(path, pem, strlen(pem), 0600, &e);
	if (rc != FAS_OK)
		log_error("api_certificate_not_remembered", &e, NULL);
}

enum fas_code
identity_recall(const struct identity_key *key, char **pem, struct fas_err *e)
{
	char path[PATH_MAX];
	size_t len = 0;
	enum fas_code rc = file_join(path, sizeof(path), key->state, CERTIFICATE_FILE, e);
	return rc == FAS_OK ? file_read(path, CERTIFICATE_FILE_MAX, pem, &len, e) : rc;
}

enum fas_code
identity_certificate(struct signer *signer, const struct identity_key *key,
    struct signer_certificate *out, struct fas_err *e)
{
	char request_id[CORRELATION_ID_MAX];
	char *shown = NULL;
	correlation_id_new(request_id);
	enum fas_code rc =
	    signer_server_certificate(signer, request_id, key->spki, key->spki_len, out, e);
	if (rc != FAS_OK)
		return rc;
	/* With the service CA behind it: a machine that joins knows only the CA's fingerprint, from its token. */
	if (asprintf(&shown, "%s%s", out->pem, out->chain_pem) < 0)
		return fas_fail_nomem(e);
	free(out->pem);
	out->pem = shown;
	remember(key, shown);
	return FAS_OK;
}

bool
identity_is_due(int64_t not_before_s, int64_t not_after_s, int64_t now_s)
{
	return not_after_s - now_s < (not_after_s - not_before_s) / 3;
}
