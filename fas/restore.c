#include "fas/restore.h"

#include <jansson.h>

#include "fas/base/clock.h"
#include "fas/base/db_snapshot.h"
#include "fas/base/json.h"
#include "fas/base/restore.h"
#include "fas/restore_store.h"

struct restoring {
	struct restore_note note;
	int64_t now_s;
	bool done; /* by an earlier start */
	struct audit_record record;
};

static enum fas_code
put_on_record(struct db *db, struct restoring *r, const struct restored *ended, struct fas_err *e)
{
	json_t *detail = restore_note_detail(&r->note);
	if (!detail)
		return fas_fail_nomem(e);
	(void)json_object_set_new(detail, "sessions_ended", json_integer(ended->sessions));
	(void)json_object_set_new(detail, "tickets_void", json_integer(ended->tickets));
	(void)json_object_set_new(detail, "assertions_from", json_integer(r->now_s));
	r->record = (struct audit_record){
	    .event = "restored", .outcome = "done", .caller = "fasd", .detail = detail};
	return audit_append(db, &r->record, e);
}

static enum fas_code
apply(struct db *db, void *arg, struct fas_err *e)
{
	struct restoring *r = arg;
	struct restored ended = {0};
	enum fas_code rc = restore_is_done(db, &r->note, &r->done, e);
	if (rc != FAS_OK || r->done)
		return rc;
	rc = restored_end_all(db, r->now_s, &ended, e);
	if (rc == FAS_OK)
		rc = restore_set_done(db, &r->note, e);
	return rc == FAS_OK ? put_on_record(db, r, &ended, e) : rc;
}

static enum fas_code
load_begin(struct db *db, void *arg, struct fas_err *e)
{
	struct service *service = arg;
	return restored_assertions_from(db, &service->assertions_from_s, e);
}

enum fas_code
restore_fasd(struct service *service, const char *state, struct fas_err *e)
{
	bool found = false;
	struct restoring r = {.now_s = clock_now()};
	db_snapshot_clean(state);
	enum fas_code rc = restore_note_read(state, &r.note, &found, e);
	if (rc == FAS_OK && found)
		rc = db_write(service->db, apply, &r, e);
	if (rc == FAS_OK && found) {
		if (!r.done)
			audit_log(&r.record);
		restore_note_remove(state, &r.note);
	}
	json_decref(r.record.detail);
	return rc == FAS_OK ? db_read(service->db, load_begin, service, e) : rc;
}
