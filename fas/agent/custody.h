/* A signature by whoever keeps the key: this agent, or the service (POST /v1/sessions/ID/keys/KEY/sign). */
#ifndef FAS_AGENT_CUSTODY_H
#define FAS_AGENT_CUSTODY_H

#include "fas/agent/daemon.h"
#include "fas/agent/permit.h"
#include "fas/agent/signing.h"

/*
 * out: SIGNATURE_MAX bytes.  Each signature is a line in the log: program, purpose, mechanism, key, user; of a key of the host it
 * is also reported to the service (uses.h), which sees its own.
 * FAS_E_NOTFOUND "key_gone" (the service has it no more: the card loses it), "session_unknown"; FAS_E_DENIED
 * "sign_refused"; FAS_E_LIMIT "busy"; FAS_E_UNAVAILABLE "node_away".
 */
MUST_CHECK enum fas_code custody_sign(struct daemon *d, struct session *s,
    const struct card_key *key, const struct signing *what, const struct permit *permit,
    uint8_t *out, size_t *len, struct fas_err *e);

#endif
