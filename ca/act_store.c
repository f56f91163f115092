/* Acts in ca.db. */
#include <stdio.h>

#include "ca/store.h"

#define STANDING "released IS NULL AND (stops=1 OR kind='hold')"
#define COLUMNS                                                                                    \
	"id,kind,target,value,session,from_s,to_s,reason,stops,time_ms,caller,correlation_id,"     \
	"certificates,sessions"

enum fas_code
store_act_add(struct db *db, const struct act_row *row, int64_t *id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO acts(kind,target,value,session,caller,correlation_id,from_s,to_s,reason,"
	    "stops,time_ms) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
	    e);
	const char *const texts[] = {
	    row->kind, row->target, row->value, row->session, row->caller, row->correlation_id};
	const int64_t numbers[] = {row->from_s, row->to_s, row->reason, row->stops, row->time_ms};
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(&q, (int)i + 1, texts[i]);
	for (size_t i = 0; i < NELEMS(numbers); i++)
		db_bind_int(&q, (int)(NELEMS(texts) + i) + 1, numbers[i]);
	enum fas_code rc = db_run(&q);
	*id = rc == FAS_OK ? db_last_id(db) : 0;
	return rc;
}

enum fas_code
store_act_count(struct db *db, int64_t id, size_t certificates, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "UPDATE acts SET certificates=?2 WHERE id=?1", e);
	db_bind_int(&q, 1, id);
	db_bind_int(&q, 2, (int64_t)certificates);
	return db_run(&q);
}

enum fas_code
store_act_release(
    struct db *db, const struct act_row *release, int64_t id, size_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE acts SET released=?1 WHERE " STANDING " AND id<>?1 AND target=?2"
	    " AND value=?3 COLLATE NOCASE AND from_s=?4 AND to_s=?5",
	    e);
	db_bind_int(&q, 1, id);
	db_bind_text(&q, 2, release->target);
	db_bind_text(&q, 3, release->value);
	db_bind_int(&q, 4, release->from_s);
	db_bind_int(&q, 5, release->to_s);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? (size_t)db_changes(db) : 0;
	return rc;
}

static enum fas_code
visit_all(struct db_query *q, act_visit *visit, void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(q, &row)) == FAS_OK && row) {
		const struct act_row act = {.id = db_column_int(q, 0),
		    .kind = db_column_text(q, 1),
		    .target = db_column_text(q, 2),
		    .value = db_column_text(q, 3),
		    .session = db_column_text(q, 4),
		    .from_s = db_column_int(q, 5),
		    .to_s = db_column_int(q, 6),
		    .reason = (int)db_column_int(q, 7),
		    .stops = db_column_int(q, 8) != 0,
		    .time_ms = db_column_int(q, 9),
		    .caller = db_column_text(q, 10),
		    .correlation_id = db_column_text(q, 11),
		    .certificates = db_column_int(q, 12),
		    .sessions = db_column_int(q, 13)};
		if ((rc = visit(&act, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
store_acts_each(
    struct db *db, int64_t after, size_t limit, act_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT " COLUMNS " FROM acts WHERE id>?1 ORDER BY id LIMIT ?2", e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	return visit_all(&q, visit, arg, e);
}

enum fas_code
store_acts_standing(struct db *db, size_t limit, act_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "SELECT " COLUMNS " FROM acts WHERE " STANDING " ORDER BY id DESC LIMIT ?1", e);
	db_bind_int(&q, 1, (int64_t)limit);
	return visit_all(&q, visit, arg, e);
}

enum fas_code
store_holds_standing(struct db *db, int64_t *n, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT COUNT(*) FROM acts WHERE " STANDING " AND kind='hold'", e);
	enum fas_code rc = db_step(&q, &row);
	*n = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
store_act_last(struct db *db, int64_t *id, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT COALESCE(MAX(id),0) FROM acts", e);
	enum fas_code rc = db_step(&q, &row);
	*id = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
store_acts_applied(struct db *db, bool *any, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "SELECT 1 FROM acts WHERE sessions>=0 LIMIT 1", e);
	return db_step(&q, any);
}

enum fas_code
store_act_stops(struct db *db, const struct act_question *question, char target[ACT_TARGET_MAX],
    struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT target FROM acts WHERE " STANDING " AND stops=1 AND (target='everything'"
	    " OR (target='upn' AND value=?1 COLLATE NOCASE) OR (target='sid' AND value=?2)"
	    " OR (target='host' AND value=?3 COLLATE NOCASE) OR (target='rule' AND value=?4))"
	    " LIMIT 1",
	    e);
	db_bind_text(&q, 1, question->upn);
	db_bind_text(&q, 2, question->sid);
	db_bind_text(&q, 3, question->host);
	db_bind_text(&q, 4, question->rule);
	enum fas_code rc = db_step(&q, &row);
	(void)snprintf(
	    target, ACT_TARGET_MAX, "%s", rc == FAS_OK && row ? db_column_text(&q, 0) : "");
	return rc;
}

enum fas_code
store_act_applied(struct db *db, int64_t id, int64_t sessions, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE acts SET sessions=?2 WHERE id=?1 AND sessions<0", e);
	db_bind_int(&q, 1, id);
	db_bind_int(&q, 2, sessions);
	return db_run(&q);
}

enum fas_code
store_act_sessions(struct db *db, int64_t id, int64_t *sessions, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT sessions FROM acts WHERE id=?1", e);
	db_bind_int(&q, 1, id);
	enum fas_code rc = db_step(&q, &row);
	*sessions = rc == FAS_OK && row ? db_column_int(&q, 0) : -1;
	return rc;
}
