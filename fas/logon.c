#include "fas/logon.h"

#include <string.h>

#include "fas/act.h"
#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/secret.h"
#include "fas/claim.h"
#include "fas/facts.h"
#include "fas/logon_store.h"
#include "fas/sign_in_store.h"
#include "fas/ticket.h"

void
logon_answer_done(struct logon_answer *answer)
{
	secret_wipe(answer->ticket, sizeof(answer->ticket));
	free(answer->upn);
	free(answer->rule);
	*answer = (struct logon_answer){0};
}

/* What one logon_start works with. */
struct start {
	struct service *service;
	struct request *request;
	int64_t now_s;
	bool by_code;             /* else by a response */
	struct verified verified; /* by a code: its facts alone */
	struct code code;
	struct judgement judgement;
	struct trail trail;
	struct ticket ticket;
};

static void
start_done(struct start *s)
{
	verified_done(&s->verified);
	judgement_done(&s->judgement);
	ticket_done(&s->ticket);
	code_done(&s->code);
}

DEFINE_OWN_IN_PLACE(start, struct start, start_done);

static enum fas_code
check_request(const struct caller *caller, const struct logon_request *body, struct fas_err *e)
{
	if (caller->role != ROLE_STOREFRONT)
		return fas_fail(
		    e, FAS_E_DENIED, "caller_role", "only a storefront may ask for tickets");
	if (!hostname_is_valid(body->host))
		return fas_fail(e, FAS_E_INPUT, "host_invalid",
		    "RFC 1123 2.1: \"%.64s\" is no host name", body->host);
	return FAS_OK;
}

/* What the storefront has brought: a response that was made for it, or the code of one that was verified before. */
static enum fas_code
read_proof(struct start *s, const struct logon_request *body, struct fas_err *e)
{
	const struct saml_expectation expected = {.in_response_to = body->in_response_to};
	s->by_code = body->code != NULL;
	if (!s->by_code)
		return verified_read(s->service, s->request, body->saml_response, &expected,
		    s->now_s, &s->verified, e);
	enum fas_code rc = code_read(s->service, s->request, body->code, s->now_s, &s->code, e);
	return rc == FAS_OK ? facts_parse(s->code.facts, &s->verified.facts, e) : rc;
}

static enum fas_code
judge(struct start *s, const char *host, struct fas_err *e)
{
	struct facts *facts = &s->verified.facts;
	const struct sid *known = s->by_code ? &facts->account_sid : NULL;
	enum fas_code rc = facts_judge(s->service, facts, host, s->now_s, known, &s->judgement, e);
	trail_judgement(&s->trail, &s->judgement);
	if (rc != FAS_OK)
		return rc;
	facts->account_sid = s->judgement.account->sid;
	const struct policy_grant *grant = &s->judgement.verdict.grant;
	return watch_check_issuing(&s->service->watch, grant->authority, grant->profile, e);
}

static enum fas_code
make_ticket(struct start *s, const char *host, struct logon_answer *out, struct fas_err *e)
{
	const struct policy_grant *grant = &s->judgement.verdict.grant;
	struct ticket *t = &s->ticket;
	t->created_s = s->now_s;
	t->expires_s = s->now_s + grant->ticket_life_s;
	t->pool = grant->ticket == TICKET_POOL;
	memcpy(t->correlation_id, s->request->correlation_id, sizeof(t->correlation_id));
	memcpy(t->host, host, strlen(host) + 1);
	t->facts = facts_format(&s->verified.facts);
	if (!t->facts)
		return fas_fail_nomem(e);
	out->expires_s = t->expires_s;
	return ticket_new(s->service->node, out->ticket, t->hash, e);
}

/* The claim that the ticket is made of.  A code's was taken with it: it may be exchanged until a ticket was redeemed. */
static enum fas_code
take_claim(struct db *db, struct start *s, struct fas_err *e)
{
	if (!s->by_code) {
		enum fas_code rc = verified_check_logout(db, &s->verified, e);
		return rc == FAS_OK ? claim_take(db, &s->verified.claim, &s->ticket.claim, e) : rc;
	}
	s->ticket.claim = s->code.claim;
	return code_check(db, &s->code, e);
}

/* Claim, decision and ticket become durable together, or not at all. */
static enum fas_code
claim_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct start *s = arg;
	char sid[SID_TEXT_MAX];
	const struct account *account = s->judgement.account;
	const struct act_who who = {account->upn, sid_format(&account->sid, sid), s->ticket.host,
	    s->judgement.verdict.rule, ""};
	enum fas_code rc = act_check(db, &who, s->by_code ? s->code.correlation_id : NULL, e);
	if (rc == FAS_OK)
		rc = take_claim(db, s, e);
	if (rc == FAS_OK)
		rc = ticket_void_open(db, s->ticket.claim, e);
	if (rc == FAS_OK)
		rc = ticket_insert(db, &s->ticket, e);
	return rc == FAS_OK ? audit_append(db, &s->trail.record, e) : rc;
}

static enum fas_code
record(struct start *s, struct fas_err *e)
{
	struct audit_record *r = &s->trail.record;
	r->outcome = "allow";
	r->reason = s->judgement.verdict.warning;
	enum fas_code rc = db_write(s->service->db, claim_and_record, s, e);
	if (rc == FAS_OK)
		audit_log(r);
	return rc;
}

static enum fas_code
answer(struct start *s, struct logon_answer *out, struct fas_err *e)
{
	const struct account *account = s->judgement.account;
	(void)sid_format(&account->sid, out->sid);
	out->upn = strdup(account->upn);
	out->rule = strdup(s->judgement.verdict.rule);
	return out->upn && out->rule ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
logon_start(struct service *service, struct request *request, const struct logon_request *body,
    struct logon_answer *out, struct fas_err *e)
{
	OWN(start) struct start s = {.service = service, .request = request};
	*out = (struct logon_answer){0};
	trail_begin(&s.trail, "logon_decided", request);

	enum fas_code rc = check_request(request->caller, body, e);
	if (rc == FAS_OK)
		s.trail.record.host = body->host;
	if (rc == FAS_OK)
		rc = clock_checked(service->clock_skew_s, &s.now_s, e);
	if (rc == FAS_OK)
		rc = service_check_issuing(service, e);
	if (rc == FAS_OK)
		rc = read_proof(&s, body, e);
	if (rc == FAS_OK)
		trail_facts(&s.trail, &s.verified.facts);
	if (rc == FAS_OK)
		rc = judge(&s, body->host, e);
	if (rc == FAS_OK)
		rc = make_ticket(&s, body->host, out, e);
	if (rc == FAS_OK)
		rc = answer(&s, out, e);
	if (rc == FAS_OK)
		rc = record(&s, e);
	if (rc == FAS_OK)
		return FAS_OK;
	logon_answer_done(out);
	return trail_refuse(&s.trail, service, e);
}
