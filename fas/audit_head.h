/*
 * The heads of this process's audit trail, countersigned by fas-signer (fas/base/audit_head.h), and what may be found
 * out about the trail by comparing it with the signer's ledger.
 */
#ifndef FAS_AUDIT_HEAD_H
#define FAS_AUDIT_HEAD_H

#include "fas/base/audit_answer.h"
#include "fas/service.h"

/*
 * Show the signer where the trail stands, keep what it countersigned; each few seconds, and once more at the end.
 * A trail that has gone back (the signer says so, or a countersigned head is not in our chain) is put on record and
 * in service->audit.rewound until the next good round.
 */
void audit_heads_round(struct service *service);

/* Admin socket: of these certificates ({"serial", "correlation_id", "session"}), which have no decision on record? */
audit_answer audit_answer_decisions;
/* Admin socket: serials that the trail says were issued, behind the record `after`. */
audit_answer audit_answer_issued;

/* ---- fas.db (audit_head_store.c): inside a db_fn ---- */

struct issued_claim {
	const char *serial, *correlation_id, *session; /* borrowed */
};
/*
 * Is there the record of its issue under its correlation id?  A ticket that is being redeemed in this moment, or was
 * abandoned on record (its certificate is revoked then), explains the certificate too.
 */
MUST_CHECK enum fas_code decision_find(
    struct db *db, const struct issued_claim *claim, bool *found, struct fas_err *e);
typedef enum fas_code issued_visit(
    int64_t seq, int64_t time_ms, const char *serial, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code issued_each(
    struct db *db, int64_t after, size_t limit, issued_visit *visit, void *arg, struct fas_err *e);

#endif
