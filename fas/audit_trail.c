#include "fas/audit_trail.h"

#include "fas/base/log.h"

void
trail_begin(struct trail *trail, const char *event, const struct request *request)
{
	*trail = (struct trail){.record = {.event = event}};
	trail->record.correlation_id = request->correlation_id;
	if (request->caller)
		trail->record.caller = caller_format(request->caller, trail->caller);
}

void
trail_facts(struct trail *trail, const struct facts *facts)
{
	trail->record.idp = facts->idp;
	trail->record.authn_context = facts->authn_context;
	trail->record.storefront = facts->storefront;
	trail->record.upn = facts->upn;
	if (facts->has_sid)
		trail->record.sid = sid_format(&facts->sid, trail->sid);
}

void
trail_judgement(struct trail *trail, const struct judgement *j)
{
	if (j->account) {
		trail->record.upn = j->account->upn;
		trail->record.sid = sid_format(&j->account->sid, trail->sid);
	}
	trail->record.rule = j->verdict.rule;
}

enum fas_code
trail_refuse(struct trail *trail, struct service *service, struct fas_err *e)
{
	struct fas_err store = {0};
	bool denied = e->code == FAS_E_INPUT || e->code == FAS_E_AUTH || e->code == FAS_E_DENIED ||
		      e->code == FAS_E_NOTFOUND || e->code == FAS_E_CONFLICT;
	trail->record.outcome = denied ? "deny" : "error";
	trail->record.reason = fas_err_reason(e);
	trail->record.message = e->message;
	if (audit_write(service->db, &trail->record, &store) != FAS_OK)
		log_error("audit_failed", &store, "event", trail->record.event, NULL);
	return e->code;
}
