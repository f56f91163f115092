#include "fas/in_session.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/issued_store.h"
#include "fas/order.h"
#include "fas/revoke.h"
#include "fas/standing.h"

void
in_session_answer_done(struct in_session_answer *answer)
{
	signer_certificate_done(&answer->certificate);
	free(answer->in_session);
	*answer = (struct in_session_answer){0};
}

/* What one session_certificate works with. */
struct wish {
	struct session_work work;
	struct request *request;
	const struct in_session_request *body;
	struct host_key key;
	struct standing standing;
	struct judgement judgement;
	struct order order;
	struct plan plan;
	bool first; /* the signer has not been asked before */
	bool due;   /* the order's certificate is no longer good */
	bool withdrawn;
	struct in_session_answer *out;
};

static void
wish_done(struct wish *w)
{
	session_work_done(&w->work);
	host_key_done(&w->key);
	standing_done(&w->standing);
	judgement_done(&w->judgement);
	order_done(&w->order);
	plan_done(&w->plan);
}

DEFINE_OWN_IN_PLACE(wish, struct wish, wish_done);

/* ---- may it be ---- */

static enum fas_code
load(struct db *db, void *arg, struct fas_err *e)
{
	struct wish *w = arg;
	enum fas_code rc = standing_find(db, w->work.session.id, &w->standing, e);
	return rc == FAS_OK ? order_find(db, w->work.session.id, w->body->ask, &w->order, e) : rc;
}

static enum fas_code
write_standing(struct db *db, void *arg, struct fas_err *e)
{
	struct wish *w = arg;
	return standing_put(db, &w->work.session, &w->standing, &w->withdrawn, e);
}

/* What was learnt is written also where it is a no: what was granted before is taken back. */
static enum fas_code
judge(struct wish *w, struct fas_err *e)
{
	struct session_work *work = &w->work;
	struct service *service = work->service;
	enum fas_code rc = standing_ask(service, &work->session, &w->standing,
	    STANDING_FOR_CERTIFICATE, work->now_s, &w->judgement, e);
	if (rc == FAS_E_DENIED)
		return standing_end(work, e);
	if (rc != FAS_OK || (rc = db_write(service->db, write_standing, w, e)) != FAS_OK)
		return rc;
	if (w->withdrawn)
		revoke_due(service, work->now_s);
	if (!w->standing.in_session)
		return fas_fail(e, FAS_E_DENIED, "in_session_refused",
		    "rule %s grants no certificate within the session",
		    w->judgement.verdict.rule ? w->judgement.verdict.rule : "(none)");
	work->trail.record.rule = w->judgement.verdict.rule;
	return FAS_OK;
}

/* ---- the order ---- */

static enum fas_code
insert_order(struct db *db, void *arg, struct fas_err *e)
{
	struct wish *w = arg;
	return order_insert(db, &w->order, e);
}

static enum fas_code
check_watch(const struct wish *w, struct fas_err *e)
{
	return watch_check_issuing(&w->work.service->watch, w->plan.authority, w->plan.profile, e);
}

static enum fas_code
make_order(struct wish *w, struct fas_err *e)
{
	const struct policy_verdict *verdict = &w->judgement.verdict;
	const struct policy_in_session *grant = &verdict->grant.in_session;
	const struct session *session = &w->work.session;
	struct order *order = &w->order;
	enum fas_code rc = FAS_OK;
	if (grant->custody == CUSTODY_HOST)
		rc = host_key_check(&w->key, grant->keys, verdict->rule, e);
	if (rc == FAS_OK)
		rc = plan_make_in_session(
		    &w->judgement, session, &w->key, w->work.now_s, &w->plan, e);
	if (rc == FAS_OK)
		rc = check_watch(w, e);
	if (rc != FAS_OK)
		return rc;
	w->first = true;
	order->created_s = w->work.now_s;
	memcpy(order->session, session->id, sizeof(order->session));
	memcpy(order->correlation_id, session->correlation_id, sizeof(order->correlation_id));
	(void)snprintf(order->ask, sizeof(order->ask), "%s", w->body->ask);
	correlation_id_new(order->request_id);
	if (w->plan.spki)
		memcpy(order->csr_digest, w->key.digest, sizeof(order->csr_digest));
	if (!(order->issue = plan_format(&w->plan)))
		return fas_fail_nomem(e);
	return db_write(w->work.service->db, insert_order, w, e);
}

/* The same wish again: with the same key, unless the service keeps it. */
static enum fas_code
take_up_order(struct wish *w, struct fas_err *e)
{
	static const uint8_t none[DIGEST_BYTES];
	const uint8_t *first = w->order.csr_digest;
	if (memcmp(first, none, DIGEST_BYTES) != 0 &&
	    memcmp(first, w->key.digest, DIGEST_BYTES) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "order_other_key",
		    "the first request of this id came with another key");
	if (w->order.state != ORDER_OPEN)
		return FAS_OK;
	enum fas_code rc = order_plan(&w->order, &w->plan, e);
	return rc == FAS_OK ? check_watch(w, e) : rc;
}

/* ---- the certificate ---- */

static enum fas_code
write_plan(struct db *db, void *arg, struct fas_err *e)
{
	struct wish *w = arg;
	return order_replan(db, &w->order, e);
}

