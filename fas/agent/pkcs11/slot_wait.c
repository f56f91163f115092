/* C_WaitForSlotEvent (PKCS#11 v2.40 5.5). */
#include <time.h>

#include "fas/agent/pkcs11/link.h"
#include "fas/agent/pkcs11/slot.h"

/* How long C_Finalize of another thread may have to wait for this one. */
#define SLICE_MS 500

static void
pause_without_agent(void)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
	module_unlock();
	(void)nanosleep(&slice, NULL);
	module_lock();
}

/* The agent answers when the list is another one, or when the slice is over. */
static void
wait_for_change(struct link *link)
{
	struct card_writer *w = link_begin(link, CARD_OP_WAIT);
	card_write_number(w, CARD_TAG_GENERATION, slots_generation());
	card_write_number(w, CARD_TAG_TIMEOUT, SLICE_MS);
	if (link_call(link, 0, SLICE_MS + CARD_QUICK_MS) != CKR_OK)
		pause_without_agent();
}

static CK_RV
wait_with(struct link *link, bool block, CK_SLOT_ID_PTR out)
{
	for (;;) {
		slots_refresh();
		if (module_is_stopping())
			return CKR_CRYPTOKI_NOT_INITIALIZED;
		const struct slot *slot = slot_take_event();
		if (slot) {
			*out = slot->id;
			return CKR_OK;
		}
		if (!block)
			return CKR_NO_EVENT;
		wait_for_change(link);
	}
}

CK_RV
slot_wait(CK_FLAGS flags, CK_SLOT_ID_PTR out, void *reserved)
{
	if (!out || reserved)
		return CKR_ARGUMENTS_BAD;
	struct link *link = link_take();
	if (!link)
		return CKR_HOST_MEMORY;
	CK_RV rv = wait_with(link, !(flags & CKF_DONT_BLOCK), out);
	link_give(link);
	return rv;
}
