/*
 * What may be signed, and signing it with a key of ours.  Nothing is signed that is not a digest: a DigestInfo is taken
 * apart by OpenSSL's template and has to be, byte for byte, the one that we would have written ourselves.
 */
#ifndef FAS_AGENT_SIGNING_H
#define FAS_AGENT_SIGNING_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "fas/base/err.h"
#include "fas/card/wire.h"

#define SIGNATURE_MAX 2048
#define DIGEST_MAX 64

struct signing {
	enum card_mechanism mechanism;
	enum card_hash hash; /* ECDSA: by the digest's length */
	uint8_t digest[DIGEST_MAX];
	size_t digest_len;
};

/* "sha256", ...; "rsa-pkcs1", ...: as the service's API calls them. */
const char *signing_hash_name(enum card_hash hash);
const char *signing_mechanism_name(enum card_mechanism mechanism);
const EVP_MD *signing_md(enum card_hash hash);

/*
 * What a request asks for.  RSA_PKCS1: data is a DigestInfo (RFC 8017 9.2) of SHA-256, 384 or 512; RSA_PSS: a digest, the
 * same hash in MGF1, a salt as long as the digest; ECDSA: a digest as long as one of these hashes.
 * FAS_E_INPUT "data_refused"; FAS_E_CONFLICT "mechanism_refused" for another combination.
 */
MUST_CHECK enum fas_code signing_read(
    const struct card_message *m, struct signing *out, struct fas_err *e);
/* The same for what was hashed here. */
MUST_CHECK enum fas_code signing_of_hash(const struct card_message *m, enum card_hash hash,
    const uint8_t *digest, size_t len, struct signing *out, struct fas_err *e);

/* out: SIGNATURE_MAX bytes; ECDSA: r || s, each as long as the order. */
MUST_CHECK enum fas_code signing_make(
    const struct signing *s, EVP_PKEY *key, uint8_t *out, size_t *len, struct fas_err *e);

#endif
