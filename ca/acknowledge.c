/*
 * After an old database was put back: countersignatures that ca.db has lost are taken back from fasd's copies, and an
 * administrator's word that records are gone is stated, so that the trail can go on behind them.
 */
#include "ca/statement.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/text.h"

#define PAGE_HEADS 500

/* ---- countersignatures taken back ---- */

struct taking {
	struct json_t *list;
	struct audit_keys keys;
	struct audit_record record;
};

/* Only what this signer's own keys confirm, and only behind the last one. */
static enum fas_code
take_head(struct db *db, const struct taking *t, json_t *object, struct fas_err *e)
{
	struct audit_head head, last = {0};
	struct fas_err why = {0};
	bool found = false;
	enum fas_code rc = audit_head_from_json(object, &head, e);
	if (rc != FAS_OK)
		return rc;
	const struct audit_key *key = audit_keys_find(&t->keys, head.key);
	if (!key || audit_head_verify(&head, key->spki, key->spki_len, &why) != FAS_OK)
		return fas_fail(e, FAS_E_AUTH, "signature_wrong",
		    "countersignature %lld: no audit key of this ca.db confirms it",
		    (long long)head.counter);
	rc = audit_head_last(db, NULL, &last, &found, e);
	if (rc == FAS_OK && head.counter != last.counter + 1)
		rc = fas_fail(e, FAS_E_CONFLICT, "counter_gap",
		    "countersignature %lld does not follow number %lld", (long long)head.counter,
		    (long long)last.counter);
	return rc == FAS_OK ? audit_head_add(db, &head, e) : rc;
}

static enum fas_code
take_back(struct db *db, void *arg, struct fas_err *e)
{
	struct taking *t = arg;
	size_t i;
	json_t *object;
	enum fas_code rc = audit_keys_load(db, &t->keys, e);
	json_array_foreach(t->list, i, object)
	{
		if (rc == FAS_OK)
			rc = take_head(db, t, object, e);
	}
	return rc == FAS_OK ? audit_append(db, &t->record, e) : rc;
}

enum fas_code
op_take_back(struct call *call, struct fas_err *e)
{
	struct taking t = {.list = json_need_value(&call->in, "heads", JSON_ARRAY)};
	OWN(json)
	json_t *detail = json_pack("{s:I}", "heads", (json_int_t)json_array_size(t.list));
	t.record = (struct audit_record){.event = "countersignatures_taken_back",
	    .outcome = "done",
	    .caller = call->caller,
	    .detail = detail};
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK && json_array_size(t.list) > PAGE_HEADS)
		rc = fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "more than %d heads at once", PAGE_HEADS);
	if (rc == FAS_OK)
		rc = db_write(call->ca->db, take_back, &t, e);
	if (rc != FAS_OK)
		return rc;
	audit_log(&t.record);
	call->reply = json_pack("{s:I}", "taken", (json_int_t)json_array_size(t.list));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- a gap ---- */

struct acknowledging {
	struct ca *ca;
	const char *caller;
	struct audit_stated stated;
	struct audit_statement statement;
	struct audit_record record; /* event NULL: nothing new was stated */
};

static enum fas_code
need_head(struct db *db, struct audit_stated *stated, int64_t seq, struct fas_err *e)
{
	struct audit_head head = {0};
	bool found = false;
	enum fas_code rc = audit_head_next(db, stated->trail, seq - 1, &head, &found, e);
	if (rc == FAS_OK && (!found || head.seq != seq))
		rc = fas_fail(e, FAS_E_INPUT, "gap_unknown",
		    "record %lld of the trail of %s was not countersigned: there is no such gap",
		    (long long)seq, stated->trail);
	return rc;
}

/* What the signer knows itself: since when, and up to which countersignature. */
static enum fas_code
complete(struct db *db, struct audit_stated *stated, struct fas_err *e)
{
	struct audit_gap *gap = &stated->gap;
	struct audit_head before = {0}, last = {0};
	bool found = false;
	enum fas_code rc = need_head(db, stated, gap->from, e);
	if (rc == FAS_OK)
		rc = need_head(db, stated, gap->to, e);
	if (rc == FAS_OK)
		rc = audit_head_before(db, stated->trail, gap->from, &before, &found, e);
	if (rc == FAS_OK)
		rc = audit_head_last(db, NULL, &last, &found, e);
	/* The ledger's times are whole seconds. */
	gap->since_ms = before.time_ms - before.time_ms % 1000;
	gap->counter = last.counter;
	stated->time_ms = clock_now_ms();
	if (rc != FAS_OK || strcmp(stated->trail, TRAIL_SIGNER) != 0)
		return rc;
	return audit_head_place(db, &gap->at, e);
}

