/* A certification request (RFC 2986) of a machine: only its public key is used, and only when it signed itself. */
#ifndef CA_CSR_H
#define CA_CSR_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

#define CSR_PEM_MAX 8192

enum csr_key { CSR_KEY_RSA = 1, CSR_KEY_P256, CSR_KEY_P384 };

/*
 * One PEM block "CERTIFICATE REQUEST", nothing else but white space around it; DER without left-overs; signature by its
 * own key with SHA-256/384/512; RSA 2048..4096 bits with public exponent 65537, or P-256/P-384 by named curve.
 * *spki is malloc'ed DER of the SubjectPublicKeyInfo, the caller's.  key and bits (RSA modulus or field size) say which.
 * FAS_E_INPUT "csr_malformed", "csr_signature", "csr_key".
 */
MUST_CHECK enum fas_code csr_parse(const char *pem, uint8_t **spki, size_t *spki_len,
    enum csr_key *key, unsigned *bits, struct fas_err *e);

#endif
