/* The trail read again: its records, its ends, and whether the chain is whole. */
#include <string.h>

#include "fas/base/audit_link.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

static enum fas_code
visit_row(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e)
{
	uint8_t hash[AUDIT_HASH] = {0};
	char hex[2 * AUDIT_HASH + 1], time_text[TIME_TEXT_MAX];
	OWN(json) json_t *body = json_loads(db_column_text(q, 2), 0, NULL);
	if (!body)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "audit record %lld is not JSON",
		    (long long)db_column_int(q, 0));
	(void)audit_link_copy(q, 3, hash);
	(void)json_object_set_new(body, "seq", json_integer(db_column_int(q, 0)));
	(void)json_object_set_new(
	    body, "time", json_string(time_format(db_column_int(q, 1) / 1000, time_text)));
	(void)json_object_set_new(body, "time_ms", json_integer(db_column_int(q, 1)));
	(void)json_object_set_new(body, "hash", json_string(hex_encode(hash, AUDIT_HASH, hex)));
	return visit(body, arg, e);
}

/* The text of a damaged record may be none: null then. */
static enum fas_code
visit_text(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e)
{
	uint8_t hash[AUDIT_HASH] = {0};
	char hex[2 * AUDIT_HASH + 1];
	json_t *body = json_string(db_column_text(q, 2));
	(void)audit_link_copy(q, 3, hash);
	OWN(json)
	json_t *line = json_pack("{s:I,s:I,s:s,s:o}", "seq", (json_int_t)db_column_int(q, 0),
	    "time_ms", (json_int_t)db_column_int(q, 1), "hash", hex_encode(hash, AUDIT_HASH, hex),
	    "body", body ? body : json_null());
	return line ? visit(line, arg, e) : fas_fail_nomem(e);
}

typedef enum fas_code row_fn(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e);

