#include "fas/audit_head.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/audit_statement.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define PAGES_MAX 10000
/* While a trail is refused each question is a record of the signer's: ask less often. */
#define REWOUND_PAUSE 6

struct round {
	struct service *service;
	struct audit_place place; /* where the trail stands */
	int64_t after, after_ms;  /* the last countersignature that is here */
	int64_t floor;            /* older ones may have been pruned */
	struct audit_keys keys;   /* that are known here */
	/* one page of the answer */
	json_t *heads;
	struct audit_keys told;
};

static enum fas_code
look(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	struct audit_head last = {0};
	bool found = false;
	enum fas_code rc = audit_head_place(db, &r->place, e);
	if (rc == FAS_OK)
		rc = audit_head_last(db, NULL, &last, &found, e);
	if (rc == FAS_OK)
		rc = audit_keys_load(db, &r->keys, e);
	if (rc == FAS_OK)
		rc = audit_floor(db, &r->floor, e);
	r->after = last.counter;
	r->after_ms = last.time_ms;
	return rc;
}

/* A key that is known stays what it is; a new one is kept. */
static enum fas_code
keep_keys(struct db *db, struct round *r, struct fas_err *e)
{
	for (size_t i = 0; i < r->told.n; i++) {
		const struct audit_key *told = &r->told.keys[i];
		const struct audit_key *known = audit_keys_find(&r->keys, told->id);
		if (known && (known->spki_len != told->spki_len ||
				 memcmp(known->spki, told->spki, told->spki_len) != 0))
			return fas_fail(e, FAS_E_CONFLICT, "audit_key_changed",
			    "the signer's audit key %lld is not the one that was known here",
			    (long long)told->id);
		enum fas_code rc = known ? FAS_OK : audit_key_add(db, told, clock_now_ms(), e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

/*
 * Numbers have no gaps, but for copies that were lost when the signer had pruned the originals; and no countersignature is
 * dated back, so that none becomes old enough to be pruned before its time.  (The clock may have been: then it is of now.)
 */
static enum fas_code
check_order(const struct round *r, const struct audit_head *head, struct fas_err *e)
{
	bool was_pruned = r->after + 1 < r->floor && head->counter <= r->floor;
	if (head->counter != r->after + 1 && !was_pruned)
		return fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
		    "countersignature %lld follows number %lld", (long long)head->counter,
		    (long long)r->after);
	if (head->time_ms < r->after_ms - AUDIT_CLOCK_MARGIN_MS &&
	    head->time_ms < clock_now_ms() - AUDIT_CLOCK_MARGIN_MS)
		return fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
		    "countersignature %lld is dated before number %lld", (long long)head->counter,
		    (long long)r->after);
	return FAS_OK;
}

static enum fas_code
keep_head(struct db *db, struct round *r, const struct audit_head *head, struct fas_err *e)
{
	const struct audit_key *key = audit_keys_find(&r->told, head->key);
	if (!key)
		return fas_fail(e, FAS_E_CRYPTO, "signature_wrong",
		    "countersignature %lld: there is no audit key %lld", (long long)head->counter,
		    (long long)head->key);
	enum fas_code rc = audit_head_verify(head, key->spki, key->spki_len, e);
	if (rc == FAS_OK)
		rc = check_order(r, head, e);
	if (rc == FAS_OK)
		rc = audit_head_add(db, head, e);
	r->after = head->counter;
	r->after_ms = head->time_ms;
	return rc;
}

static enum fas_code
keep(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	size_t i;
	json_t *object;
	enum fas_code rc = keep_keys(db, r, e);
	json_array_foreach(r->heads, i, object)
	{
		struct audit_head head;
		if (rc == FAS_OK)
			rc = audit_head_from_json(object, &head, e);
		if (rc == FAS_OK)
			rc = keep_head(db, r, &head, e);
	}
	return rc;
}

/* ---- does our chain hold what was countersigned? ---- */

/* In our chain, or gone with an administrator's word. */
static enum fas_code
compare_one(struct db *db, const struct audit_head *head, struct fas_err *e)
{
	struct audit_place place = {.seq = head->seq};
	struct fas_err why = {0};
	bool accepted = false;
	memcpy(place.hash, head->hash, AUDIT_HASH);
	enum fas_code rc = audit_expect(db, &place, &why);
	if (rc == FAS_OK)
		return rc;
	if (rc == FAS_E_CONFLICT && audit_gap_find(db, head, &accepted, e) != FAS_OK)
		return e->code;
	return accepted ? FAS_OK : fas_fail(e, rc, why.reason, "%s", why.message);
}

static enum fas_code
compare(struct db *db, void *arg, struct fas_err *e)
{
	const struct round *r = arg;
	size_t i;
	json_t *object;
	json_array_foreach(r->heads, i, object)
	{
		struct audit_head head;
		enum fas_code rc = audit_head_from_json(object, &head, e);
		if (rc != FAS_OK || strcmp(head.trail, TRAIL_FASD) != 0)
			continue;
		if ((rc = compare_one(db, &head, e)) != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static void
log_heads(const struct round *r)
{
	size_t i;
	json_t *object;
	json_array_foreach(r->heads, i, object)
	{
		struct audit_head head;
		struct fas_err e = {0};
		char hex[2 * AUDIT_HASH + 1], seq[24], counter[24];
		if (audit_head_from_json(object, &head, &e) != FAS_OK)
			continue;
		(void)snprintf(seq, sizeof(seq), "%lld", (long long)head.seq);
		(void)snprintf(counter, sizeof(counter), "%lld", (long long)head.counter);
		log_event(LOG_LEVEL_INFO, "audit_head", "trail", head.trail, "seq", seq, "head",
		    hex_encode(head.hash, AUDIT_HASH, hex), "counter", counter, NULL);
	}
}

/* One page of countersignatures; *more when the signer has others. */
static enum fas_code
take_page(struct round *r, bool *more, struct fas_err *e)
{
	char hex[2 * AUDIT_HASH + 1];
	OWN(json) json_t *reply = NULL;
	struct service *service = r->service;
	enum fas_code rc = signer_countersign(service->signer, service->node, r->place.seq,
	    hex_encode(r->place.hash, AUDIT_HASH, hex), r->after, &reply, e);
	if (rc == FAS_OK)
		rc = audit_keys_from_json(json_object_get(reply, "keys"), &r->told, e);
	if (rc != FAS_OK)
		return rc;
	r->heads = json_object_get(reply, "heads");
	*more = json_is_true(json_object_get(reply, "more")) && json_array_size(r->heads) > 0;
	if (json_array_size(r->heads) > 0 && (rc = db_write(service->db, keep, r, e)) == FAS_OK) {
		log_heads(r);
		rc = db_read(service->db, compare, r, e);
	}
	r->heads = NULL;
	return rc;
}

static enum fas_code
take_heads(struct round *r, struct fas_err *e)
{
	bool more = true;
	enum fas_code rc = db_read(r->service->db, look, r, e);
	for (size_t i = 0; rc == FAS_OK && more && i < PAGES_MAX; i++) {
		rc = take_page(r, &more, e);
		if (rc == FAS_OK && more) /* the trail and the keys as they are now */
			rc = db_read(r->service->db, look, r, e);
	}
	return rc;
}

/* Somebody has changed a trail or put back an old database: said aloud once, and in readiness until it is good. */
static void
raise_alarm(struct service *service, const struct fas_err *why)
{
	struct fas_err e = {0};
	char id[CORRELATION_ID_MAX];
	if (atomic_exchange(&service->audit.rewound, true))
		return;
	correlation_id_new(id);
	const struct audit_record record = {.event = "audit_rewound",
	    .outcome = "error",
	    .reason = fas_err_reason(why),
	    .correlation_id = id,
	    .caller = "fasd",
	    .message = why->message};
	if (audit_write(service->db, &record, &e) != FAS_OK)
		log_error("audit_not_written", &e, NULL);
}

static bool
is_alarm(const struct fas_err *e)
{
	return e->code == FAS_E_CONFLICT || e->code == FAS_E_CRYPTO;
}

void
audit_heads_round(struct service *service)
{
	struct fas_err e = {0};
	struct round r = {.service = service};
	struct audit_watch *watch = &service->audit;
	if (atomic_load(&watch->rewound) && ++watch->skipped % REWOUND_PAUSE != 0)
		return;
	if (take_heads(&r, &e) == FAS_OK) {
		if (atomic_exchange(&watch->rewound, false))
			log_event(LOG_LEVEL_WARNING, "audit_countersigned_again", NULL);
		watch->away = false;
		atomic_store(&watch->seq, r.place.seq);
		atomic_store(&watch->counter, r.after);
		atomic_store(&watch->time_s, clock_now());
		return;
	}
	if (is_alarm(&e)) {
		raise_alarm(service, &e);
		return;
	}
	if (!watch->away)
		log_error("audit_not_countersigned", &e, NULL);
	watch->away = true;
}
