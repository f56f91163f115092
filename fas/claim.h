/* A verified assertion on its way to be claimed: what it said, and the claim's row. */
#ifndef FAS_CLAIM_H
#define FAS_CLAIM_H

#include "fas/facts.h"
#include "fas/logon_store.h"

struct verified {
	struct saml_assertion *assertion;
	struct facts facts;
	uint8_t response_digest[DIGEST_BYTES];
	char claimant[CALLER_TEXT_MAX];
	struct claim claim; /* borrows from the members above: do not move the struct */
};

/* Base64 -> bytes -> verified assertion -> facts, and the claim that would take it.  Nothing is written. */
MUST_CHECK enum fas_code verified_read(struct service *service, const struct request *request,
    const char *saml_response, const struct saml_expectation *expected, int64_t now_s,
    struct verified *out, struct fas_err *e);
/* Inside the db_fn that claims it: FAS_E_DENIED "signed_out" (fas/logout.h). */
MUST_CHECK enum fas_code verified_check_logout(
    struct db *db, const struct verified *verified, struct fas_err *e);
void verified_done(struct verified *verified);

DEFINE_OWN_IN_PLACE(verified, struct verified, verified_done);

#endif
