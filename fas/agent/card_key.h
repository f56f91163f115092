/*
 * One key of a card with its certificate: the private key itself (custody host) or its name at the service.  Never
 * changed once made; shared by counting, and wiped with the last reference (EVP_PKEY_free clears).
 */
#ifndef FAS_AGENT_CARD_KEY_H
#define FAS_AGENT_CARD_KEY_H

#include <stdatomic.h>

#include "fas/agent/key.h"
#include "fas/card/wire.h"

#define CARD_CHAIN_MAX 4
#define KEY_NAME_MAX 33
#define CERT_SERIAL_MAX 48

struct card_key {
	atomic_uint refs;
	enum card_purpose purpose;
	EVP_PKEY *key;           /* NULL: the service keeps it */
	char name[KEY_NAME_MAX]; /* at the service; "" = it is ours */
	X509 *certificate;
	X509 *issuers[CARD_CHAIN_MAX]; /* the issuing CA first */
	size_t n_issuers;
	uint8_t id[CARD_KEY_ID_BYTES];
	int64_t not_before_s, not_after_s;
	char serial[CERT_SERIAL_MAX]; /* hex */
};

/* What an answer of the service gave; all borrowed. */
struct card_key_parts {
	enum card_purpose purpose;
	EVP_PKEY *key;    /* a new reference is taken; NULL under custody service */
	const char *name; /* NULL under custody host */
	const char *certificate_pem;
	const char *chain_pem;
};

/* FAS_E_INPUT "certificate_malformed"; FAS_E_AUTH "answer_certificate" when the certificate is of another key. */
MUST_CHECK enum fas_code card_key_new(
    const struct card_key_parts *parts, struct card_key **out, struct fas_err *e);
struct card_key *card_key_ref(struct card_key *key);
void card_key_unref(struct card_key *key);

bool card_key_is_valid(const struct card_key *key, int64_t now_s);
/* RSA: PKCS#1 and PSS; EC: ECDSA.  1 << enum card_mechanism. */
uint32_t card_key_mechanisms(const struct card_key *key);
/* An entry CARD_TAG_KEY; mechanisms: those that are offered. */
MUST_CHECK enum fas_code card_key_write(
    const struct card_key *key, uint32_t mechanisms, struct card_writer *w, struct fas_err *e);
/* Entries CARD_TAG_ISSUER_CERT for the chain above it. */
MUST_CHECK enum fas_code card_key_write_issuers(
    const struct card_key *key, struct card_writer *w, struct fas_err *e);

DEFINE_OWN(card_key, struct card_key *, card_key_unref);

#endif
