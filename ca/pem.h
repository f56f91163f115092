/* PEM (RFC 7468) without the library's files and passphrases. */
#ifndef CA_PEM_H
#define CA_PEM_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "fas/base/err.h"

/* malloc'ed text, the caller's; NULL when out of memory. */
char *pem_encode(const char *label, const uint8_t *der, size_t len);

/*
 * All CERTIFICATE blocks of text in their order, at most max (RFC 7468 5.2: text around the blocks is an explanation), or
 * one certificate as base64 of its DER.  *n certificates in out, the caller's also after a failure; FAS_E_INPUT
 * "pem_malformed".
 */
MUST_CHECK enum fas_code pem_certificates(
    const char *text, X509 **out, size_t max, size_t *n, struct fas_err *e);

/* The first block with this label: malloc'ed DER, the caller's.  *rest (may be NULL): behind it.  "pem_malformed". */
MUST_CHECK enum fas_code pem_decode(const char *text, const char *label, uint8_t **der, size_t *len,
    const char **rest, struct fas_err *e);

#endif
