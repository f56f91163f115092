/* The public key that somebody asks to have certified: what the signer accepts, whoever has looked at it before. */
#ifndef CA_SPKI_H
#define CA_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

#define SPKI_MAX 1024
#define SPKI_DIGEST 32

/*
 * DER of a SubjectPublicKeyInfo, nothing behind it, in its only encoding: RSA (RFC 3279 2.3.1) of 2048 to 4096 bits with
 * public exponent 65537, or an uncompressed point on P-256 or P-384 (RFC 5480).  FAS_E_INPUT "spki_malformed",
 * "spki_key".  digest: SHA-256 of the DER.
 */
MUST_CHECK enum fas_code spki_check(
    const uint8_t *der, size_t len, uint8_t digest[SPKI_DIGEST], struct fas_err *e);

#endif
