#include "fas/agent/pkcs11/slot.h"

#include <string.h>
#include <time.h>

#include "fas/agent/pkcs11/link.h"
#include "fas/agent/pkcs11/session.h"

#define QUIET_S 10

static struct slot slots[SLOTS_MAX];
static uint64_t generation;  /* of the list */
static bool looked;          /* the list has been read once: what comes later is an event */
static time_t quiet_until_s; /* an agent that did not answer in time is left alone for a while */

/* Questions are numbered, so that an older answer does not undo a newer one. */
static uint64_t asked, merged;

/* ---- the table ---- */

static struct slot *
find(CK_SLOT_ID id)
{
	for (size_t i = 0; i < SLOTS_MAX; i++)
		if (slots[i].used && slots[i].id == id)
			return &slots[i];
	return NULL;
}

static void
forget(struct slot *slot)
{
	objects_drop(&slot->objects);
	*slot = (struct slot){.used = false};
}

/* A place for a new card, if need be that of one that is gone. */
static struct slot *
make_room(void)
{
	struct slot *gone = NULL;
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (!slots[i].used)
			return &slots[i];
		if (!slots[i].present)
			gone = &slots[i];
	}
	if (gone)
		forget(gone);
	return gone;
}

static void
take_away(struct slot *slot)
{
	sessions_close(slot->id);
	objects_drop(&slot->objects);
	slot->present = false;
	slot->logged_in = false;
	slot->event = true;
}

static void
forget_gone(void)
{
	for (size_t i = 0; i < SLOTS_MAX; i++)
		if (slots[i].used && !slots[i].present)
			forget(&slots[i]);
}

/* ---- what the agent says ---- */

static void
insert(const struct card_message *card)
{
	struct slot *slot = make_room();
	if (!slot)
		return;
	*slot = (struct slot){.used = true, .present = true, .event = looked};
	slot->id = (CK_SLOT_ID)card_number(card, CARD_TAG_CARD_ID);
	slot->generation = card_number(card, CARD_TAG_GENERATION);
	(void)card_text(card, CARD_TAG_LABEL, slot->label, sizeof(slot->label));
	(void)card_text(card, CARD_TAG_SERIAL, slot->serial, sizeof(slot->serial));
}

/*
 * The card's content is another one (a renewed certificate): for the book, a card that was taken out and put in again.
 * Sessions are told so when they ask for their state (session.h), and find the new objects.
 */
static void
note_change(struct slot *slot, uint64_t content)
{
	slot->generation = content;
	if (!slot->objects.loaded || slot->objects.generation == content)
		return;
	slot->objects.loaded = false;
	slot->event = true;
	sessions_outdate(slot->id);
}

static void
merge_card(const struct card_message *card)
{
	char serial[CARD_SERIAL_MAX + 1];
	struct slot *slot = find((CK_SLOT_ID)card_number(card, CARD_TAG_CARD_ID));
	(void)card_text(card, CARD_TAG_SERIAL, serial, sizeof(serial));
	if (slot && (!slot->present || strcmp(slot->serial, serial) != 0)) {
		/* Another agent, or another life of it, has given out this number again. */
		sessions_close(slot->id);
		forget(slot);
		slot = NULL;
	}
	if (slot)
		note_change(slot, card_number(card, CARD_TAG_GENERATION));
	else
		insert(card);
}

static bool
is_listed(const struct card_message *list, CK_SLOT_ID id)
{
	struct card_message card;
	size_t at = 0;
	while (card_read_entry(list, CARD_TAG_CARD, &at, &card))
		if (card_number(&card, CARD_TAG_CARD_ID) == id)
			return true;
	return false;
}

static void
merge(const struct card_message *list)
{
	struct card_message card;
	size_t at = 0;
	for (size_t i = 0; i < SLOTS_MAX; i++)
		if (slots[i].used && slots[i].present && !is_listed(list, slots[i].id))
			take_away(&slots[i]);
	while (card_read_entry(list, CARD_TAG_CARD, &at, &card))
		merge_card(&card);
	generation = card_number(list, CARD_TAG_GENERATION);
	looked = true;
}

static time_t
now_s(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* What became of the question of this number. */
static void
note_answer(const struct link *link, CK_RV rv, uint64_t mine)
{
	static const struct card_message no_cards = {.n = 0};
	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED)
		return;
	if (link->outcome == CARD_TIMED_OUT)
		quiet_until_s = now_s() + QUIET_S;
	if (mine < merged || (rv != CKR_OK && link->outcome != CARD_NO_AGENT))
		return;
	merge(rv == CKR_OK ? &link->reply : &no_cards);
	merged = mine;
}

void
slots_refresh(void)
{
	struct link *link = now_s() < quiet_until_s ? NULL : link_take();
	uint64_t mine = ++asked;
	if (!link)
		return;
	(void)link_begin(link, CARD_OP_CARDS);
	CK_RV rv = link_call(link, 0, CARD_QUICK_MS);
	note_answer(link, rv, mine);
	link_give(link);
}

uint64_t
slots_generation(void)
{
	return generation;
}

/* ---- looking up ---- */

CK_RV
slot_find(CK_SLOT_ID id, struct slot **out)
{
	struct slot *slot = find(id);
	*out = slot;
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	return slot->present ? CKR_OK : CKR_TOKEN_NOT_PRESENT;
}

CK_RV
slot_find_now(CK_SLOT_ID id, struct slot **out)
{
	slots_refresh();
	return slot_find(id, out);
}

CK_RV
slot_load(CK_SLOT_ID id, struct slot **out)
{
	CK_RV rv = slot_find_now(id, out);
	if (rv != CKR_OK || (*out)->objects.loaded)
		return rv;
	struct link *link = link_take();
	if (!link)
		return CKR_HOST_MEMORY;
	card_write_number(link_begin(link, CARD_OP_OBJECTS), CARD_TAG_CARD_ID, id);
	rv = link_call(link, 0, CARD_OBJECTS_MS);
	CK_RV still = slot_find(id, out);
	if (rv == CKR_OK)
		rv = still;
	if (rv == CKR_OK)
		rv = objects_load(&(*out)->objects, &link->reply);
	link_give(link);
	return rv;
}

struct slot *
slot_take_event(void)
{
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (slots[i].used && slots[i].event) {
			slots[i].event = false;
			return &slots[i];
		}
	}
	return NULL;
}

void
slots_reset(void)
{
	for (size_t i = 0; i < SLOTS_MAX; i++)
		if (slots[i].used)
			forget(&slots[i]);
	looked = false;
	generation = 0;
	quiet_until_s = 0;
}

/* ---- C_GetSlotList ---- */

static size_t
collect(bool present, CK_SLOT_ID *list, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < SLOTS_MAX; i++) {
		if (!slots[i].used || (present && !slots[i].present))
			continue;
		if (n < max)
			list[n] = slots[i].id;
		n++;
	}
	return n;
}

/* PKCS#11 v2.40 5.5: the list of slots changes only in a call that asks for its length. */
CK_RV
slots_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR n)
{
	if (!n)
		return CKR_ARGUMENTS_BAD;
	if (!list || !looked)
		slots_refresh();
	if (!list)
		forget_gone();
	size_t max = list ? *n : 0;
	*n = collect(present, list, max);
	return list && *n > max ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}
