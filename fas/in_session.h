/* Certificates for use within a session: the second key of a user at a host. */
#ifndef FAS_IN_SESSION_H
#define FAS_IN_SESSION_H

#include "fas/service.h"

struct in_session_request {
	const char *ask; /* the host's name for this wish, 16 to 64 of [A-Za-z0-9._-] */
	const char *csr; /* PEM, or NULL: the service keeps the key */
};

struct in_session_answer {
	struct signer_certificate certificate; /* key_id "" = the host's key */
	char *in_session;                      /* JSON (fas/terms.h), owned */
};
void in_session_answer_done(struct in_session_answer *answer);

/*
 * POST /v1/sessions/ID/certificates, by the session's own host.  The account is read again and policy asked again; a no
 * ends the session (FAS_E_DENIED "over").  The same wish again gets the same certificate.
 *
 * FAS_E_DENIED "in_session_refused" (the rule grants none), "in_session_late"; FAS_E_CONFLICT "csr_required",
 * "order_other_key" (the wish came with another key), "order_over" (its certificate has been replaced or taken back),
 * "order_key_gone" (its key ended with an earlier fas-signer): make a new wish.  FAS_E_UNAVAILABLE "pool_empty"
 * (request->retry_after_s).
 */
MUST_CHECK enum fas_code session_certificate(struct service *service, struct request *request,
    const char *id, const struct in_session_request *body, struct in_session_answer *out,
    struct fas_err *e);

DEFINE_OWN_IN_PLACE(in_session_answer, struct in_session_answer, in_session_answer_done);

#endif
