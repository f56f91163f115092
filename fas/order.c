#include "fas/order.h"

#include <string.h>

#include "fas/base/log.h"
#include "fas/revoke.h"
#include "fas/session_work.h"

/* A replaced certificate may still be in a program's hands for a moment. */
#define SUPERSEDED_AFTER_S 60
#define OPEN_MAX 200 /* orders finished in one round */

/* The plan's own words for whose it is. */
static struct ticket
as_ticket(const struct order *order)
{
	struct ticket ticket = {.issue = order->issue};
	memcpy(ticket.correlation_id, order->correlation_id, sizeof(ticket.correlation_id));
	memcpy(ticket.request_id, order->request_id, sizeof(ticket.request_id));
	memcpy(ticket.session, order->session, sizeof(ticket.session));
	return ticket;
}

enum fas_code
order_plan(const struct order *order, struct plan *out, struct fas_err *e)
{
	const struct ticket ticket = as_ticket(order);
	return plan_parse(&ticket, out, e);
}

enum fas_code
order_issue(const struct order *order, const struct plan *plan, struct signer *signer,
    struct signer_certificate *out, struct fas_err *e)
{
	const struct ticket ticket = as_ticket(order);
	return plan_issue(plan, &ticket, signer, out, e);
}

bool
order_is_answered(const struct fas_err *e)
{
	if (e->code == FAS_E_UNAVAILABLE)
		return strcmp(e->reason, "pool_empty") == 0;
	return e->code != FAS_E_TIMEOUT && e->code != FAS_E_NOMEM && e->code != FAS_E_IO;
}

/* ---- completion ---- */

struct completion {
	const struct order *order;
	const struct plan *plan;
	const struct signer_certificate *certificate;
	struct audit_record *record;
	int64_t now_s;
	bool won, wanted;
};

/* A session that has ended, or is granted nothing any more, gets nothing. */
static enum fas_code
look_at_session(struct db *db, struct completion *c, struct fas_err *e)
{
	OWN(session) struct session session = {0};
	enum fas_code rc = session_find(db, c->order->session, &session, e);
	if (rc != FAS_OK && rc != FAS_E_NOTFOUND)
		return rc;
	c->wanted = rc == FAS_OK && session.in_session &&
		    session_check_live(&session, c->now_s, NULL) == FAS_OK;
	fas_err_clear(e);
	return FAS_OK;
}

static enum fas_code
complete(struct db *db, void *arg, struct fas_err *e)
{
	struct completion *c = arg;
	const char *serial = c->certificate->serial, *session = c->order->session;
	enum fas_code rc = order_finish(db, c->order->id, serial, &c->won, e);
	if (rc != FAS_OK || !c->won)
		return rc;
	if ((rc = look_at_session(db, c, e)) != FAS_OK)
		return rc;
	const struct issued_terms terms = {.purpose = "in_session",
	    .revoke_why = c->wanted ? NULL : "cessationOfOperation",
	    .revoke_at_s = c->now_s};
	rc = plan_insert_certificate(db, c->plan, c->certificate, &terms, e);
	if (rc == FAS_OK && c->wanted && c->plan->session.revoke_at_end)
		rc = order_supersede(
		    db, session, serial, c->now_s, c->now_s + SUPERSEDED_AFTER_S, e);
	return rc == FAS_OK ? audit_append(db, c->record, e) : rc;
}

enum fas_code
order_complete(struct service *service, const struct order *order, const struct plan *plan,
    const struct signer_certificate *certificate, struct audit_record *record, int64_t now_s,
    bool *wanted, struct fas_err *e)
{
	struct completion c = {.order = order,
	    .plan = plan,
	    .certificate = certificate,
	    .record = record,
	    .now_s = now_s,
	    .wanted = true};
	enum fas_code rc = db_write(service->db, complete, &c, e);
	*wanted = c.wanted;
	if (rc == FAS_OK && c.won)
		audit_log(record);
	if (rc == FAS_OK && !c.wanted)
		revoke_due(service, now_s);
	return rc;
}

/* ---- no certificate ---- */

static enum fas_code
forget(struct db *db, void *arg, struct fas_err *e)
{
	const struct order *order = arg;
	return order_forget(db, order->id, e);
}

enum fas_code
order_drop(struct service *service, const struct order *order, struct fas_err *e)
{
	struct order copy = *order; /* borrowed: only the id is looked at */
	return db_write(service->db, forget, &copy, e);
}

struct abandonment {
	const struct order *order;
	struct audit_record *record;
};

static enum fas_code
abandon(struct db *db, void *arg, struct fas_err *e)
{
	const struct abandonment *a = arg;
	enum fas_code rc = order_forget(db, a->order->id, e);
	return rc == FAS_OK ? audit_append(db, a->record, e) : rc;
}

enum fas_code
order_abandon(struct service *service, const struct order *order, const struct fas_err *why,
    struct audit_record *record, struct fas_err *e)
{
	struct abandonment a = {order, record};
	record->event = "order_abandoned";
	record->outcome = "error";
	record->reason = why->reason;
	record->session = order->session;
	record->message = why->message;
	enum fas_code rc = db_write(service->db, abandon, &a, e);
	if (rc == FAS_OK)
		audit_log(record);
	return rc;
}

/* ---- after a crash ---- */

struct open_order {
	int64_t after_id, before_s;
	struct order order;
};

static enum fas_code
find_open(struct db *db, void *arg, struct fas_err *e)
{
	struct open_order *o = arg;
	return order_find_open(db, o->after_id, o->before_s, &o->order, e);
}

static enum fas_code
drive_again(struct service *service, const struct order *order, int64_t now_s, struct fas_err *e)
{
	bool wanted = false;
	OWN(plan) struct plan plan = {0};
	OWN(signer_certificate) struct signer_certificate certificate = {0};
	struct audit_record record = {.event = "session_certificate_issued",
	    .outcome = "done",
	    .reason = "redriven",
	    .correlation_id = order->correlation_id,
	    .caller = "recovery",
	    .session = order->session};
	enum fas_code rc = order_plan(order, &plan, e);
	if (rc != FAS_OK)
		return rc;
	record.host = plan.session.host;
	record.rule = plan.session.rule;
	record.upn = plan.session.upn;
	record.sid = plan.session.sid;
	rc = order_issue(order, &plan, service->signer, &certificate, e);
	if (rc != FAS_OK && order_is_answered(e)) {
		const struct fas_err why = *e;
		fas_err_clear(e);
		return order_abandon(service, order, &why, &record, e);
	}
	if (rc != FAS_OK)
		return rc;
	record.serial = certificate.serial;
	return order_complete(service, order, &plan, &certificate, &record, now_s, &wanted, e);
}

void
orders_finish(struct service *service, int64_t now_s, int64_t before_s)
{
	struct open_order o = {.before_s = before_s};
	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct fas_err e = {0};
		if (db_read(service->db, find_open, &o, &e) != FAS_OK)
			return;
		enum fas_code rc = drive_again(service, &o.order, now_s, &e);
		o.after_id = o.order.id;
		order_done(&o.order);
		if (rc != FAS_OK)
			log_error("redrive_failed", &e, NULL);
		if (rc == FAS_E_UNAVAILABLE || rc == FAS_E_TIMEOUT)
			return;
	}
}
