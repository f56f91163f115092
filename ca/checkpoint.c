/*
 * Checkpoints: how far a trail may be pruned.  The signer decides by its own clock and by the longer of both retentions,
 * on a record that it has countersigned itself; and it goes on only when fasd holds the last checkpoint, so that nothing
 * is pruned that one of the two has not agreed to.
 */
#include "ca/statement.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/audit_prune.h"
#include "fas/base/clock.h"

/*
 * A trail loses a day of its past in one step, and there is one step an hour: a clock that was set years ahead is noticed
 * before much is gone.
 */
#define STEP_MS INT64_C(86400000)
#define STEP_EACH_US (INT64_C(3600) * 1000000)
#define PRUNE_STEPS 20 /* in one request */

static const char *const trails[CHECKPOINT_TRAILS] = {TRAIL_FASD, TRAIL_SIGNER};

struct request {
	struct ca *ca;
	const char *caller, *node;
	int64_t keep_s;
	int64_t after;                    /* the last counter that fasd holds */
	int64_t holds[CHECKPOINT_TRAILS]; /* the checkpoints that fasd holds; 0: none */
	int64_t now_ms;
	bool settled;  /* fasd holds the newest ones */
	size_t n_made; /* new ones, and their records */
	struct audit_record records[CHECKPOINT_TRAILS];
	bool steps[CHECKPOINT_TRAILS]; /* made for this trail */
	json_t *statements;
	struct audit_keys keys;
};

/* ---- one trail ---- */

/* The countersigned record with which the trail may begin next; *found false: none is due. */
static enum fas_code
find_next(struct db *db, const struct request *r, const char *trail,
    const struct audit_checkpoint *present, struct audit_head *out, bool *found, struct fas_err *e)
{
	int64_t limit_ms = r->now_ms - r->keep_s * 1000, seq = present->at.seq;
	*found = false;
	if (seq && present->head_ms + STEP_MS > limit_ms)
		return FAS_OK;
	enum fas_code rc = audit_head_pick(
	    db, trail, seq ? seq : 1, seq ? present->head_ms : 0, limit_ms, out, found, e);
	*found = *found && out->counter <= r->after;
	return rc;
}

static enum fas_code
record(struct db *db, struct request *r, const struct audit_stated *stated, struct fas_err *e)
{
	struct audit_record *about = &r->records[r->n_made++];
	*about = (struct audit_record){.event = "audit_checkpoint",
	    .outcome = "done",
	    .caller = r->caller,
	    .detail = audit_stated_detail(stated)};
	return about->detail ? audit_append(db, about, e) : fas_fail_nomem(e);
}

static enum fas_code
make(struct db *db, struct request *r, const char *trail, const struct audit_head *head,
    struct audit_statement *out, struct fas_err *e)
{
	struct audit_stated stated = {.kind = AUDIT_CHECKPOINT,
	    .time_ms = r->now_ms,
	    .checkpoint = {.at = {.seq = head->seq},
		.counter = head->counter,
		.head_ms = head->time_ms,
		.count = head->seq - 1,
		.keep_s = r->keep_s}};
	memcpy(stated.checkpoint.at.hash, head->hash, AUDIT_HASH);
	(void)snprintf(stated.trail, sizeof(stated.trail), "%s", trail);
	(void)snprintf(stated.node, sizeof(stated.node), "%s", r->node);
	audit_statement_done(out);
	enum fas_code rc = statement_sign(r->ca, &stated, out, e);
	if (rc == FAS_OK)
		rc = audit_statement_add(db, out, &stated, e);
	return rc == FAS_OK ? record(db, r, &stated, e) : rc;
}

static bool
step_is_due(const struct ca *ca, size_t trail)
{
	int64_t last_us = atomic_load(&ca->checkpoint_us[trail]);
	return !last_us || clock_monotonic_us() - last_us >= STEP_EACH_US;
}

