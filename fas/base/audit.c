#include "fas/base/audit.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/rand.h>

#include "fas/base/audit_body.h"
#include "fas/base/audit_link.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

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

/* least: the number that the record has at least. */
static enum fas_code
next_link(struct db *db, int64_t least, struct audit_link *link, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", e);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	*link = (struct audit_link){.seq = least, .time_ms = clock_now_ms()};
	if (!row)
		return FAS_OK;
	int64_t last = db_column_int(&q, 0);
	link->seq = last < least ? least : last + 1;
	if (!audit_link_copy(&q, 1, link->previous))
		return fas_fail(
		    e, FAS_E_IO, "database_corrupt", "the last audit record has no hash");
	return FAS_OK;
}

static enum fas_code
insert_link(struct db *db, const struct audit_record *r, const struct audit_link *link,
    const char *body, struct fas_err *e)
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
audit_append_at(struct db *db, const struct audit_record *record, int64_t least, struct fas_err *e)
{
	struct audit_link link;
	enum fas_code rc = next_link(db, least, &link, e);
	if (rc != FAS_OK)
		return rc;
	OWN(buf) struct buf body = {0};
	if ((rc = audit_body(record, &body, e)) != FAS_OK)
		return rc;
	if (!audit_link_hash(&link, buf_str(&body), link.hash))
		return fas_fail_openssl(e, "audit hash");
	return insert_link(db, record, &link, buf_str(&body), e);
}

enum fas_code
audit_append(struct db *db, const struct audit_record *record, struct fas_err *e)
{
	return audit_append_at(db, record, 1, e);
}

static atomic_bool copied = true;

void
audit_set_journal(bool on)
{
	atomic_store(&copied, on);
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
	    "reason", r->reason, "caller", r->caller, "idp", r->idp, "authn_context",
	    r->authn_context, "storefront", r->storefront, "host", r->host, "rule", r->rule, "upn",
	    r->upn, "sid", r->sid, "serial", r->serial, "session", r->session, "message",
	    r->message, "unrecorded", unrecorded, NULL);
	log_set_correlation(request);
}

void
audit_log(const struct audit_record *r)
{
	if (atomic_load(&copied))
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
	if (rc == FAS_OK)
		audit_log(record);
	else
		log_record(record, "yes"); /* its only copy */
	return rc;
}
