/* What fasd's admin socket answers about its trail. */
#include "fas/admin_question.h"

#include <string.h>

#include "fas/audit_gap.h"
#include "fas/audit_head.h"
#include "fas/base/audit_answer.h"
#include "fas/base/macros.h"

/* That somebody began to look is on record; the pages that follow are not. */
static enum fas_code
op_verify(const struct question *q, json_t **reply, struct fas_err *e)
{
	const struct audit_record record = {.event = "audit_verified"};
	enum fas_code rc = audit_answer_verify(q->config->service->db, q->r, reply, e);
	if (rc == FAS_OK && !json_object_get(q->r->object, "after"))
		rc = admin_record(q, &record, e);
	return rc;
}

static enum fas_code
op_export(const struct question *q, json_t **reply, struct fas_err *e)
{
	const struct audit_record record = {.event = "audit_exported"};
	enum fas_code rc = audit_answer_export(q->config->service->db, q->r, reply, e);
	if (rc == FAS_OK && !json_object_get(q->r->object, "after"))
		rc = admin_record(q, &record, e);
	return rc;
}

static enum fas_code
op_acknowledge(const struct question *q, json_t **reply, struct fas_err *e)
{
	json_t *statement = json_need_value(q->r, "statement", JSON_OBJECT);
	enum fas_code rc = json_finish(q->r);
	if (rc == FAS_OK)
		rc = audit_acknowledge(q->config->service, q->operator_text, statement, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:b}", "acknowledged", true);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

static const struct {
	const char *name;
	audit_answer *answer; /* NULL: run */
	admin_op *run;
} ops[] = {
    {"audit.heads", audit_answer_heads, NULL},
    {"audit.hashes", audit_answer_hashes, NULL},
    {"audit.statements", audit_answer_statements, NULL},
    {"audit.decisions", audit_answer_decisions, NULL},
    {"audit.issued", audit_answer_issued, NULL},
    {"audit.tail", audit_answer_tail, NULL},
    {"audit.export", NULL, op_export},
    {"audit.verify", NULL, op_verify},
    {"audit.acknowledge", NULL, op_acknowledge},
};

enum fas_code
admin_audit(const struct question *q, const char *name, json_t **reply, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(ops); i++) {
		if (strcmp(ops[i].name, name) != 0)
			continue;
		return ops[i].answer ? ops[i].answer(q->config->service->db, q->r, reply, e)
				     : ops[i].run(q, reply, e);
	}
	return fas_fail(e, FAS_E_INPUT, "op_unknown", "there is no operation \"%s\"", name);
}
