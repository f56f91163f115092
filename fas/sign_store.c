#include "fas/sign_store.h"

#include <string.h>

enum fas_code
user_key_find(struct db *db, const char *session, const char *key, struct user_key *out,
    bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,purpose,serial,not_after_s,signatures,signatures_max,sign_until_s,"
	    "rate_start_s,rate_used,revoke_at_s FROM certificates WHERE key=?1 AND session=?2",
	    e);
	db_bind_text(&q, 1, key);
	db_bind_text(&q, 2, session);
	enum fas_code rc = db_step(&q, found);
	if (rc != FAS_OK || !*found)
		return rc;
	*out = (struct user_key){
	    .id = db_column_int(&q, 0),
	    .in_session = strcmp(db_column_text(&q, 1), "logon") != 0,
	    .not_after_s = db_column_int(&q, 3),
	    .signatures = db_column_int(&q, 4),
	    .signatures_max = db_column_int(&q, 5),
	    .sign_until_s = db_column_int(&q, 6),
	    .rate_start_s = db_column_int(&q, 7),
	    .rate_used = db_column_int(&q, 8),
	    .revoke_at_s = db_column_int(&q, 9),
	};
	db_column_copy(&q, 2, out->serial, sizeof(out->serial));
	return FAS_OK;
}

enum fas_code
user_key_count(struct db *db, const struct user_key *key, int64_t now_s, int64_t rate_count,
    int64_t rate_period_s, bool *counted, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET signatures=signatures+1,"
	    "rate_used=CASE WHEN rate_start_s+?3<=?2 THEN 1 ELSE rate_used+1 END,"
	    "rate_start_s=CASE WHEN rate_start_s+?3<=?2 THEN ?2 ELSE rate_start_s END"
	    " WHERE id=?1 AND (signatures_max=0 OR signatures<signatures_max)"
	    " AND (?3=0 OR rate_start_s+?3<=?2 OR rate_used<?4)",
	    e);
	db_bind_int(&q, 1, key->id);
	db_bind_int(&q, 2, now_s);
	db_bind_int(&q, 3, rate_period_s);
	db_bind_int(&q, 4, rate_count);
	enum fas_code rc = db_run(&q);
	*counted = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

enum fas_code
user_key_mark_limited(struct db *db, const struct user_key *key, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE certificates SET rate_used=rate_used+1 WHERE id=?1 AND rate_used=?2", e);
	db_bind_int(&q, 1, key->id);
	db_bind_int(&q, 2, key->rate_used);
	return db_run(&q);
}
