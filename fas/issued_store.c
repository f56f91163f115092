#include "fas/issued_store.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define SHOW_MAX 1000 /* certificates in one answer */

enum fas_code
due_find(struct db *db, int64_t after_id, int64_t now_s, struct due *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT c.id,c.serial,c.session,COALESCE(s.correlation_id,''),c.revoke_why"
	    " FROM certificates c LEFT JOIN sessions s ON s.session=c.session"
	    " WHERE c.revoke_at_s<=?2 AND c.revoked=0 AND c.id>?1 ORDER BY c.id LIMIT 1",
	    e);
	db_bind_int(&q, 1, after_id);
	db_bind_int(&q, 2, now_s);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	if (!row)
		return fas_fail(e, FAS_E_NOTFOUND, "certificate_none", "no certificate is due");
	*out = (struct due){.id = db_column_int(&q, 0)};
	db_column_copy(&q, 1, out->serial, sizeof(out->serial));
	db_column_copy(&q, 2, out->session, sizeof(out->session));
	db_column_copy(&q, 3, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(&q, 4, out->why, sizeof(out->why));
	return FAS_OK;
}

enum fas_code
due_done(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "UPDATE certificates SET revoked=1 WHERE id=?1", e);
	db_bind_int(&q, 1, id);
	return db_run(&q);
}

enum fas_code
certificate_is_due(
    struct db *db, const char *session, const char *serial, bool *due, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT revoke_at_s IS NOT NULL FROM certificates WHERE session=?1 AND serial=?2", e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, serial);
	enum fas_code rc = db_step(&q, &row);
	*due = rc == FAS_OK && row && db_column_int(&q, 0) != 0;
	return rc;
}

static const char *
state_of(struct db_query *q)
{
	if (db_column_int(q, 7))
		return "revoked";
	return db_column_is_null(q, 6) ? "good" : "to_be_revoked";
}

static json_t *
certificate_to_json(struct db_query *q)
{
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	bool held = !db_column_is_null(q, 2);
	const char *why = db_column_text(q, 8);
	return json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s, s:I, s:I, s:s, s:s*}", "serial",
	    db_column_text(q, 0), "purpose", db_column_text(q, 1), "custody",
	    held ? "service" : "host", "key", held ? db_column_text(q, 2) : NULL, "not_before",
	    time_format(db_column_int(q, 3), from), "not_after",
	    time_format(db_column_int(q, 4), to), "signatures", (json_int_t)db_column_int(q, 5),
	    "signatures_max", (json_int_t)db_column_int(q, 9), "state", state_of(q), "why",
	    *why ? why : NULL);
}

enum fas_code
certificates_json(struct db *db, const char *session, json_t *array, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT serial,purpose,key,not_before_s,not_after_s,signatures,revoke_at_s,revoked,"
	    "revoke_why,signatures_max FROM certificates WHERE session=?1 ORDER BY id DESC LIMIT "
	    "?2",
	    e);
	db_bind_text(&q, 1, session);
	db_bind_int(&q, 2, SHOW_MAX);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		if (json_array_insert_new(array, 0, certificate_to_json(&q)) != 0)
			return fas_fail_nomem(e);
	}
	return rc;
}
