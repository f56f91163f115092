#include "fas/audit_trail.h"

#include "fas/base/clock.h"
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

static void
refuse(struct trail *trail, const struct fas_err *e)
{
	bool denied = e->code == FAS_E_INPUT || e->code == FAS_E_AUTH || e->code == FAS_E_DENIED ||
		      e->code == FAS_E_NOTFOUND || e->code == FAS_E_CONFLICT;
	trail->record.outcome = denied ? "deny" : "error";
	trail->record.reason = fas_err_reason(e);
	trail->record.message = e->message;
}

enum fas_code
trail_refuse(struct trail *trail, struct service *service, struct fas_err *e)
{
	struct fas_err store = {0};
	refuse(trail, e);
	if (audit_write(service->db, &trail->record, &store) != FAS_OK)
		log_error("audit_failed", &store, "event", trail->record.event, NULL);
	return e->code;
}

/* ---- strangers ---- */

static bool
take_place(struct strangers *strangers)
{
	int64_t now_us = clock_monotonic_us(), full_us = atomic_load(&strangers->full_us), next_us;
	do {
		next_us = (full_us > now_us ? full_us : now_us) + STRANGERS_EACH_US;
		if (next_us > now_us + (int64_t)STRANGERS_AT_ONCE * STRANGERS_EACH_US)
			return false;
	} while (!atomic_compare_exchange_weak(&strangers->full_us, &full_us, next_us));
	return true;
}

bool
trail_admits_stranger(struct trail *trail, struct service *service)
{
	if (!take_place(&service->strangers)) {
		(void)atomic_fetch_add(&service->strangers.left_out, 1);
		return false;
	}
	int64_t left_out = atomic_exchange(&service->strangers.left_out, 0);
	if (left_out > 0 && trail->record.detail)
		(void)json_object_set_new(trail->record.detail, "left_out", json_integer(left_out));
	return true;
}

enum fas_code
trail_refuse_stranger(struct trail *trail, struct service *service, struct fas_err *e)
{
	if (trail_admits_stranger(trail, service))
		return trail_refuse(trail, service, e);
	refuse(trail, e);
	audit_log(&trail->record);
	return e->code;
}
