/*
 * After an old fas.db (or ca.db) was put back: records are gone, and an administrator has accepted that.
 */
#ifndef FAS_AUDIT_GAP_H
#define FAS_AUDIT_GAP_H

#include "fas/service.h"

/*
 * Take the acknowledgement (an audit_statement as JSON, from the signer): on record with the administrator's name, and
 * this trail, if it is the one, goes on behind the gap.  FAS_E_AUTH "signature_wrong", FAS_E_INPUT
 * "statement_malformed", FAS_E_CONFLICT "audit_rewound" when our chain is not the one that it is about.
 */
MUST_CHECK enum fas_code audit_acknowledge(
    struct service *service, const char *by, json_t *statement, struct fas_err *e);

#endif
