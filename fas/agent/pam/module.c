/*
 * pam_fas.so: the ticket that a storefront has handed over becomes a login.  All that is judged is judged by fas-agent;
 * here a ticket is told from a password, and an answer becomes what PAM knows.
 *
 * The session's name goes from authentication to session through the PAM environment (FAS_SESSION): sshd authenticates
 * and opens the session in different processes, between which module data does not travel but the environment does.  It
 * is no secret and no right: only root may open or close a session, and only one that is this user's and pending.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "fas/agent/pam/agent.h"
#include "fas/agent/pam/options.h"
#include "fas/agent/pam/ticket.h"

#define SESSION_VARIABLE "FAS_SESSION"
#define VARIABLE_MAX 640
#define EXPORT __attribute__((visibility("default")))

static const char *
item(pam_handle_t *pamh, int type)
{
	const void *value = NULL;
	return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value ? value : "";
}

static int
put_variable(pam_handle_t *pamh, const char *name, const char *value)
{
	char text[VARIABLE_MAX];
	if (snprintf(text, sizeof(text), "%s=%s", name, value) >= (int)sizeof(text))
		return PAM_BUF_ERR;
	return pam_putenv(pamh, text);
}

/* The user gets one plain sentence and the id to tell an administrator; the log gets the reason. */
static void
tell_refusal(pam_handle_t *pamh, const struct pam_options *options, const char *user,
    const struct pam_answer *answer)
{
	const char *id = answer->correlation[0] ? answer->correlation : "none";
	pam_syslog(pamh, LOG_NOTICE, "ticket refused: user=%s reason=%s correlation=%s", user,
	    answer->reason, id);
	if (options->quiet)
		return;
	if (answer->correlation[0])
		(void)pam_error(pamh, "%s (%s)", answer->text, answer->correlation);
	else
		(void)pam_error(pamh, "%s", answer->text);
}

static int
ask_agent(pam_handle_t *pamh, const struct pam_options *options, const char *user,
    struct pam_answer *answer)
{
	struct pam_ticket ticket = {""};
	int rc = ticket_get(pamh, options, user, &ticket);
	if (rc == PAM_SUCCESS) {
		rc = options->unlock ? agent_unlock(options->socket, ticket.text, user, answer)
				     : agent_logon(options->socket, ticket.text, user,
					   item(pamh, PAM_SERVICE), item(pamh, PAM_RHOST), answer);
		if (rc != PAM_SUCCESS)
			tell_refusal(pamh, options, user, answer);
	}
	ticket_wipe(&ticket);
	return rc;
}

static int
keep_session(pam_handle_t *pamh, const struct pam_answer *answer)
{
	int rc = put_variable(pamh, SESSION_VARIABLE, answer->session);
	return rc == PAM_SUCCESS ? put_variable(pamh, "KRB5CCNAME", answer->ccache) : rc;
}

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_options options;
	struct pam_answer answer = {0};
	const char *user = NULL;
	(void)flags;
	int rc = pam_options_read(pamh, argc, argv, &options);
	if (rc == PAM_SUCCESS)
		rc = pam_get_user(pamh, &user, NULL);
	if (rc != PAM_SUCCESS)
		return rc;
	if (!user || !*user)
		return PAM_USER_UNKNOWN;
	rc = ask_agent(pamh, &options, user, &answer);
	if (rc != PAM_SUCCESS)
		return rc;
	pam_syslog(pamh, LOG_INFO, "ticket accepted: user=%s session=%s correlation=%s", user,
	    answer.session, answer.correlation);
	if (options.unlock)
		return PAM_SUCCESS;
	rc = keep_session(pamh, &answer);
	/* Nobody would open it: it need not wait for its end. */
	if (rc != PAM_SUCCESS)
		(void)agent_close(options.socket, answer.session, &answer);
	return rc;
}

/* NULL when this login did not come by a ticket. */
static const char *
session_of(pam_handle_t *pamh)
{
	const char *session = pam_getenv(pamh, SESSION_VARIABLE);
	return session && *session ? session : NULL;
}

/* The cache is there since authentication, written as the user. */
EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	return session_of(pamh) ? PAM_SUCCESS : PAM_IGNORE;
}

/* The directory's word on the account is seconds old: the service asked at redemption, and denies by itself. */
EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	return session_of(pamh) ? PAM_SUCCESS : PAM_IGNORE;
}

EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_options options;
	struct pam_answer answer;
	const char *session = session_of(pamh);
	(void)flags;
	int rc = pam_options_read(pamh, argc, argv, &options);
	if (rc != PAM_SUCCESS || !session)
		return rc != PAM_SUCCESS ? rc : PAM_IGNORE;
	rc = agent_open(options.socket, session, &answer);
	if (rc != PAM_SUCCESS)
		pam_syslog(pamh, LOG_ERR, "session not opened: session=%s reason=%s", session,
		    answer.reason);
	return rc;
}

/* The login is over whatever the agent says; a session that it no longer knows has ended before. */
EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_options options;
	struct pam_answer answer;
	const char *session = session_of(pamh);
	(void)flags;
	int rc = pam_options_read(pamh, argc, argv, &options);
	if (rc != PAM_SUCCESS || !session)
		return rc != PAM_SUCCESS ? rc : PAM_IGNORE;
	if (agent_close(options.socket, session, &answer) != PAM_SUCCESS &&
	    answer.status != CARD_STATUS_SESSION_GONE)
		pam_syslog(pamh, LOG_WARNING, "session not closed: session=%s reason=%s", session,
		    answer.reason);
	return PAM_SUCCESS;
}

/* There is no password here to change. */
EXPORT int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}
