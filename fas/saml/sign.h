/* Signatures that the service makes: of octets (redirect binding) and of documents (POST binding, metadata). */
#ifndef FAS_SAML_SIGN_H
#define FAS_SAML_SIGN_H

#include "fas/base/buf.h"
#include "fas/saml/sp.h"

#define SIGN_DOCUMENT_MAX (256 * 1024)

/* The algorithm of the first signing key: rsa-sha256 or ecdsa-sha256.  NULL: there is no key. */
const char *sign_algorithm(const struct saml_sp *sp);

/*
 * SAML bindings 3.4.4.1: the base64 of the signature of data, malloc'ed; that of an EC key is r and s in octets of the
 * curve's length (XML Signature 1.1, 6.4.3).
 */
MUST_CHECK enum fas_code sign_octets(
    const struct saml_sp *sp, const void *data, size_t len, char **base64, struct fas_err *e);

/*
 * SAML core 5.4: the place of the root's signature, to be written behind its Issuer, and its filling in: xml has exactly
 * one such place and is replaced by the signed document.  FAS_E_CONFIG "saml_signing": there is no key.
 */
MUST_CHECK enum fas_code sign_place(
    const struct saml_sp *sp, const char *id, struct buf *xml, struct fas_err *e);
MUST_CHECK enum fas_code sign_document(
    const struct saml_sp *sp, struct buf *xml, struct fas_err *e);

/* The certificate's DER in base64, malloc'ed; NULL when out of memory. */
char *sign_certificate_base64(const X509 *certificate);

#endif
