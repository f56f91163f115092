/*
 * Administrators' acts at the signer (ca/act.h), applied to what is here: a revocation ends the sessions that it covers, a
 * hold suspends them, a release lets them go on.  Each act is applied in one transaction that also says how far we have come,
 * so that after a crash of either process we go on behind the last one that was.
 */
#ifndef FAS_ACT_H
#define FAS_ACT_H

#include "fas/logon.h"
#include "fas/service.h"

/*
 * Ask the signer for acts behind the last applied one, waiting at most so long for the first, and apply them all.  Before the
 * first request is answered this has succeeded once.
 */
MUST_CHECK enum fas_code acts_follow(struct service *service, int wait_ms, struct fas_err *e);

/* ---- act_store.c: inside a db_fn ---- */

/* As the signer tells it; borrowed. */
struct act {
	int64_t id;
	const char *kind, *target, *value, *session, *caller, *correlation_id;
	int64_t from_s, to_s, time_ms;
	bool stops;
};
MUST_CHECK enum fas_code act_last(struct db *db, int64_t *id, struct fas_err *e);
/* An old ca.db was put back, which knows none behind this one: their numbers will be given again. */
MUST_CHECK enum fas_code act_rewind(struct db *db, int64_t id, struct fas_err *e);
/* Each once, in their order; *n sessions are concerned, each with its record. */
MUST_CHECK enum fas_code act_apply(
    struct db *db, const struct act *act, int64_t now_s, int64_t *n, struct fas_err *e);
/* Those that are no longer looked at. */
MUST_CHECK enum fas_code act_prune(struct db *db, int64_t before_s, struct fas_err *e);

/* Whose a logon is; all borrowed. */
struct act_who {
	const char *upn, *sid, *host, *rule, *session;
};
/*
 * May this go on?  begun: an id that was drawn when it began (it begins with the time); NULL: just now.  FAS_E_DENIED
 * "issuing_stopped", "on_hold": an act stands in the way until it is released; "ticket_revoked": there was a revocation since.
 */
MUST_CHECK enum fas_code act_check(
    struct db *db, const struct act_who *who, const char *begun, struct fas_err *e);

#endif
