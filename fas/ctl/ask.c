#include "fas/ctl/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

#define SEND_MS 5000
#define ANSWER_MS 120000 /* a new RSA-4096 key on a slow machine */
#define FILE_MS 3600000  /* a large database is copied meanwhile */
#define TICK_MS 250
#define SILENT_US 1000000

static const struct peer {
	const char *name;
	const char *option;
	const char *environment;
	const char *path;
} peers[] = {
    [CTL_SIGNER] = {"fas-signer", "signer-socket", "FAS_SIGNER_ADMIN",
	FAS_RUNSTATEDIR "/fas-signer/admin.sock"},
    [CTL_FASD] = {"fasd", "fasd-socket", "FAS_ADMIN", FAS_RUNSTATEDIR "/fas/admin.sock"},
};

static const struct remedy {
	const char *reason;
	const char *text;
} remedies[] = {
    {"peer_away", "Is the service running?  systemctl status fasd fas-signer.  Another socket is "
		  "named by --signer-socket, --fasd-socket, FAS_SIGNER_ADMIN or FAS_ADMIN."},
    {"socket_forbidden", "Run this as root or as a member of the administrators' group (admin: "
			 "group: in signer.yaml and fasd.yaml)."},
    {"admin_refused", "The service answers root and the administrators' group only (admin: group: "
		      "in signer.yaml and fasd.yaml)."},
    {"peer_closed", "The service does not answer this user: run this as root or as a member of "
		    "the administrators' group."},
    {"clock_backwards", "The clock went back: correct it (chronyc tracking), or wait until it has "
			"caught up."},
    {"no_certificate", "This authority has no certificate yet: fasctl ca init, sign the request "
		       "at your root, fasctl ca install."},
};

const char *
ctl_peer_name(enum ctl_peer peer)
{
	return peers[peer].name;
}

const char *
ctl_peer_path(const struct cli_args *args, enum ctl_peer peer)
{
	const char *path = cli_text(args, peers[peer].option);
	if (!path)
		path = getenv(peers[peer].environment);
	return path && *path ? path : peers[peer].path;
}

/* Wait for the first byte of the answer; a terminal sees after a second that somebody works. */
static void
wait_visibly(const struct cli_args *args, const char *name, int fd, int64_t most_ms)
{
	int64_t start = clock_monotonic_us(), now = start;
	bool shown = false, terminal = isatty(fileno(args->err)) == 1;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (now - start < most_ms * 1000) {
		int ready = poll(&p, 1, TICK_MS);
		if (ready > 0 || (ready < 0 && errno != EINTR))
			break;
		now = clock_monotonic_us();
		if (!terminal || now - start < SILENT_US)
			continue;
		shown = true;
		(void)fprintf(args->err, "\rwaiting for %s, %lld s ", name,
		    (long long)((now - start) / 1000000));
		(void)fflush(args->err);
	}
	if (shown)
		(void)fprintf(args->err, "\r\033[K");
}

