/* A signature of octets that lies beside them: that of the redirect binding. */
#ifndef FAS_SAML_DETACHED_H
#define FAS_SAML_DETACHED_H

#include "fas/base/err.h"
#include "fas/saml/idp.h"

#define DETACHED_SIGNATURE_MAX 1024 /* octets: RSA of 8192 bits */

/*
 * Is signature one of the provider's keys' of data, by the algorithm that href names (XML Signature; those that
 * signature_check allows)?  That of an EC key is r and s side by side, or, as some write it, in DER.
 * FAS_E_AUTH "saml_algorithm", "saml_signature".
 */
MUST_CHECK enum fas_code detached_verify(const struct idp *idp, const char *href, const void *data,
    size_t len, const uint8_t *signature, size_t signature_len, struct fas_err *e);

#endif
