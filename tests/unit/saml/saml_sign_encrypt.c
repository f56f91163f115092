/* What a provider encrypts, and how some do it wrong. */
#include "saml_sign.h"

#include <string.h>

#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"

#define ENC "http://www.w3.org/2001/04/xmlenc#"
#define ENC11 "http://www.w3.org/2009/xmlenc11#"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define SEALED_MAX (4 * 1024 * 1024)
#define WRAPPED_MAX 1024

struct cipher {
	const char *name, *href, *openssl;
	size_t key_len, iv_len, tag_len;
};

static const struct cipher ciphers[] = {
    {"aes128-gcm", ENC11 "aes128-gcm", "AES-128-GCM", 16, 12, 16},
    {"aes256-gcm", ENC11 "aes256-gcm", "AES-256-GCM", 32, 12, 16},
    {"aes128-cbc", ENC "aes128-cbc", "AES-128-CBC", 16, 16, 0},
    {"aes256-cbc", ENC "aes256-cbc", "AES-256-CBC", 32, 16, 0},
    {"tripledes-cbc", ENC "tripledes-cbc", "DES-EDE3-CBC", 24, 8, 0},
};

static const struct {
	const char *name, *href;
	int padding;
} transports[] = {
    {"rsa-oaep-mgf1p", ENC "rsa-oaep-mgf1p", RSA_PKCS1_OAEP_PADDING},
    {"rsa-oaep", ENC11 "rsa-oaep", RSA_PKCS1_OAEP_PADDING},
    {"rsa-1_5", ENC "rsa-1_5", RSA_PKCS1_PADDING},
};

static const struct {
	const char *name, *href;
} digests[] = {{"sha1", DSIG "sha1"}, {"sha256", ENC "sha256"}, {"sha512", ENC "sha512"}};

struct parts {
	const struct saml_sign_seal *seal;
	const struct cipher *cipher;
	size_t transport;
	uint8_t key[32], wrapped[WRAPPED_MAX];
	size_t wrapped_len;
	struct buf sealed;
};

/* ---- bytes ---- */

/* XML Encryption 5.2: pad up to a block, the last octet says how many. */
static void
put_padding(struct buf *plain, const struct parts *p)
{
	size_t pad = p->cipher->iv_len - plain->len % p->cipher->iv_len;
	uint8_t block[16] = {0};
	if (p->cipher->tag_len > 0)
		return;
	block[pad - 1] = p->seal->bad_padding ? 0 : (uint8_t)pad;
	buf_append(plain, block, pad);
}

