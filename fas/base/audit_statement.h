/*
 * What the signer states about a trail, signed by its audit key and kept in both databases (ca.db and, as a copy that
 * fasd has judged for itself, fas.db).  A statement counts only when both have it: neither process alone can make one.
 *
 * A checkpoint: what lies before a countersigned record is older than the retention, and may be pruned.
 * An acknowledgement: an administrator has accepted that countersigned records are gone, since an old database was put
 * back; the trail goes on behind them, and no number is given twice.
 */
#ifndef FAS_BASE_AUDIT_STATEMENT_H
#define FAS_BASE_AUDIT_STATEMENT_H

#include "fas/base/audit_head.h"

#define AUDIT_KEEP_MIN_S INT64_C(86400)
#define AUDIT_KEEP_MAX_S (INT64_C(86400) * 7300)

/*
 * SQL of the table and of what guards the trail `own` ("fasd" or "signer", a literal): a migration of either database.
 * Only what a checkpoint lets go can be deleted; nothing can be changed.
 */
#define AUDIT_CHECKPOINT_SQL(column, trail)                                                        \
	"(SELECT " column " FROM audit_statements WHERE kind='checkpoint' AND trail='" trail       \
	"' ORDER BY seq DESC LIMIT 1)"
#define AUDIT_FLOOR_SQL                                                                            \
	"MIN(COALESCE(" AUDIT_CHECKPOINT_SQL("counter",                                            \
	    TRAIL_FASD) ",0),"                                                                     \
			"COALESCE(" AUDIT_CHECKPOINT_SQL("counter", TRAIL_SIGNER) ",0))"
#define AUDIT_STATEMENTS_SCHEMA(own)                                                               \
	"CREATE TABLE audit_statements(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trail TEXT "    \
	"NOT NULL, seq INTEGER NOT NULL, counter INTEGER NOT NULL, key INTEGER NOT NULL, text "    \
	"TEXT NOT NULL, signature BLOB NOT NULL, UNIQUE(kind, trail, seq)) STRICT;"                \
	"CREATE TRIGGER audit_statements_kept BEFORE DELETE ON audit_statements BEGIN "            \
	"SELECT RAISE(ABORT, 'statements are append-only'); END;"                                  \
	"CREATE TRIGGER audit_statements_fixed BEFORE UPDATE ON audit_statements BEGIN "           \
	"SELECT RAISE(ABORT, 'statements are append-only'); END;"                                  \
	"CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN OLD.seq>="                          \
	"COALESCE(" AUDIT_CHECKPOINT_SQL(                                                          \
	    "seq", own) ",0) BEGIN "                                                               \
			"SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"              \
			"CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN "                 \
			"SELECT RAISE(ABORT, 'the audit trail is append-only'); END;"              \
			"DROP TRIGGER audit_heads_kept;"                                           \
			"CREATE TRIGGER audit_heads_kept BEFORE DELETE ON audit_heads WHEN "       \
			"OLD.counter>=" AUDIT_FLOOR_SQL " BEGIN "                                  \
			"SELECT RAISE(ABORT, 'countersignatures are append-only'); END;"

#define AUDIT_STATEMENT_TEXT_MAX 4096
#define AUDIT_REASON_MAX 500
#define AUDIT_OPERATOR_MAX 64

/* ---- the envelope ---- */

struct audit_statement {
	int64_t key; /* number of the signer's audit key */
	char *text;  /* JSON, as it was signed; owned */
	uint8_t signature[AUDIT_SIGNATURE_MAX];
	size_t signature_len;
};
void audit_statement_done(struct audit_statement *statement);

#define AUDIT_STATEMENT_MESSAGE_MAX (AUDIT_STATEMENT_TEXT_MAX + 32)
/* The bytes that are signed: a context that no head, certificate, CRL or request begins with, and the text. */
size_t audit_statement_message(const char *text, uint8_t out[AUDIT_STATEMENT_MESSAGE_MAX]);
/* FAS_E_AUTH "signature_wrong": none of these keys confirms it. */
MUST_CHECK enum fas_code audit_statement_verify(
    const struct audit_statement *statement, const struct audit_keys *keys, struct fas_err *e);

