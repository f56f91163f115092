/*
 * Pruning a trail: in steps, each a short transaction, and only what its newest checkpoint lets go
 * (fas/base/audit_statement.h).
 *
 * Each record is checked once more before it goes, up to the countersigned one with which the trail then begins: where
 * the chain is not whole nothing is pruned, so that what was tampered with stays to be found.
 */
#ifndef FAS_BASE_AUDIT_PRUNE_H
#define FAS_BASE_AUDIT_PRUNE_H

#include "fas/base/audit_statement.h"

/*
 * One step in the database of this trail.  *more: another one has something to do.
 * FAS_E_CONFLICT "audit_not_pruned": which record is wrong, and how.
 */
MUST_CHECK enum fas_code audit_prune_step(
    struct db_pool *pool, const char *trail, bool *more, struct fas_err *e);

#endif