/* The newest checkpoint of one trail joins the answer, made now if one is due. */
static enum fas_code
settle(struct db *db, struct request *r, size_t trail, struct fas_err *e)
{
	OWN(audit_statement) struct audit_statement newest = {0};
	struct audit_stated stated = {0};
	struct audit_head head;
	bool found = false, next = false;
	enum fas_code rc =
	    audit_statement_last(db, AUDIT_CHECKPOINT, trails[trail], &newest, &found, e);
	if (rc == FAS_OK && found)
		rc = audit_stated_parse(newest.text, &stated, e);
	if (rc != FAS_OK)
		return rc;
	bool holds = r->holds[trail] == stated.checkpoint.at.seq;
	r->settled = r->settled && holds;
	if (holds)
		rc = find_next(db, r, trails[trail], &stated.checkpoint, &head, &next, e);
	r->steps[trail] = rc == FAS_OK && next && step_is_due(r->ca, trail);
	if (r->steps[trail])
		rc = make(db, r, trails[trail], &head, &newest, e);
	if (rc != FAS_OK || !newest.text)
		return rc;
	return json_array_append_new(r->statements, audit_statement_to_json(&newest)) == 0
		   ? FAS_OK
		   : fas_fail_nomem(e);
}

/* ---- the request ---- */

static enum fas_code
settle_all(struct db *db, void *arg, struct fas_err *e)
{
	struct request *r = arg;
	enum fas_code rc = audit_keys_load(db, &r->keys, e);
	r->settled = true;
	for (size_t i = 0; rc == FAS_OK && i < CHECKPOINT_TRAILS; i++)
		rc = settle(db, r, i, e);
	return rc;
}

static enum fas_code
prune(struct ca *ca, bool *more, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*more = true;
	for (size_t i = 0; rc == FAS_OK && *more && i < PRUNE_STEPS; i++)
		rc = audit_prune_step(ca->db, TRAIL_SIGNER, more, e);
	return rc;
}

static enum fas_code
read_holds(struct json_reader *in, int64_t holds[CHECKPOINT_TRAILS], struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	json_t *object = json_need_value(in, "holds", JSON_OBJECT);
	if (!object)
		return json_finish(in);
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < CHECKPOINT_TRAILS; i++)
		holds[i] = json_need_int(&r, trails[i], 0, INT64_MAX);
	return json_finish(&r);
}

static enum fas_code
read_request(struct call *call, struct request *r, struct fas_err *e)
{
	int64_t now_s = 0, own_s = call->ca->config->audit.keep_s;
	r->node = json_need_text(&call->in, "node", 1, AUDIT_NODE_MAX - 1);
	r->keep_s = json_need_int(&call->in, "keep_s", AUDIT_KEEP_MIN_S, AUDIT_KEEP_MAX_S);
	r->after = json_need_int(&call->in, "after", 0, INT64_MAX - 1);
	enum fas_code rc = read_holds(&call->in, r->holds, e);
	if (rc == FAS_OK)
		rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &now_s, e);
	r->keep_s = r->keep_s > own_s ? r->keep_s : own_s;
	r->now_ms = now_s * 1000;
	return rc;
}

enum fas_code
op_checkpoint(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *statements = json_array();
	struct request r = {.ca = call->ca, .caller = call->caller, .statements = statements};
	bool more = false;
	enum fas_code rc = read_request(call, &r, e);
	if (rc == FAS_OK)
		rc = db_write(call->ca->db, settle_all, &r, e);
	/* Only what is durable is a step: one that failed is made up for in the next round. */
	for (size_t i = 0; rc == FAS_OK && i < CHECKPOINT_TRAILS; i++) {
		if (r.steps[i])
			atomic_store(&call->ca->checkpoint_us[i], clock_monotonic_us());
	}
	for (size_t i = 0; i < r.n_made; i++) {
		if (rc == FAS_OK)
			audit_log(&r.records[i]);
		json_decref(r.records[i].detail);
	}
	if (rc == FAS_OK && r.settled && r.n_made == 0)
		rc = prune(call->ca, &more, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O,s:o,s:b}", "statements", statements, "keys",
	    audit_keys_to_json(&r.keys), "more", more || r.n_made > 0 || !r.settled);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
