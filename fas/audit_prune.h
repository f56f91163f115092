/*
 * Old records of this trail are pruned as far as the signer has let them go and as fasd's own clock, retention and copies
 * of the countersignatures agree (fas/base/audit_statement.h).
 */
#ifndef FAS_AUDIT_PRUNE_H
#define FAS_AUDIT_PRUNE_H

#include "fas/service.h"

/*
 * One round: take the signer's newest checkpoints, each on record, and prune for about a second.  True: there is more to
 * be done at once.  What is refused is said once, on record ("audit_not_pruned").
 */
bool audit_prune_round(struct service *service);

#endif
