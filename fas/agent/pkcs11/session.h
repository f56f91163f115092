/*
 * Sessions.  A handle is never used twice in a process, so that a thread which comes back from the agent can see that its
 * session was closed meanwhile.  The lock is held in all of these.
 */
#ifndef FAS_AGENT_PKCS11_SESSION_H
#define FAS_AGENT_PKCS11_SESSION_H

#include "fas/agent/pkcs11/mechanism.h"

#define SESSIONS_MAX 1024

/* A search: the handles that were found at C_FindObjectsInit. */
struct find {
	bool active;
	size_t n, at;
	CK_OBJECT_HANDLE found[OBJECTS_MAX];
};

struct link;

/* A signature in the making. */
struct sign {
	bool active;
	bool running; /* a thread waits for the agent with it */
	bool parts;   /* C_SignUpdate has begun */
	struct scheme scheme;
	uint32_t card;
	uint8_t key_id[CARD_KEY_ID_BYTES];
	size_t signature_len;
	struct link *link; /* parts, hashed by the agent: the connection with the hash */
	size_t len;        /* parts, not hashed: what there is so far */
	uint8_t data[CARD_SIGN_DATA_MAX];
};

struct session {
	CK_SESSION_HANDLE handle; /* 0 = free */
	CK_SLOT_ID slot;
	bool writable; /* asked for; there is nothing to write to */
	bool outdated; /* the card's content has changed since it was opened */
	struct find find;
	struct sign sign;
};

/* NULL: CKR_SESSION_HANDLE_INVALID. */
struct session *session_find(CK_SESSION_HANDLE handle);
size_t sessions_count(CK_SLOT_ID slot, bool writable_only);
/* The card is gone. */
void sessions_close(CK_SLOT_ID slot);
/* The card's content is another one: C_GetSessionInfo will say that the session is no more. */
void sessions_outdate(CK_SLOT_ID slot);
void sessions_reset(void);

CK_RV session_open(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE_PTR out);
CK_RV session_close(CK_SESSION_HANDLE handle);
CK_RV session_close_all(CK_SLOT_ID slot);
CK_RV session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR out);
CK_RV session_login(
    CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len);
CK_RV session_logout(CK_SESSION_HANDLE handle);

#endif
