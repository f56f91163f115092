/* Certificates out of whatever they came in: what OpenSSL, AD CS and others answer to a request. */
#ifndef CA_BUNDLE_H
#define CA_BUNDLE_H

#include <openssl/x509.h>

#include "ca/key.h"
#include "fas/base/err.h"

#define BUNDLE_MAX 16

struct bundle {
	size_t n;
	X509 *certificates[BUNDLE_MAX];
};
void bundle_done(struct bundle *bundle);

/*
 * text: PEM blocks (RFC 7468) of certificates or PKCS#7 (RFC 2315; AD CS labels both CERTIFICATE), or base64 of one of
 * both in DER.  Added to what the bundle has, in the order of the text; a PKCS#7's are a set.  FAS_E_INPUT
 * "pem_malformed", also when there is none.
 */
MUST_CHECK enum fas_code bundle_add(struct bundle *bundle, const char *text, struct fas_err *e);

/*
 * A chain out of them: whose key it is, who issued that, and so on up to a self-issued one or as far as they lead; what
 * does not belong to it is left out.  chain holds BUNDLE_MAX; new references.  FAS_E_CONFLICT "key_mismatch".
 */
MUST_CHECK enum fas_code bundle_chain(
    const struct bundle *bundle, const struct key *key, X509 **chain, size_t *n, struct fas_err *e);

DEFINE_OWN_IN_PLACE(bundle, struct bundle, bundle_done);

#endif
