/* What the module asks of fas-agent, one connection a question. */
#ifndef FAS_AGENT_PAM_AGENT_H
#define FAS_AGENT_PAM_AGENT_H

#include <security/pam_modules.h>

#include "fas/card/wire.h"

struct pam_answer {
	enum card_status status;
	char session[65];
	char ccache[513];
	char correlation[65];
	char reason[65]; /* of a refusal */
	char text[257];  /* one sentence for the user, of a refusal */
};

/*
 * Of each: socket NULL is the installed one.
 *
 * Redeem the ticket for this user.  PAM_SUCCESS: answer has session, ccache, correlation.  PAM_AUTHINFO_UNAVAIL: no agent,
 * or the service is away; PAM_AUTH_ERR, PAM_MAXTRIES: refused, answer says why.
 */
int agent_logon(const char *socket, const char *ticket, const char *user, const char *service,
    const char *rhost, struct pam_answer *answer);
/* The same for the session that runs. */
int agent_unlock(
    const char *socket, const char *ticket, const char *user, struct pam_answer *answer);
/* The login's leader is this process: the session's card is visible from here on.  PAM_SESSION_ERR when refused. */
int agent_open(const char *socket, const char *session, struct pam_answer *answer);
int agent_close(const char *socket, const char *session, struct pam_answer *answer);

#endif
