/* The text of an audit record: what its hash stands over. */
#ifndef FAS_BASE_AUDIT_BODY_H
#define FAS_BASE_AUDIT_BODY_H

#include "fas/base/audit.h"
#include "fas/base/buf.h"

/*
 * The record as one JSON object: its members in the order of their names, then its details.  body is begun here, and the
 * caller's to end in any case.  The whole record or an error: one that lacks a member for want of memory would say
 * something else.
 */
MUST_CHECK enum fas_code audit_body(
    const struct audit_record *record, struct buf *body, struct fas_err *e);

#endif
