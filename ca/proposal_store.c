#include "ca/store.h"

#include <string.h>

static enum fas_code
clear_out(struct db *db, int64_t now_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "DELETE FROM proposals WHERE expires_at<=?1 OR done_at IS NOT NULL", e);
	db_bind_int(&q, 1, now_s);
	return db_run(&q);
}

static enum fas_code
count(struct db *db, int64_t *n, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "SELECT count(*) FROM proposals", e);
	bool row = false;
	enum fas_code rc = db_step(&q, &row);
	*n = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
store_proposal_add(struct db *db, const struct proposal_row *row, int64_t max, struct fas_err *e)
{
	int64_t waiting = 0;
	enum fas_code rc = clear_out(db, row->asked_s, e);
	if (rc == FAS_OK)
		rc = count(db, &waiting, e);
	if (rc != FAS_OK)
		return rc;
	if (waiting >= max)
		return fas_fail(e, FAS_E_LIMIT, "proposals_too_many",
		    "%lld acts wait for a second person already", (long long)waiting);
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO proposals(id,operation,request,asked_by,asked_at,expires_at) "
	    "VALUES(?1,?2,?3,?4,?5,?6)",
	    e);
	db_bind_text(&q, 1, row->id);
	db_bind_text(&q, 2, row->operation);
	db_bind_text(&q, 3, row->request);
	db_bind_text(&q, 4, row->asked_by);
	db_bind_int(&q, 5, row->asked_s);
	db_bind_int(&q, 6, row->expires_s);
	return db_run(&q);
}

enum fas_code
store_proposals_each(struct db *db, const char *id, int64_t now_s, proposal_visit *visit, void *arg,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,operation,request,asked_by,asked_at,expires_at FROM proposals "
	    "WHERE done_at IS NULL AND expires_at>?1 AND (?2 IS NULL OR id=?2) ORDER BY asked_at",
	    e);
	bool row = false;
	enum fas_code rc;
	db_bind_int(&q, 1, now_s);
	db_bind_text(&q, 2, id);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		const struct proposal_row r = {.id = db_column_text(&q, 0),
		    .operation = db_column_text(&q, 1),
		    .request = db_column_text(&q, 2),
		    .asked_by = db_column_text(&q, 3),
		    .asked_s = db_column_int(&q, 4),
		    .expires_s = db_column_int(&q, 5)};
		if ((rc = visit(&r, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
store_proposal_claim(struct db *db, const char *id, int64_t now_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE proposals SET done_at=?2 WHERE id=?1 AND done_at IS NULL AND expires_at>?2", e);
	db_bind_text(&q, 1, id);
	db_bind_int(&q, 2, now_s);
	enum fas_code rc = db_run(&q);
	if (rc == FAS_OK && db_changes(db) != 1)
		return fas_fail(e, FAS_E_CONFLICT, "proposal_gone",
		    "no such act waits: it is done, withdrawn, or its time is over");
	return rc;
}

enum fas_code
store_approved_get(struct db *db, const char *what, char **out, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "SELECT text FROM approved WHERE what=?1", e);
	bool row = false;
	db_bind_text(&q, 1, what);
	enum fas_code rc = db_step(&q, &row);
	*out = NULL;
	if (rc != FAS_OK || !row)
		return rc;
	*out = strdup(db_column_text(&q, 0));
	return *out ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
store_approved_put(struct db *db, const char *what, const char *text, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "INSERT OR REPLACE INTO approved(what,text) VALUES(?1,?2)", e);
	db_bind_text(&q, 1, what);
	db_bind_text(&q, 2, text);
	return db_run(&q);
}
