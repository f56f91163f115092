/* The tables of countersigned heads, in ca.db and fas.db alike. */
#include <string.h>

#include "fas/base/audit_head.h"

#define PICK_MAX 20000 /* more than a day has, at one each 10 s */
#define DAY_MS INT64_C(86400000)
#define COLUMNS "counter,time_ms,key,trail,node,seq,head,signature"

enum fas_code
audit_head_add(struct db *db, const struct audit_head *head, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "INSERT INTO audit_heads(" COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8)", e);
	db_bind_int(&q, 1, head->counter);
	db_bind_int(&q, 2, head->time_ms);
	db_bind_int(&q, 3, head->key);
	db_bind_text(&q, 4, head->trail);
	db_bind_text(&q, 5, head->node);
	db_bind_int(&q, 6, head->seq);
	db_bind_blob(&q, 7, head->hash, AUDIT_HASH);
	db_bind_blob(&q, 8, head->signature, head->signature_len);
	return db_run(&q);
}

static void
copy_blob(struct db_query *q, int column, uint8_t *out, size_t max, size_t *len)
{
	size_t found = 0;
	const uint8_t *data = db_column_blob(q, column, &found);
	*len = data && found <= max ? found : 0;
	if (*len)
		memcpy(out, data, *len);
}

/* What does not fit is left out: no signature confirms it then. */
static void
read_row(struct db_query *q, struct audit_head *out)
{
	size_t len;
	*out = (struct audit_head){.counter = db_column_int(q, 0),
	    .time_ms = db_column_int(q, 1),
	    .key = db_column_int(q, 2),
	    .seq = db_column_int(q, 5)};
	db_column_copy(q, 3, out->trail, sizeof(out->trail));
	db_column_copy(q, 4, out->node, sizeof(out->node));
	copy_blob(q, 6, out->hash, AUDIT_HASH, &len);
	copy_blob(q, 7, out->signature, AUDIT_SIGNATURE_MAX, &out->signature_len);
}

static enum fas_code
read_one(struct db_query *q, struct audit_head *out, bool *found)
{
	enum fas_code rc = db_step(q, found);
	if (rc == FAS_OK && *found)
		read_row(q, out);
	return rc;
}

enum fas_code
audit_head_get(
    struct db *db, int64_t counter, struct audit_head *out, bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "SELECT " COLUMNS " FROM audit_heads WHERE counter=?1", e);
	db_bind_int(&q, 1, counter);
	return read_one(&q, out, found);
}

enum fas_code
audit_head_last(
    struct db *db, const char *trail, struct audit_head *out, bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    trail ? db_query(db,
			"SELECT " COLUMNS
			" FROM audit_heads WHERE trail=?1 ORDER BY seq DESC LIMIT 1",
			e)
		  : db_query(
			db, "SELECT " COLUMNS " FROM audit_heads ORDER BY counter DESC LIMIT 1", e);
	if (trail)
		db_bind_text(&q, 1, trail);
	return read_one(&q, out, found);
}

enum fas_code
audit_head_next(struct db *db, const char *trail, int64_t seq, struct audit_head *out, bool *found,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS " FROM audit_heads WHERE trail=?1 AND seq>?2 ORDER BY seq LIMIT 1",
	    e);
	db_bind_text(&q, 1, trail);
	db_bind_int(&q, 2, seq);
	return read_one(&q, out, found);
}

enum fas_code
audit_head_before(struct db *db, const char *trail, int64_t seq, struct audit_head *out,
    bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS
	    " FROM audit_heads WHERE trail=?1 AND seq<?2 ORDER BY seq DESC LIMIT 1",
	    e);
	db_bind_text(&q, 1, trail);
	db_bind_int(&q, 2, seq);
	return read_one(&q, out, found);
}

enum fas_code
audit_head_pick(struct db *db, const char *trail, int64_t seq, int64_t since_ms, int64_t limit_ms,
    struct audit_head *out, bool *found, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS " FROM audit_heads WHERE trail=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	    e);
	db_bind_text(&q, 1, trail);
	db_bind_int(&q, 2, seq);
	db_bind_int(&q, 3, PICK_MAX);
	*found = false;
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		int64_t time_ms = db_column_int(&q, 1);
		if (time_ms > limit_ms)
			continue;
		since_ms = since_ms ? since_ms : time_ms;
		bool within = time_ms - since_ms <= DAY_MS;
		if (within || !*found)
			read_row(&q, out);
		*found = true;
		if (!within)
			break;
	}
	return rc;
}

enum fas_code
audit_heads_each(struct db *db, int64_t after, size_t limit, audit_head_visit *visit, void *arg,
    struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS " FROM audit_heads WHERE counter>?1 ORDER BY counter LIMIT ?2", e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		struct audit_head head;
		read_row(&q, &head);
		if ((rc = visit(&head, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
audit_key_add(struct db *db, const struct audit_key *key, int64_t now_ms, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "INSERT INTO audit_keys(id,spki,since_ms) VALUES(?1,?2,?3)", e);
	db_bind_int(&q, 1, key->id);
	db_bind_blob(&q, 2, key->spki, key->spki_len);
	db_bind_int(&q, 3, now_ms);
	return db_run(&q);
}

enum fas_code
audit_keys_load(struct db *db, struct audit_keys *out, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db, "SELECT id,spki FROM audit_keys ORDER BY id", e);
	*out = (struct audit_keys){0};
	while ((rc = db_step(&q, &row)) == FAS_OK && row && out->n < AUDIT_KEYS_MAX) {
		struct audit_key *key = &out->keys[out->n++];
		key->id = db_column_int(&q, 0);
		copy_blob(&q, 1, key->spki, AUDIT_KEY_MAX, &key->spki_len);
	}
	return rc;
}
