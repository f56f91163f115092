#include "fas/saml/sp.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "fas/base/file.h"
#include "fas/base/secret.h"
#include "fas/saml/key.h"

#define KEY_FILE_MAX (64 * 1024)

struct pair {
	EVP_PKEY *key;
	X509 *certificate;
};

struct saml_sp {
	struct pair pairs[SAML_SP_USES][SAML_SP_KEYS_MAX];
	size_t n[SAML_SP_USES];
};

static const char *const names[SAML_SP_USES] = {"signing", "decryption"};

/* ---- looking up ---- */

size_t
saml_sp_count(const struct saml_sp *sp, enum saml_sp_use use)
{
	return sp ? sp->n[use] : 0;
}

EVP_PKEY *
saml_sp_key(const struct saml_sp *sp, enum saml_sp_use use, size_t i)
{
	return i < saml_sp_count(sp, use) ? sp->pairs[use][i].key : NULL;
}

const X509 *
saml_sp_certificate(const struct saml_sp *sp, enum saml_sp_use use, size_t i)
{
	return i < saml_sp_count(sp, use) ? sp->pairs[use][i].certificate : NULL;
}

void
saml_sp_free(struct saml_sp *sp)
{
	if (!sp)
		return;
	for (size_t use = 0; use < SAML_SP_USES; use++) {
		for (size_t i = 0; i < SAML_SP_KEYS_MAX; i++) {
			EVP_PKEY_free(sp->pairs[use][i].key);
			X509_free(sp->pairs[use][i].certificate);
		}
	}
	free(sp);
}

/* ---- files ---- */

static enum fas_code
refuse(const struct yaml_node *at, struct fas_err *e, const char *reason, const char *finding)
{
	ERR_clear_error();
	return yaml_fail(at, e, reason, "%s: %s", at->text, finding);
}

static enum fas_code
find_file(const struct yaml_node *at, const char *folder, char path[PATH_MAX], struct fas_err *e)
{
	return file_join(path, PATH_MAX, at->text[0] == '/' ? "" : folder, at->text, e);
}

/* A key behind a passphrase is none: nobody is there to be asked. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum fas_code
load_key(const struct yaml_node *at, const char *folder, EVP_PKEY **out, struct fas_err *e)
{
	char path[PATH_MAX];
	struct fas_err why = {0};
	OWN(secret) struct secret pem = {0};
	enum fas_code rc = find_file(at, folder, path, &why);
	if (rc == FAS_OK)
		rc = secret_load(&pem, path, KEY_FILE_MAX, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return refuse(at, e, "saml_key", why.message);
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	*out = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	return *out ? FAS_OK
		    : refuse(at, e, "saml_key", "the file holds no readable PEM private key");
}

static enum fas_code
load_certificate(const struct yaml_node *at, const char *folder, X509 **out, struct fas_err *e)
{
	char path[PATH_MAX];
	struct fas_err why = {0};
	OWN(text) char *pem = NULL;
	size_t len = 0;
	enum fas_code rc = find_file(at, folder, path, &why);
	if (rc == FAS_OK)
		rc = file_read(path, KEY_CERT_FILE_MAX, &pem, &len, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return refuse(at, e, "saml_certificate", why.message);
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	*out = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
	return *out ? FAS_OK
		    : refuse(
			  at, e, "saml_certificate", "the file holds no readable PEM certificate");
}

/* ---- one pair ---- */

/* RSA-OAEP is the one way in which a provider may wrap a content key for us. */
static enum fas_code
check_pair(const struct pair *pair, enum saml_sp_use use, const struct yaml_node *key,
    const struct yaml_node *certificate, struct fas_err *e)
{
	enum key_kind kind;
	const char *why = key_judge(pair->key, &kind);
	if (!why && use == SAML_SP_DECRYPTION &&
	    (kind != KEY_RSA || EVP_PKEY_get_bits(pair->key) > SAML_SP_DECRYPTION_BITS_MAX))
		why = "a key for decryption is RSA of at most 4096 bits";
	if (why)
		return refuse(key, e, "saml_key", why);
	if (X509_check_private_key(pair->certificate, pair->key) != 1)
		return refuse(
		    certificate, e, "saml_certificate", "the certificate is of another key");
	return FAS_OK;
}

static enum fas_code
load_pair(struct pair *pair, enum saml_sp_use use, const struct yaml_node *map, const char *folder,
    struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, map, names[use], e);
	if (rc != FAS_OK)
		return rc;
	const struct yaml_node *key = yaml_need(&r, "key", YAML_SCALAR);
	const struct yaml_node *certificate = yaml_need(&r, "certificate", YAML_SCALAR);
	if ((rc = yaml_finish(&r)) != FAS_OK ||
	    (rc = load_key(key, folder, &pair->key, e)) != FAS_OK ||
	    (rc = load_certificate(certificate, folder, &pair->certificate, e)) != FAS_OK)
		return rc;
	return check_pair(pair, use, key, certificate, e);
}

static enum fas_code
load_pairs(struct saml_sp *sp, enum saml_sp_use use, const struct yaml_node *list, size_t min,
    const char *folder, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (!list)
		return FAS_OK;
	if (list->n < min || list->n > SAML_SP_KEYS_MAX)
		return yaml_fail(list, e, "yaml_value", "%s: %zu entries, want %zu to %d",
		    names[use], list->n, min, SAML_SP_KEYS_MAX);
	for (; sp->n[use] < list->n && rc == FAS_OK; sp->n[use]++)
		rc =
		    load_pair(&sp->pairs[use][sp->n[use]], use, list->items[sp->n[use]], folder, e);
	return rc;
}

enum fas_code
saml_sp_load(
    const struct yaml_node *map, const char *base_folder, struct saml_sp **out, struct fas_err *e)
{
	struct yaml_reader r;
	*out = NULL;
	OWN(saml_sp) struct saml_sp *sp = calloc(1, sizeof(*sp));
	if (!sp)
		return fas_fail_nomem(e);
	enum fas_code rc = yaml_open(&r, map, "saml", e);
	if (rc != FAS_OK)
		return rc;
	const struct yaml_node *signing = yaml_need(&r, names[SAML_SP_SIGNING], YAML_LIST);
	const struct yaml_node *decryption = yaml_want(&r, names[SAML_SP_DECRYPTION], YAML_LIST);
	if ((rc = yaml_finish(&r)) != FAS_OK ||
	    (rc = load_pairs(sp, SAML_SP_SIGNING, signing, 1, base_folder, e)) != FAS_OK ||
	    (rc = load_pairs(sp, SAML_SP_DECRYPTION, decryption, 0, base_folder, e)) != FAS_OK)
		return rc;
	*out = TAKE(sp);
	return FAS_OK;
}
