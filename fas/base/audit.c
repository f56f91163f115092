#include "fas/base/audit.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "fas/base/audit_body.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define CHAIN_CONTEXT "fas audit record 1"

struct link {
	int64_t seq;
	int64_t time_ms;
	uint8_t previous[AUDIT_HASH];
	uint8_t hash[AUDIT_HASH];
};

void
correlation_id_new(char out[CORRELATION_ID_MAX])
{
	uint8_t id[16] = {0};
	uint64_t now = (uint64_t)clock_now_ms();
	for (size_t i = 0; i < 6; i++)
		id[i] = (uint8_t)(now >> (40 - 8 * i));
	if (RAND_bytes(id + 6, sizeof(id) - 6) != 1) {
		/* An id only has to be unique: without random bytes the time and a counter serve. */
		static _Atomic uint64_t counter;
		uint64_t count = ++counter;
		memcpy(id + 8, &count, sizeof(count));
	}
	hex_encode(id, sizeof(id), out);
}

bool
correlation_id_is_valid(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

static void
put_int(EVP_MD_CTX *ctx, int64_t value)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	(void)EVP_DigestUpdate(ctx, bytes, sizeof(bytes));
}

/* SHA-256 over context, previous hash, number, time and body: fixed widths first, so nothing can be
 * shifted. */
static bool
hash_link(const struct link *link, const char *body, uint8_t out[AUDIT_HASH])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	if (good) {
		(void)EVP_DigestUpdate(ctx, CHAIN_CONTEXT, sizeof(CHAIN_CONTEXT));
		(void)EVP_DigestUpdate(ctx, link->previous, AUDIT_HASH);
		put_int(ctx, link->seq);
		put_int(ctx, link->time_ms);
		good = EVP_DigestUpdate(ctx, body, strlen(body)) == 1 &&
		       EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	}
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool
copy_hash(struct db_query *q, int column, uint8_t out[AUDIT_HASH])
{
	size_t len = 0;
	const uint8_t *data = db_column_blob(q, column, &len);
	if (!data || len != AUDIT_HASH)
		return false;
	memcpy(out, data, AUDIT_HASH);
	return true;
}

static enum fas_code
next_link(struct db *db, struct link *link, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", e);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	*link = (struct link){.seq = 1, .time_ms = clock_now_ms()};
	if (!row)
		return FAS_OK;
	link->seq = db_column_int(&q, 0) + 1;
	if (!copy_hash(&q, 1, link->previous))
		return fas_fail(
		    e, FAS_E_IO, "database_corrupt", "the last audit record has no hash");
	return FAS_OK;
}

static enum fas_code
insert_link(struct db *db, const struct audit_record *r, const struct link *link, const char *body,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO audit(seq,time_ms,correlation_id,event,body,previous,hash) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7)",
	    e);
	db_bind_int(&q, 1, link->seq);
	db_bind_int(&q, 2, link->time_ms);
	db_bind_text(&q, 3, r->correlation_id ? r->correlation_id : "");
	db_bind_text(&q, 4, r->event);
	db_bind_text(&q, 5, body);
	db_bind_blob(&q, 6, link->previous, AUDIT_HASH);
	db_bind_blob(&q, 7, link->hash, AUDIT_HASH);
	return db_run(&q);
}

enum fas_code
audit_append(struct db *db, const struct audit_record *record, struct fas_err *e)
{
	struct link link;
	enum fas_code rc = next_link(db, &link, e);
	if (rc != FAS_OK)
		return rc;
	OWN(buf) struct buf body = {0};
	if ((rc = audit_body(record, &body, e)) != FAS_OK)
		return rc;
	if (!hash_link(&link, buf_str(&body), link.hash))
		return fas_fail_openssl(e, "audit hash");
	return insert_link(db, record, &link, buf_str(&body), e);
}

