/* Opening what a provider has encrypted for us. */
#ifndef FAS_SAML_DECRYPT_H
#define FAS_SAML_DECRYPT_H

#include <stdint.h>

#include "fas/base/err.h"
#include "fas/saml/encrypted.h"
#include "fas/saml/sp.h"

/*
 * Each wrapped key is tried with each decryption key of sp (NULL: there are none).  *out is the caller's (free), with a NUL
 * behind its *len octets.
 *
 * Whatever does not fit - the key, its padding, its length, the content's tag or its padding - is one and the same FAS_E_AUTH
 * "saml_decryption", and costs the same: where no key comes out, the content is tried with a random one.  So nobody learns
 * by asking how far a forged message got (Bleichenbacher 1998; Manger 2001; Jager and Somorovsky 2011).
 */
MUST_CHECK enum fas_code decrypt(const struct saml_sp *sp, const struct encrypted *what,
    uint8_t **out, size_t *len, struct fas_err *e);

#endif
