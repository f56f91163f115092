/* What the calls about one session have in common: find it for its host, see whether it lives, end it. */
#ifndef FAS_SESSION_WORK_H
#define FAS_SESSION_WORK_H

#include "fas/audit_trail.h"
#include "fas/session_store.h"

struct session_work {
	struct service *service;
	const char *id;
	int64_t now_s;
	struct session session;
	db_fn *also; /* what else is to be read of it, in the same snapshot; or NULL */
	void *also_arg;
	struct trail trail;
};
void session_work_done(struct session_work *w);

/*
 * The session and whatever `also` reads, if it is the calling host's: to any other it does not exist (FAS_E_NOTFOUND "session_unknown").  The
 * request takes on its correlation id, and the trail knows whose it is.
 */
MUST_CHECK enum fas_code session_work_load(
    struct session_work *w, struct request *request, struct fas_err *e);
/* The trail says whose session it is. */
void session_work_trail(struct session_work *w);
/*
 * FAS_E_NOTFOUND "session_ended": by anybody, by its cap or for want of a heartbeat.  FAS_E_DENIED "session_held": until it is
 * released.
 */
MUST_CHECK enum fas_code session_check_live(
    const struct session *session, int64_t now_s, struct fas_err *e);

/*
 * Ended first, durably: from here on nothing more is given to this session.  Then what the signer has to know, which is
 * owed until it has it (revoke.h): that it is away now must not keep a session alive.  reason: of the record, or NULL;
 * why: for people.  Ended already is FAS_OK.
 */
MUST_CHECK enum fas_code session_work_end(
    struct session_work *w, const char *reason, const char *why, struct fas_err *e);

DEFINE_OWN_IN_PLACE(session_work, struct session_work, session_work_done);

#endif
