/* From a message to an operation and back; what is refused goes on record here, whatever refused it. */
#include "ca/ca.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/two_persons.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/wire.h"

#define REFUSALS_AT_ONCE 1000.0
#define REFUSALS_PER_S 10.0

json_t *
audit_detail(const char *name, ...)
{
	json_t *detail = json_object();
	va_list args;
	va_start(args, name);
	while (detail && name) {
		const char *value = va_arg(args, const char *);
		if (value)
			(void)json_object_set_new(detail, name, json_string(value));
		name = va_arg(args, const char *);
	}
	va_end(args);
	return detail;
}

void
call_correlate(struct call *call, const char *correlation_id)
{
	if (correlation_id && correlation_id_is_valid(correlation_id))
		(void)snprintf(
		    call->kept_correlation, sizeof(call->kept_correlation), "%s", correlation_id);
	else
		correlation_id_new(call->kept_correlation);
	call->about.correlation_id = call->kept_correlation;
}

/* May one more refusal be recorded?  If so, how many were not since the last one. */
static bool
take_refusal(struct refusals *r, uint64_t *suppressed)
{
	(void)pthread_mutex_lock(&r->lock);
	int64_t now_us = clock_monotonic_us();
	r->left += (double)(now_us - r->refilled_us) / 1e6 * REFUSALS_PER_S;
	if (r->refilled_us == 0 || r->left > REFUSALS_AT_ONCE)
		r->left = REFUSALS_AT_ONCE;
	r->refilled_us = now_us;
	bool allowed = r->left >= 1;
	*suppressed = allowed ? r->suppressed : 0;
	r->left -= allowed ? 1 : 0;
	r->suppressed = allowed ? 0 : r->suppressed + 1;
	(void)pthread_mutex_unlock(&r->lock);
	return allowed;
}

static bool
is_refusal(enum fas_code code)
{
	return code == FAS_E_INPUT || code == FAS_E_AUTH || code == FAS_E_DENIED ||
	       code == FAS_E_NOTFOUND || code == FAS_E_CONFLICT || code == FAS_E_LIMIT;
}

static void
record_refusal(struct call *call, const struct operation *op, const struct fas_err *why)
{
	struct audit_record *about = &call->about;
	uint64_t suppressed = 0;
	struct fas_err failed = {0};
	char count[24];
	if (!take_refusal(&call->ca->refusals, &suppressed))
		return;
	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)suppressed);
	OWN(json)
	json_t *detail = audit_detail(
	    "operation", op->name, "unrecorded_refusals_before", suppressed ? count : NULL, NULL);
	about->event = op->refused;
	about->outcome = is_refusal(why->code) ? "deny" : "error";
	about->reason = fas_err_reason(why);
	about->message = why->message;
	about->caller = call->caller;
	if (about->serial == call->kept_serial)
		about->serial = NULL; /* prepared, and then not issued */
	about->detail = detail;
	if (!about->correlation_id)
		call_correlate(call, NULL);
	if (audit_write(call->ca->db, about, &failed) != FAS_OK)
		log_error("refusal_not_recorded", &failed, NULL);
}

void
ca_record_refusal(
    struct ca *ca, const struct operation *op, const char *caller, const struct fas_err *why)
{
	struct call call = {.ca = ca, .caller = caller};
	record_refusal(&call, op, why);
}

static enum fas_code
op_unknown(struct call *call, struct fas_err *e)
{
	const char *name = json_string_value(json_object_get(call->in.object, "op"));
	return fas_fail(e, FAS_E_INPUT, "operation_unknown", "this socket has no operation \"%s\"",
	    name ? name : "");
}

static const struct operation *
find_operation(const struct operation *operations, size_t n, struct json_reader *in)
{
	static const struct operation unknown = {"unknown", op_unknown, "request_refused"};
	const char *name = json_need_text(in, "op", 1, 32);
	for (size_t i = 0; name && i < n; i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return &unknown;
}

static enum fas_code
run(struct call *call, const struct operation *op, json_t *request, bool approved,
    struct fas_err *e)
{
	if (!approved && two_persons_needed(call->ca->config, op->name, request))
		return two_persons_hold(call, op, request, e);
	return op->run(call, e);
}

static void
give_file(struct call *call, int *file)
{
	if (file)
		*file = call->file;
	else if (call->file >= 0)
		(void)close(call->file);
}

static json_t *
dispatch(struct ca *ca, const struct operation *operations, size_t n, const char *caller,
    json_t *request, bool approved, int *file)
{
	struct fas_err e = {0};
	struct call call = {.ca = ca,
	    .operations = operations,
	    .n_operations = n,
	    .caller = caller,
	    .file = -1,
	    .about = {.caller = caller}};
	enum fas_code rc = json_open_object(&call.in, request, &e);
	const struct operation *op = find_operation(operations, n, &call.in);
	if (rc == FAS_OK && e.code == FAS_OK)
		rc = run(&call, op, request, approved, &e);
	if (e.code != FAS_OK || rc != FAS_OK) {
		if (e.code == FAS_OK)
			fas_fail(&e, rc, "internal", "operation %s", op->name);
		if (op->refused)
			record_refusal(&call, op, &e);
		json_decref(call.reply);
		call.reply = wire_error(&e);
		give_file(&call, NULL);
		call.file = -1;
	}
	json_close(&call.in);
	give_file(&call, file);
	return call.reply ? call.reply : json_object();
}

json_t *
ca_dispatch(struct ca *ca, const struct operation *operations, size_t n, const char *caller,
    json_t *request)
{
	return dispatch(ca, operations, n, caller, request, false, NULL);
}

json_t *
ca_dispatch_file(struct ca *ca, const struct operation *operations, size_t n, const char *caller,
    json_t *request, int *file)
{
	return dispatch(ca, operations, n, caller, request, false, file);
}

json_t *
ca_dispatch_approved(struct ca *ca, const struct operation *operations, size_t n,
    const char *caller, json_t *request)
{
	return dispatch(ca, operations, n, caller, request, true, NULL);
}
