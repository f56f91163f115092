/* Signatures by the keys of sessions, and the pool that those keys come from. */
#ifndef CA_SIGN_H
#define CA_SIGN_H

#include "ca/ca.h"
#include "ca/store.h"

call_fn op_sign;      /* issue socket */
call_fn op_drop;      /* issue socket: a session's keys, destroyed */
call_fn op_pool_show; /* both sockets */
call_fn op_pool_fill; /* admin socket */

/* What has been revoked signs no more: the selector is that of the revocation. */
void sign_revoked(struct ca *ca, const struct revocation *what);

/* {"pools", "held", "signatures"} for state; a new reference. */
json_t *sign_state(struct ca *ca);

#endif
