#include "fas/restore_store.h"

#include "fas/sign_in_store.h"

#define ASSERTIONS_FROM "assertions_from"

static enum fas_code
end_sessions(struct db *db, int64_t now_s, int64_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE sessions SET state='ended',ended_s=?1,ended_why='restored',revoke=1 "
	    "WHERE state<>'ended'",
	    e);
	db_bind_int(&q, 1, now_s);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}

static enum fas_code
void_tickets(struct db *db, int64_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query open =
	    db_query(db, "UPDATE tickets SET state='void' WHERE state='open'", e);
	enum fas_code rc = db_run(&open);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	if (rc != FAS_OK)
		return rc;
	OWN(query)
	struct db_query used = db_query(db, "UPDATE tickets SET expires_s=0 WHERE state='used'", e);
	rc = db_run(&used);
	*n += rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}

enum fas_code
restored_end_all(struct db *db, int64_t now_s, struct restored *out, struct fas_err *e)
{
	enum fas_code rc = end_sessions(db, now_s, &out->sessions, e);
	if (rc == FAS_OK)
		rc = void_tickets(db, &out->tickets, e);
	if (rc == FAS_OK)
		rc = sign_ins_void(db, e);
	return rc == FAS_OK ? db_meta_set_int(db, ASSERTIONS_FROM, now_s, e) : rc;
}

enum fas_code
restored_assertions_from(struct db *db, int64_t *from_s, struct fas_err *e)
{
	return db_meta_get_int(db, ASSERTIONS_FROM, 0, from_s, e);
}
