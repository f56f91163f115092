/* Keys and certificates for the card server: made at run time or read from PEM files; helpers abort on failure. */
#ifndef TESTS_PKCS11_CARD_KEYS_H
#define TESTS_PKCS11_CARD_KEYS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/card/wire.h"

struct card_key {
	EVP_PKEY *key; /* NULL: a certificate of a CA */
	X509 *certificate;
	char label[CARD_LABEL_MAX + 1];
	enum card_purpose purpose;
	uint32_t mechanisms;
};

__attribute__((noreturn)) void must_fail(const char *what);
#define must(good, what) ((good) ? (void)0 : must_fail(what))

/* A CA, and a leaf of it. type: "RSA" (2048) or "P-256"; it outlives the leaf. */
void card_ca_make(struct card_key *ca);
void card_key_make(const struct card_key *ca, const char *type, const char *label,
    enum card_purpose purpose, struct card_key *out);
void card_key_load(
    const char *key_path, const char *certificate_path, const char *label, struct card_key *out);
void card_key_done(struct card_key *key);

/* The fields of a KEY or ISSUER_CERT entry. */
void card_key_write(struct card_writer *w, const struct card_key *key);
/* RFC 5280 4.2.1.2 (1). */
void card_key_id(const struct card_key *key, uint8_t id[CARD_KEY_ID_BYTES]);

struct card_sign_request {
	enum card_mechanism mechanism;
	enum card_hash hash, mgf;
	uint16_t salt_len;
	const uint8_t *data;
	size_t len;
	bool hashed; /* data is a digest of hash also for RSA_PKCS1 */
};

/* As strict as the agent: a DigestInfo of SHA-2, digests of the right length. */
enum card_status card_key_sign(const struct card_key *key, const struct card_sign_request *request,
    uint8_t *out, size_t *out_len);
const EVP_MD *card_md(enum card_hash hash);

#endif