static int
seal_content(struct parts *p, const char *text)
{
	OWN(buf) struct buf plain;
	uint8_t iv[16], tag[16] = {0};
	int len = 0, rest = 0, ok = 0;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, p->cipher->openssl, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	buf_init(&plain, SEALED_MAX);
	buf_text(&plain, text);
	put_padding(&plain, p);
	uint8_t *out = malloc(plain.len + 16);
	ok = RAND_bytes(iv, sizeof(iv)) == 1 && RAND_bytes(p->key, sizeof(p->key)) == 1 && cipher &&
	     ctx && out && EVP_EncryptInit_ex2(ctx, cipher, p->key, iv, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     EVP_EncryptUpdate(ctx, out, &len, plain.data, (int)plain.len) == 1 &&
	     EVP_EncryptFinal_ex(ctx, out + len, &rest) == 1 &&
	     (p->cipher->tag_len == 0 ||
		 EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
	if (ok) {
		tag[0] ^= p->seal->bad_tag;
		buf_append(&p->sealed, iv, p->cipher->iv_len);
		buf_append(&p->sealed, out, (size_t)len + (size_t)rest);
		buf_append(&p->sealed, tag, p->cipher->tag_len);
	}
	free(out);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok;
}

static int
wrap_key(struct parts *p)
{
	const struct saml_sign_seal *s = p->seal;
	int padding = transports[p->transport].padding;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->to, NULL);
	p->wrapped_len = sizeof(p->wrapped);
	int ok = ctx && EVP_PKEY_encrypt_init(ctx) == 1 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
		 (padding != RSA_PKCS1_OAEP_PADDING ||
		     (EVP_PKEY_CTX_set_rsa_oaep_md_name(
			  ctx, s->digest ? s->digest : "sha1", NULL) == 1 &&
			 EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, s->mask ? s->mask : "sha1", NULL) ==
			     1)) &&
		 EVP_PKEY_encrypt(ctx, p->wrapped, &p->wrapped_len, p->key,
		     p->cipher->key_len - s->short_key) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* ---- XML ---- */

static void
put_value(struct buf *b, const void *data, size_t len)
{
	OWN(text) char *text = base64_encode(data, len);
	buf_text(b, "<xenc:CipherData><xenc:CipherValue>");
	for (size_t i = 0; text && text[i]; i++) {
		buf_append(b, text + i, 1);
		if (i % 76 == 75)
			buf_text(b, "\n");
	}
	buf_text(b, "</xenc:CipherValue></xenc:CipherData>");
}

static void
put_key(struct buf *b, const struct parts *p)
{
	const char *digest = p->seal->digest;
	buf_printf(b,
	    "<xenc:EncryptedKey xmlns:xenc=\"" ENC "\"><xenc:EncryptionMethod Algorithm=\"%s\">",
	    transports[p->transport].href);
	for (size_t i = 0; digest && i < NELEMS(digests); i++) {
		if (strcmp(digests[i].name, digest) == 0)
			buf_printf(b, "<ds:DigestMethod xmlns:ds=\"" DSIG "\" Algorithm=\"%s\"/>",
			    digests[i].href);
	}
	buf_text(b, "</xenc:EncryptionMethod>");
	put_value(b, p->wrapped, p->wrapped_len);
	buf_text(b, "</xenc:EncryptedKey>");
}

static void
put_element(struct buf *b, const struct parts *p, const char *element)
{
	buf_printf(b,
	    "<saml:%s xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">"
	    "<xenc:EncryptedData xmlns:xenc=\"" ENC "\" Type=\"" ENC "Element\">"
	    "<xenc:EncryptionMethod Algorithm=\"%s\"/><ds:KeyInfo xmlns:ds=\"" DSIG "\">",
	    element, p->cipher->href);
	if (p->seal->key_outside)
		buf_text(b, "<ds:RetrievalMethod Type=\"" ENC "EncryptedKey\" URI=\"#_k1\"/>");
	else
		put_key(b, p);
	buf_text(b, "</ds:KeyInfo>");
	put_value(b, p->sealed.data, p->sealed.len);
	buf_text(b, "</xenc:EncryptedData>");
	if (p->seal->key_outside)
		put_key(b, p);
	buf_printf(b, "</saml:%s>", element);
}

static int
find_algorithms(struct parts *p)
{
	const char *cipher = p->seal->cipher ? p->seal->cipher : ciphers[0].name;
	const char *transport = p->seal->transport ? p->seal->transport : transports[0].name;
	for (size_t i = 0; i < NELEMS(ciphers); i++) {
		if (strcmp(ciphers[i].name, cipher) == 0)
			p->cipher = &ciphers[i];
	}
	for (size_t i = 0; i < NELEMS(transports); i++) {
		if (strcmp(transports[i].name, transport) == 0) {
			p->transport = i;
			return p->cipher != NULL;
		}
	}
	return 0;
}

char *
saml_sign_encrypt(const char *text, const char *element, const struct saml_sign_seal *seal)
{
	struct parts p = {.seal = seal};
	OWN(buf) struct buf out;
	char *result = NULL;
	buf_init(&p.sealed, SEALED_MAX);
	buf_init(&out, SEALED_MAX);
	if (find_algorithms(&p) && seal_content(&p, text) && wrap_key(&p)) {
		put_element(&out, &p, element);
		result = buf_take(&out, NULL);
	}
	buf_done(&p.sealed);
	return result;
}
