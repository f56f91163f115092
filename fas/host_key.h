/* The key that a host brings in a certification request: whether it is one at all, and of a kind that a rule takes. */
#ifndef FAS_HOST_KEY_H
#define FAS_HOST_KEY_H

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/logon_store.h"
#include "policy/policy.h"

/* spki NULL: none was brought, and digest is zero. */
struct host_key {
	uint8_t *spki; /* DER, owned */
	size_t spki_len;
	enum policy_key kind;
	unsigned bits;
	uint8_t digest[DIGEST_BYTES]; /* of spki: the same key in another request is the same */
};
void host_key_done(struct host_key *key);

/* csr: PEM, or NULL.  FAS_E_INPUT "csr_malformed", "csr_signature", "csr_key". */
MUST_CHECK enum fas_code host_key_read(const char *csr, struct host_key *out, struct fas_err *e);
/* FAS_E_CONFLICT "csr_required": none is there.  FAS_E_INPUT "csr_key": not of these kinds (bit set). */
MUST_CHECK enum fas_code host_key_check(
    const struct host_key *key, unsigned kinds, const char *rule, struct fas_err *e);

DEFINE_OWN_IN_PLACE(host_key, struct host_key, host_key_done);

#endif
