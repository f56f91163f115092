#include "ca/store.h"

/* ?1 now, ?2 reason, ?3 what is sought, ?4 kind of issuer. */
#define REVOKE(condition)                                                                          \
	"UPDATE certificates SET revoked_at=?1, reason=?2 WHERE " condition                        \
	" AND revoked_at IS NULL AND not_after>=?1"                                                \
	" AND issuer IN (SELECT id FROM issuers WHERE kind=?4)"

/* The unary plus keeps SQLite on the index by end, which leaves only what has not expired. */
static const char *const statements[] = {
    [REVOKE_SERIAL] = REVOKE("serial=?3"),
    [REVOKE_SESSION] = REVOKE("session=?3"),
    [REVOKE_HOST] = REVOKE("+host=?3 COLLATE NOCASE"),
    [REVOKE_UPN] = REVOKE("+upn=?3 COLLATE NOCASE"),
    [REVOKE_SID] = REVOKE("+sid=?3"),
    [REVOKE_MACHINE] = REVOKE("role IS NOT NULL AND +name=?3 COLLATE NOCASE"),
};

enum fas_code
store_revoke(struct db *db, const struct revocation *what, size_t *n, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, statements[what->by], e);
	db_bind_int(&q, 1, what->now_s);
	db_bind_int(&q, 2, what->reason);
	if (what->by == REVOKE_SERIAL)
		db_bind_blob(&q, 3, what->serial, what->serial_len);
	else
		db_bind_text(&q, 3, what->text);
	db_bind_int(&q, 4, what->kind);
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
