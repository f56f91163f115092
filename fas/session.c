#include "fas/session.h"

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/issued_store.h"
#include "fas/revoke.h"
#include "fas/session_work.h"

/* ---- end ---- */

enum fas_code
session_end(struct service *service, struct request *request, const char *id, struct fas_err *e)
{
	OWN(session_work)
	struct session_work w = {.service = service, .id = id, .now_s = clock_now()};
	trail_begin(&w.trail, "session_end_refused", request);
	enum fas_code rc = session_work_load(&w, request, e);
	if (rc == FAS_OK)
		rc = session_work_end(&w, NULL, "logoff", e);
	return rc == FAS_OK ? FAS_OK : trail_refuse(&w.trail, service, e);
}

static enum fas_code
load(struct db *db, void *arg, struct fas_err *e)
{
	struct session_work *w = arg;
	return session_find(db, w->id, &w->session, e);
}

/* Without a host's request: by an administrator or by the clock. */
static enum fas_code
end_by(struct session_work *w, const char *who, const char *why, struct fas_err *e)
{
	const struct request request = {0};
	trail_begin(&w->trail, "session_end_refused", &request);
	w->trail.record.caller = who;
	w->trail.record.correlation_id = w->session.correlation_id;
	enum fas_code rc = db_read(w->service->db, load, w, e);
	if (rc != FAS_OK)
		return trail_refuse(&w->trail, w->service, e);
	session_work_trail(w);
	return session_work_end(w, NULL, why, e);
}

enum fas_code
session_end_by_admin(
    struct service *service, const char *admin, const char *id, const char *why, struct fas_err *e)
{
	OWN(session_work)
	struct session_work w = {.service = service, .id = id, .now_s = clock_now()};
	return end_by(&w, admin, why && *why ? why : "ended by an administrator", e);
}

enum fas_code
session_end_overdue(
    struct service *service, const struct session *session, int64_t now_s, struct fas_err *e)
{
	OWN(session_work)
	struct session_work w = {.service = service, .id = session->id, .now_s = now_s};
	return end_by(
	    &w, "clock", now_s >= session->expires_s ? "the session's cap" : "no heartbeat", e);
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
	return session_list_json(db, l->all, NULL, l->array, e);
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

/* ---- show ---- */

struct showing {
	const char *id;
	json_t *array, *certificates;
};

static enum fas_code
show(struct db *db, void *arg, struct fas_err *e)
{
	struct showing *s = arg;
	enum fas_code rc = session_list_json(db, true, s->id, s->array, e);
	return rc == FAS_OK ? certificates_json(db, s->id, s->certificates, e) : rc;
}

enum fas_code
session_show(struct service *service, const char *id, json_t **out, struct fas_err *e)
{
	OWN(json) json_t *array = json_array();
	OWN(json) json_t *certificates = json_array();
	if (!array || !certificates)
		return fas_fail_nomem(e);
	struct showing s = {id, array, certificates};
	enum fas_code rc = db_read(service->db, show, &s, e);
	if (rc != FAS_OK)
		return rc;
	json_t *session = json_array_get(array, 0);
	if (!session)
		return fas_fail(e, FAS_E_NOTFOUND, "session_unknown", "no such session");
	(void)json_object_del(session, "serials");
	if (json_object_set(session, "certificates", certificates) != 0)
		return fas_fail_nomem(e);
	*out = json_incref(session);
	return FAS_OK;
}
