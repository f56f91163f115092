/*
 * May this program, now, sign with this key in this way?  The rule's programs, mechanisms, rate and consent, for the
 * in-session key; a logon key is the user's for its few minutes, for any program of his.
 */
#ifndef FAS_AGENT_PERMIT_H
#define FAS_AGENT_PERMIT_H

#include "fas/agent/call.h"

struct permit {
	char program[RULE_PATH_MAX]; /* what signs, for the record; "" = it cannot be told */
};

/* *listed: the program may see the in-session key. */
MUST_CHECK enum fas_code permit_look(
    struct call *call, struct session *s, bool *listed, struct fas_err *e);
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
