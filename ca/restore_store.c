#include "ca/store.h"

#define RESTORED                                                                                   \
	"restored" /* the profile of a serial that is known from a CRL alone: it has no bytes */

/* What was on hold in the backup may be revoked for good since: then it is, and no release of that hold brings it back. */
static enum fas_code
revoke_known(struct db *db, const struct revoked_row *row, bool *known, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET revoked_at=COALESCE(revoked_at,?3), "
	    "reason=CASE WHEN revoked_at IS NULL OR reason=6 THEN ?4 ELSE reason END, "
	    "hold=CASE WHEN ?4=6 THEN hold END WHERE issuer=?1 AND serial=?2",
	    e);
	db_bind_int(&q, 1, row->issuer);
	db_bind_blob(&q, 2, row->serial, row->serial_len);
	db_bind_int(&q, 3, row->when_s);
	db_bind_int(&q, 4, row->reason);
	enum fas_code rc = db_run(&q);
	*known = rc == FAS_OK && db_changes(db) > 0;
	return rc;
}

/* It was issued after the backup was made.  When it ends is not known: it is on the list as long as its issuer lives. */
static enum fas_code
remember_unknown(struct db *db, const struct revoked_row *row, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO certificates(issuer,profile,serial,request_id,request_digest,tbs,"
	    "tbs_digest,spki_digest,created_ms,not_before,not_after,revoked_at,reason) "
	    "VALUES(?1,'" RESTORED "',?2,'" RESTORED "-'||lower(hex(?2)),zeroblob(32),x'',"
	    "zeroblob(32),zeroblob(32),?3*1000,?3,?5,?3,?4)",
	    e);
	db_bind_int(&q, 1, row->issuer);
	db_bind_blob(&q, 2, row->serial, row->serial_len);
	db_bind_int(&q, 3, row->when_s);
	db_bind_int(&q, 4, row->reason);
	db_bind_int(&q, 5, row->until_s);
	return db_run(&q);
}

enum fas_code
store_merge_revoked(struct db *db, const struct revoked_row *row, bool *known, struct fas_err *e)
{
	enum fas_code rc = revoke_known(db, row, known, e);
	return rc == FAS_OK && !*known ? remember_unknown(db, row, e) : rc;
}

enum fas_code
store_tokens_void_all(struct db *db, int64_t now_s, int64_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "UPDATE tokens SET used_at=?1 WHERE used_at IS NULL", e);
	db_bind_int(&q, 1, now_s);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}
