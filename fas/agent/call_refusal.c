/* Errors as the local socket tells them: a status for the program, a sentence for the person; the rest is in the log. */
#include <string.h>

#include "fas/agent/call.h"

static const struct {
	const char *reason;
	enum card_status status;
	const char *sentence; /* NULL: the status's own */
} reasons[] = {
    {"card_gone", CARD_STATUS_CARD_GONE, NULL},
    {"key_gone", CARD_STATUS_KEY_GONE, NULL},
    {"key_unknown", CARD_STATUS_KEY_GONE, NULL},
    {"mechanism_refused", CARD_STATUS_MECHANISM, NULL},
    {"data_refused", CARD_STATUS_DATA, NULL},
    {"no_consent", CARD_STATUS_NO_CONSENT, NULL},
    {"rate_exceeded", CARD_STATUS_LIMIT, NULL},
    {"busy", CARD_STATUS_BUSY, NULL},
    {"session_gone", CARD_STATUS_SESSION_GONE, NULL},
    {"session_unknown", CARD_STATUS_SESSION_GONE, NULL},
    {"session_state", CARD_STATUS_SESSION_GONE, NULL},
    {"session_ended", CARD_STATUS_CARD_GONE, NULL},
    {"root_only", CARD_STATUS_DENIED, "Only the system may ask this."},
    {"program_refused", CARD_STATUS_DENIED, "This program may not use the card."},
    {"program_writable", CARD_STATUS_DENIED, "This program may not use the card."},
    {"program_replaced", CARD_STATUS_DENIED, "This program may not use the card."},
    {"peer_traced", CARD_STATUS_DENIED, "A program that is being traced may not use the card."},
    {"ticket_refused", CARD_STATUS_DENIED,
	"Your sign-in has run out or is for another desktop. Please start it again."},
    {"ticket_used", CARD_STATUS_DENIED,
	"This sign-in has been used already. Please start it again."},
    {"ticket_other_node", CARD_STATUS_DENIED,
	"This sign-in belongs to a server that this desktop does not know."},
    {"ticket_malformed", CARD_STATUS_DENIED, "This is not a sign-in ticket."},
    {"logon_denied", CARD_STATUS_DENIED, "Your account may not log on here at present."},
    {"user_mismatch", CARD_STATUS_DENIED, "This sign-in is for another user."},
    {"kuserok_refused", CARD_STATUS_DENIED, "This sign-in is for another user."},
    {"local_user_unknown", CARD_STATUS_DENIED, "This desktop does not know that user."},
    {"local_user_system", CARD_STATUS_DENIED,
	"This account is never logged on by a sign-in ticket."},
    {"kdc_untrusted", CARD_STATUS_DENIED, "The domain controller could not be trusted."},
    {"kdc_unproved", CARD_STATUS_DENIED, "The domain controller could not be trusted."},
    {"pkinit_refused", CARD_STATUS_DENIED, "The domain controller refused the logon."},
    {"kdc_away", CARD_STATUS_AWAY, "No domain controller answers."},
    {"kdc_unknown", CARD_STATUS_AWAY, "No domain controller answers."},
    {"server_away", CARD_STATUS_AWAY, NULL},
    {"node_away", CARD_STATUS_AWAY,
	"The sign-in server that keeps this session's key does not answer. Please try again "
	"later."},
    {"stopping", CARD_STATUS_AWAY, "The desktop is being shut down or updated."},
    {"pool_empty", CARD_STATUS_AWAY,
	"The sign-in service has no key ready at this moment. Please try again soon."},
};

static const char *const sentences[] = {
    [CARD_STATUS_OK] = "",
    [CARD_STATUS_DENIED] = "This is not allowed.",
    [CARD_STATUS_NO_CONSENT] = "The use of the card was not confirmed.",
    [CARD_STATUS_CARD_GONE] = "The card is no longer there: the session has ended.",
    [CARD_STATUS_KEY_GONE] = "The key is no longer on the card.",
    [CARD_STATUS_MECHANISM] = "The card does not sign in this way.",
    [CARD_STATUS_DATA] = "The card signs digests only.",
    [CARD_STATUS_AWAY] = "The sign-in service does not answer.",
    [CARD_STATUS_LIMIT] = "The card has been used too often in a short time.",
    [CARD_STATUS_BUSY] = "There is too much to do at this moment. Please try again.",
    [CARD_STATUS_INTERNAL] = "Something went wrong on this desktop.",
    [CARD_STATUS_MALFORMED] = "This was not understood.",
    [CARD_STATUS_SESSION_GONE] = "There is no such session.",
};

static enum card_status
status_of_class(enum fas_code code)
{
	switch (code) {
	case FAS_OK:
		return CARD_STATUS_OK;
	case FAS_E_AUTH:
	case FAS_E_DENIED:
	case FAS_E_CONFLICT:
		return CARD_STATUS_DENIED;
	case FAS_E_LIMIT:
		return CARD_STATUS_LIMIT;
	case FAS_E_UNAVAILABLE:
	case FAS_E_TIMEOUT:
		return CARD_STATUS_AWAY;
	case FAS_E_NOTFOUND:
	case FAS_E_INPUT:
	case FAS_E_CONFIG:
	case FAS_E_IO:
	case FAS_E_CRYPTO:
	case FAS_E_NOMEM:
	case FAS_E_INTERNAL:
		break;
	}
	return CARD_STATUS_INTERNAL;
}

enum card_status
call_status(const struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(reasons); i++) {
		if (strcmp(reasons[i].reason, e->reason) == 0)
			return reasons[i].status;
	}
	return status_of_class(e->code);
}

const char *
call_sentence(enum card_status status, const struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(reasons); i++) {
		if (strcmp(reasons[i].reason, e->reason) == 0 && reasons[i].sentence)
			return reasons[i].sentence;
	}
	return status < NELEMS(sentences) ? sentences[status] : sentences[CARD_STATUS_INTERNAL];
}
