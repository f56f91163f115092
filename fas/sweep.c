/* Housekeeping: what time alone changes, and what a crash has left half done. */
#include <stdio.h>

#include "fas/act.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/logon_store.h"
#include "fas/logout_store.h"
#include "fas/order.h"
#include "fas/revoke.h"
#include "fas/sign_in_store.h"

#define OVERDUE_MAX 200    /* sessions ended in one round */
#define UNFINISHED_MAX 200 /* tickets re-driven in one round */
#define PRUNE_ROUNDS 20    /* transactions that prune in one round */
/* A redemption under way is left alone for this long: its own request finishes it. */
#define REDRIVE_AFTER_S 15
/* Ended sessions stay on record for a day; audit keeps them for good. */
#define SESSION_MEMORY_S 86400
#define ACT_MEMORY_S 86400 /* no ticket and no redemption is under way for so long */

/* ---- sessions past their time ---- */

struct overdue {
	int64_t now_s;
	struct session session;
};

static enum fas_code
find_overdue(struct db *db, void *arg, struct fas_err *e)
{
	struct overdue *o = arg;
	return session_find_overdue(db, o->now_s, &o->session, e);
}

static void
end_overdue(struct service *service, int64_t now_s)
{
	for (size_t i = 0; i < OVERDUE_MAX; i++) {
		struct fas_err e = {0};
		struct overdue o = {.now_s = now_s};
		if (db_read(service->db, find_overdue, &o, &e) != FAS_OK)
			return;
		enum fas_code rc = session_end_overdue(service, &o.session, now_s, &e);
		session_done(&o.session);
		if (rc != FAS_OK) {
			log_error("session_end_failed", &e, NULL);
			return;
		}
	}
}

/* ---- used tickets without a result ---- */

struct unfinished {
	int64_t after_id, before_s;
	struct ticket ticket;
	enum ticket_state state; /* to be written */
	struct audit_record record;
};

static enum fas_code
find_unfinished(struct db *db, void *arg, struct fas_err *e)
{
	struct unfinished *u = arg;
	return ticket_find_unfinished(db, u->after_id, u->before_s, &u->ticket, e);
}

static enum fas_code
give_up(struct db *db, void *arg, struct fas_err *e)
{
	struct unfinished *u = arg;
	enum fas_code rc = ticket_finish(db, u->ticket.id, TICKET_FAILED, e);
	return rc == FAS_OK ? audit_append(db, &u->record, e) : rc;
}

/*
 * Past the ticket's life nobody can ask for its certificate any more.  If the signer made one before the crash, it is
 * revoked, so that no certificate is without a session; then the ticket is closed.
 */
static enum fas_code
abandon(struct service *service, struct unfinished *u, struct fas_err *e)
{
	size_t n = 0;
	const struct ticket *t = &u->ticket;
	enum fas_code rc = signer_revoke(
	    service->signer, t->correlation_id, NULL, t->session, "cessationOfOperation", &n, e);
	if (rc != FAS_OK && rc != FAS_E_NOTFOUND)
		return rc;
	fas_err_clear(e);
	u->record = (struct audit_record){
	    .event = "ticket_abandoned",
	    .outcome = "error",
	    .reason = "no_result",
	    .correlation_id = t->correlation_id,
	    .host = t->redeemer,
	    .session = t->session,
	    .message =
		n ? "the certificate was issued and is now revoked" : "no certificate was issued",
	};
	rc = db_write(service->db, give_up, u, e);
	if (rc == FAS_OK)
		audit_log(&u->record);
	return rc;
}

