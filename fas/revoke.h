/*
 * What is still owed to the signer: the revocation of an ended session's certificates, of single ones; and the
 * housekeeping's way to end a session.
 */
#ifndef FAS_REVOKE_H
#define FAS_REVOKE_H

#include "fas/session_store.h"

/*
 * Revoke the session's certificates where its rule says so, which destroys the keys that the signer keeps for it; else
 * destroy these alone.  Noted as done; when the signer is away it stays owed, and revoke_owed tries again.
 */
void revoke_session(struct service *service, const struct session *session);

/* All of that which is still owed, until the signer fails. */
void revoke_owed(struct service *service);

/* Single certificates whose time to be revoked has come (taken back, replaced), until the signer fails. */
void revoke_due(struct service *service, int64_t now_s);

/* fas/session.c: end a session whose cap or lease has passed. */
MUST_CHECK enum fas_code session_end_overdue(
    struct service *service, const struct session *session, int64_t now_s, struct fas_err *e);

#endif
