#include "fas/agent/pam/agent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/card/client.h"

/* Redemption, a search for a domain controller, PKINIT: the agent's own deadlines are shorter. */
#define LOGON_MS 60000
#define MESSAGE_MAX 4096

/* What a PAM application may conclude from a refusal. */
static int
code_of(enum card_status status)
{
	switch (status) {
	case CARD_STATUS_OK:
		return PAM_SUCCESS;
	case CARD_STATUS_AWAY:
	case CARD_STATUS_BUSY:
	case CARD_STATUS_INTERNAL:
	case CARD_STATUS_MALFORMED:
		return PAM_AUTHINFO_UNAVAIL;
	case CARD_STATUS_LIMIT:
		return PAM_MAXTRIES;
	case CARD_STATUS_DENIED:
	case CARD_STATUS_NO_CONSENT:
	case CARD_STATUS_CARD_GONE:
	case CARD_STATUS_KEY_GONE:
	case CARD_STATUS_MECHANISM:
	case CARD_STATUS_DATA:
	case CARD_STATUS_SESSION_GONE:
		return PAM_AUTH_ERR;
	}
	return PAM_AUTH_ERR;
}

static int
fail(struct pam_answer *answer, const char *reason, const char *text)
{
	answer->status = CARD_STATUS_AWAY;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
	(void)snprintf(answer->text, sizeof(answer->text), "%s", text);
	return PAM_AUTHINFO_UNAVAIL;
}

static int
read_answer(const struct card_message *reply, struct pam_answer *answer)
{
	answer->status = (enum card_status)reply->code;
	(void)card_text(reply, CARD_TAG_SESSION, answer->session, sizeof(answer->session));
	(void)card_text(reply, CARD_TAG_CCACHE, answer->ccache, sizeof(answer->ccache));
	(void)card_text(
	    reply, CARD_TAG_CORRELATION, answer->correlation, sizeof(answer->correlation));
	(void)card_text(reply, CARD_TAG_REASON, answer->reason, sizeof(answer->reason));
	(void)card_text(reply, CARD_TAG_TEXT, answer->text, sizeof(answer->text));
	return code_of(answer->status);
}

/* The request may hold a ticket: its bytes do not outlive the call. */
static int
ask(const char *socket, struct card_writer *w, int timeout_ms, struct pam_answer *answer)
{
	uint8_t buffer[MESSAGE_MAX];
	struct card_client client = CARD_CLIENT_NONE;
	client.path = socket;
	struct card_message reply;
	enum card_outcome outcome =
	    card_client_call(&client, w, 0, timeout_ms, buffer, sizeof(buffer), &reply);
	explicit_bzero(w->data, w->size);
	int rc = PAM_AUTHINFO_UNAVAIL;
	switch (outcome) {
	case CARD_ANSWERED:
		rc = read_answer(&reply, answer);
		break;
	case CARD_NO_AGENT:
		rc = fail(answer, "agent_away", "Single sign-on is not running on this host.");
		break;
	case CARD_TIMED_OUT:
		rc = fail(answer, "agent_timeout", "Single sign-on did not answer in time.");
		break;
	case CARD_NONSENSE:
		rc =
		    fail(answer, "agent_malformed", "Single sign-on is out of order on this host.");
		break;
	}
	card_client_close(&client);
	return rc;
}

int
agent_logon(const char *socket, const char *ticket, const char *user, const char *service,
    const char *rhost, struct pam_answer *answer)
{
	uint8_t data[MESSAGE_MAX];
	struct card_writer w;
	*answer = (struct pam_answer){0};
	card_write_begin(&w, data, sizeof(data), CARD_OP_LOGON);
	card_write_text(&w, CARD_TAG_TICKET, ticket);
	card_write_text(&w, CARD_TAG_USER, user);
	card_write_text(&w, CARD_TAG_SERVICE, service);
	if (rhost && *rhost)
		card_write_text(&w, CARD_TAG_RHOST, rhost);
	return ask(socket, &w, LOGON_MS, answer);
}

int
agent_unlock(const char *socket, const char *ticket, const char *user, struct pam_answer *answer)
{
	uint8_t data[MESSAGE_MAX];
	struct card_writer w;
	*answer = (struct pam_answer){0};
	card_write_begin(&w, data, sizeof(data), CARD_OP_UNLOCK);
	card_write_text(&w, CARD_TAG_TICKET, ticket);
	card_write_text(&w, CARD_TAG_USER, user);
	return ask(socket, &w, LOGON_MS, answer);
}

static int
about_session(const char *socket, enum card_op op, const char *session, struct pam_answer *answer)
{
	uint8_t data[MESSAGE_MAX];
	struct card_writer w;
	*answer = (struct pam_answer){0};
	card_write_begin(&w, data, sizeof(data), (uint16_t)op);
	card_write_text(&w, CARD_TAG_SESSION, session);
	if (op == CARD_OP_OPEN)
		card_write_number(&w, CARD_TAG_PID, (uint64_t)getpid());
	return ask(socket, &w, CARD_OBJECTS_MS, answer) == PAM_SUCCESS ? PAM_SUCCESS
								       : PAM_SESSION_ERR;
}

int
agent_open(const char *socket, const char *session, struct pam_answer *answer)
{
	return about_session(socket, CARD_OP_OPEN, session, answer);
}

int
agent_close(const char *socket, const char *session, struct pam_answer *answer)
{
	return about_session(socket, CARD_OP_CLOSE, session, answer);
}