static enum fas_code
each_row(struct db_query *q, row_fn *fn, audit_visit *visit, void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(q, &row)) == FAS_OK && row) {
		if ((rc = fn(q, visit, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
audit_each(struct db *db, int64_t after, size_t limit, const char *correlation_id,
    audit_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    correlation_id
		? db_query(db,
		      "SELECT seq,time_ms,body,hash FROM audit WHERE seq>?1 AND correlation_id=?3 "
		      "ORDER BY seq LIMIT ?2",
		      e)
		: db_query(db,
		      "SELECT seq,time_ms,body,hash FROM audit WHERE seq>?1 ORDER BY seq LIMIT ?2",
		      e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	if (correlation_id)
		db_bind_text(&q, 3, correlation_id);
	return each_row(&q, visit_row, visit, arg, e);
}

enum fas_code
audit_each_text(
    struct db *db, int64_t after, size_t limit, audit_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "SELECT seq,time_ms,body,hash FROM audit WHERE seq>?1 ORDER BY seq LIMIT ?2", e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	return each_row(&q, visit_text, visit, arg, e);
}

/* The first record with seq > after; *time_ms INT64_MAX when there is none. */
static enum fas_code
time_behind(struct db *db, int64_t after, int64_t *time_ms, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT time_ms FROM audit WHERE seq>?1 ORDER BY seq LIMIT 1", e);
	db_bind_int(&q, 1, after);
	enum fas_code rc = db_step(&q, &row);
	*time_ms = row ? db_column_int(&q, 0) : INT64_MAX;
	return rc;
}

enum fas_code
audit_seek(struct db *db, int64_t time_ms, int64_t *after, struct fas_err *e)
{
	int64_t low = 0, high = 0, found_ms = 0;
	enum fas_code rc = audit_last(db, &high, e);
	/* Behind low there are older ones, behind high there is none. */
	while (rc == FAS_OK && low < high) {
		int64_t middle = low + (high - low) / 2;
		rc = time_behind(db, middle, &found_ms, e);
		if (found_ms < time_ms - AUDIT_CLOCK_MARGIN_MS)
			low = middle + 1;
		else
			high = middle;
	}
	*after = low;
	return rc;
}

enum fas_code
audit_last(struct db *db, int64_t *seq, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT COALESCE(MAX(seq),0) FROM audit", e);
	enum fas_code rc = db_step(&q, &row);
	*seq = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
audit_head_place(struct db *db, struct audit_place *out, struct fas_err *e)
{
	bool found = false;
	*out = (struct audit_place){0};
	enum fas_code rc = audit_last(db, &out->seq, e);
	return rc == FAS_OK && out->seq ? audit_hash_at(db, out->seq, out->hash, &found, e) : rc;
}

enum fas_code
audit_hash_at(struct db *db, int64_t seq, uint8_t out[AUDIT_HASH], bool *found, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "SELECT hash FROM audit WHERE seq=?1", e);
	db_bind_int(&q, 1, seq);
	enum fas_code rc = db_step(&q, found);
	if (rc == FAS_OK && *found && !audit_link_copy(&q, 0, out))
		memset(out, 0, AUDIT_HASH); /* a damaged record equals no head */
	return rc;
}

enum fas_code
audit_begin(struct db *db, struct audit_begin *out, struct fas_err *e)
{
	bool row = false;
	*out = (struct audit_begin){0};
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT seq,time_ms,previous FROM audit ORDER BY seq LIMIT 1", e);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK || !row)
		return rc;
	out->seq = db_column_int(&q, 0);
	out->time_ms = db_column_int(&q, 1);
	if (out->seq > 1 && audit_link_copy(&q, 2, out->before.hash))
		out->before.seq = out->seq - 1;
	return FAS_OK;
}

enum fas_code
audit_expect(struct db *db, const struct audit_place *place, struct fas_err *e)
{
	uint8_t hash[AUDIT_HASH] = {0};
	bool found = false;
	enum fas_code rc = audit_hash_at(db, place->seq, hash, &found, e);
	if (rc == FAS_OK && (!found || memcmp(hash, place->hash, AUDIT_HASH) != 0))
		rc = fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
		    "record %lld was countersigned and is %s", (long long)place->seq,
		    found ? "another one now" : "not here");
	return rc;
}

/* The hash covers the body; what stands beside it for look-ups has to say the same. */
static bool
columns_agree(struct db_query *q, const char *body)
{
	OWN(json) json_t *json = json_loads(body, 0, NULL);
	const char *event = json_string_value(json_object_get(json, "event"));
	const char *id = json_string_value(json_object_get(json, "correlation_id"));
	return event && strcmp(event, db_column_text(q, 6)) == 0 &&
	       strcmp(id ? id : "", db_column_text(q, 7)) == 0;
}

enum fault { WHOLE, MISSING, NO_HASH, NOT_NEXT, EDITED, COLUMNS, SKIPPED };

static const struct audit_finding faults[] = {
    [MISSING] = {0, 0, "record_missing", "a record is missing before this one"},
    [NO_HASH] = {0, 0, "record_damaged", "the record has no hash"},
    [NOT_NEXT] = {0, 0, "chain_broken", "the record does not follow its predecessor"},
    [EDITED] = {0, 0, "record_edited", "the record has been changed"},
    [COLUMNS] = {0, 0, "columns_differ", "the record's columns do not agree with its body"},
    [SKIPPED] = {0, 0, AUDIT_NUMBERS_SKIPPED,
	"the record follows its predecessor, but numbers are left out"},
};

/* What is wrong with this row; place: its predecessor. */
static enum fault
check_row(struct db_query *q, const struct audit_place *place, struct audit_link *stored)
{
	uint8_t computed[AUDIT_HASH];
	*stored = (struct audit_link){.seq = db_column_int(q, 0), .time_ms = db_column_int(q, 1)};
	bool has_previous = audit_link_copy(q, 3, stored->previous);
	bool has_hash = audit_link_copy(q, 4, stored->hash);
	bool follows = has_previous && memcmp(stored->previous, place->hash, AUDIT_HASH) == 0;
	bool is_next = stored->seq == place->seq + 1;
	if (!is_next && (!follows || stored->seq < 1))
		return MISSING;
	if (!has_previous || !has_hash)
		return NO_HASH;
	if (!follows)
		return NOT_NEXT;
	const char *body = db_column_text(q, 2);
	if (!audit_link_hash(stored, body, computed) ||
	    memcmp(computed, stored->hash, AUDIT_HASH) != 0 ||
	    db_column_int(q, 5) != (int64_t)strlen(body))
		return EDITED;
	if (!columns_agree(q, body))
		return COLUMNS;
	return is_next ? WHOLE : SKIPPED;
}

/* A record with a number below 1 stands outside of any chain, and is met first. */
static int64_t
first_after(const struct audit_place *place)
{
	return place->seq ? place->seq : INT64_MIN;
}

enum fas_code
audit_check(struct db *db, struct audit_place *place, size_t limit, size_t *n, audit_found *found,
    void *arg, struct fas_err *e)
{
	bool row = false, go_on = true;
	enum fas_code rc = FAS_OK;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT seq,time_ms,body,previous,hash,length(CAST(body AS BLOB)),event,correlation_id "
	    "FROM audit WHERE seq>?1 ORDER BY seq LIMIT ?2",
	    e);
	db_bind_int(&q, 1, first_after(place));
	db_bind_int(&q, 2, (int64_t)limit);
	*n = 0;
	while (go_on && (rc = db_step(&q, &row)) == FAS_OK && row) {
		struct audit_link stored;
		enum fault fault = check_row(&q, place, &stored);
		if (fault != WHOLE) {
			struct audit_finding finding = faults[fault];
			finding.seq = stored.seq;
			finding.before = place->seq;
			go_on = found(&finding, arg);
		}
		place->seq = stored.seq;
		memcpy(place->hash, stored.hash, AUDIT_HASH);
		(*n)++;
	}
	return rc;
}