/* Within its life: ask the signer again under the same request id, so that the host's repeat finds the result. */
static enum fas_code
drive_again(struct service *service, struct unfinished *u, struct fas_err *e)
{
	OWN(plan) struct plan plan = {0};
	OWN(signer_certificate) struct signer_certificate certificate = {0};
	enum fas_code rc = plan_parse(&u->ticket, &plan, e);
	if (rc == FAS_OK)
		rc = watch_check_issuing(&service->watch, plan.authority, plan.profile, e);
	if (rc == FAS_OK)
		rc = plan_issue(&plan, &u->ticket, service->signer, &certificate, e);
	if (rc != FAS_OK)
		return rc;
	u->record = (struct audit_record){
	    .event = "certificate_issued",
	    .outcome = "done",
	    .reason = "redriven",
	    .correlation_id = u->ticket.correlation_id,
	    .caller = "recovery",
	    .host = plan.session.host,
	    .rule = plan.session.rule,
	    .upn = plan.session.upn,
	    .sid = plan.session.sid,
	    .session = plan.session.id,
	    .serial = certificate.serial,
	};
	bool won = false;
	return plan_complete(&plan, &u->ticket, &certificate, &u->record, service->db, &won, e);
}

/* Of those that were used before that time. */
static void
finish_unfinished(struct service *service, int64_t now_s, int64_t before_s)
{
	struct unfinished u = {.before_s = before_s};
	for (size_t i = 0; i < UNFINISHED_MAX; i++) {
		struct fas_err e = {0};
		if (db_read(service->db, find_unfinished, &u, &e) != FAS_OK)
			return;
		enum fas_code rc = now_s < u.ticket.expires_s ? drive_again(service, &u, &e)
							      : abandon(service, &u, &e);
		u.after_id = u.ticket.id;
		ticket_done(&u.ticket);
		if (rc != FAS_OK)
			log_error("redrive_failed", &e, NULL);
		if (rc == FAS_E_UNAVAILABLE || rc == FAS_E_TIMEOUT)
			return;
	}
}

/* ---- what nobody needs any more ---- */

struct pruning {
	int64_t now_s;
	bool logons, sign_ins, orders, sessions, logouts; /* there may be more of these */
};

static enum fas_code
prune_some(struct db *db, void *arg, struct fas_err *e)
{
	struct pruning *p = arg;
	enum fas_code rc = logon_prune(db, p->now_s, &p->logons, e);
	if (rc == FAS_OK)
		rc = sign_in_prune(db, p->now_s, &p->sign_ins, e);
	if (rc == FAS_OK)
		rc = order_prune(db, p->now_s, &p->orders, e);
	if (rc == FAS_OK)
		rc = logout_prune(db, p->now_s, &p->logouts, e);
	if (rc == FAS_OK)
		rc = act_prune(db, p->now_s - ACT_MEMORY_S, e);
	return rc == FAS_OK ? session_prune(db, p->now_s - SESSION_MEMORY_S, &p->sessions, e) : rc;
}

/* A transaction at a time, so that a logon waits for one of them at most, until as much goes as comes under any load. */
static void
prune(struct service *service, int64_t now_s)
{
	struct fas_err e = {0};
	struct pruning p = {.now_s = now_s, .logons = true};
	for (size_t i = 0;
	     i < PRUNE_ROUNDS && (p.logons || p.sign_ins || p.orders || p.sessions || p.logouts);
	     i++) {
		if (db_write(service->db, prune_some, &p, &e) != FAS_OK) {
			log_error("prune_failed", &e, NULL);
			return;
		}
	}
}

static void
finish_all(struct service *service, int64_t now_s, int64_t before_s)
{
	finish_unfinished(service, now_s, before_s);
	orders_finish(service, now_s, before_s);
}

void
service_recover(struct service *service)
{
	struct fas_err e = {0};
	int64_t now_s = 0;
	if (clock_checked(service->clock_skew_s, &now_s, &e) == FAS_OK)
		finish_all(service, now_s, INT64_MAX);
	else
		log_error("recovery_skipped", &e, NULL);
}

void
service_sweep(struct service *service)
{
	struct fas_err e = {0};
	int64_t now_s = 0;
	/* With a clock that runs backwards nothing may be judged too old or too new. */
	if (clock_checked(service->clock_skew_s, &now_s, &e) != FAS_OK) {
		log_error("sweep_skipped", &e, NULL);
		return;
	}
	end_overdue(service, now_s);
	finish_all(service, now_s, now_s - REDRIVE_AFTER_S);
	revoke_owed(service);
	revoke_due(service, now_s);
	prune(service, now_s);
}
