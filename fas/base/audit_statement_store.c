/* The table of statements about the trails, in ca.db and fas.db alike. */
#include <string.h>

#include "fas/base/audit_statement.h"

#define COLUMNS "id,key,text,signature"

enum fas_code
audit_statement_add(struct db *db, const struct audit_statement *statement,
    const struct audit_stated *stated, struct fas_err *e)
{
	bool is_checkpoint = stated->kind == AUDIT_CHECKPOINT;
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO audit_statements(kind,trail,seq,counter,key,text,signature) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7)",
	    e);
	db_bind_text(&q, 1, audit_kind_name(stated->kind));
	db_bind_text(&q, 2, stated->trail);
	db_bind_int(&q, 3, audit_stated_seq(stated));
	db_bind_int(&q, 4, is_checkpoint ? stated->checkpoint.counter : stated->gap.counter);
	db_bind_int(&q, 5, statement->key);
	db_bind_text(&q, 6, statement->text);
	db_bind_blob(&q, 7, statement->signature, statement->signature_len);
	return db_run(&q);
}

/* What does not fit is left out: no signature confirms it then. */
static enum fas_code
read_row(struct db_query *q, struct audit_statement *out, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *signature = db_column_blob(q, 3, &len);
	*out = (struct audit_statement){
	    .key = db_column_int(q, 1), .text = strdup(db_column_text(q, 2))};
	if (signature && len <= AUDIT_SIGNATURE_MAX) {
		memcpy(out->signature, signature, len);
		out->signature_len = len;
	}
	return out->text ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
audit_statements_each(struct db *db, int64_t after, size_t limit, audit_statement_visit *visit,
    void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(
	    db, "SELECT " COLUMNS " FROM audit_statements WHERE id>?1 ORDER BY id LIMIT ?2", e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		OWN(audit_statement) struct audit_statement statement = {0};
		if ((rc = read_row(&q, &statement, e)) != FAS_OK ||
		    (rc = visit(db_column_int(&q, 0), &statement, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
audit_statement_last(struct db *db, enum audit_kind kind, const char *trail,
    struct audit_statement *out, bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS
	    " FROM audit_statements WHERE kind=?1 AND trail=?2 ORDER BY seq DESC LIMIT 1",
	    e);
	db_bind_text(&q, 1, audit_kind_name(kind));
	db_bind_text(&q, 2, trail);
	enum fas_code rc = db_step(&q, found);
	return rc == FAS_OK && *found ? read_row(&q, out, e) : rc;
}

enum fas_code
audit_gap_ends_at(struct db *db, const char *trail, int64_t seq, bool *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT 1 FROM audit_statements WHERE kind='acknowledgement' AND trail=?1 AND seq=?2",
	    e);
	db_bind_text(&q, 1, trail);
	db_bind_int(&q, 2, seq);
	return db_step(&q, out);
}

enum fas_code
audit_gap_find(struct db *db, const struct audit_head *head, bool *found, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT text FROM audit_statements WHERE kind='acknowledgement' AND trail=?1 AND "
	    "seq>?2 ORDER BY seq",
	    e);
	db_bind_text(&q, 1, head->trail);
	db_bind_int(&q, 2, head->seq);
	*found = false;
	while (!*found && (rc = db_step(&q, &row)) == FAS_OK && row) {
		struct audit_stated stated;
		if ((rc = audit_stated_parse(db_column_text(&q, 0), &stated, e)) != FAS_OK)
			break;
		*found = audit_gap_covers(&stated, head);
	}
	return *found ? FAS_OK : rc;
}

enum fas_code
audit_floor(struct db *db, int64_t *counter, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT " AUDIT_FLOOR_SQL, e);
	enum fas_code rc = db_step(&q, &row);
	*counter = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
audit_prune_records(struct db *db, int64_t below, int64_t *n, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "DELETE FROM audit WHERE seq<?1", e);
	db_bind_int(&q, 1, below);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}

enum fas_code
audit_prune_heads(struct db *db, int64_t below, size_t limit, int64_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "DELETE FROM audit_heads WHERE counter IN "
	    "(SELECT counter FROM audit_heads WHERE counter<?1 ORDER BY counter LIMIT ?2)",
	    e);
	db_bind_int(&q, 1, below);
	db_bind_int(&q, 2, (int64_t)limit);
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? db_changes(db) : 0;
	return rc;
}
