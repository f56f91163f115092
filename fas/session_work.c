#include "fas/session_work.h"

#include <string.h>

#include "fas/base/log.h"
#include "fas/revoke.h"

void
session_work_done(struct session_work *w)
{
	session_done(&w->session);
}

void
session_work_trail(struct session_work *w)
{
	struct audit_record *r = &w->trail.record;
	r->session = w->session.id;
	r->host = w->session.host;
	r->upn = w->session.upn;
	r->sid = w->session.sid;
	r->rule = w->session.rule;
}

static enum fas_code
load(struct db *db, void *arg, struct fas_err *e)
{
	struct session_work *w = arg;
	enum fas_code rc = session_find(db, w->id, &w->session, e);
	return rc == FAS_OK && w->also ? w->also(db, w->also_arg, e) : rc;
}

enum fas_code
session_work_load(struct session_work *w, struct request *request, struct fas_err *e)
{
	if (request->caller->role != ROLE_HOST)
		return fas_fail(e, FAS_E_DENIED, "caller_role", "only a VDA host has sessions");
	if (!correlation_id_is_valid(w->id))
		return fas_fail(e, FAS_E_NOTFOUND, "session_unknown", "no such session");
	enum fas_code rc = db_read(w->service->db, load, w, e);
	if (rc != FAS_OK)
		return rc;
	if (!hostname_equal(w->session.host, request->caller->name))
		return fas_fail(e, FAS_E_NOTFOUND, "session_unknown", "the session belongs to %s",
		    w->session.host);
	memcpy(request->correlation_id, w->session.correlation_id, sizeof(request->correlation_id));
	session_work_trail(w);
	return FAS_OK;
}

enum fas_code
session_check_live(const struct session *session, int64_t now_s, struct fas_err *e)
{
	/* What is on hold needs no heartbeat: its host is refused. */
	if (session->ended ||
	    now_s >= (session->held ? session->expires_s : session->lease_until_s))
		return fas_fail(e, FAS_E_NOTFOUND, "session_ended", "the session has ended");
	if (session->held)
		return fas_fail(e, FAS_E_DENIED, "session_held",
		    "an administrator has put the session on hold");
	return FAS_OK;
}

struct ending {
	struct session_work *work;
	const char *why;
	bool won, owed;
};

static enum fas_code
mark_ended(struct db *db, void *arg, struct fas_err *e)
{
	struct ending *ending = arg;
	struct session_work *w = ending->work;
	enum fas_code rc = session_mark_ended(
	    db, &w->session, w->now_s, ending->why, &ending->won, &ending->owed, e);
	if (rc != FAS_OK || !ending->won)
		return rc;
	return audit_append(db, &w->trail.record, e);
}

enum fas_code
session_work_end(struct session_work *w, const char *reason, const char *why, struct fas_err *e)
{
	struct ending ending = {.work = w, .why = why};
	struct audit_record *r = &w->trail.record;
	r->event = "session_ended";
	r->outcome = "done";
	r->reason = reason;
	r->message = why;
	enum fas_code rc = db_write(w->service->db, mark_ended, &ending, e);
	if (rc != FAS_OK || !ending.won)
		return rc;
	audit_log(r);
	if (ending.owed)
		revoke_session(w->service, &w->session);
	return FAS_OK;
}
