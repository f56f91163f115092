#include "ca/store.h"

#define FLOOR "certificates_floor"

enum fas_code
store_floor(struct db *db, int64_t *floor_s, struct fas_err *e)
{
	return db_meta_get_int(db, FLOOR, 0, floor_s, e);
}

enum fas_code
store_oldest_end(struct db *db, int64_t *end_s, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "SELECT MIN(not_after) FROM certificates", e);
	bool row = false;
	enum fas_code rc = db_step(&q, &row);
	*end_s = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

/*
 * The newest row stays, whatever its end: ids are given in sequence, and the largest one counts what was ever made.  The
 * list of the service CA (kind 3) need not have had what has ended: nobody but a restore reads it.
 */
static enum fas_code
prune_certificates(struct db *db, int64_t before_s, size_t limit, int64_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "DELETE FROM certificates WHERE id IN (SELECT c.id FROM certificates c"
	    " JOIN issuers i ON i.id=c.issuer WHERE c.not_after<?1"
	    " AND c.id<(SELECT MAX(id) FROM certificates)"
	    " AND (c.revoked_at IS NULL OR i.kind=?2 OR c.not_after<i.crl_this)"
	    " ORDER BY c.not_after LIMIT ?3)",
	    e);
	db_bind_int(&q, 1, before_s);
	db_bind_int(&q, 2, ISSUER_SERVICE);
	db_bind_int(&q, 3, (int64_t)limit);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}

static enum fas_code
prune_tokens(struct db *db, int64_t before_s, size_t limit, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires_at<?1 LIMIT "
	    "?2)",
	    e);
	db_bind_int(&q, 1, before_s);
	db_bind_int(&q, 2, (int64_t)limit);
	return db_run(&q);
}

enum fas_code
store_prune(struct db *db, int64_t before_s, size_t limit, int64_t *n, struct fas_err *e)
{
	enum fas_code rc = prune_certificates(db, before_s, limit, n, e);
	if (rc == FAS_OK)
		rc = prune_tokens(db, before_s, limit, e);
	return rc == FAS_OK ? db_meta_set_int(db, FLOOR, before_s, e) : rc;
}
