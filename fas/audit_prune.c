#include "fas/audit_prune.h"

#include <string.h>

#include "fas/base/audit_prune.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define STEPS 50
#define TRAILS 2

struct round {
	struct service *service;
	struct signer_checkpoint_request ask;
	struct audit_keys keys;
	json_t *statements; /* of the answer */
	size_t n_new;       /* taken, and their records */
	struct audit_record records[TRAILS];
};

/* ---- what is here ---- */

static enum fas_code
held(struct db *db, const char *trail, int64_t *seq, struct fas_err *e)
{
	OWN(audit_statement) struct audit_statement newest = {0};
	struct audit_stated stated;
	bool found = false;
	*seq = 0;
	enum fas_code rc = audit_statement_last(db, AUDIT_CHECKPOINT, trail, &newest, &found, e);
	if (rc != FAS_OK || !found)
		return rc;
	rc = audit_stated_parse(newest.text, &stated, e);
	*seq = stated.checkpoint.at.seq;
	return rc;
}

static enum fas_code
look(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	struct audit_head last = {0};
	bool found = false;
	enum fas_code rc = held(db, TRAIL_FASD, &r->ask.holds_fasd, e);
	if (rc == FAS_OK)
		rc = held(db, TRAIL_SIGNER, &r->ask.holds_signer, e);
	if (rc == FAS_OK)
		rc = audit_head_last(db, NULL, &last, &found, e);
	if (rc == FAS_OK)
		rc = audit_keys_load(db, &r->keys, e);
	r->ask.after = last.counter;
	return rc;
}

/* ---- a checkpoint is judged ---- */

static enum fas_code
refuse(const struct audit_stated *s, const char *why, struct fas_err *e)
{
	return fas_fail(e, FAS_E_CONFLICT, "checkpoint_refused",
	    "the signer lets the trail of %s begin with record %lld: %s", s->trail,
	    (long long)s->checkpoint.at.seq, why);
}

/* It stands on a countersigned record that we hold a copy of, and that is as old as our own file says. */
static enum fas_code
judge(struct db *db, const struct round *r, const struct audit_stated *s, struct fas_err *e)
{
	const struct audit_checkpoint *c = &s->checkpoint;
	struct audit_head copy = {0};
	bool found = false;
	if (s->kind != AUDIT_CHECKPOINT || strcmp(s->node, r->service->node) != 0)
		return refuse(s, "this is no checkpoint of ours", e);
	enum fas_code rc = audit_head_get(db, c->counter, &copy, &found, e);
	if (rc != FAS_OK)
		return rc;
	if (!found || strcmp(copy.trail, s->trail) != 0 || copy.seq != c->at.seq ||
	    copy.time_ms != c->head_ms || memcmp(copy.hash, c->at.hash, AUDIT_HASH) != 0)
		return refuse(s, "that is no countersignature that we hold", e);
	if (c->keep_s < r->ask.keep_s || clock_now_ms() - c->head_ms < r->ask.keep_s * 1000)
		return refuse(s, "it is not that old by our clock and configuration", e);
	return FAS_OK;
}

static enum fas_code
put_on_record(struct db *db, struct round *r, const struct audit_stated *s, struct fas_err *e)
{
	struct audit_record *record = &r->records[r->n_new++];
	*record = (struct audit_record){.event = "audit_checkpoint",
	    .outcome = "done",
	    .caller = "fasd",
	    .detail = audit_stated_detail(s)};
	return record->detail ? audit_append(db, record, e) : fas_fail_nomem(e);
}

static enum fas_code
take_one(struct db *db, struct round *r, json_t *object, struct fas_err *e)
{
	OWN(audit_statement) struct audit_statement statement = {0};
	struct audit_stated s;
	enum fas_code rc = audit_statement_from_json(object, &statement, e);
	if (rc == FAS_OK)
		rc = audit_statement_verify(&statement, &r->keys, e);
	if (rc == FAS_OK)
		rc = audit_stated_parse(statement.text, &s, e);
	if (rc != FAS_OK)
		return rc;
	bool own = strcmp(s.trail, TRAIL_FASD) == 0;
	if (audit_stated_seq(&s) <= (own ? r->ask.holds_fasd : r->ask.holds_signer))
		return FAS_OK;
	rc = judge(db, r, &s, e);
	if (rc == FAS_OK && own)
		rc = audit_expect(db, &s.checkpoint.at, e);
	if (rc == FAS_OK)
		rc = audit_statement_add(db, &statement, &s, e);
	return rc == FAS_OK ? put_on_record(db, r, &s, e) : rc;
}

static enum fas_code
take(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	size_t i;
	json_t *object;
	enum fas_code rc = FAS_OK;
	json_array_foreach(r->statements, i, object)
	{
		if (rc == FAS_OK && r->n_new < TRAILS)
			rc = take_one(db, r, object, e);
	}
	return rc;
}

static void
records_done(struct round *r, bool durable)
{
	for (size_t i = 0; i < r->n_new; i++) {
		if (durable)
			audit_log(&r->records[i]);
		json_decref(r->records[i].detail);
	}
}

/* ---- a round ---- */

static enum fas_code
exchange(struct service *service, bool *more, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	int64_t keep_s = service->audit_keep_s;
	struct round r = {.service = service,
	    .ask = {.node = service->node,
		.keep_s = keep_s < AUDIT_KEEP_MIN_S ? AUDIT_KEEP_MIN_S : keep_s}};
	enum fas_code rc = db_read(service->db, look, &r, e);
	if (rc == FAS_OK)
		rc = signer_checkpoint(service->signer, &r.ask, &reply, e);
	if (rc != FAS_OK)
		return rc;
	r.statements = json_object_get(reply, "statements");
	*more = json_is_true(json_object_get(reply, "more"));
	if (json_array_size(r.statements) == 0)
		return FAS_OK;
	rc = db_write(service->db, take, &r, e);
	records_done(&r, rc == FAS_OK);
	return rc;
}

static enum fas_code
prune(struct service *service, bool *more, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*more = true;
	for (size_t i = 0; rc == FAS_OK && *more && i < STEPS; i++)
		rc = audit_prune_step(service->db, TRAIL_FASD, more, e);
	return rc;
}

static void
say_once(struct service *service, const struct fas_err *why)
{
	struct fas_err e = {0};
	const struct audit_record record = {.event = "audit_not_pruned",
	    .outcome = "error",
	    .reason = fas_err_reason(why),
	    .caller = "fasd",
	    .message = why->message};
	if (atomic_exchange(&service->audit.not_pruned, true))
		return;
	if (audit_write(service->db, &record, &e) != FAS_OK)
		log_error("audit_not_written", &e, NULL);
}

bool
audit_prune_round(struct service *service)
{
	struct fas_err e = {0};
	bool signers = false, own = false;
	enum fas_code rc = exchange(service, &signers, &e);
	if (rc == FAS_OK)
		rc = prune(service, &own, &e);
	if (rc == FAS_E_CONFLICT || rc == FAS_E_AUTH || rc == FAS_E_INPUT)
		say_once(service, &e);
	else if (rc != FAS_OK)
		log_error("audit_not_pruned", &e, NULL);
	if (rc == FAS_OK)
		atomic_store(&service->audit.not_pruned, false);
	return rc == FAS_OK && (signers || own);
}
