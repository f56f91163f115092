/* The in-session certificate of a session: fetched at logon or at the first look, renewed, taken away (docs/PROTOCOL.md). */
#ifndef FAS_AGENT_IN_SESSION_H
#define FAS_AGENT_IN_SESSION_H

#include "fas/agent/daemon.h"

/* Ask for it and put it on the card, also in the place of an older one.  FAS_E_DENIED "in_session_refused", ... */
MUST_CHECK enum fas_code in_session_fetch(struct daemon *d, struct session *s, struct fas_err *e);

/* A program that may use it looks at the card: fetch it unless it is there; what fails is in the log. */
void in_session_first_look(struct daemon *d, struct session *s);
/* Is it to be fetched or renewed by now?  Under the lock. */
bool in_session_is_due(const struct session *s, int64_t now_s, int64_t now_us);
/* The service no longer has this key. */
void in_session_lost(struct daemon *d, struct session *s, const struct card_key *key);

#endif
