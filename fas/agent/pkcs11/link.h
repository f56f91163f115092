/*
 * Connections to the agent, and what its answers mean in PKCS#11.  The lock is held in all of these, and given up inside
 * link_call: what was looked up before has to be looked up again behind it.
 */
#ifndef FAS_AGENT_PKCS11_LINK_H
#define FAS_AGENT_PKCS11_LINK_H

#include "fas/agent/pkcs11/module.h"
#include "fas/card/client.h"

/* One connection with the message on it.  A thread has a link for itself from take to give. */
struct link {
	struct link *next;
	struct card_client client;
	struct card_writer request;
	struct card_message reply;
	enum card_outcome outcome; /* of the last call */
	uint8_t buffer[CARD_MESSAGE_MAX];
};

/* NULL: no memory. */
struct link *link_take(void);
/* Also NULL. */
void link_give(struct link *link);
/* Begin a request; what is written goes to the result. */
struct card_writer *link_begin(struct link *link, enum card_op op);
/* CKR_OK: link->reply is the answer, until the next request on this link. */
MUST_CHECK CK_RV link_call(struct link *link, unsigned int flags, int timeout_ms);

/* Close the idle ones, at start and end; also those that a parent process made. */
void links_reset(void);

#endif
