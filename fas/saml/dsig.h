/* Verification by xmlsec with a pinned bare public key, and the bytes that it has verified. */
#ifndef FAS_SAML_DSIG_H
#define FAS_SAML_DSIG_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/buf.h"
#include "fas/base/err.h"
#include "fas/saml/idp.h"
#include "fas/saml/signature.h"

/* Canonical form of a document of SAML_RESPONSE_MAX; it may be longer than the document. */
#define DSIG_SIGNED_MAX (1024 * 1024)

/* Before threads, undone by as many calls of dsig_done; silences xmlsec's own messages and takes away every way to fetch something. */
MUST_CHECK enum fas_code dsig_init(struct fas_err *e);
void dsig_done(void);

/*
 * Verify with each of the provider's keys of the right kind in turn; KeyInfo plays no part.  Thread-safe: keys are
 * lent, never changed.  On success signed_bytes (initialised by the caller) holds the canonical octets that were
 * digested: nothing but these is signed.  FAS_E_AUTH "saml_signature", or "saml_algorithm" when the provider has no key
 * for this algorithm.
 */
MUST_CHECK enum fas_code dsig_verify(const struct idp *idp, const struct signature *signature,
    struct buf *signed_bytes, struct fas_err *e);

#endif
