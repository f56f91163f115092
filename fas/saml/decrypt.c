#include "fas/saml/decrypt.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "fas/base/secret.h"
#include "fas/base/text.h"
#include "fas/saml/key.h"

#define KEY_BYTES_MAX 32
#define RSA_BYTES_MAX (KEY_RSA_BITS_MAX / 8)

DEFINE_OWN(cipher, EVP_CIPHER *, EVP_CIPHER_free);
DEFINE_OWN(cipher_ctx, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);

static enum fas_code
refuse(struct fas_err *e)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_AUTH, "saml_decryption",
	    "XML Encryption 4.4: what is encrypted does not open with any key of this service");
}

struct span {
	uint8_t *data;
	size_t len;
};

static void
span_done(struct span *span)
{
	free(span->data);
}

DEFINE_OWN_IN_PLACE(span, struct span, span_done);

/* ---- the content ---- */

/* XML Encryption 5.2: the last octet says how many are padding, itself included; what the others hold plays no part. */
static bool
strip_padding(const struct cipher_method *m, struct span *plain)
{
	size_t pad = plain->len ? plain->data[plain->len - 1] : 0;
	if (m->authenticated)
		return true;
	if (pad == 0 || pad > m->iv_bytes || pad > plain->len)
		return false;
	plain->len -= pad;
	return true;
}

static bool
open_content(const struct cipher_method *m, const uint8_t *key, const struct span *sealed,
    struct span *plain)
{
	OWN(cipher) EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, m->name, NULL);
	OWN(cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const uint8_t *body = sealed->data + m->iv_bytes;
	int body_len = (int)(sealed->len - m->iv_bytes - m->tag_bytes), len = 0, rest = 0;
	if (!cipher || !ctx || EVP_DecryptInit_ex2(ctx, cipher, key, sealed->data, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
	    (m->authenticated && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)m->tag_bytes,
				     sealed->data + sealed->len - m->tag_bytes) != 1) ||
	    EVP_DecryptUpdate(ctx, plain->data, &len, body, body_len) != 1 ||
	    EVP_DecryptFinal_ex(ctx, plain->data + len, &rest) != 1)
		return false;
	plain->len = (size_t)len + (size_t)rest;
	return strip_padding(m, plain);
}

/* ---- the key ---- */

/*
 * XML Encryption 5.5.2 masks with MGF1 over SHA-1 whatever the digest; some libraries (those of Node.js among them) take the
 * digest for both.
 */
static bool
unwrap(EVP_PKEY *ours, const struct oaep_digest *digest, const char *mask,
    const struct span *wrapped, uint8_t out[RSA_BYTES_MAX], size_t *len)
{
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	*len = RSA_BYTES_MAX;
	return ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest->name, NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mask, NULL) == 1 &&
	       EVP_PKEY_decrypt(ctx, out, len, wrapped->data, wrapped->len) == 1;
}

struct attempt {
	const struct cipher_method *cipher;
	struct span sealed;
	struct span plain;
	bool opened;
};

/* One key of the message with one of ours. */
static enum fas_code
try_key(struct attempt *a, EVP_PKEY *ours, const struct oaep_digest *digest, const char *mask,
    const struct span *wrapped, struct fas_err *e)
{
	uint8_t key[KEY_BYTES_MAX], unwrapped[RSA_BYTES_MAX];
	size_t len = 0;
	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return fas_fail_openssl(e, "random bytes");
	bool fits = unwrap(ours, digest, mask, wrapped, unwrapped, &len);
	fits = fits && len == a->cipher->key_bytes;
	if (fits)
		memcpy(key, unwrapped, len);
	bool opens = open_content(a->cipher, key, &a->sealed, &a->plain);
	a->opened = fits && opens; /* CBC opens with one of 16 random keys */
	secret_wipe(key, sizeof(key));
	secret_wipe(unwrapped, sizeof(unwrapped));
	ERR_clear_error();
	return FAS_OK;
}

/* One key of the message with all of ours. */
static enum fas_code
try_wrapped(
    struct attempt *a, const struct saml_sp *sp, const struct wrapped_key *key, struct fas_err *e)
{
	OWN(span) struct span wrapped = {0};
	const char *const masks[] = {"SHA1", key->digest->name};
	size_t n_masks = strcmp(masks[0], masks[1]) == 0 ? 1 : 2;
	enum fas_code rc =
	    base64_decode(key->value, strlen(key->value), true, &wrapped.data, &wrapped.len, NULL);
	if (rc != FAS_OK)
		return rc == FAS_E_NOMEM ? fas_fail_nomem(e) : refuse(e);
	for (size_t i = 0; i < saml_sp_count(sp, SAML_SP_DECRYPTION); i++) {
		EVP_PKEY *ours = saml_sp_key(sp, SAML_SP_DECRYPTION, i);
		for (size_t m = 0; m < n_masks && !a->opened && rc == FAS_OK; m++)
			rc = try_key(a, ours, key->digest, masks[m], &wrapped, e);
	}
	return rc;
}

static enum fas_code
begin(struct attempt *a, const struct encrypted *what, struct fas_err *e)
{
	size_t overhead = what->cipher->iv_bytes + what->cipher->tag_bytes;
	enum fas_code rc = base64_decode(
	    what->value, strlen(what->value), true, &a->sealed.data, &a->sealed.len, NULL);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK || a->sealed.len <= overhead || a->sealed.len > INT_MAX)
		return refuse(e);
	a->plain.data = malloc(a->sealed.len + 1);
	return a->plain.data ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
decrypt(const struct saml_sp *sp, const struct encrypted *what, uint8_t **out, size_t *len,
    struct fas_err *e)
{
	struct attempt a = {.cipher = what->cipher};
	if (saml_sp_count(sp, SAML_SP_DECRYPTION) == 0)
		return fas_fail(e, FAS_E_AUTH, "saml_decryption",
		    "SAML core 2.3.4: this service has no key for what is encrypted (saml: "
		    "decryption)");
	enum fas_code rc = begin(&a, what, e);
	for (size_t i = 0; i < what->n_keys && !a.opened && rc == FAS_OK; i++)
		rc = try_wrapped(&a, sp, &what->keys[i], e);
	if (rc == FAS_OK && !a.opened)
		rc = refuse(e);
	if (rc == FAS_OK) {
		a.plain.data[a.plain.len] = 0;
		*len = a.plain.len;
		*out = TAKE(a.plain.data);
	}
	span_done(&a.plain);
	span_done(&a.sealed);
	return rc;
}
