/*
 * Slots: one for each card that the agent has shown to this process.  The lock is held in all of these; those that ask
 * the agent give it up meanwhile (link.h).
 */
#ifndef FAS_AGENT_PKCS11_SLOT_H
#define FAS_AGENT_PKCS11_SLOT_H

#include "fas/agent/pkcs11/object.h"

#define SLOTS_MAX 32

struct slot {
	bool used;
	bool
	    present; /* false: the card was taken away; the slot stays until the application lists slots anew */
	bool event; /* for C_WaitForSlotEvent */
	bool logged_in;
	CK_SLOT_ID id; /* the card's */
	char label[CARD_LABEL_MAX + 1];
	char serial[CARD_SERIAL_MAX + 1];
	uint64_t generation; /* of its content, as the list of cards says */
	struct objects objects;
};

/* Ask the agent which cards there are.  No agent is no cards; one that does not answer in time changes nothing. */
void slots_refresh(void);
/* What the agent called the list that was read last; 0 before the first. */
uint64_t slots_generation(void);
/* CKR_SLOT_ID_INVALID; CKR_TOKEN_NOT_PRESENT, with *out set. */
MUST_CHECK CK_RV slot_find(CK_SLOT_ID id, struct slot **out);
/* The same after asking the agent. */
MUST_CHECK CK_RV slot_find_now(CK_SLOT_ID id, struct slot **out);
/* Read what is on the card, unless that is known: objects are as of now.  The slot is looked up again. */
MUST_CHECK CK_RV slot_load(CK_SLOT_ID id, struct slot **out);
/* One whose event nobody has been told yet, and forget it; NULL: none. */
struct slot *slot_take_event(void);
void slots_reset(void);

CK_RV slots_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR n);
CK_RV slot_wait(CK_FLAGS flags, CK_SLOT_ID_PTR out, void *reserved);

#endif
