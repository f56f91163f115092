/*
 * May this program, now, sign with this key in this way?  The rule's programs, rate and consent hold for both keys of a
 * session, its mechanisms for the in-session key: the logon certificate is good for TLS clients too, and would be
 * the way round the rule.  Free of them is the logon key of a session that is pending (PKINIT by the agent's own child),
 * and, for its few minutes, where the rule has nothing to say of sessions.
 */
#ifndef FAS_AGENT_PERMIT_H
#define FAS_AGENT_PERMIT_H

#include "fas/agent/call.h"

struct permit {
	char program[RULE_PATH_MAX]; /* what signs, for the record; "" = it cannot be told */
};

/* What a program may see of a card. */
struct sight {
	bool in_session, logon;
};

MUST_CHECK enum fas_code permit_look(
    struct call *call, struct session *s, struct sight *out, struct fas_err *e);
/*
 * FAS_E_DENIED "program_...", "no_consent"; FAS_E_CONFLICT "mechanism_refused"; FAS_E_LIMIT "rate_exceeded".  Where a
 * person has to be asked and this thread may not wait: call->wants_person is set, and an error of no meaning.
 */
MUST_CHECK enum fas_code permit_sign(struct call *call, struct session *s,
    const struct card_key *key, enum card_mechanism mechanism, struct permit *out,
    struct fas_err *e);
void permit_done(struct permit *permit);

DEFINE_OWN_IN_PLACE(permit, struct permit, permit_done);

#endif
