/* One question on fasd's admin socket, as its operations see it. */
#ifndef FAS_ADMIN_QUESTION_H
#define FAS_ADMIN_QUESTION_H

#include "fas/admin.h"
#include "fas/base/json.h"

struct question {
	const struct admin_config *config;
	const char *operator_text;
	struct json_reader *r;
	int *file; /* goes behind the reply; -1: none */
};

/* Reads its members up to json_finish; *reply is a new reference. */
typedef enum fas_code admin_op(const struct question *q, json_t **reply, struct fas_err *e);

/* Put what the operator does on record; caller and outcome are filled in. */
MUST_CHECK enum fas_code admin_record(
    const struct question *q, const struct audit_record *act, struct fas_err *e);

/* The operations "audit. ..." (admin_audit.c); FAS_E_INPUT "op_unknown". */
MUST_CHECK enum fas_code admin_audit(
    const struct question *q, const char *name, json_t **reply, struct fas_err *e);

#endif
