#include "ca/key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ca/key_parts.h"
#include "ca/pkcs11.h"

struct key {
	EVP_PKEY *pkey; /* NULL while it is folded; its public half alone when it lies in a token */
	const struct pkcs11_config *token; /* NULL: the whole key is here */
	char token_id[2 * PKCS11_ID_MAX + 1];
	OSSL_PARAM *numbers;
	const struct key_kind *kind;
	enum profile_signature algorithm;
	uint8_t *spki;
	size_t spki_len;
	EVP_MD_CTX *
	    ready; /* begun, and copied for each signature: to begin anew looks up every algorithm anew */
};

struct key_kind {
	const char *name;
	const char *algorithm; /* of EVP_PKEY */
	size_t bits;
	const char *group;
};

static const struct key_kind kinds[] = {
    {"rsa-2048", "RSA", 2048, NULL},
    {"rsa-3072", "RSA", 3072, NULL},
    {"rsa-4096", "RSA", 4096, NULL},
    {"p-256", "EC", 256, "P-256"},
    {"p-384", "EC", 384, "P-384"},
};

DEFINE_OWN(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);

/* The library keeps some of them in one block and wipes that; wiped here is every one. */
static void
free_numbers(OSSL_PARAM *numbers)
{
	for (OSSL_PARAM *p = numbers; p && p->key; p++)
		OPENSSL_cleanse(p->data, p->data_size);
	OSSL_PARAM_free(numbers);
}

void
key_free(struct key *key)
{
	if (!key)
		return;
	EVP_MD_CTX_free(key->ready);
	EVP_PKEY_free(key->pkey);
	free_numbers(key->numbers);
	OPENSSL_free(key->spki);
	free(key);
}

static const struct key_kind *
kind_of(const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (EVP_PKEY_is_a(pkey, kinds[i].algorithm) &&
		    EVP_PKEY_get_bits(pkey) == (int)kinds[i].bits)
			return &kinds[i];
	}
	return NULL;
}

static const char *
digest_of(enum profile_signature algorithm)
{
	return algorithm == SIGNATURE_ECDSA_SHA384 ? "SHA384" : "SHA256";
}

/* RSA's default padding here is PKCS#1 v1.5, which is what Samba's KDC accepts (CERTIFICATES.md). */
static enum fas_code
make_ready(struct key *key, struct fas_err *e)
{
	key->ready = EVP_MD_CTX_new();
	if (!key->ready || EVP_DigestSignInit_ex(key->ready, NULL, digest_of(key->algorithm), NULL,
			       NULL, key->pkey, NULL) != 1)
		return fas_fail_openssl(e, "a context for signatures");
	return FAS_OK;
}

/* Takes pkey in every case. */
static enum fas_code
describe(EVP_PKEY *pkey, const char *what, struct key **out, struct fas_err *e)
{
	OWN(key) struct key *key = calloc(1, sizeof(*key));
	if (!key) {
		EVP_PKEY_free(pkey);
		return fas_fail_nomem(e);
	}
	key->pkey = pkey;
	key->kind = kind_of(pkey);
	if (!key->kind)
		return fas_fail(e, FAS_E_CONFIG, "key_file",
		    "%s: not RSA-2048, -3072, -4096, P-256 or P-384", what);
	enum fas_code rc = profile_signature_for(pkey, &key->algorithm, e);
	if (rc != FAS_OK)
		return rc;
	int len = i2d_PUBKEY(pkey, &key->spki);
	if (len <= 0)
		return fas_fail_openssl(e, "%s: public key", what);
	key->spki_len = (size_t)len;
	*out = TAKE(key);
	return FAS_OK;
}

enum fas_code
key_wrap(EVP_PKEY *pkey, const char *what, struct key **out, struct fas_err *e)
{
	OWN(key) struct key *key = NULL;
	enum fas_code rc = describe(pkey, what, &key, e);
	if (rc == FAS_OK)
		rc = make_ready(key, e);
	if (rc == FAS_OK)
		*out = TAKE(key);
	return rc;
}

enum fas_code
key_in_token(const struct pkcs11_config *token, const char *id, const uint8_t *spki,
    size_t spki_len, const char *what, struct key **out, struct fas_err *e)
{
	OWN(key) struct key *key = NULL;
	const uint8_t *at = spki;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki_len);
	if (!pkey || at != spki + spki_len || strlen(id) >= sizeof(key->token_id)) {
		EVP_PKEY_free(pkey);
		(void)fas_fail_openssl(NULL, "emptied");
		return fas_fail(e, FAS_E_CONFIG, "key_file", "%s: no usable public key", what);
	}
	enum fas_code rc = describe(pkey, what, &key, e);
	if (rc != FAS_OK)
		return rc;
	key->token = token;
	memcpy(key->token_id, id, strlen(id) + 1);
	*out = TAKE(key);
	return FAS_OK;
}

struct breath {
	void (*breathe)(void *arg);
	void *arg;
};

