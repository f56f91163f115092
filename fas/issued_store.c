#include "fas/issued_store.h"

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