static void
log_record(const struct audit_record *r, const char *unrecorded)
{
	bool bad =
	    r->outcome && (strcmp(r->outcome, "deny") == 0 || strcmp(r->outcome, "error") == 0);
	/* The line belongs to the record's story, whichever request has brought it forward. */
	const char *request = log_correlation();
	if (r->correlation_id)
		log_set_correlation(r->correlation_id);
	log_event(bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, r->event, "outcome", r->outcome,
	    "reason", r->reason, "caller", r->caller, "idp", r->idp, "storefront", r->storefront,
	    "host", r->host, "rule", r->rule, "upn", r->upn, "sid", r->sid, "serial", r->serial,
	    "session", r->session, "message", r->message, "unrecorded", unrecorded, NULL);
	log_set_correlation(request);
}

void
audit_log(const struct audit_record *r)
{
	log_record(r, NULL);
}

static enum fas_code
append_fn(struct db *db, void *arg, struct fas_err *e)
{
	return audit_append(db, arg, e);
}

enum fas_code
audit_write(struct db_pool *pool, const struct audit_record *record, struct fas_err *e)
{
	struct audit_record copy = *record;
	enum fas_code rc = db_write(pool, append_fn, &copy, e);
	log_record(record, rc == FAS_OK ? NULL : "yes");
	return rc;
}

static enum fas_code
visit_row(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e)
{
	uint8_t hash[AUDIT_HASH] = {0};
	char hex[2 * AUDIT_HASH + 1], time_text[TIME_TEXT_MAX];
	OWN(json) json_t *body = json_loads(db_column_text(q, 2), 0, NULL);
	if (!body)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "audit record %lld is not JSON",
		    (long long)db_column_int(q, 0));
	(void)copy_hash(q, 3, hash);
	(void)json_object_set_new(body, "seq", json_integer(db_column_int(q, 0)));
	(void)json_object_set_new(
	    body, "time", json_string(time_format(db_column_int(q, 1) / 1000, time_text)));
	(void)json_object_set_new(body, "time_ms", json_integer(db_column_int(q, 1)));
	(void)json_object_set_new(body, "hash", json_string(hex_encode(hash, AUDIT_HASH, hex)));
	return visit(body, arg, e);
}

static enum fas_code
each_row(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(q, &row)) == FAS_OK && row) {
		if ((rc = visit_row(q, visit, arg, e)) != FAS_OK)
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
	return each_row(&q, visit, arg, e);
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
	if (rc == FAS_OK && *found && !copy_hash(&q, 0, out))
		memset(out, 0, AUDIT_HASH); /* a damaged record equals no head */
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

enum fault { WHOLE, MISSING, NO_HASH, NOT_NEXT, EDITED, COLUMNS };

static const struct audit_finding faults[] = {
    [MISSING] = {0, "record_missing", "a record is missing before this one"},
    [NO_HASH] = {0, "record_damaged", "the record has no hash"},
    [NOT_NEXT] = {0, "chain_broken", "the record does not follow its predecessor"},
    [EDITED] = {0, "record_edited", "the record has been changed"},
    [COLUMNS] = {0, "columns_differ", "the record's columns do not agree with its body"},
};

/* What is wrong with this row; place: its predecessor. */
static enum fault
check_row(struct db_query *q, const struct audit_place *place, struct link *stored)
{
	uint8_t computed[AUDIT_HASH];
	*stored = (struct link){.seq = db_column_int(q, 0), .time_ms = db_column_int(q, 1)};
	bool has_previous = copy_hash(q, 3, stored->previous);
	bool has_hash = copy_hash(q, 4, stored->hash);
	if (stored->seq != place->seq + 1)
		return MISSING;
	if (!has_previous || !has_hash)
		return NO_HASH;
	if (memcmp(stored->previous, place->hash, AUDIT_HASH) != 0)
		return NOT_NEXT;
	const char *body = db_column_text(q, 2);
	if (!hash_link(stored, body, computed) || memcmp(computed, stored->hash, AUDIT_HASH) != 0 ||
	    db_column_int(q, 5) != (int64_t)strlen(body))
		return EDITED;
	return columns_agree(q, body) ? WHOLE : COLUMNS;
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
		struct link stored;
		enum fault fault = check_row(&q, place, &stored);
		if (fault != WHOLE) {
			struct audit_finding finding = faults[fault];
			finding.seq = stored.seq;
			go_on = found(&finding, arg);
		}
		place->seq = stored.seq;
		memcpy(place->hash, stored.hash, AUDIT_HASH);
		(*n)++;
	}
	return rc;
}
