/*
 * Questions about an audit trail that both processes answer alike on their admin sockets (docs/PROTOCOL.md): the
 * database stands here, the comparison of the two stands in fasctl.
 */
#ifndef FAS_BASE_AUDIT_ANSWER_H
#define FAS_BASE_AUDIT_ANSWER_H

#include <jansson.h>

#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/base/json.h"

/* Each reads its members of r up to json_finish; *reply is a new reference. */
typedef enum fas_code audit_answer(
    struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e);

audit_answer audit_answer_verify;     /* "audit.verify": the chain behind `after`, a page of it */
audit_answer audit_answer_heads;      /* "audit.heads": countersigned heads and the keys */
audit_answer audit_answer_hashes;     /* "audit.hashes": hashes of the records `seqs` */
audit_answer audit_answer_statements; /* "audit.statements": checkpoints and acknowledgements */
audit_answer audit_answer_tail;       /* "audit.tail": the last records, or those behind `after` */
audit_answer
    audit_answer_export; /* "audit.export": their texts, behind `after` or from `since_ms` on */

#endif