static enum fas_code
record(struct db *db, struct acknowledging *a, struct fas_err *e)
{
	const struct audit_gap *gap = &a->stated.gap;
	bool own = strcmp(a->stated.trail, TRAIL_SIGNER) == 0;
	a->record = (struct audit_record){.event = "audit_gap_acknowledged",
	    .outcome = "done",
	    .caller = a->caller,
	    .message = gap->reason};
	a->record.detail = audit_stated_detail(&a->stated);
	if (!a->record.detail)
		return fas_fail_nomem(e);
	return audit_append_at(db, &a->record, own ? gap->to + 1 : 1, e);
}

/* Asked again, the first answer stands: fasctl may have been stopped between the two services. */
static enum fas_code
acknowledge(struct db *db, void *arg, struct fas_err *e)
{
	struct acknowledging *a = arg;
	struct audit_stated known;
	bool found = false;
	enum fas_code rc = audit_statement_last(
	    db, AUDIT_ACKNOWLEDGEMENT, a->stated.trail, &a->statement, &found, e);
	if (rc == FAS_OK && found)
		rc = audit_stated_parse(a->statement.text, &known, e);
	if (rc != FAS_OK ||
	    (found && known.gap.to == a->stated.gap.to && known.gap.from == a->stated.gap.from))
		return rc;
	audit_statement_done(&a->statement);
	rc = complete(db, &a->stated, e);
	if (rc == FAS_OK)
		rc = statement_sign(a->ca, &a->stated, &a->statement, e);
	if (rc == FAS_OK)
		rc = audit_statement_add(db, &a->statement, &a->stated, e);
	return rc == FAS_OK ? record(db, a, e) : rc;
}

static enum fas_code
read_gap(struct call *call, struct audit_stated *stated, struct fas_err *e)
{
	struct json_reader *in = &call->in;
	struct audit_gap *gap = &stated->gap;
	const char *trail = json_need_text(in, "trail", 1, TRAIL_NAME_MAX - 1);
	const char *node = json_need_text(in, "node", 1, AUDIT_NODE_MAX - 1);
	const char *hash =
	    json_want_text(in, "hash", 2 * (size_t)AUDIT_HASH, 2 * (size_t)AUDIT_HASH);
	const char *reason = json_need_text(in, "reason", 1, AUDIT_REASON_MAX);
	stated->kind = AUDIT_ACKNOWLEDGEMENT;
	gap->from = json_need_int(in, "from", 1, INT64_MAX - 1);
	gap->to = json_need_int(in, "to", gap->from, INT64_MAX - 1);
	gap->at.seq = json_want_int(in, "seq", 0, INT64_MAX - 1, 0);
	gap->missing = json_need_int(in, "missing", 0, INT64_MAX);
	enum fas_code rc = json_finish(in);
	if (rc != FAS_OK)
		return rc;
	if (strcmp(trail, TRAIL_FASD) != 0 && strcmp(trail, TRAIL_SIGNER) != 0)
		return fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "there is no trail \"%s\"", trail);
	if (hash && !hex_decode(hash, gap->at.hash, AUDIT_HASH))
		return fas_fail(e, FAS_E_INPUT, "member_invalid", "member \"hash\" is not hex");
	(void)snprintf(stated->trail, sizeof(stated->trail), "%s", trail);
	(void)snprintf(stated->node, sizeof(stated->node), "%s", node);
	(void)snprintf(gap->by, sizeof(gap->by), "%s", call->caller);
	(void)snprintf(gap->reason, sizeof(gap->reason), "%s", reason);
	return FAS_OK;
}

enum fas_code
op_acknowledge(struct call *call, struct fas_err *e)
{
	struct acknowledging a = {.ca = call->ca, .caller = call->caller};
	enum fas_code rc = read_gap(call, &a.stated, e);
	if (rc == FAS_OK)
		rc = db_write(call->ca->db, acknowledge, &a, e);
	if (rc == FAS_OK) {
		call->reply =
		    json_pack("{s:o}", "statement", audit_statement_to_json(&a.statement));
		rc = call->reply ? FAS_OK : fas_fail_nomem(e);
	}
	if (rc == FAS_OK && a.record.event)
		audit_log(&a.record);
	json_decref(a.record.detail);
	audit_statement_done(&a.statement);
	return rc;
}
