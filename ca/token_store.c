#include "ca/store.h"

enum fas_code
store_generation(struct db *db, bool bump, int64_t *generation, struct fas_err *e)
{
	enum fas_code rc = db_meta_get_int(db, "host_generation", 1, generation, e);
	if (rc == FAS_OK && bump)
		rc = db_meta_set_int(db, "host_generation", ++*generation, e);
	return rc;
}

enum fas_code
store_token_add(struct db *db, const struct token_row *row, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO tokens(hash,role,name,created_by,created_at,expires_at) "
	    "VALUES(?1,?2,?3,?4,?5,?6)",
	    e);
	db_bind_blob(&q, 1, row->hash, STORE_DIGEST);
	db_bind_text(&q, 2, row->role);
	db_bind_text(&q, 3, row->name);
	db_bind_text(&q, 4, row->created_by);
	db_bind_int(&q, 5, row->created_s);
	db_bind_int(&q, 6, row->expires_s);
	return db_run(&q);
}

enum fas_code
store_token_find(struct db *db, const uint8_t *hash, int64_t now_s, struct token_facts *out,
    bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT role,name FROM tokens WHERE hash=?1 AND used_at IS NULL AND expires_at>?2", e);
	db_bind_blob(&q, 1, hash, STORE_DIGEST);
	db_bind_int(&q, 2, now_s);
	enum fas_code rc = db_step(&q, found);
	if (rc != FAS_OK || !*found)
		return rc;
	db_column_copy(&q, 0, out->role, sizeof(out->role));
	db_column_copy(&q, 1, out->name, sizeof(out->name));
	return FAS_OK;
}

enum fas_code
store_token_claim(struct db *db, const uint8_t *hash, int64_t now_s, const char *request_id,
    bool *won, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE tokens SET used_at=?2, request_id=?3 "
	    "WHERE hash=?1 AND used_at IS NULL AND expires_at>?2",
	    e);
	db_bind_blob(&q, 1, hash, STORE_DIGEST);
	db_bind_int(&q, 2, now_s);
	db_bind_text(&q, 3, request_id);
	enum fas_code rc = db_run(&q);
	*won = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

enum fas_code
store_tokens_void(struct db *db, const char *name, int64_t now_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE tokens SET used_at=?2 WHERE name=?1 COLLATE NOCASE AND used_at IS NULL", e);
	db_bind_text(&q, 1, name);
	db_bind_int(&q, 2, now_s);
	return db_run(&q);
}
