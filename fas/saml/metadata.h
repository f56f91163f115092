/* SAML metadata (saml-metadata-2.0-os): the service's own. */
#ifndef FAS_SAML_METADATA_H
#define FAS_SAML_METADATA_H

#include "fas/saml/sp.h"

#define SAML_METADATA_LIFE_S (14 * 86400) /* validUntil of the service's own */

/*
 * The signed EntityDescriptor of one virtual server: its ACS (POST, index 0), single logout by both bindings, the
 * certificates of all signing keys and of the first decryption key, validUntil.  *xml is malloc'ed and the caller's.
 * FAS_E_CONFIG "saml_signing": there is no key to sign with.
 */
MUST_CHECK enum fas_code saml_metadata_make(const struct saml_sp *sp,
    const struct saml_server *server, int64_t now_s, char **xml, size_t *len, struct fas_err *e);

#endif
