/* How sessions stand, in fas.db. */
#include <string.h>

#include "fas/standing.h"

static enum fas_code
copy_column(struct db_query *q, int column, char **out, struct fas_err *e)
{
	if (db_column_is_null(q, column))
		return FAS_OK;
	*out = strdup(db_column_text(q, column));
	return *out ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
standing_find(struct db *db, const char *session, struct standing *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT facts,policy,judged_s,tried_s,in_session FROM sessions WHERE session=?1", e);
	db_bind_text(&q, 1, session);
	*out = (struct standing){0};
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK && !row)
		rc = fas_fail(e, FAS_E_NOTFOUND, "session_unknown", "no such session");
	if (rc != FAS_OK)
		return rc;
	db_column_copy(&q, 1, out->policy, sizeof(out->policy));
	out->judged_s = db_column_int(&q, 2);
	out->tried_s = db_column_int(&q, 3);
	rc = copy_column(&q, 0, &out->facts, e);
	if (rc == FAS_OK)
		rc = copy_column(&q, 4, &out->in_session, e);
	if (rc != FAS_OK)
		standing_done(out);
	return rc;
}

/* What the rule grants no more, of this session. */
static enum fas_code
withdraw(struct db *db, const char *session, const char *profile, int64_t now_s, bool *any,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET revoke_at_s=?3,revoke_why='privilegeWithdrawn' WHERE "
	    "session=?1"
	    " AND purpose='in_session' AND revoked=0 AND COALESCE(revoke_at_s>?3,1)"
	    " AND not_after_s>?3 AND profile IS NOT ?2",
	    e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, profile);
	db_bind_int(&q, 3, now_s);
	enum fas_code rc = db_run(&q);
	*any = rc == FAS_OK && db_changes(db) > 0;
	return rc;
}

enum fas_code
standing_put(struct db *db, const struct session *session, const struct standing *standing,
    bool *withdrawn, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE sessions SET policy=?2,judged_s=?3,tried_s=?4,in_session=?5 WHERE session=?1",
	    e);
	db_bind_text(&q, 1, session->id);
	db_bind_text(&q, 2, standing->policy);
	db_bind_int(&q, 3, standing->judged_s);
	db_bind_int(&q, 4, standing->tried_s);
	db_bind_text(&q, 5, standing->in_session);
	*withdrawn = false;
	enum fas_code rc = db_run(&q);
	if (rc != FAS_OK || !standing->asked)
		return rc;
	return withdraw(db, session->id, standing->profile, standing->tried_s, withdrawn, e);
}