static enum fas_code
exchange(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply,
    int *file, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *answer = NULL;
	enum fas_code rc = wire_connect(ctl_peer_path(args, peer), &fd, e);
	if (rc == FAS_OK)
		rc = wire_send(fd, request, SEND_MS, e);
	if (rc != FAS_OK)
		return rc;
	wait_visibly(args, peers[peer].name, fd, file ? FILE_MS : ANSWER_MS);
	rc = wire_receive(fd, WIRE_MESSAGE_MAX, SEND_MS, &answer, e);
	if (rc != FAS_OK)
		return rc;
	rc = wire_check(answer, e);
	if (rc == FAS_OK && file)
		rc = wire_receive_file(fd, file, SEND_MS, e);
	if (rc == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}

static enum fas_code
ask(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply, int *file,
    struct fas_err *e)
{
	OWN(json) json_t *owned = request;
	if (!owned)
		return fas_fail(e, FAS_E_INPUT, "argument_text",
		    "an argument is no UTF-8 text (or memory ran out)");
	if (exchange(args, peer, owned, reply, file, e) != FAS_OK)
		return fas_wrap(e, "%s", peers[peer].name);
	return FAS_OK;
}

enum fas_code
ctl_request(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply,
    struct fas_err *e)
{
	return ask(args, peer, request, reply, NULL, e);
}

enum fas_code
ctl_request_file(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply,
    int *file, struct fas_err *e)
{
	return ask(args, peer, request, reply, file, e);
}

int
ctl_fail(const struct cli_args *args, const struct fas_err *e)
{
	int rc = cli_fail(args, e);
	for (size_t i = 0; i < NELEMS(remedies); i++) {
		if (strcmp(remedies[i].reason, fas_err_reason(e)) == 0)
			(void)fprintf(args->err, "%s\n", remedies[i].text);
	}
	return rc;
}

/* Nothing has happened yet: another administrator has to agree. */
static int
say_waiting(const struct cli_args *args, const json_t *reply)
{
	const json_t *act = json_object_get(reply, "waiting");
	const char *id = json_string_value(json_object_get(act, "id"));
	const char *sha256 = json_string_value(json_object_get(act, "sha256"));
	(void)fprintf(args->err,
	    "This needs two persons, and waits for the second: fasctl proposal approve %s\n"
	    "Let him compare (fasctl proposal show): sha256 %s\n",
	    id ? id : "?", sha256 ? sha256 : "?");
	if (cli_flag(args, "json")) {
		(void)json_dumpf(reply, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
	}
	return CLI_WAITING;
}

int
ctl_ask(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply)
{
	struct fas_err e = {0};
	if (ctl_request(args, peer, request, reply, &e) != FAS_OK)
		return ctl_fail(args, &e);
	return json_object_get(*reply, "waiting") ? say_waiting(args, *reply) : CLI_OK;
}

void
ctl_progress(const struct cli_args *args, const char *what, int64_t n, int64_t total)
{
	if (isatty(fileno(args->err)) != 1)
		return;
	(void)fprintf(args->err, "\r\033[K");
	if (what && total > 0)
		(void)fprintf(args->err, "%s: %lld of %lld", what, (long long)n, (long long)total);
	else if (what)
		(void)fprintf(args->err, "%s: %lld", what, (long long)n);
	(void)fflush(args->err);
}

/* A value that does not fit into JSON is text that is no UTF-8. */
static int
put(json_t *request, const char *member, json_t *value, const struct cli_args *args,
    const char *option)
{
	if (json_object_set_new(request, member, value) == 0)
		return CLI_OK;
	return cli_usage(args, "--%s: the value is no UTF-8 text", option);
}

int
ctl_ask_table(
    const struct cli_args *args, enum ctl_peer peer, json_t *request, const struct ctl_table *table)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, peer, request, &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, json_object_get(reply, table->member), table->columns,
		    table->n_columns, table->none);
	return CLI_OK;
}

int
ctl_put_option(json_t *request, const char *member, const struct cli_args *args, const char *option)
{
	const char *text = cli_text(args, option);
	return text ? put(request, member, json_string(text), args, option) : CLI_OK;
}

int
ctl_put_duration(json_t *request, const char *member, const struct cli_args *args,
    const char *option, long long max_s)
{
	int64_t seconds = 0;
	const char *text = cli_text(args, option);
	if (!text)
		return CLI_OK;
	if (!parse_duration(text, 1, max_s, &seconds))
		return cli_usage(
		    args, "--%s %s: want digits and s, m, h or d, such as 24h", option, text);
	return put(request, member, json_integer(seconds), args, option);
}

int
ctl_put_number(json_t *request, const char *member, const struct cli_args *args, const char *option,
    long long max)
{
	uint64_t number = 0;
	const char *text = cli_text(args, option);
	if (!text)
		return CLI_OK;
	if (!parse_uint(text, 1, (uint64_t)max, &number))
		return cli_usage(args, "--%s %s: want a number from 1 to %lld", option, text, max);
	return put(request, member, json_integer((json_int_t)number), args, option);
}

enum fas_code
ctl_write_out(const struct cli_args *args, const char *option, const char *text, unsigned mode,
    struct fas_err *e)
{
	const char *path = cli_text(args, option);
	if (path && strcmp(path, "-") != 0)
		return file_write_atomic(path, text, strlen(text), (mode_t)mode, e);
	if (fputs(text, args->out) < 0 || fflush(args->out) != 0)
		return fas_fail_errno(e, "standard output");
	return FAS_OK;
}
