#include "fas/logon.h"

#include <string.h>

#include "fas/act.h"
#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/secret.h"
#include "fas/claim.h"
#include "fas/plan.h"

void
redeem_answer_done(struct redeem_answer *answer)
{
	signer_certificate_done(&answer->certificate);
	free(answer->upn);
	free(answer->realm);
	free(answer->principal);
	free(answer->in_session);
	*answer = (struct redeem_answer){0};
}

/* What one logon_redeem works with. */
struct redeem {
	struct service *service;
	struct request *request;
	int64_t now_s;
	struct host_key key;
	struct verified verified; /* under front_end: host only */
	struct ticket ticket;
	struct facts facts;
	struct judgement judgement;
	struct plan plan;
	bool won; /* this request has used the ticket */
	struct signer_certificate certificate;
	bool completed; /* this request, and no other, has recorded the session */
	struct trail trail;
};

static void
redeem_done(struct redeem *r)
{
	host_key_done(&r->key);
	verified_done(&r->verified);
	ticket_done(&r->ticket);
	facts_done(&r->facts);
	judgement_done(&r->judgement);
	plan_done(&r->plan);
	signer_certificate_done(&r->certificate);
}

DEFINE_OWN_IN_PLACE(redeem, struct redeem, redeem_done);

/* ---- which ticket ---- */

static enum fas_code
load_ticket(struct db *db, void *arg, struct fas_err *e)
{
	struct redeem *r = arg;
	uint8_t hash[TICKET_HASH_BYTES];
	memcpy(hash, r->ticket.hash, sizeof(hash));
	ticket_done(&r->ticket);
	return ticket_find(db, hash, &r->ticket, e);
}

static enum fas_code
find_ticket(struct redeem *r, const char *text, struct fas_err *e)
{
	enum fas_code rc = ticket_read(r->service->node, text, r->ticket.hash, e);
	return rc == FAS_OK ? db_read(r->service->db, load_ticket, r, e) : rc;
}

/* The host's own assertion becomes a ticket that never leaves; a repeat finds the first one again. */
static enum fas_code
claim_for_host(struct db *db, void *arg, struct fas_err *e)
{
	struct redeem *r = arg;
	int64_t id = 0;
	enum fas_code rc = claim_find(db, &r->verified.claim, &id, e);
	if (rc != FAS_OK)
		return rc;
	if (id != 0) {
		ticket_done(&r->ticket);
		return ticket_find_by_claim(db, id, &r->ticket, e);
	}
	if ((rc = verified_check_logout(db, &r->verified, e)) != FAS_OK ||
	    (rc = claim_take(db, &r->verified.claim, &r->ticket.claim, e)) != FAS_OK)
		return rc;
	if ((rc = ticket_insert(db, &r->ticket, e)) != FAS_OK)
		return rc;
	uint8_t hash[TICKET_HASH_BYTES];
	memcpy(hash, r->ticket.hash, sizeof(hash));
	ticket_done(&r->ticket);
	return ticket_find(db, hash, &r->ticket, e);
}

static enum fas_code
make_host_ticket(struct redeem *r, struct fas_err *e)
{
	char text[TICKET_TEXT_MAX];
	struct ticket *t = &r->ticket;
	t->created_s = r->now_s;
	t->expires_s = r->now_s + r->judgement.verdict.grant.ticket_life_s;
	memcpy(t->correlation_id, r->request->correlation_id, sizeof(t->correlation_id));
	memcpy(t->host, r->request->caller->name, sizeof(t->host));
	t->facts = facts_format(&r->verified.facts);
	if (!t->facts)
		return fas_fail_nomem(e);
	enum fas_code rc = ticket_new(r->service->node, text, t->hash, e);
	secret_wipe(text, sizeof(text));
	return rc == FAS_OK ? db_write(r->service->db, claim_for_host, r, e) : rc;
}

static enum fas_code
accept_assertion(struct redeem *r, const struct redeem_request *body, struct fas_err *e)
{
	struct facts *facts = &r->verified.facts;
	const struct saml_expectation expected = {.in_response_to = body->in_response_to};
	enum fas_code rc = verified_read(
	    r->service, r->request, body->saml_response, &expected, r->now_s, &r->verified, e);
	if (rc != FAS_OK)
		return rc;
	trail_facts(&r->trail, facts);
	rc = facts_judge(
	    r->service, facts, r->request->caller->name, r->now_s, NULL, &r->judgement, e);
	trail_judgement(&r->trail, &r->judgement);
	if (rc != FAS_OK)
		return rc;
	facts->account_sid = r->judgement.account->sid;
	return make_host_ticket(r, e);
}

/* ---- may it be redeemed ---- */

