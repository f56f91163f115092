/*
 * The thread that forgets: certificates of ca.db that ended longer ago than `certificates: keep`, and enrolment tokens as
 * old.  The audit trail keeps their records by its own rule (ca/checkpoint.c).
 *
 * A revoked certificate stays until it has stood on a CRL that was issued after its end (RFC 5280 3.3).  One round takes a
 * day of the past, and there is one round an hour: a clock that was set years ahead is noticed before it reaches what lives.
 */
#ifndef CA_PRUNE_H
#define CA_PRUNE_H

#include "ca/ca.h"

/* ca->pruner is set; the first round begins at once, beside the start. */
MUST_CHECK enum fas_code prune_start(struct ca *ca, struct fas_err *e);
void prune_stop(struct pruner *pruner);

/* One round, until nothing that is due is left.  *n: how many certificates went.  For tests, and the thread. */
MUST_CHECK enum fas_code prune_round(struct ca *ca, int64_t *n, struct fas_err *e);

#endif
