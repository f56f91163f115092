#include "fas/admin_doctor.h"

#include "fas/doctor/doctor.h"

static enum fas_code
look(const struct question *q, const json_t *only, const json_t *skip, json_t **reply,
    struct fas_err *e)
{
	struct service *service = q->config->service;
	OWN(policy) struct policy *policy = service_policy(service);
	const struct exam_question question = {.directory = service->directory,
	    .folder = q->config->config->state,
	    .signer = service->signer,
	    .policy = policy,
	    .watchdog = &q->config->config->watchdog,
	    .skew_s = service->clock_skew_s};
	return doctor_run(&question, only, skip, reply, e);
}

enum fas_code
admin_doctor(const struct question *q, json_t **reply, struct fas_err *e)
{
	bool list = json_want_bool(q->r, "list", false);
	json_t *only = json_want_value(q->r, "only", JSON_ARRAY);
	json_t *skip = json_want_value(q->r, "skip", JSON_ARRAY);
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK)
		return rc;
	if (list) {
		*reply = json_pack("{s:o}", "checks", doctor_list());
		return *reply ? FAS_OK : fas_fail_nomem(e);
	}
	/* It reads accounts: that is on record before the answer is. */
	const struct audit_record record = {.event = "doctor_run"};
	if ((rc = admin_record(q, &record, e)) != FAS_OK)
		return rc;
	return look(q, only, skip, reply, e);
}
