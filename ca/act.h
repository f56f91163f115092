/*
 * Acts: what an administrator has had revoked, put on hold or released, as one row each.  The row is in the transaction that
 * changes the certificates; fasd follows the rows and applies each to its sessions, in one transaction of its own that
 * also says how far it has come.  So a crash of either leaves nothing half done: fasd asks behind the last one it applied.
 */
#ifndef CA_ACT_H
#define CA_ACT_H

#include "ca/ca.h"

MUST_CHECK enum fas_code acts_init(struct act_feed *acts, struct db_pool *db, struct fas_err *e);
void acts_done(struct act_feed *acts);
/* No more waiting: the signer ends. */
void acts_stop(struct act_feed *acts);

/* There is a new one: wake who follows. */
void acts_changed(struct act_feed *acts, int64_t id);
/*
 * Wait until fasd has applied it, not long, and not at all where nobody follows.  *sessions: how many it concerned there,
 * -1: not applied yet.
 */
MUST_CHECK enum fas_code acts_await(
    struct ca *ca, int64_t id, int64_t *sessions, struct fas_err *e);

/* In a transaction that issues: FAS_E_DENIED "issuing_stopped", "on_hold". */
MUST_CHECK enum fas_code acts_check_issue(
    struct db *db, const struct act_question *question, struct fas_err *e);

/* {"holds", "stopped"} for state; a new reference, NULL when it cannot be read. */
json_t *acts_state(struct ca *ca);

call_fn op_acts;       /* issue socket */
call_fn op_cert_holds; /* admin socket */

#endif
