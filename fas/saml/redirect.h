/* The DEFLATE encoding of the redirect binding (SAML bindings 3.4.4.1), RFC 1951 without any frame. */
#ifndef FAS_SAML_REDIRECT_H
#define FAS_SAML_REDIRECT_H

#include <stddef.h>

#include "fas/base/buf.h"

/* Packed and in base64, malloc'ed. */
MUST_CHECK enum fas_code redirect_pack(
    const void *data, size_t len, char **base64, struct fas_err *e);

/*
 * The reverse, without base64, into out: as far as its own maximum; one whole stream and nothing behind it.
 * FAS_E_INPUT "saml_deflate".
 */
MUST_CHECK enum fas_code redirect_unpack(
    const void *data, size_t len, struct buf *out, struct fas_err *e);

#endif
