#include "ca/store.h"

/*
 * ?1 now, ?2 reason, ?3 what is sought, ?4 kind of issuer, ?5 and ?6 the range, ?7 the act.  The unary plus keeps SQLite on the
 * index by end, which leaves only what has not expired.
 */
#define IN_RANGE                                                                                   \
	" AND not_after>=?1 AND created_ms>=?5*1000 AND (?6=0 OR created_ms<?6*1000)"              \
	" AND issuer IN (SELECT id FROM issuers WHERE kind=?4)"
#define REVOKE(condition)                                                                          \
	"UPDATE certificates SET revoked_at=COALESCE(revoked_at,?1), reason=?2, hold=?7 "          \
	"WHERE " condition IN_RANGE " AND (revoked_at IS NULL OR reason=6)"
#define HOLD(condition)                                                                            \
	"UPDATE certificates SET revoked_at=?1, reason=?2, hold=?7 WHERE " condition IN_RANGE      \
	" AND revoked_at IS NULL"
#define EACH_SELECTOR(verb)                                                                        \
	{                                                                                          \
		[REVOKE_SERIAL] = verb("serial=?3"), [REVOKE_SESSION] = verb("session=?3"),        \
		[REVOKE_HOST] =                                                                    \
		    verb("(+host=?3 COLLATE NOCASE OR " STORE_OF_CONTROLLER("?3") ")"),            \
		[REVOKE_UPN] = verb("+upn=?3 COLLATE NOCASE"), [REVOKE_SID] = verb("+sid=?3"),     \
		[REVOKE_MACHINE] = verb("role IS NOT NULL AND +name=?3 COLLATE NOCASE"),           \
		[REVOKE_RULE] = verb("sid IS NOT NULL AND +rule=?3"),                              \
		[REVOKE_EVERYTHING] = verb("sid IS NOT NULL")                                      \
	}

static const char *const revoking[REVOKE_SELECTORS] = EACH_SELECTOR(REVOKE);
static const char *const holding[REVOKE_SELECTORS] = EACH_SELECTOR(HOLD);

/* act 0: none. */
static enum fas_code
run(struct db *db, const char *sql, const struct revocation *what, int reason, size_t *n,
    struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, sql, e);
	db_bind_int(&q, 1, what->now_s);
	db_bind_int(&q, 2, reason);
	if (what->by == REVOKE_SERIAL)
		db_bind_blob(&q, 3, what->serial, what->serial_len);
	else if (what->by != REVOKE_EVERYTHING)
		db_bind_text(&q, 3, what->text);
	db_bind_int(&q, 4, what->kind);
	db_bind_int(&q, 5, what->from_s);
	db_bind_int(&q, 6, what->to_s);
	if (reason == REASON_HOLD)
		db_bind_int(&q, 7, what->act);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? (size_t)db_changes(db) : 0;
	return rc;
}

enum fas_code
store_revoke(struct db *db, const struct revocation *what, size_t *n, struct fas_err *e)
{
	return run(db, revoking[what->by], what, what->reason, n, e);
}

enum fas_code
store_hold(struct db *db, const struct revocation *what, size_t *n, struct fas_err *e)
{
	return run(db, holding[what->by], what, REASON_HOLD, n, e);
}

enum fas_code
store_release(struct db *db, int64_t release, size_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET revoked_at=NULL, reason=NULL, hold=NULL"
	    " WHERE hold IN (SELECT id FROM acts WHERE released=?1)",
	    e);
	db_bind_int(&q, 1, release);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? (size_t)db_changes(db) : 0;
	return rc;
}

enum fas_code
store_revoked_each(struct db *db, int64_t issuer, int64_t since_s, revoked_visit *visit, void *arg,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT serial,revoked_at,reason FROM certificates WHERE issuer=?1 "
	    "AND revoked_at IS NOT NULL AND not_after>=?2 ORDER BY serial",
	    e);
	bool row = false;
	enum fas_code rc;
	db_bind_int(&q, 1, issuer);
	db_bind_int(&q, 2, since_s);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		size_t len = 0;
		const uint8_t *serial = db_column_blob(&q, 0, &len);
		rc = visit(serial, len, db_column_int(&q, 1), (int)db_column_int(&q, 2), arg, e);
		if (rc != FAS_OK)
			break;
	}
	return rc;
}
