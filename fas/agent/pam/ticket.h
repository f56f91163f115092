/* Where the ticket comes from: the password, or a file that the broker's launcher has written. */
#ifndef FAS_AGENT_PAM_TICKET_H
#define FAS_AGENT_PAM_TICKET_H

#include <stdbool.h>

#include "fas/agent/pam/options.h"
#include "fas/card/wire.h"

/* Wiped by whoever declared it: ticket_wipe. */
struct pam_ticket {
	char text[CARD_TICKET_MAX + 1];
};

/* NODE-RANDOM as the service makes them (docs/PROTOCOL.md, "POST /v1/logons"). */
bool ticket_has_form(const char *text);

/*
 * PAM_SUCCESS with a text that has a ticket's form.  PAM_IGNORE when there is none: no file, or a password, which is then
 * looked at no further and goes to nobody, so that the next module of the stack may have it.
 * PAM_AUTHINFO_UNAVAIL, with the reason in the system's log, for a file that cannot be used: it has to be a regular file
 * of root or of the user that nobody else can read or write.  The file is removed in either case: a ticket is good once.
 */
int ticket_get(pam_handle_t *pamh, const struct pam_options *options, const char *user,
    struct pam_ticket *out);

void ticket_wipe(struct pam_ticket *ticket);

#endif