static bool
is_repeat(const struct redeem *r)
{
	static const uint8_t none[DIGEST_BYTES];
	const uint8_t *first = r->ticket.csr_digest;
	return strcmp(r->ticket.redeemer, r->request->caller->name) == 0 &&
	       (memcmp(first, none, DIGEST_BYTES) == 0 ||
		   memcmp(first, r->key.digest, DIGEST_BYTES) == 0);
}

static enum fas_code
check_state(const struct redeem *r, struct fas_err *e)
{
	switch (r->ticket.state) {
	case TICKET_OPEN:
		return FAS_OK;
	case TICKET_VOID:
		return fas_fail(e, FAS_E_CONFLICT, "ticket_void",
		    "a newer ticket has taken this one's place, or the person has signed out");
	case TICKET_FAILED:
		return fas_fail(e, FAS_E_CONFLICT, "ticket_failed",
		    "the ticket was used and its certificate refused");
	case TICKET_USED:
	case TICKET_DONE:
		if (is_repeat(r))
			return FAS_OK;
		return fas_fail(e, FAS_E_CONFLICT, "ticket_used", "the ticket was used by %s%s",
		    r->ticket.redeemer,
		    strcmp(r->ticket.redeemer, r->request->caller->name) == 0 ? " with another key"
									      : "");
	}
	return fas_fail(e, FAS_E_INTERNAL, "internal", "a ticket in no state");
}

static enum fas_code
check_ticket(struct redeem *r, struct fas_err *e)
{
	const struct ticket *t = &r->ticket;
	memcpy(r->request->correlation_id, t->correlation_id, sizeof(r->request->correlation_id));
	facts_done(&r->facts);
	enum fas_code rc = facts_parse(t->facts, &r->facts, e);
	if (rc != FAS_OK)
		return rc;
	trail_facts(&r->trail, &r->facts);
	if (!t->pool && !hostname_equal(t->host, r->request->caller->name))
		return fas_fail(
		    e, FAS_E_AUTH, "ticket_wrong_host", "the ticket is for %s", t->host);
	if ((rc = check_state(r, e)) != FAS_OK)
		return rc;
	if (r->now_s >= t->expires_s)
		return fas_fail(e, FAS_E_AUTH, "ticket_expired", "the ticket ended %lld s ago",
		    (long long)(r->now_s - t->expires_s));
	return FAS_OK;
}

/* Where the host makes the key, it has to be there before the ticket is used. */
static enum fas_code
check_key(const struct redeem *r, struct fas_err *e)
{
	const struct policy_verdict *verdict = &r->judgement.verdict;
	if (verdict->grant.custody == CUSTODY_SERVICE)
		return FAS_OK;
	return host_key_check(&r->key, verdict->grant.keys, verdict->rule, e);
}

/* ---- use it ---- */

static enum fas_code
use_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct redeem *r = arg;
	const struct session *s = &r->plan.session;
	const struct act_who who = {s->upn, s->sid, s->host, s->rule, s->id};
	enum fas_code rc = act_check(db, &who, r->ticket.correlation_id, e);
	if (rc == FAS_OK)
		rc = ticket_use(db, &r->ticket, &r->won, e);
	if (rc != FAS_OK || !r->won)
		return rc;
	if ((rc = claim_set_redeemed(db, r->ticket.claim, e)) != FAS_OK)
		return rc;
	return audit_append(db, &r->trail.record, e);
}

/* Before the ticket is used: it is good for when domain controllers find the list again. */
static enum fas_code
check_watch(const struct redeem *r, struct fas_err *e)
{
	const struct policy_grant *grant = &r->judgement.verdict.grant;
	return watch_check_issuing(&r->service->watch, grant->authority, grant->profile, e);
}

static enum fas_code
make_plan(struct redeem *r, struct fas_err *e)
{
	struct ticket *t = &r->ticket;
	t->used_s = r->now_s;
	memcpy(t->redeemer, r->request->caller->name, sizeof(t->redeemer));
	correlation_id_new(t->request_id);
	enum fas_code rc = plan_make(&r->judgement, &r->facts, t, &r->key, r->now_s, &r->plan, e);
	if (rc != FAS_OK)
		return rc;
	if (r->plan.spki)
		memcpy(t->csr_digest, r->key.digest, sizeof(t->csr_digest));
	memcpy(t->session, r->plan.session.id, sizeof(t->session));
	free(t->issue);
	t->issue = plan_format(&r->plan);
	return t->issue ? FAS_OK : fas_fail_nomem(e);
}

