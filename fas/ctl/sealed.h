/*
 * Files that only the holder of a private key can read: CMS AuthEnvelopedData (RFC 5083, 5652) with AES-256-GCM, DER, to one
 * or more certificates; what `openssl cms -decrypt -inform DER` opens.  RSA keys are transported by OAEP with SHA-256,
 * EC keys by ephemeral ECDH with SHA-256.  So the machine that makes a backup holds no secret that opens it.
 */
#ifndef FAS_CTL_SEALED_H
#define FAS_CTL_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/secret.h"

#define SEALED_TO_MAX 16

struct sealed_to {
	size_t n;
	X509 *certificates[SEALED_TO_MAX];
};
/* PEM.  FAS_E_INPUT "recipient_certificate": expired, or its key is neither RSA of 3072 bits or more nor P-256 or P-384. */
MUST_CHECK enum fas_code sealed_to_add(struct sealed_to *to, const char *path, struct fas_err *e);
void sealed_to_done(struct sealed_to *to);

/* Seal data into a new file of mode 0600, durable. */
MUST_CHECK enum fas_code sealed_write(
    const struct sealed_to *to, const char *path, const void *data, size_t len, struct fas_err *e);

/* PKCS#8, PEM; passphrase_file NULL: it has none. */
MUST_CHECK enum fas_code sealed_key_load(
    const char *path, const char *passphrase_file, EVP_PKEY **out, struct fas_err *e);
/*
 * Nothing is given out before its tag has been verified; out is empty before.  FAS_E_CRYPTO "sealed_unopened": another key,
 * or it was changed.  FAS_E_INPUT "sealed_malformed".
 */
MUST_CHECK enum fas_code sealed_read(
    const char *path, EVP_PKEY *key, size_t max_bytes, struct secret *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(sealed_to, struct sealed_to, sealed_to_done);
DEFINE_OWN(sealed_key, EVP_PKEY *, EVP_PKEY_free);

#endif
