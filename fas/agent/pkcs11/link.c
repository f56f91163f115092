#include "fas/agent/pkcs11/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define IDLE_MAX 4
#define DEBUG_VARIABLE "FAS_PKCS11_DEBUG"

static struct link *idle; /* up to IDLE_MAX kept connections; the others belong to their threads */

/* ---- take, give ---- */

static void
discard(struct link *link)
{
	card_client_close(&link->client);
	free(link);
}

struct link *
link_take(void)
{
	struct link *link = idle;
	if (link) {
		idle = link->next;
	} else if ((link = malloc(sizeof(*link)))) {
		link->client = CARD_CLIENT_NONE;
	}
	if (link)
		link->next = NULL;
	return link;
}

static size_t
length(const struct link *list)
{
	size_t n = 0;
	for (; list; list = list->next)
		n++;
	return n;
}

void
link_give(struct link *link)
{
	if (!link)
		return;
	if (length(idle) >= IDLE_MAX) {
		discard(link);
		return;
	}
	link->next = idle;
	idle = link;
}

void
links_reset(void)
{
	while (idle) {
		struct link *next = idle->next;
		discard(idle);
		idle = next;
	}
}

/* ---- what answers mean ---- */

static const CK_RV of_status[] = {
    [CARD_STATUS_OK] = CKR_OK,
    [CARD_STATUS_DENIED] = CKR_KEY_FUNCTION_NOT_PERMITTED,
    [CARD_STATUS_NO_CONSENT] = CKR_FUNCTION_REJECTED,
    [CARD_STATUS_CARD_GONE] = CKR_DEVICE_REMOVED,
    [CARD_STATUS_KEY_GONE] = CKR_KEY_HANDLE_INVALID,
    [CARD_STATUS_MECHANISM] = CKR_MECHANISM_INVALID,
    [CARD_STATUS_DATA] = CKR_DATA_INVALID,
    [CARD_STATUS_AWAY] = CKR_DEVICE_ERROR,
    [CARD_STATUS_LIMIT] = CKR_FUNCTION_REJECTED,
    [CARD_STATUS_BUSY] = CKR_FUNCTION_FAILED,
    [CARD_STATUS_INTERNAL] = CKR_DEVICE_ERROR,
    [CARD_STATUS_MALFORMED] = CKR_GENERAL_ERROR,
    [CARD_STATUS_SESSION_GONE] = CKR_DEVICE_REMOVED,
};

static CK_RV
meaning(enum card_outcome outcome, uint16_t status)
{
	switch (outcome) {
	case CARD_ANSWERED:
		return status < NELEMS(of_status) ? of_status[status] : CKR_GENERAL_ERROR;
	case CARD_NO_AGENT:
		return CKR_DEVICE_REMOVED;
	case CARD_TIMED_OUT:
		return CKR_DEVICE_ERROR;
	case CARD_NONSENSE:
		return CKR_GENERAL_ERROR;
	}
	return CKR_GENERAL_ERROR;
}

/* PKCS#11 has no place for a reason; whoever looks for one sets the variable. */
static void
explain(const struct link *link)
{
	char text[512], correlation[80];
	if (!secure_getenv(DEBUG_VARIABLE))
		return;
	if (link->outcome != CARD_ANSWERED) {
		(void)fprintf(
		    stderr, "fas-pkcs11: no answer of fas-agent (%d)\n", (int)link->outcome);
	} else if (link->reply.code != CARD_STATUS_OK) {
		(void)card_text(&link->reply, CARD_TAG_TEXT, text, sizeof(text));
		(void)card_text(
		    &link->reply, CARD_TAG_CORRELATION, correlation, sizeof(correlation));
		(void)fprintf(stderr, "fas-pkcs11: %s: %s %s\n",
		    card_status_name((enum card_status)link->reply.code), text, correlation);
	}
}

/* ---- calls ---- */

struct card_writer *
link_begin(struct link *link, enum card_op op)
{
	card_write_begin(&link->request, link->buffer, sizeof(link->buffer), (uint16_t)op);
	return &link->request;
}

CK_RV
link_call(struct link *link, unsigned int flags, int timeout_ms)
{
	if (module_is_stopping())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	module_unlock();
	link->outcome = card_client_call(&link->client, &link->request, flags, timeout_ms,
	    link->buffer, sizeof(link->buffer), &link->reply);
	explain(link);
	module_lock();
	if (module_is_stopping())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return meaning(link->outcome, link->reply.code);
}