/* The account read again, the policy asked again with the real host; then the ticket is used, durably. */
static enum fas_code
use_ticket(struct redeem *r, struct fas_err *e)
{
	judgement_done(&r->judgement);
	enum fas_code rc = facts_judge(r->service, &r->facts, r->request->caller->name, r->now_s,
	    &r->facts.account_sid, &r->judgement, e);
	trail_judgement(&r->trail, &r->judgement);
	if (rc == FAS_OK)
		rc = check_key(r, e);
	if (rc == FAS_OK)
		rc = check_watch(r, e);
	if (rc == FAS_OK)
		rc = make_plan(r, e);
	if (rc != FAS_OK)
		return rc;
	r->trail.record.outcome = "allow";
	r->trail.record.session = r->plan.session.id;
	if ((rc = db_write(r->service->db, use_and_record, r, e)) != FAS_OK)
		return rc;
	if (r->won) {
		audit_log(&r->trail.record);
		return FAS_OK;
	}
	/* Another request was faster: it is either our own repeat, or the ticket is gone. */
	plan_done(&r->plan);
	if ((rc = db_read(r->service->db, load_ticket, r, e)) == FAS_OK)
		rc = check_ticket(r, e);
	return rc;
}

/* ---- the certificate ---- */

static enum fas_code
fail_ticket(struct db *db, void *arg, struct fas_err *e)
{
	const struct ticket *ticket = arg;
	return ticket_finish(db, ticket->id, TICKET_FAILED, e);
}

/*
 * Would the same question never get another answer?  A transient failure, a host that comes again with a key, another
 * request that was faster: the plan stays.  So it does when the signer has lost the key: past the ticket's life the
 * certificate without one is revoked.
 */
static bool
is_final(const struct fas_err *e)
{
	static const char *const others[] = {
	    "csr_required", "csr_key", "request_id_reused", "key_gone"};
	for (size_t i = 0; i < NELEMS(others); i++) {
		if (strcmp(e->reason, others[i]) == 0)
			return false;
	}
	return e->code != FAS_E_UNAVAILABLE && e->code != FAS_E_TIMEOUT && e->code != FAS_E_LIMIT &&
	       e->code != FAS_E_NOMEM && e->code != FAS_E_IO;
}

static enum fas_code
write_plan(struct db *db, void *arg, struct fas_err *e)
{
	struct redeem *r = arg;
	return ticket_replan(db, &r->ticket, &r->won, e);
}

/*
 * The pool has no key.  Nothing was used: the same plan is asked again when the host comes again; or, where the rule says
 * so, the host's own key takes its place, under the same request id: of two that race the signer serves one.
 */
static enum fas_code
go_on_without_pool(struct redeem *r, struct signer_certificate *out, struct fas_err *e)
{
	r->request->retry_after_s = out->pool_wait_s;
	if (!r->plan.host_when_empty)
		return e->code;
	fas_err_clear(e);
	enum fas_code rc =
	    host_key_check(&r->key, policy_key_of(r->plan.key_type), r->plan.session.rule, e);
	if (rc == FAS_OK)
		rc = plan_use_host_key(&r->plan, &r->key, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(r->ticket.csr_digest, r->key.digest, sizeof(r->ticket.csr_digest));
	free(r->ticket.issue);
	if (!(r->ticket.issue = plan_format(&r->plan)))
		return fas_fail_nomem(e);
	if ((rc = db_write(r->service->db, write_plan, r, e)) != FAS_OK)
		return rc;
	if (!r->won)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ticket_raced",
		    "another request has finished with this ticket meanwhile");
	return plan_issue(&r->plan, &r->ticket, r->service->signer, out, e);
}

static enum fas_code
ask_signer(struct redeem *r, struct signer_certificate *out, struct fas_err *e)
{
	enum fas_code rc = r->plan.authority ? FAS_OK : plan_parse(&r->ticket, &r->plan, e);
	if (rc == FAS_OK)
		rc = watch_check_issuing(&r->service->watch, r->plan.authority, r->plan.profile, e);
	if (rc == FAS_OK)
		rc = plan_issue(&r->plan, &r->ticket, r->service->signer, out, e);
	if (rc == FAS_E_UNAVAILABLE && strcmp(e->reason, "pool_empty") == 0)
		rc = go_on_without_pool(r, out, e);
	return rc;
}

static enum fas_code
issue(struct redeem *r, struct fas_err *e)
{
	struct fas_err store = {0};
	enum fas_code rc = ask_signer(r, &r->certificate, e);
	if (rc != FAS_OK && is_final(e) &&
	    db_write(r->service->db, fail_ticket, &r->ticket, &store) != FAS_OK)
		log_error("ticket_store_failed", &store, NULL);
	if (rc != FAS_OK)
		return rc;
	struct audit_record *record = &r->trail.record;
	record->event = "certificate_issued";
	record->outcome = "done";
	record->serial = r->certificate.serial;
	record->session = r->plan.session.id;
	record->rule = r->plan.session.rule;
	record->upn = r->plan.session.upn;
	record->sid = r->plan.session.sid;
	return plan_complete(
	    &r->plan, &r->ticket, &r->certificate, record, r->service->db, &r->completed, e);
}

