/* PEM (RFC 7468) without the library's files and passphrases. */
#ifndef CA_PEM_H
#define CA_PEM_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

/* malloc'ed text, the caller's; NULL when out of memory. */
char *pem_encode(const char *label, const uint8_t *der, size_t len);

/* The first block with this label: malloc'ed DER, the caller's.  *rest (may be NULL): behind it.  "pem_malformed". */
MUST_CHECK enum fas_code pem_decode(const char *text, const char *label, uint8_t **der, size_t *len,
    const char **rest, struct fas_err *e);

#endif
