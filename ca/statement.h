/*
 * What the signer states about audit trails (fas/base/audit_statement.h): that old records may be pruned, and that an
 * administrator has accepted a gap.
 */
#ifndef CA_STATEMENT_H
#define CA_STATEMENT_H

#include "ca/ca.h"
#include "fas/base/audit_statement.h"

/* Signed by the audit key; *out is the caller's. */
MUST_CHECK enum fas_code statement_sign(struct ca *ca, const struct audit_stated *stated,
    struct audit_statement *out, struct fas_err *e);

call_fn op_checkpoint;  /* issue socket: "audit.checkpoint" */
call_fn op_acknowledge; /* admin socket: "audit.acknowledge" */
call_fn op_take_back;   /* admin socket: "audit.take_back": countersignatures that ca.db has lost */
call_fn op_audit_statements; /* admin socket: "audit.statements" */
call_fn op_audit_export;     /* admin socket: "audit.export" */

#endif