struct stored {
	const char *id;
	struct session session;
	struct signer_certificate certificate;
};

static enum fas_code
load_result(struct db *db, void *arg, struct fas_err *e)
{
	struct stored *s = arg;
	enum fas_code rc = session_find(db, s->id, &s->session, e);
	return rc == FAS_OK ? certificate_find(db, s->id, NULL, &s->certificate, e) : rc;
}

/* Takes what it needs of both. */
static void
fill_answer(struct session *s, struct signer_certificate *c, struct redeem_answer *out)
{
	memcpy(out->session_id, s->id, sizeof(out->session_id));
	memcpy(out->sam_account_name, s->sam_account_name, sizeof(out->sam_account_name));
	memcpy(out->sid, s->sid, sizeof(out->sid));
	out->session_expires_s = s->expires_s;
	out->lease_s = s->lease_s;
	out->upn = TAKE(s->upn);
	out->realm = TAKE(s->realm);
	out->principal = TAKE(s->principal);
	out->in_session = TAKE(s->in_session);
	out->certificate = *c;
	*c = (struct signer_certificate){0};
}

/* A repeat: what is on record is what the first answer said. */
static enum fas_code
answer_from_record(struct redeem *r, struct redeem_answer *out, struct fas_err *e)
{
	struct stored s = {.id = r->ticket.session};
	enum fas_code rc = db_read(r->service->db, load_result, &s, e);
	if (rc == FAS_OK && s.session.ended)
		rc = fas_fail(
		    e, FAS_E_CONFLICT, "session_ended", "the session of this ticket has ended");
	if (rc == FAS_OK && s.session.held)
		rc = fas_fail(e, FAS_E_DENIED, "session_held",
		    "an administrator has put the session of this ticket on hold");
	if (rc == FAS_OK)
		fill_answer(&s.session, &s.certificate, out);
	session_done(&s.session);
	signer_certificate_done(&s.certificate);
	return rc;
}

static enum fas_code
answer(struct redeem *r, struct redeem_answer *out, struct fas_err *e)
{
	if (!r->completed)
		return answer_from_record(r, out, e);
	fill_answer(&r->plan.session, &r->certificate, out);
	return FAS_OK;
}

/* The reply was lost and asked for again: the same certificate leaves a second time, and that is on record. */
static enum fas_code
record_repeat(struct redeem *r, struct fas_err *e)
{
	struct audit_record *record = &r->trail.record;
	record->event = "certificate_repeated";
	record->outcome = "done";
	record->session = r->ticket.session;
	return audit_write(r->service->db, record, e);
}

static enum fas_code
check_caller(const struct redeem *r, const struct redeem_request *body, struct fas_err *e)
{
	if (r->request->caller->role != ROLE_HOST)
		return fas_fail(
		    e, FAS_E_DENIED, "caller_role", "only a VDA host may ask for certificates");
	if ((body->ticket != NULL) == (body->saml_response != NULL))
		return fas_fail(e, FAS_E_INPUT, "member_missing",
		    "either \"ticket\" or \"saml_response\" is needed");
	return FAS_OK;
}

enum fas_code
logon_redeem(struct service *service, struct request *request, const struct redeem_request *body,
    struct redeem_answer *out, struct fas_err *e)
{
	OWN(redeem) struct redeem r = {.service = service, .request = request};
	*out = (struct redeem_answer){0};
	trail_begin(&r.trail, "ticket_redeemed", request);
	r.trail.record.host = request->caller->name;

	enum fas_code rc = check_caller(&r, body, e);
	if (rc == FAS_OK)
		rc = clock_checked(service->clock_skew_s, &r.now_s, e);
	if (rc == FAS_OK)
		rc = service_check_issuing(service, e);
	if (rc == FAS_OK)
		rc = host_key_read(body->csr, &r.key, e);
	if (rc == FAS_OK)
		rc =
		    body->ticket ? find_ticket(&r, body->ticket, e) : accept_assertion(&r, body, e);
	if (rc == FAS_OK)
		rc = check_ticket(&r, e);
	if (rc == FAS_OK && r.ticket.state == TICKET_OPEN)
		rc = use_ticket(&r, e);
	if (rc == FAS_OK)
		rc = r.ticket.state == TICKET_DONE ? record_repeat(&r, e) : issue(&r, e);
	if (rc == FAS_OK)
		rc = answer(&r, out, e);
	if (rc == FAS_OK)
		return FAS_OK;
	redeem_answer_done(out);
	return trail_refuse(&r.trail, service, e);
}
