/* The heartbeat of a session: it lives on if its account and its rule still let it. */
#ifndef FAS_LEASE_H
#define FAS_LEASE_H

#include "fas/service.h"

struct lease_answer {
	int64_t session_expires_s;
	int64_t lease_s; /* without another heartbeat for so long it ends */
	int64_t next_s;  /* come again within */
	bool account_known;
	char *
	    in_session; /* JSON (fas/terms.h), owned; NULL: nothing is granted within the session */
};
void lease_answer_done(struct lease_answer *answer);

/*
 * POST /v1/sessions/ID/lease.  The account is read again and policy asked again, each 30 s at most and at once when
 * another policy is in force.  A no ends the session: FAS_E_DENIED "over".  Another host's session does not exist
 * (FAS_E_NOTFOUND "session_unknown"), nor does an ended one ("session_ended").
 */
MUST_CHECK enum fas_code session_lease(struct service *service, struct request *request,
    const char *id, struct lease_answer *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(lease_answer, struct lease_answer, lease_answer_done);

#endif
