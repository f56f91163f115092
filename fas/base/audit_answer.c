#include "fas/base/audit_answer.h"

#include <string.h>

#include "fas/base/audit_statement.h"
#include "fas/base/restore.h"
#include "fas/base/text.h"

#define PAGE_RECORDS 20000
#define PAGE_FINDINGS 100
#define PAGE_HEADS 500
#define SEQS_MAX 1000
#define PAGE_STATEMENTS 200
#define TAIL_DEFAULT 100
#define TAIL_MAX 1000
#define PAGE_BYTES (768 * 1024) /* below WIRE_MESSAGE_MAX: the rest is asked for with `after` */

/* ---- the chain ---- */

struct checking {
	struct audit_begin begin;
	struct audit_place place;
	size_t limit, n;
	int64_t last;
	int64_t restored_made_s, restored_ms;
	json_t *findings;
};

static bool
add_finding(const struct audit_finding *finding, void *arg)
{
	struct checking *c = arg;
	(void)json_array_append_new(c->findings,
	    json_pack("{s:I,s:I,s:s,s:s}", "seq", (json_int_t)finding->seq, "before",
		(json_int_t)finding->before, "what", finding->what, "meaning", finding->meaning));
	return json_array_size(c->findings) < PAGE_FINDINGS;
}

static enum fas_code
check(struct db *db, void *arg, struct fas_err *e)
{
	struct checking *c = arg;
	enum fas_code rc = audit_last(db, &c->last, e);
	if (rc == FAS_OK)
		rc = audit_begin(db, &c->begin, e);
	if (rc == FAS_OK)
		rc = restore_last(db, &c->restored_made_s, &c->restored_ms, e);
	if (rc != FAS_OK)
		return rc;
	if (c->place.seq == 0)
		c->place = c->begin.before;
	return audit_check(db, &c->place, c->limit, &c->n, add_finding, c, e);
}

enum fas_code
audit_answer_verify(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	char head[2 * AUDIT_HASH + 1];
	OWN(json) json_t *findings = json_array();
	struct checking c = {.findings = findings};
	c.place.seq = json_want_int(r, "after", 0, INT64_MAX, 0);
	c.limit = (size_t)json_want_int(r, "limit", 1, PAGE_RECORDS, PAGE_RECORDS);
	const char *hash =
	    json_want_text(r, "hash", 2 * (size_t)AUDIT_HASH, 2 * (size_t)AUDIT_HASH);
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK && hash && !hex_decode(hash, c.place.hash, AUDIT_HASH))
		rc = fas_fail(e, FAS_E_INPUT, "member_invalid", "member \"hash\" is not hex");
	if (rc == FAS_OK)
		rc = db_read(pool, check, &c, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:I,s:I,s:I,s:O,s:I,s:s,s:I,s:b}", "begins", (json_int_t)c.begin.seq,
	    "begins_ms", (json_int_t)c.begin.time_ms, "records", (json_int_t)c.n, "findings",
	    findings, "last", (json_int_t)c.place.seq, "head",
	    hex_encode(c.place.hash, AUDIT_HASH, head), "total", (json_int_t)c.last, "more",
	    c.n > 0 && c.place.seq < c.last);
	if (*reply && c.restored_ms)
		(void)json_object_set_new(*reply, "restored",
		    json_pack("{s:I,s:I}", "made_at", (json_int_t)c.restored_made_s, "at",
			(json_int_t)(c.restored_ms / 1000)));
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- countersigned heads ---- */

struct heads {
	int64_t after;
	json_t *list;
	struct audit_keys keys;
};

static enum fas_code
add_head(const struct audit_head *head, void *arg, struct fas_err *e)
{
	return json_array_append_new(arg, audit_head_to_json(head)) == 0 ? FAS_OK
									 : fas_fail_nomem(e);
}

static enum fas_code
read_heads(struct db *db, void *arg, struct fas_err *e)
{
	struct heads *h = arg;
	enum fas_code rc = audit_keys_load(db, &h->keys, e);
	return rc == FAS_OK ? audit_heads_each(db, h->after, PAGE_HEADS, add_head, h->list, e) : rc;
}

enum fas_code
audit_answer_heads(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct heads h = {.list = list, .after = json_want_int(r, "after", 0, INT64_MAX, 0)};
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK)
		rc = db_read(pool, read_heads, &h, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O,s:o,s:b}", "heads", list, "keys", audit_keys_to_json(&h.keys),
	    "more", json_array_size(list) == PAGE_HEADS);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- hashes of single records ---- */

struct hashes {
	const json_t *seqs;
	json_t *list;
};

