#include "fas/agent/daemon_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fas/base/json.h"
#include "fas/card/client.h"

#define LOGON_MS 90000
#define CLOSE_MS 30000

/* One exchange; the reply points into its buffer. */
struct exchange {
	struct card_client client;
	struct card_writer w;
	struct card_message reply;
	uint8_t out[CARD_MESSAGE_MAX];
	uint8_t in[CARD_MESSAGE_MAX];
};

static void
exchange_free(struct exchange *x)
{
	card_client_close(&x->client);
	secret_wipe(x->out, sizeof(x->out));
	free(x);
}

DEFINE_OWN(exchange, struct exchange *, exchange_free);

bool
daemon_is_running(const struct agent_config *config)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(config->socket) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, config->socket, strlen(config->socket) + 1);
	OWN(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static enum fas_code
begin(const struct agent_config *config, enum card_op op, struct exchange **out, struct fas_err *e)
{
	struct exchange *x = calloc(1, sizeof(*x));
	if (!x || setenv(CARD_SOCKET_VARIABLE, config->socket, 1) != 0) {
		free(x);
		return fas_fail_nomem(e);
	}
	x->client = CARD_CLIENT_NONE;
	card_write_begin(&x->w, x->out, sizeof(x->out), (uint16_t)op);
	*out = x;
	return FAS_OK;
}

static enum fas_code
class_of(enum card_status status)
{
	switch (status) {
	case CARD_STATUS_AWAY:
		return FAS_E_UNAVAILABLE;
	case CARD_STATUS_BUSY:
	case CARD_STATUS_LIMIT:
		return FAS_E_LIMIT;
	case CARD_STATUS_CARD_GONE:
	case CARD_STATUS_KEY_GONE:
	case CARD_STATUS_SESSION_GONE:
		return FAS_E_NOTFOUND;
	case CARD_STATUS_MECHANISM:
	case CARD_STATUS_DATA:
	case CARD_STATUS_MALFORMED:
		return FAS_E_INPUT;
	case CARD_STATUS_INTERNAL:
		return FAS_E_INTERNAL;
	case CARD_STATUS_OK:
	case CARD_STATUS_DENIED:
	case CARD_STATUS_NO_CONSENT:
		break;
	}
	return FAS_E_DENIED;
}

static enum fas_code
refused(const struct exchange *x, struct fas_err *e)
{
	char reason[FAS_ERR_REASON_MAX], text[300], id[80];
	(void)card_text(&x->reply, CARD_TAG_REASON, reason, sizeof(reason));
	(void)card_text(&x->reply, CARD_TAG_TEXT, text, sizeof(text));
	(void)card_text(&x->reply, CARD_TAG_CORRELATION, id, sizeof(id));
	return fas_fail(e, class_of((enum card_status)x->reply.code), reason, "%s%s%s", text,
	    id[0] ? " Correlation id " : "", id);
}

static enum fas_code
ask(struct exchange *x, int timeout_ms, struct fas_err *e)
{
	enum card_outcome outcome =
	    card_client_call(&x->client, &x->w, 0, timeout_ms, x->in, sizeof(x->in), &x->reply);
	if (outcome != CARD_ANSWERED)
		return fas_fail(e, FAS_E_UNAVAILABLE, "daemon_away", "fas-agent %s",
		    outcome == CARD_TIMED_OUT ? "does not answer" : "is not running");
	return x->reply.code == CARD_STATUS_OK ? FAS_OK : refused(x, e);
}

static enum fas_code
open_session(
    const struct agent_config *config, const char *session, pid_t leader, struct fas_err *e)
{
	OWN(exchange) struct exchange *x = NULL;
	if (begin(config, CARD_OP_OPEN, &x, e) != FAS_OK)
		return e->code;
	card_write_text(&x->w, CARD_TAG_SESSION, session);
	card_write_number(&x->w, CARD_TAG_PID, (uint64_t)leader);
	return ask(x, CARD_QUICK_MS, e);
}

static void
show_logon(const struct cli_args *args, const struct card_message *m, const char *session)
{
	char user[CARD_NAME_MAX + 1], cache[513], id[65];
	(void)card_text(m, CARD_TAG_USER, user, sizeof(user));
	(void)card_text(m, CARD_TAG_CCACHE, cache, sizeof(cache));
	(void)card_text(m, CARD_TAG_CORRELATION, id, sizeof(id));
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:s,s:s,s:s}", "session_id", session, "user", user,
		    "ccache", cache, "correlation_id", id);
		(void)json_dumpf(answer, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
		return;
	}
	(void)fprintf(args->out,
	    "session         %s\nuser            %s\ncache           %s\ncorrelation id  %s\n",
	    session, user, cache, id);
}

enum fas_code
daemon_logon(const struct cli_args *args, const struct agent_config *config,
    const struct secret *ticket, const char *user, pid_t leader, struct fas_err *e)
{
	char session[65];
	OWN(exchange) struct exchange *x = NULL;
	if (begin(config, CARD_OP_LOGON, &x, e) != FAS_OK)
		return e->code;
	card_write_text(&x->w, CARD_TAG_TICKET, (const char *)ticket->data);
	card_write_text(&x->w, CARD_TAG_USER, user);
	card_write_text(&x->w, CARD_TAG_SERVICE, args->program->name);
	if (ask(x, LOGON_MS, e) != FAS_OK)
		return e->code;
	(void)card_text(&x->reply, CARD_TAG_SESSION, session, sizeof(session));
	if (open_session(config, session, leader, e) != FAS_OK)
		return e->code;
	show_logon(args, &x->reply, session);
	return FAS_OK;
}

enum fas_code
daemon_close(const struct agent_config *config, const char *session, struct fas_err *e)
{
	OWN(exchange) struct exchange *x = NULL;
	if (begin(config, CARD_OP_CLOSE, &x, e) != FAS_OK)
		return e->code;
	card_write_text(&x->w, CARD_TAG_SESSION, session);
	return ask(x, CLOSE_MS, e);
}

/* ---- status ---- */

/* {"name": value}, or a list where a name comes more than once. */
static bool
add_line(json_t *object, const char *name, const char *value)
{
	json_t *there = json_object_get(object, name);
	if (json_is_array(there))
		return json_array_append_new(there, json_string(value)) == 0;
	if (!there && strcmp(name, "server") == 0)
		return json_object_set_new(object, name, json_pack("[s]", value)) == 0;
	return json_object_set_new(object, name, json_string(value)) == 0;
}

enum fas_code
daemon_show_status(
    const struct cli_args *args, const struct agent_config *config, struct fas_err *e)
{
	size_t at = 0;
	struct card_message line;
	OWN(exchange) struct exchange *x = NULL;
	OWN(json) json_t *object = json_object();
	if (begin(config, CARD_OP_STATUS, &x, e) != FAS_OK || ask(x, CARD_QUICK_MS, e) != FAS_OK)
		return e->code;
	while (card_read_entry(&x->reply, CARD_TAG_LINE, &at, &line)) {
		char name[65], value[1025];
		(void)card_text(&line, CARD_TAG_NAME, name, sizeof(name));
		(void)card_text(&line, CARD_TAG_VALUE, value, sizeof(value));
		if (!cli_flag(args, "json"))
			(void)fprintf(args->out, "%-24s %s\n", name, value);
		else if (!add_line(object, name, value))
			return fas_fail_nomem(e);
	}
	if (cli_flag(args, "json")) {
		(void)json_dumpf(object, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
	}
	return FAS_OK;
}