/* The pool has no key, and the rule lets the host's take its place. */
static enum fas_code
ask_with_host_key(struct wish *w, struct signer_certificate *out, struct fas_err *e)
{
	struct order *order = &w->order;
	fas_err_clear(e);
	enum fas_code rc =
	    host_key_check(&w->key, policy_key_of(w->plan.key_type), w->plan.session.rule, e);
	if (rc == FAS_OK)
		rc = plan_use_host_key(&w->plan, &w->key, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(order->csr_digest, w->key.digest, sizeof(order->csr_digest));
	free(order->issue);
	if (!(order->issue = plan_format(&w->plan)))
		return fas_fail_nomem(e);
	if ((rc = db_write(w->work.service->db, write_plan, w, e)) != FAS_OK)
		return rc;
	return order_issue(order, &w->plan, w->work.service->signer, out, e);
}

/* The signer has said no: the wish is as if it had never been, so that the host may make it again. */
static enum fas_code
give_up(struct wish *w, struct fas_err *e)
{
	struct fas_err store = {0};
	const struct fas_err why = *e;
	struct audit_record record = w->work.trail.record;
	enum fas_code rc = w->first
			       ? order_drop(w->work.service, &w->order, &store)
			       : order_abandon(w->work.service, &w->order, &why, &record, &store);
	if (rc != FAS_OK)
		log_error("order_store_failed", &store, NULL);
	if (strcmp(why.reason, "key_gone") != 0)
		return why.code;
	fas_err_clear(e);
	return fas_fail(e, FAS_E_CONFLICT, "order_key_gone", "%s", why.message);
}

static enum fas_code
issue(struct wish *w, struct fas_err *e)
{
	bool wanted = false;
	OWN(signer_certificate) struct signer_certificate certificate = {0};
	struct service *service = w->work.service;
	struct audit_record *record = &w->work.trail.record;
	enum fas_code rc = order_issue(&w->order, &w->plan, service->signer, &certificate, e);
	if (rc == FAS_E_UNAVAILABLE && strcmp(e->reason, "pool_empty") == 0) {
		w->request->retry_after_s = certificate.pool_wait_s;
		if (w->plan.host_when_empty)
			rc = ask_with_host_key(w, &certificate, e);
	}
	if (rc != FAS_OK)
		return order_is_answered(e) ? give_up(w, e) : rc;
	memcpy(w->order.serial, certificate.serial, sizeof(w->order.serial));
	record->event = "session_certificate_issued";
	record->outcome = "done";
	record->serial = w->order.serial;
	rc = order_complete(
	    service, &w->order, &w->plan, &certificate, record, w->work.now_s, &wanted, e);
	if (rc == FAS_OK && !wanted)
		return fas_fail(e, FAS_E_NOTFOUND, "session_ended",
		    "the session has ended, or lost its grant, meanwhile");
	return rc;
}

static enum fas_code
load_answer(struct db *db, void *arg, struct fas_err *e)
{
	struct wish *w = arg;
	enum fas_code rc =
	    certificate_find(db, w->work.session.id, w->order.serial, &w->out->certificate, e);
	return rc == FAS_OK
		   ? certificate_is_due(db, w->work.session.id, w->order.serial, &w->due, e)
		   : rc;
}

/* For the first request and for every repeat: from what is on record. */
static enum fas_code
answer(struct wish *w, struct fas_err *e)
{
	enum fas_code rc = db_read(w->work.service->db, load_answer, w, e);
	if (rc == FAS_OK && w->due)
		return fas_fail(e, FAS_E_CONFLICT, "order_over",
		    "this request's certificate has been replaced or taken back");
	w->out->in_session = TAKE(w->standing.in_session);
	return rc;
}

/* The reply was lost and asked for again: the same certificate leaves a second time, and that is on record. */
static enum fas_code
record_repeat(struct wish *w, struct fas_err *e)
{
	struct audit_record *record = &w->work.trail.record;
	record->event = "session_certificate_repeated";
	record->outcome = "done";
	record->serial = w->order.serial;
	return audit_write(w->work.service->db, record, e);
}

static enum fas_code
check_ask(const char *ask, struct fas_err *e)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strlen(ask);
	if (n >= ORDER_ASK_MIN && n <= ORDER_ASK_MAX && strspn(ask, letters) == n)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "member_invalid",
	    "\"request_id\" is not %d to %d letters, digits, '.', '_' and '-'", ORDER_ASK_MIN,
	    ORDER_ASK_MAX);
}

enum fas_code
session_certificate(struct service *service, struct request *request, const char *id,
    const struct in_session_request *body, struct in_session_answer *out, struct fas_err *e)
{
	OWN(wish)
	struct wish w = {.work = {.service = service, .id = id, .also = load},
	    .request = request,
	    .body = body,
	    .out = out};
	struct session_work *work = &w.work;
	work->also_arg = &w;
	*out = (struct in_session_answer){0};
	trail_begin(&work->trail, "session_certificate_refused", request);
	enum fas_code rc = clock_checked(service->clock_skew_s, &work->now_s, e);
	if (rc == FAS_OK)
		rc = service_check_issuing(service, e);
	if (rc == FAS_OK)
		rc = check_ask(body->ask, e);
	if (rc == FAS_OK)
		rc = host_key_read(body->csr, &w.key, e);
	if (rc == FAS_OK)
		rc = session_work_load(work, request, e);
	if (rc == FAS_OK)
		rc = session_check_live(&work->session, work->now_s, e);
	if (rc == FAS_OK)
		rc = judge(&w, e);
	if (rc == FAS_OK)
		rc = w.order.id ? take_up_order(&w, e) : make_order(&w, e);
	if (rc == FAS_OK)
		rc = w.order.state == ORDER_DONE ? record_repeat(&w, e) : issue(&w, e);
	if (rc == FAS_OK)
		rc = answer(&w, e);
	if (rc == FAS_OK)
		return FAS_OK;
	in_session_answer_done(out);
	return strcmp(e->reason, "over") == 0 ? rc : trail_refuse(&work->trail, service, e);
}