static enum fas_code
read_hashes(struct db *db, void *arg, struct fas_err *e)
{
	struct hashes *h = arg;
	size_t i;
	const json_t *seq;
	json_array_foreach(h->seqs, i, seq)
	{
		uint8_t hash[AUDIT_HASH];
		char hex[2 * AUDIT_HASH + 1];
		bool found = false;
		enum fas_code rc =
		    audit_hash_at(db, (int64_t)json_integer_value(seq), hash, &found, e);
		if (rc != FAS_OK)
			return rc;
		if (json_array_append_new(h->list,
			found ? json_string(hex_encode(hash, AUDIT_HASH, hex)) : json_null()) != 0)
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

enum fas_code
audit_answer_hashes(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct hashes h = {.list = list, .seqs = json_need_value(r, "seqs", JSON_ARRAY)};
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK && json_array_size(h.seqs) > SEQS_MAX)
		rc = fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "more than %d records at once", SEQS_MAX);
	if (rc == FAS_OK)
		rc = db_read(pool, read_hashes, &h, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O}", "hashes", list);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- statements ---- */

struct statements {
	int64_t after;
	json_t *list;
};

static enum fas_code
add_statement(int64_t id, const struct audit_statement *statement, void *arg, struct fas_err *e)
{
	struct statements *s = arg;
	s->after = id;
	return json_array_append_new(s->list, audit_statement_to_json(statement)) == 0
		   ? FAS_OK
		   : fas_fail_nomem(e);
}

static enum fas_code
read_statements(struct db *db, void *arg, struct fas_err *e)
{
	struct statements *s = arg;
	return audit_statements_each(db, s->after, PAGE_STATEMENTS, add_statement, s, e);
}

enum fas_code
audit_answer_statements(
    struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct statements s = {.list = list, .after = json_want_int(r, "after", 0, INT64_MAX, 0)};
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK)
		rc = db_read(pool, read_statements, &s, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O,s:I,s:b}", "statements", list, "last", (json_int_t)s.after, "more",
	    json_array_size(list) == PAGE_STATEMENTS);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- the records themselves ---- */

struct tail {
	int64_t after, since_ms;
	size_t limit;
	const char *correlation_id;
	json_t *records;
	size_t bytes;
	int64_t last; /* of what is answered */
	int64_t total;
	bool texts; /* as they were hashed */
	bool full;
};

static enum fas_code
add_record(json_t *body, void *arg, struct fas_err *e)
{
	struct tail *t = arg;
	size_t bytes = t->full ? 0 : json_dumpb(body, NULL, 0, JSON_COMPACT) + 1;
	t->full = t->full || t->bytes + bytes > PAGE_BYTES;
	if (t->full)
		return FAS_OK;
	t->bytes += bytes;
	t->last = (int64_t)json_integer_value(json_object_get(body, "seq"));
	return json_array_append(t->records, body) == 0 ? FAS_OK : fas_fail_nomem(e);
}

/* Without a place to begin: the last ones. */
static enum fas_code
find_start(struct db *db, struct tail *t, struct fas_err *e)
{
	if (t->since_ms >= 0)
		return audit_seek(db, t->since_ms, &t->after, e);
	bool all = t->correlation_id || t->total < (int64_t)t->limit;
	t->after = all ? 0 : t->total - (int64_t)t->limit;
	return FAS_OK;
}

static enum fas_code
read_tail(struct db *db, void *arg, struct fas_err *e)
{
	struct tail *t = arg;
	enum fas_code rc = audit_last(db, &t->total, e);
	if (rc == FAS_OK && t->after < 0)
		rc = find_start(db, t, e);
	t->last = t->after;
	if (rc != FAS_OK)
		return rc;
	return t->texts ? audit_each_text(db, t->after, t->limit, add_record, t, e)
			: audit_each(db, t->after, t->limit, t->correlation_id, add_record, t, e);
}

static enum fas_code
answer_tail(struct db_pool *pool, struct tail *t, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *records = json_array();
	t->records = records;
	enum fas_code rc = db_read(pool, read_tail, t, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O,s:I,s:I}", "records", records, "last", (json_int_t)t->last,
	    "total", (json_int_t)t->total);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
audit_answer_tail(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	struct tail t = {.after = json_want_int(r, "after", 0, INT64_MAX, -1),
	    .since_ms = -1,
	    .correlation_id =
		json_want_text(r, "correlation_id", CORRELATION_ID_MAX - 1, CORRELATION_ID_MAX - 1),
	    .limit = (size_t)json_want_int(r, "limit", 1, TAIL_MAX, TAIL_DEFAULT)};
	enum fas_code rc = json_finish(r);
	return rc == FAS_OK ? answer_tail(pool, &t, reply, e) : rc;
}

enum fas_code
audit_answer_export(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	struct tail t = {.after = json_want_int(r, "after", 0, INT64_MAX, -1),
	    .since_ms = json_want_int(r, "since_ms", 0, INT64_MAX, 0),
	    .limit = TAIL_MAX,
	    .texts = true};
	enum fas_code rc = json_finish(r);
	return rc == FAS_OK ? answer_tail(pool, &t, reply, e) : rc;
}