/* {"key", "text", "signature" (base64)}; a new reference or NULL. */
json_t *audit_statement_to_json(const struct audit_statement *statement);
/* *out is the caller's also on an error. */
MUST_CHECK enum fas_code audit_statement_from_json(
    json_t *object, struct audit_statement *out, struct fas_err *e);

/* ---- what is stated ---- */

enum audit_kind { AUDIT_CHECKPOINT, AUDIT_ACKNOWLEDGEMENT };
const char *audit_kind_name(enum audit_kind kind);

struct audit_checkpoint {
	struct audit_place at; /* the trail begins with this record, which was countersigned ... */
	int64_t counter;       /* ... under this number ... */
	int64_t head_ms;       /* ... at this time */
	int64_t count;         /* records before it */
	int64_t keep_s;        /* the retention: head_ms is at least so long before time_ms */
};

struct audit_gap {
	int64_t from, to; /* the first and the last record that were countersigned and are gone */
	struct audit_place at; /* where the trail stood when it was acknowledged; 0: empty */
	int64_t counter;       /* the last countersignature that the trail may contradict there */
	int64_t since_ms;      /* records from this second on, to time_ms, may be gone */
	int64_t
	    missing; /* so many certificates (or decisions) have lost their other half with them */
	char by[AUDIT_OPERATOR_MAX];
	char reason[AUDIT_REASON_MAX + 1];
};

struct audit_stated {
	enum audit_kind kind;
	char trail[TRAIL_NAME_MAX];
	char node[AUDIT_NODE_MAX]; /* of fasd */
	int64_t time_ms;
	union {
		struct audit_checkpoint checkpoint;
		struct audit_gap gap;
	};
};

/* malloc'ed; NULL when out of memory. */
char *audit_stated_format(const struct audit_stated *stated);
/* FAS_E_INPUT "statement_malformed", also when its numbers contradict each other. */
MUST_CHECK enum fas_code audit_stated_parse(
    const char *text, struct audit_stated *out, struct fas_err *e);
/* What a record says of it; a new reference or NULL. */
json_t *audit_stated_detail(const struct audit_stated *stated);
/* The number of the first record behind what is stated: where it begins, or goes on. */
int64_t audit_stated_seq(const struct audit_stated *stated);

/* ---- the tables (audit_statement_store.c): inside a db_fn ---- */

/* FAS_E_CONFLICT "row_exists". */
MUST_CHECK enum fas_code audit_statement_add(struct db *db, const struct audit_statement *statement,
    const struct audit_stated *stated, struct fas_err *e);
typedef enum fas_code audit_statement_visit(
    int64_t id, const struct audit_statement *statement, void *arg, struct fas_err *e);
/* With id > after, in order, at most limit. */
MUST_CHECK enum fas_code audit_statements_each(struct db *db, int64_t after, size_t limit,
    audit_statement_visit *visit, void *arg, struct fas_err *e);
/* The newest of this kind about this trail; out is the caller's (zeroed before) when *found. */
MUST_CHECK enum fas_code audit_statement_last(struct db *db, enum audit_kind kind,
    const char *trail, struct audit_statement *out, bool *found, struct fas_err *e);
/* Is there an acknowledgement after which the trail goes on with this record? */
MUST_CHECK enum fas_code audit_gap_ends_at(
    struct db *db, const char *trail, int64_t seq, bool *out, struct fas_err *e);
/* Has an administrator accepted that this countersigned record is gone? */
bool audit_gap_covers(const struct audit_stated *stated, const struct audit_head *head);
MUST_CHECK enum fas_code audit_gap_find(
    struct db *db, const struct audit_head *head, bool *found, struct fas_err *e);
/* Of both trails' newest checkpoints the lower countersignature: no older one is needed.  0: none. */
MUST_CHECK enum fas_code audit_floor(struct db *db, int64_t *counter, struct fas_err *e);

/* Delete what a checkpoint lets go; anything else the tables refuse.  *n is how many rows. */
MUST_CHECK enum fas_code audit_prune_records(
    struct db *db, int64_t below, int64_t *n, struct fas_err *e);
MUST_CHECK enum fas_code audit_prune_heads(
    struct db *db, int64_t below, size_t limit, int64_t *n, struct fas_err *e);

DEFINE_OWN_IN_PLACE(audit_statement, struct audit_statement, audit_statement_done);

#endif
