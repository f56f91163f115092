/* The state of the agent in lines of name and value, for people and for programs (fas-agent status). */
#ifndef FAS_AGENT_STATUS_H
#define FAS_AGENT_STATUS_H

#include "fas/agent/daemon.h"

/* Entries CARD_TAG_LINE: version, identity, identity_until, server URL, sessions, cards, ... */
MUST_CHECK enum fas_code status_write(struct daemon *d, struct card_writer *w, struct fas_err *e);

#endif
