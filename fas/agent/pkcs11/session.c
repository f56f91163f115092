#include "fas/agent/pkcs11/session.h"

#include "fas/agent/pkcs11/link.h"
#include "fas/agent/pkcs11/slot.h"

static struct session sessions[SESSIONS_MAX];
static CK_ULONG opened; /* all sessions that ever were: the upper part of the handle */

/* ---- the table ---- */

struct session *
session_find(CK_SESSION_HANDLE handle)
{
	struct session *s = &sessions[handle % SESSIONS_MAX];
	return handle != CK_INVALID_HANDLE && s->handle == handle ? s : NULL;
}

static void
release(struct session *s)
{
	/* A link that a thread waits with is that thread's, and not here. */
	link_give(s->sign.link);
	*s = (struct session){.handle = CK_INVALID_HANDLE};
}

static struct session *
find_free(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle == CK_INVALID_HANDLE)
			return &sessions[i];
	return NULL;
}

size_t
sessions_count(CK_SLOT_ID slot, bool writable_only)
{
	size_t n = 0;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		n += sessions[i].handle != CK_INVALID_HANDLE && sessions[i].slot == slot &&
		     (sessions[i].writable || !writable_only);
	return n;
}

void
sessions_close(CK_SLOT_ID slot)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle != CK_INVALID_HANDLE && sessions[i].slot == slot)
			release(&sessions[i]);
}

void
sessions_outdate(CK_SLOT_ID slot)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].slot == slot)
			sessions[i].outdated = true;
}

void
sessions_reset(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i].handle != CK_INVALID_HANDLE)
			release(&sessions[i]);
}

/* ---- open and close ---- */

CK_RV
session_open(CK_SLOT_ID id, CK_FLAGS flags, CK_SESSION_HANDLE_PTR out)
{
	struct slot *slot = NULL;
	if (!out)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	CK_RV rv = slot_find_now(id, &slot);
	if (rv != CKR_OK)
		return rv;
	struct session *s = find_free();
	if (!s)
		return CKR_SESSION_COUNT;
	*s = (struct session){.handle = ++opened * SESSIONS_MAX + (CK_ULONG)(s - sessions),
	    .slot = id,
	    .writable = flags & CKF_RW_SESSION};
	*out = s->handle;
	return CKR_OK;
}

/* v2.40 5.6: with the last session of a token its login ends. */
static void
log_out_if_last(CK_SLOT_ID id)
{
	struct slot *slot = NULL;
	if (sessions_count(id, false) == 0 && slot_find(id, &slot) == CKR_OK)
		slot->logged_in = false;
}

CK_RV
session_close(CK_SESSION_HANDLE handle)
{
	struct session *s = session_find(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	CK_SLOT_ID slot = s->slot;
	release(s);
	log_out_if_last(slot);
	return CKR_OK;
}

CK_RV
session_close_all(CK_SLOT_ID id)
{
	struct slot *slot = NULL;
	CK_RV rv = slot_find(id, &slot);
	if (rv != CKR_OK)
		return rv;
	sessions_close(id);
	slot->logged_in = false;
	return CKR_OK;
}

/* ---- state ---- */

static CK_STATE
state_of(const struct session *s, const struct slot *slot)
{
	if (s->writable)
		return slot->logged_in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
	return slot->logged_in ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
}

/*
 * After a change of the card's content (a renewed certificate) an older session is told that it is no more: NSS asks this
 * before each use and then reads the token anew.  In all other calls such a session works on: ssh-agent keeps one for a
 * day and never opens a second one.
 */
CK_RV
session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR out)
{
	const struct session *s = session_find(handle);
	struct slot *slot = NULL;
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!out)
		return CKR_ARGUMENTS_BAD;
	if (s->outdated || slot_find(s->slot, &slot) != CKR_OK)
		return CKR_SESSION_HANDLE_INVALID;
	*out = (CK_SESSION_INFO){.slotID = s->slot,
	    .state = state_of(s, slot),
	    .flags = CKF_SERIAL_SESSION | (s->writable ? CKF_RW_SESSION : 0)};
	return CKR_OK;
}

/* There is no PIN.  Any is right, also a second time: pkcs11-tool gives up on CKR_USER_ALREADY_LOGGED_IN. */
CK_RV
session_login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_len)
{
	const struct session *s = session_find(handle);
	struct slot *slot = NULL;
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!pin && pin_len > 0)
		return CKR_ARGUMENTS_BAD;
	if (user != CKU_USER && user != CKU_CONTEXT_SPECIFIC)
		return CKR_USER_TYPE_INVALID;
	CK_RV rv = slot_find(s->slot, &slot);
	if (rv == CKR_OK)
		slot->logged_in = true;
	return rv;
}

CK_RV
session_logout(CK_SESSION_HANDLE handle)
{
	const struct session *s = session_find(handle);
	struct slot *slot = NULL;
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	CK_RV rv = slot_find(s->slot, &slot);
	if (rv != CKR_OK)
		return rv;
	rv = slot->logged_in ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
	slot->logged_in = false;
	return rv;
}
