#include "fas/uses.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/session_work.h"
#include "fas/uses_store.h"

/* What one session_uses works with. */
struct report {
	struct session_work work;
	struct request *request;
	const struct uses *uses;
	json_t *details[USES_MAX]; /* of the records; owned */
	bool fresh;
};

static void
report_done(struct report *r)
{
	session_work_done(&r->work);
	for (size_t i = 0; i < USES_MAX; i++)
		json_decref(r->details[i]);
}

DEFINE_OWN_IN_PLACE(report, struct report, report_done);

static enum fas_code
make_details(struct report *r, struct fas_err *e)
{
	for (size_t i = 0; i < r->uses->n; i++) {
		const struct use *u = &r->uses->list[i];
		r->details[i] = json_pack("{s:s, s:s, s:s, s:s*, s:I, s:I, s:I, s:I}", "custody",
		    "host", "mechanism", u->mechanism, "digest", u->hash, "program", u->program,
		    "signatures", (json_int_t)u->signatures, "first_ago_s",
		    (json_int_t)u->first_ago_s, "last_ago_s", (json_int_t)u->last_ago_s, "report",
		    (json_int_t)r->uses->report);
		if (!r->details[i])
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

static void
take_use(struct report *r, size_t i)
{
	struct audit_record *record = &r->work.trail.record;
	record->event = "key_used";
	record->outcome = "done";
	record->message = r->uses->list[i].program;
	record->serial = r->uses->list[i].serial;
	record->detail = r->details[i];
}

static enum fas_code
append(struct db *db, struct report *r, size_t i, struct fas_err *e)
{
	bool counted = false;
	const struct use *u = &r->uses->list[i];
	enum fas_code rc =
	    uses_count(db, r->work.session.id, u->serial, u->signatures, &counted, e);
	if (rc == FAS_OK && !counted)
		rc = fas_fail(e, FAS_E_DENIED, "use_certificate",
		    "the host keeps no key of a certificate %s of this session", u->serial);
	if (rc != FAS_OK)
		return rc;
	take_use(r, i);
	return audit_append(db, &r->work.trail.record, e);
}

/* One transaction: a lost answer makes the host report again, under the same number. */
static enum fas_code
put_on_record(struct db *db, void *arg, struct fas_err *e)
{
	struct report *r = arg;
	int64_t last = 0, last_s = 0;
	const char *session = r->work.session.id;
	enum fas_code rc = uses_last(db, session, &last, &last_s, e);
	if (rc != FAS_OK || !(r->fresh = r->uses->report > last))
		return rc;
	if (last_s == r->work.now_s) {
		r->request->retry_after_s = 1;
		return fas_fail(e, FAS_E_LIMIT, "uses_rate", "two reports within a second");
	}
	for (size_t i = 0; rc == FAS_OK && i < r->uses->n; i++)
		rc = append(db, r, i, e);
	return rc == FAS_OK ? uses_note(db, session, r->uses->report, r->work.now_s, e) : rc;
}

static void
log_uses(struct report *r)
{
	for (size_t i = 0; r->fresh && i < r->uses->n; i++) {
		take_use(r, i);
		audit_log(&r->work.trail.record);
	}
}

/* The record of a refusal is not one of a use. */
static enum fas_code
refuse(struct report *r, struct fas_err *e)
{
	struct audit_record *record = &r->work.trail.record;
	record->event = "uses_refused";
	record->message = NULL;
	record->serial = NULL;
	record->detail = NULL;
	return trail_refuse(&r->work.trail, r->work.service, e);
}

enum fas_code
session_uses(struct service *service, struct request *request, const char *id,
    const struct uses *uses, struct fas_err *e)
{
	OWN(report)
	struct report r = {
	    .work = {.service = service, .id = id}, .request = request, .uses = uses};
	trail_begin(&r.work.trail, "uses_refused", request);
	enum fas_code rc = clock_checked(service->clock_skew_s, &r.work.now_s, e);
	if (rc == FAS_OK)
		rc = session_work_load(&r.work, request, e);
	if (rc == FAS_OK)
		rc = make_details(&r, e);
	if (rc == FAS_OK)
		rc = db_write(service->db, put_on_record, &r, e);
	if (rc != FAS_OK)
		return refuse(&r, e);
	log_uses(&r);
	return FAS_OK;
}