static int
between_steps(EVP_PKEY_CTX *ctx)
{
	const struct breath *breath = EVP_PKEY_CTX_get_app_data(ctx);
	breath->breathe(breath->arg);
	return 1;
}

static EVP_PKEY *
generate(const struct key_kind *kind, struct breath *breath)
{
	EVP_PKEY *pkey = NULL;
	if (kind->group)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group);
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)kind->bits) != 1)
		return NULL;
	if (breath->breathe) {
		EVP_PKEY_CTX_set_app_data(ctx, breath);
		EVP_PKEY_CTX_set_cb(ctx, between_steps);
	}
	return EVP_PKEY_generate(ctx, &pkey) == 1 ? pkey : NULL;
}

enum fas_code
key_generate_slowly(
    const char *type, void (*breathe)(void *arg), void *arg, struct key **out, struct fas_err *e)
{
	struct breath breath = {breathe, arg};
	const struct key_kind *kind = NULL;
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (strcmp(kinds[i].name, type) == 0)
			kind = &kinds[i];
	}
	if (!kind)
		return fas_fail(e, FAS_E_INPUT, "key_type",
		    "key type \"%s\", want rsa-2048, rsa-3072, rsa-4096, p-256 or p-384", type);
	EVP_PKEY *pkey = generate(kind, &breath);
	if (!pkey)
		return fas_fail_openssl(e, "a new %s key", type);
	return key_wrap(pkey, "new key", out, e);
}

enum fas_code
key_generate(const char *type, struct key **out, struct fas_err *e)
{
	return key_generate_slowly(type, NULL, NULL, out, e);
}

void
key_fold(struct key *key)
{
	if (!key->pkey)
		return;
	if (EVP_PKEY_todata(key->pkey, EVP_PKEY_KEYPAIR, &key->numbers) != 1) {
		(void)fas_fail_openssl(NULL, "emptied");
		key->numbers = NULL;
		return;
	}
	EVP_MD_CTX_free(key->ready);
	EVP_PKEY_free(key->pkey);
	key->ready = NULL;
	key->pkey = NULL;
}

enum fas_code
key_unfold(struct key *key, struct fas_err *e)
{
	if (key->pkey)
		return FAS_OK;
	OWN(pkey_ctx)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, key->kind->algorithm, NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key->pkey, EVP_PKEY_KEYPAIR, key->numbers) != 1)
		return fas_fail_openssl(e, "a key at rest");
	free_numbers(key->numbers);
	key->numbers = NULL;
	return FAS_OK;
}

EVP_PKEY *
key_pkey(const struct key *key)
{
	return key->pkey;
}

const char *
key_type(const struct key *key)
{
	return key->kind->name;
}

enum profile_signature
key_algorithm(const struct key *key)
{
	return key->algorithm;
}

bool
key_is_deterministic(const struct key *key)
{
	return key->algorithm == SIGNATURE_RSA_SHA256;
}

size_t
key_signature_len(const struct key *key)
{
	return (size_t)EVP_PKEY_get_size(key->pkey);
}

const uint8_t *
key_spki(const struct key *key, size_t *len)
{
	*len = key->spki_len;
	return key->spki;
}

enum fas_code
key_matches(const struct key *key, const EVP_PKEY *public_key, struct fas_err *e)
{
	if (public_key && EVP_PKEY_eq(key->pkey, public_key) == 1)
		return FAS_OK;
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_CONFLICT, "key_mismatch",
	    "RFC 5280 4.1.2.7: the certificate's public key is not this authority's");
}

bool
key_is_in_token(const struct key *key)
{
	return key->token != NULL;
}

enum fas_code
key_check(const struct key *key, struct fas_err *e)
{
	return key->token ? pkcs11_check(key->token, key->token_id, e) : FAS_OK;
}

enum fas_code
key_sign(const struct key *key, const uint8_t *tbs, size_t tbs_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e)
{
	if (key->token)
		return key_token_sign(key->token, key->token_id, key->algorithm, tbs, tbs_len,
		    signature, signature_len, e);
	OWN(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	*signature_len = KEY_SIGNATURE_MAX;
	if (!ctx || EVP_MD_CTX_copy_ex(ctx, key->ready) != 1 ||
	    EVP_DigestSign(ctx, signature, signature_len, tbs, tbs_len) != 1)
		return fas_fail_openssl(e, "signature by the CA's key");
	return FAS_OK;
}

enum fas_code
key_verify(EVP_PKEY *public_key, enum profile_signature algorithm, const uint8_t *tbs,
    size_t tbs_len, const uint8_t *signature, size_t signature_len, struct fas_err *e)
{
	OWN(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestVerifyInit_ex(
			ctx, NULL, digest_of(algorithm), NULL, NULL, public_key, NULL) != 1)
		return fas_fail_openssl(e, "verification");
	if (EVP_DigestVerify(ctx, signature, signature_len, tbs, tbs_len) == 1)
		return FAS_OK;
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_CRYPTO, "signature_wrong",
	    "RFC 5280 6.1.3 (a)(1): the issuer's public key does not confirm the signature");
}
