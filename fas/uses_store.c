#include "fas/uses_store.h"

enum fas_code
uses_last(
    struct db *db, const char *session, int64_t *report, int64_t *reported_s, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT uses_report,uses_s FROM sessions WHERE session=?1", e);
	db_bind_text(&q, 1, session);
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK && !row)
		return fas_fail(e, FAS_E_NOTFOUND, "session_unknown", "no such session");
	if (rc == FAS_OK) {
		*report = db_column_int(&q, 0);
		*reported_s = db_column_int(&q, 1);
	}
	return rc;
}

enum fas_code
uses_note(struct db *db, const char *session, int64_t report, int64_t now_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE sessions SET uses_report=?2,uses_s=?3 WHERE session=?1", e);
	db_bind_text(&q, 1, session);
	db_bind_int(&q, 2, report);
	db_bind_int(&q, 3, now_s);
	return db_run(&q);
}

enum fas_code
uses_count(struct db *db, const char *session, const char *serial, int64_t signatures,
    bool *counted, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET signatures=signatures+?3 WHERE session=?1 AND serial=?2"
	    " AND key IS NULL",
	    e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, serial);
	db_bind_int(&q, 3, signatures);
	enum fas_code rc = db_run(&q);
	*counted = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}
