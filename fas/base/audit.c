#include "fas/base/audit.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define HASH_BYTES 32
#define CHAIN_CONTEXT "fas audit record 1"

struct link {
	int64_t seq;
	int64_t time_ms;
	uint8_t previous[HASH_BYTES];
	uint8_t hash[HASH_BYTES];
};

void
correlation_id_new(char out[CORRELATION_ID_MAX])
{
	uint8_t random[16] = {0};
	if (RAND_bytes(random, sizeof(random)) != 1) {
		/* An id only has to be unique: without random bytes the time and a counter serve.
		 */
		static _Atomic uint64_t counter;
		int64_t now = clock_now_ms();
		uint64_t count = ++counter;
		memcpy(random, &now, sizeof(now));
		memcpy(random + sizeof(now), &count, sizeof(count));
	}
	hex_encode(random, sizeof(random), out);
}

bool
correlation_id_is_valid(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

/* Foreign bytes that are no UTF-8 do not make the member vanish. */
static bool
set_text(json_t *body, const char *name, const char *value)
{
	if (!value)
		return true;
	json_t *text = json_string(value);
	if (!text)
		text = json_string("(unprintable)");
	return json_object_set_new(body, name, text) == 0;
}

/* The whole record or NULL: one that lacks a member for want of memory would say something else. */
static json_t *
record_to_json(const struct audit_record *r)
{
	OWN(json) json_t *body = json_object();
	if (!body || (r->detail && json_object_update_missing(body, r->detail) != 0))
		return NULL;
	const char *const pairs[][2] = {{"event", r->event}, {"outcome", r->outcome},
	    {"reason", r->reason}, {"correlation_id", r->correlation_id}, {"caller", r->caller},
	    {"idp", r->idp}, {"storefront", r->storefront}, {"host", r->host}, {"rule", r->rule},
	    {"upn", r->upn}, {"sid", r->sid}, {"serial", r->serial}, {"session", r->session},
	    {"message", r->message}};
	for (size_t i = 0; i < NELEMS(pairs); i++) {
		if (!set_text(body, pairs[i][0], pairs[i][1]))
			return NULL;
	}
	/* The column beside the body says "" then, and has to agree. */
	if (!r->correlation_id)
		(void)json_object_del(body, "correlation_id");
	return TAKE(body);
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
hash_link(const struct link *link, const char *body, uint8_t out[HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	if (good) {
		(void)EVP_DigestUpdate(ctx, CHAIN_CONTEXT, sizeof(CHAIN_CONTEXT));
		(void)EVP_DigestUpdate(ctx, link->previous, HASH_BYTES);
		put_int(ctx, link->seq);
		put_int(ctx, link->time_ms);
		good = EVP_DigestUpdate(ctx, body, strlen(body)) == 1 &&
		       EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	}
	EVP_MD_CTX_free(ctx);
	return good;
}

static bool
copy_hash(struct db_query *q, int column, uint8_t out[HASH_BYTES])
{
	size_t len = 0;
	const uint8_t *data = db_column_blob(q, column, &len);
	if (!data || len != HASH_BYTES)
		return false;
	memcpy(out, data, HASH_BYTES);
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
	db_bind_blob(&q, 6, link->previous, HASH_BYTES);
	db_bind_blob(&q, 7, link->hash, HASH_BYTES);
	return db_run(&q);
}

enum fas_code
audit_append(struct db *db, const struct audit_record *record, struct fas_err *e)
{
	struct link link;
	enum fas_code rc = next_link(db, &link, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json) json_t *json = record_to_json(record);
	OWN(text) char *body = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!body)
		return fas_fail_nomem(e);
	if (!hash_link(&link, body, link.hash))
		return fas_fail_openssl(e, "audit hash");
	return insert_link(db, record, &link, body, e);
}

void
audit_log(const struct audit_record *r)
{
	bool bad =
	    r->outcome && (strcmp(r->outcome, "deny") == 0 || strcmp(r->outcome, "error") == 0);
	log_event(bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, r->event, "outcome", r->outcome,
	    "reason", r->reason, "correlation_id", r->correlation_id, "caller", r->caller, "idp",
	    r->idp, "storefront", r->storefront, "host", r->host, "rule", r->rule, "upn", r->upn,
	    "sid", r->sid, "serial", r->serial, "session", r->session, "message", r->message, NULL);
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
	audit_log(record);
	return rc;
}

static enum fas_code
visit_row(struct db_query *q, audit_visit *visit, void *arg, struct fas_err *e)
{
	uint8_t hash[HASH_BYTES] = {0};
	char hex[2 * HASH_BYTES + 1], time_text[TIME_TEXT_MAX];
	OWN(json) json_t *body = json_loads(db_column_text(q, 2), 0, NULL);
	if (!body)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "audit record %lld is not JSON",
		    (long long)db_column_int(q, 0));
	(void)copy_hash(q, 3, hash);
	(void)json_object_set_new(body, "seq", json_integer(db_column_int(q, 0)));
	(void)json_object_set_new(
	    body, "time", json_string(time_format(db_column_int(q, 1) / 1000, time_text)));
	(void)json_object_set_new(body, "hash", json_string(hex_encode(hash, HASH_BYTES, hex)));
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

/* What is wrong with this row, or NULL. */
static const char *
check_row(struct db_query *q, const struct link *expected)
{
	struct link stored = {.seq = db_column_int(q, 0), .time_ms = db_column_int(q, 1)};
	uint8_t computed[HASH_BYTES];
	if (stored.seq != expected->seq)
		return "a record is missing before this one";
	if (!copy_hash(q, 3, stored.previous) || !copy_hash(q, 4, stored.hash))
		return "the record has no hash";
	if (memcmp(stored.previous, expected->previous, HASH_BYTES) != 0)
		return "the record does not follow its predecessor";
	const char *body = db_column_text(q, 2);
	if (!hash_link(&stored, body, computed) || memcmp(computed, stored.hash, HASH_BYTES) != 0 ||
	    db_column_int(q, 5) != (int64_t)strlen(body))
		return "the record has been changed";
	if (!columns_agree(q, body))
		return "the record's columns do not agree with its body";
	return NULL;
}

enum fas_code
audit_verify(struct db *db, struct audit_verdict *out, struct fas_err *e)
{
	struct link expected = {.seq = 1};
	bool row = false;
	enum fas_code rc;
	*out = (struct audit_verdict){0};
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT seq,time_ms,body,previous,hash,length(CAST(body AS BLOB)),event,correlation_id "
	    "FROM audit ORDER BY seq",
	    e);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		const char *finding = check_row(&q, &expected);
		if (finding) {
			out->broken_seq = db_column_int(&q, 0);
			(void)snprintf(out->finding, sizeof(out->finding), "%s", finding);
			break;
		}
		(void)copy_hash(&q, 4, expected.previous);
		expected.seq++;
		out->records++;
	}
	hex_encode(expected.previous, HASH_BYTES, out->head);
	return rc;
}
