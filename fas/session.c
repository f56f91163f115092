#include "fas/session.h"

#include <string.h>

#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/revoke.h"
#include "fas/session_store.h"

/* What one call about a session works with. */
struct work {
	struct service *service;
	const char *id;
	const char *why;
	int64_t now_s;
	int64_t lease_until_s;
	struct session session;
	struct trail trail;
	bool won;
};

static void
work_done(struct work *w)
{
	session_done(&w->session);
}

DEFINE_OWN_IN_PLACE(work, struct work, work_done);

static enum fas_code
load(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	return session_find(db, w->id, &w->session, e);
}

static void
fill_trail(struct work *w)
{
	struct audit_record *r = &w->trail.record;
	r->session = w->session.id;
	r->host = w->session.host;
	r->upn = w->session.upn;
	r->sid = w->session.sid;
	r->rule = w->session.rule;
}

/* To any host but its own a session does not exist. */
static enum fas_code
load_for_host(struct work *w, struct request *request, struct fas_err *e)
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
	fill_trail(w);
	return FAS_OK;
}

/* ---- lease ---- */

static enum fas_code
extend(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	return session_extend(db, w->id, w->lease_until_s, e);
}

static enum fas_code
check_live(const struct work *w, struct fas_err *e)
{
	if (w->session.ended || w->now_s >= w->session.lease_until_s)
		return fas_fail(e, FAS_E_NOTFOUND, "session_ended", "the session has ended");
	return FAS_OK;
}

enum fas_code
session_lease(struct service *service, struct request *request, const char *id,
    struct lease_answer *out, struct fas_err *e)
{
	OWN(work) struct work w = {.service = service, .id = id};
	trail_begin(&w.trail, "lease_refused", request);
	enum fas_code rc = clock_checked(service->clock_skew_s, &w.now_s, e);
	if (rc == FAS_OK)
		rc = load_for_host(&w, request, e);
	if (rc == FAS_OK)
		rc = check_live(&w, e);
	if (rc != FAS_OK)
		return trail_refuse(&w.trail, service, e);
	const struct session *s = &w.session;
	w.lease_until_s = w.now_s + s->lease_s < s->expires_s ? w.now_s + s->lease_s : s->expires_s;
	if ((rc = db_write(service->db, extend, &w, e)) != FAS_OK)
		return trail_refuse(&w.trail, service, e);
	*out = (struct lease_answer){
	    .session_expires_s = s->expires_s, .lease_s = w.lease_until_s - w.now_s};
	return FAS_OK;
}

/* ---- end ---- */

static enum fas_code
mark_ended(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	enum fas_code rc = session_mark_ended(
	    db, w->session.id, w->now_s, w->why, w->session.revoke_at_end, &w->won, e);
	if (rc != FAS_OK || !w->won)
		return rc;
	return audit_append(db, &w->trail.record, e);
}

/*
 * Ended first, durably: from here on nothing more is given to this session.  Then the revocation, which is owed until
 * the signer has it (revoke.h): that it is away now must not keep a session alive.
 */
static enum fas_code
end_session(struct work *w, struct fas_err *e)
{
	struct audit_record *r = &w->trail.record;
	r->event = "session_ended";
	r->outcome = "done";
	r->message = w->why;
	enum fas_code rc = db_write(w->service->db, mark_ended, w, e);
	if (rc != FAS_OK || !w->won)
		return rc;
	audit_log(r);
	if (w->session.revoke_at_end)
		revoke_session(w->service, &w->session);
	return FAS_OK;
}

enum fas_code
session_end(struct service *service, struct request *request, const char *id, struct fas_err *e)
{
	OWN(work)
	struct work w = {.service = service, .id = id, .why = "logoff", .now_s = clock_now()};
	trail_begin(&w.trail, "session_end_refused", request);
	enum fas_code rc = load_for_host(&w, request, e);
	if (rc == FAS_OK)
		rc = end_session(&w, e);
	return rc == FAS_OK ? FAS_OK : trail_refuse(&w.trail, service, e);
}

/* Without a host's request: by an administrator or by the clock. */
static enum fas_code
end_by(struct work *w, const char *who, struct fas_err *e)
{
	const struct request request = {0};
	trail_begin(&w->trail, "session_end_refused", &request);
	w->trail.record.caller = who;
	w->trail.record.correlation_id = w->session.correlation_id;
	enum fas_code rc = db_read(w->service->db, load, w, e);
	if (rc != FAS_OK)
		return trail_refuse(&w->trail, w->service, e);
	fill_trail(w);
	return end_session(w, e);
}

enum fas_code
session_end_by_admin(
    struct service *service, const char *admin, const char *id, const char *why, struct fas_err *e)
{
	OWN(work)
	struct work w = {.service = service,
	    .id = id,
	    .why = why && *why ? why : "ended by an administrator",
	    .now_s = clock_now()};
	return end_by(&w, admin, e);
}

enum fas_code
session_end_overdue(
    struct service *service, const struct session *session, int64_t now_s, struct fas_err *e)
{
	OWN(work)
	struct work w = {.service = service,
	    .id = session->id,
	    .why = now_s >= session->expires_s ? "the session's cap" : "no heartbeat",
	    .now_s = now_s};
	return end_by(&w, "clock", e);
}

/* ---- list ---- */

struct listing {
	bool all;
	json_t *array;
};

static enum fas_code
list(struct db *db, void *arg, struct fas_err *e)
{
	struct listing *l = arg;
	return session_list_json(db, l->all, l->array, e);
}

enum fas_code
session_list(struct service *service, bool all, json_t **out, struct fas_err *e)
{
	OWN(json) json_t *array = json_array();
	if (!array)
		return fas_fail_nomem(e);
	struct listing l = {all, array};
	enum fas_code rc = db_read(service->db, list, &l, e);
	if (rc == FAS_OK)
		*out = TAKE(array);
	return rc;
}
