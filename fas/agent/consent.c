#include "fas/agent/consent.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <assuan.h>

#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

#define ENVIRONMENT_MAX (256 * 1024)
#define TEXT_MAX 1024
#define LINE_MAX_BYTES 900 /* of the protocol: ASSUAN_LINELENGTH is 1002 */
#define GRACE_MS 5000

/* ---- in the child: where is the person? ---- */

/* What a screen or a terminal is known by. */
static const char *const variables[] = {"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "GPG_TTY", "TERM", "LANG", "LC_ALL", "HOME",
    "XDG_SESSION_TYPE"};

static void
take_variable(const char *entry)
{
	for (size_t i = 0; i < NELEMS(variables); i++) {
		size_t len = strlen(variables[i]);
		if (strncmp(entry, variables[i], len) == 0 && entry[len] == '=')
			(void)setenv(variables[i], entry + len + 1, 1);
	}
}

/* The program's own environment; as the user, so it is readable only where the user may read it. */
static void
take_environment(pid_t pid)
{
	char path[64];
	OWN(text) char *text = calloc(1, ENVIRONMENT_MAX);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 0;
	while (text && fd >= 0 && used < ENVIRONMENT_MAX - 1 &&
	       (got = read(fd, text + used, ENVIRONMENT_MAX - 1 - used)) > 0)
		used += (size_t)got;
	for (size_t at = 0; at < used; at += strlen(text + at) + 1)
		take_variable(text + at);
}

/* Its terminal, where it has one and does not say so itself. */
static void
take_terminal(pid_t pid)
{
	char link[64], path[128];
	if (getenv("GPG_TTY"))
		return;
	for (int fd = 0; fd < 3; fd++) {
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t len = readlink(link, path, sizeof(path) - 1);
		path[len > 0 ? len : 0] = 0;
		if (strncmp(path, "/dev/pts/", 9) == 0 || strncmp(path, "/dev/tty", 8) == 0) {
			(void)setenv("GPG_TTY", path, 1);
			return;
		}
	}
}

static bool
has_screen(void)
{
	return getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("GPG_TTY");
}

/* ---- in the child: the question ---- */

struct talk {
	assuan_context_t ctx;
};

static void
talk_done(struct talk *t)
{
	if (t->ctx)
		assuan_release(t->ctx);
}

DEFINE_OWN_IN_PLACE(talk, struct talk, talk_done);

/* Assuan's escapes; what is no printable character of a path is shown as '?'. */
static void
escape(const char *text, char *out, size_t size)
{
	size_t used = 0;
	for (; *text && used + 4 < size; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '%' || c == '\n')
			used += (size_t)snprintf(out + used, size - used, "%%%02X", c);
		else
			out[used++] = (char)(c < ' ' || c == 0x7f ? '?' : c);
	}
	out[used] = 0;
}

static bool
tell(struct talk *t, const char *command, const char *text)
{
	char line[LINE_MAX_BYTES], escaped[LINE_MAX_BYTES - 64];
	escape(text, escaped, sizeof(escaped));
	(void)snprintf(line, sizeof(line), "%s%s%s", command, escaped[0] ? " " : "", escaped);
	return assuan_transact(t->ctx, line, NULL, NULL, NULL, NULL, NULL, NULL) == 0;
}

/* Options that an older pinentry does not know are none the worse. */
static void
tell_options(struct talk *t, int64_t timeout_s)
{
	char text[160];
	const char *tty = getenv("GPG_TTY"), *term = getenv("TERM"), *display = getenv("DISPLAY");
	(void)snprintf(text, sizeof(text), "%lld", (long long)timeout_s);
	(void)tell(t, "SETTIMEOUT", text);
	(void)tell(t, "OPTION", "no-grab");
	if (tty) {
		(void)snprintf(text, sizeof(text), "ttyname=%.128s", tty);
		(void)tell(t, "OPTION", text);
		(void)snprintf(text, sizeof(text), "ttytype=%.64s", term ? term : "linux");
		(void)tell(t, "OPTION", text);
	}
	if (display) {
		(void)snprintf(text, sizeof(text), "display=%.128s", display);
		(void)tell(t, "OPTION", text);
	}
}

static enum fas_code
fail_consent(const char *why, struct fas_err *e)
{
	return fas_fail(e, FAS_E_DENIED, "no_consent", "%s", why);
}

static enum fas_code
open_talk(struct talk *t, const char *pinentry, struct fas_err *e)
{
	char name[PATH_MAX];
	(void)snprintf(name, sizeof(name), "%s", pinentry);
	const char *argv[] = {name, NULL};
	assuan_set_malloc_hooks(&(struct assuan_malloc_hooks){malloc, realloc, free});
	if (assuan_new(&t->ctx) != 0)
		return fas_fail_nomem(e);
	if (assuan_pipe_connect(t->ctx, name, argv, NULL, NULL, NULL, 0) != 0)
		return fail_consent("pinentry does not start: nobody can be asked", e);
	return FAS_OK;
}

static enum fas_code
ask(const char *pinentry, const char *text, int64_t timeout_s, struct fas_err *e)
{
	OWN(talk) struct talk t = {0};
	if (!has_screen())
		return fail_consent(
		    "nobody can be asked: the program has neither a screen nor a terminal", e);
	if (open_talk(&t, pinentry, e) != FAS_OK)
		return e->code;
	tell_options(&t, timeout_s);
	if (!tell(&t, "SETTITLE", "Smart card") || !tell(&t, "SETDESC", text) ||
	    !tell(&t, "SETOK", "Allow") || !tell(&t, "SETCANCEL", "Refuse"))
		return fail_consent("pinentry does not take the question", e);
	if (!tell(&t, "CONFIRM", ""))
		return fail_consent("the person said no, or did not answer", e);
	return FAS_OK;
}

enum fas_code
consent_task(json_t *input, json_t **result, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	(void)result;
	if (json_open_object(&r, input, e) != FAS_OK)
		return e->code;
	const char *pinentry = json_need_text(&r, "pinentry", 1, PATH_MAX - 1);
	const char *text = json_need_lines(&r, "text", 1, TEXT_MAX);
	int64_t pid = json_need_int(&r, "pid", 1, INT32_MAX);
	int64_t timeout_s = json_need_int(&r, "timeout_s", 1, 120);
	if (json_finish(&r) != FAS_OK)
		return e->code;
	take_environment((pid_t)pid);
	take_terminal((pid_t)pid);
	return ask(pinentry, text, timeout_s, e);
}

/* ---- in the parent ---- */

enum fas_code
consent_ask(const struct local_user *user, const struct consent_question *q, struct fas_err *e)
{
	char text[TEXT_MAX];
	OWN(json) json_t *nothing = NULL;
	struct fas_err why = {0};
	(void)snprintf(text, sizeof(text),
	    "%s\nwants to sign with the card %s.\n\nThe answer holds for %s.", q->program, q->card,
	    q->scope);
	OWN(json)
	json_t *input = json_pack("{s:s,s:s,s:I,s:I}", "pinentry", q->pinentry, "text", text, "pid",
	    (json_int_t)q->pid, "timeout_s", (json_int_t)q->timeout_s);
	if (!input)
		return fas_fail_nomem(e);
	const struct child_order order = {
	    .task = "consent", .input = input, .timeout_ms = (int)q->timeout_s * 1000 + GRACE_MS};
	enum fas_code rc = child_run(user, &order, &nothing, &why);
	if (rc == FAS_OK)
		return FAS_OK;
	return fail_consent(why.message, e);
}
