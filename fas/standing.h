/*
 * How a session stands: when its account and policy last said yes, to which policy, and what is granted within it.
 *
 * Kept with the session in fas.db, so that a signature needs neither the directory nor a policy's decision, and so that
 * no restart forgets it.  An answer is good for the policy that was asked only: with another one in force it is asked
 * again before anything more is given.
 */
#ifndef FAS_STANDING_H
#define FAS_STANDING_H

#include "fas/facts.h"
#include "fas/session_work.h"

#define STANDING_EACH_S 30 /* the heartbeat does not ask more often ... */
#define STANDING_MAX_S 60  /* ... and a signature asks itself when nobody has for so long */
#define STANDING_RETRY_S 5 /* ... but not more often than this */

struct standing {
	char *facts; /* of the logon (fas/facts.h); NULL: begun before they were kept */
	char policy
	    [CORRELATION_ID_MAX]; /* id of the one that said yes; "" = none that is in force */
	int64_t judged_s;         /* when the answer was yes; 0 = never */
	int64_t tried_s;          /* when the question was last put */
	char *in_session;         /* fas/terms.h; NULL = nothing */
	char *profile;            /* of what is granted, after a question; NULL with in_session */
	bool asked;               /* in this call, with a yes */
};
void standing_done(struct standing *standing);

/* Inside a db_fn.  FAS_E_NOTFOUND "session_unknown". */
MUST_CHECK enum fas_code standing_find(
    struct db *db, const char *session, struct standing *out, struct fas_err *e);
/*
 * Write what has been learnt, inside a db_fn.  Where that is a yes, certificates of the session that are no longer
 * granted are to be revoked from now on: *withdrawn says whether there are any.
 */
MUST_CHECK enum fas_code standing_put(struct db *db, const struct session *session,
    const struct standing *standing, bool *withdrawn, struct fas_err *e);

/* Is the policy that said yes the one in force? */
bool standing_is_current(struct service *service, const struct standing *standing);

enum standing_question {
	STANDING_ONCE_MORE,      /* one base search by SID */
	STANDING_FOR_CERTIFICATE /* and that the UPN means nobody else */
};

/*
 * Put the question: account and policy, for this session at its host.  FAS_OK: yes, and *standing says so; judgement (may
 * be NULL) is the caller's.  FAS_E_DENIED: no, the session is to end.  Anything else: nobody knows at the moment.
 */
MUST_CHECK enum fas_code standing_ask(struct service *service, const struct session *session,
    struct standing *standing, enum standing_question question, int64_t now_s,
    struct judgement *judgement, struct fas_err *e);

/* The session ends because of this denial, on record with its reason.  Returns FAS_E_DENIED "over", or why it cannot. */
enum fas_code standing_end(struct session_work *w, struct fas_err *e);

DEFINE_OWN_IN_PLACE(standing, struct standing, standing_done);

#endif
