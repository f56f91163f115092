#include "fas/base/audit_answer.h"

#include <string.h>

#include "fas/base/audit_head.h"
#include "fas/base/text.h"

#define PAGE_RECORDS 20000
#define PAGE_FINDINGS 100
#define PAGE_HEADS 500
#define SEQS_MAX 1000

/* ---- the chain ---- */

struct checking {
	struct audit_place place;
	size_t limit, n;
	int64_t last;
	json_t *findings;
};

static bool
add_finding(const struct audit_finding *finding, void *arg)
{
	struct checking *c = arg;
	(void)json_array_append_new(
	    c->findings, json_pack("{s:I,s:s,s:s}", "seq", (json_int_t)finding->seq, "what",
			     finding->what, "meaning", finding->meaning));
	return json_array_size(c->findings) < PAGE_FINDINGS;
}

static enum fas_code
check(struct db *db, void *arg, struct fas_err *e)
{
	struct checking *c = arg;
	enum fas_code rc = audit_last(db, &c->last, e);
	if (rc != FAS_OK)
		return rc;
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
	*reply =
	    json_pack("{s:I,s:O,s:I,s:s,s:I,s:b}", "records", (json_int_t)c.n, "findings", findings,
		"last", (json_int_t)c.place.seq, "head", hex_encode(c.place.hash, AUDIT_HASH, head),
		"total", (json_int_t)c.last, "more", c.n > 0 && c.place.seq < c.last);
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
