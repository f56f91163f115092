#include "fas/doctor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

#define WHAT_MAX 500
#define COMMAND_MAX (96 * 1024)

enum fas_code
report_init(struct report *report, struct fas_err *e)
{
	*report = (struct report){.findings = json_array(), .checks = json_array()};
	return report->findings && report->checks ? FAS_OK : fas_fail_nomem(e);
}

void
report_done(struct report *report)
{
	json_decref(report->findings);
	json_decref(report->checks);
	*report = (struct report){0};
}

void
report_begin(struct report *report, const char *name, const char *meaning)
{
	report->name = name;
	report->meaning = meaning;
	report->notes = json_array();
	report->n_found = report->n_unknown = report->n_left_out = 0;
	(void)json_array_append_new(report->checks,
	    json_pack("{s:s, s:s, s:o}", "name", name, "state", "good", "notes", report->notes));
}

void
report_end(struct report *report)
{
	json_t *check = json_array_get(report->checks, json_array_size(report->checks) - 1);
	if (report->n_left_out > 0)
		report_note(
		    report, "%zu more findings like these are left out", report->n_left_out);
	const char *state = report->n_found > 0     ? "finding"
			    : report->n_unknown > 0 ? "not_checked"
						    : "good";
	(void)json_object_set_new(check, "state", json_string(state));
}

/* Text in pieces may have been cut within a character: then its last bytes go. */
static json_t *
text_json(char *text)
{
	size_t len = strlen(text);
	while (len > 0 && !utf8_is_valid(text, len))
		len--;
	return json_stringn(text, len);
}

json_t *
report_finding(struct report *report, const char *subject, const char *fmt, ...)
{
	char what[WHAT_MAX];
	va_list args;
	report->n_found++;
	if (report->n_found > REPORT_OF_A_CHECK_MAX ||
	    json_array_size(report->findings) == REPORT_FINDINGS_MAX) {
		report->n_left_out++;
		return NULL;
	}
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	json_t *finding = json_pack("{s:s, s:s, s:o, s:s, s:[]}", "check", report->name, "subject",
	    subject, "what", text_json(what), "meaning", report->meaning, "remedy");
	(void)json_array_append_new(report->findings, finding);
	return finding;
}

static void
add_note(struct report *report, char *text)
{
	if (json_array_size(report->notes) < REPORT_NOTES_MAX)
		(void)json_array_append_new(report->notes, text_json(text));
}

void
report_unknown(struct report *report, const char *subject, const struct fas_err *why)
{
	char text[WHAT_MAX + FAS_ERR_MESSAGE_MAX];
	report->n_unknown++;
	(void)snprintf(text, sizeof(text), "%.400s: not checked: %s", subject, why->message);
	add_note(report, text);
}

void
report_note(struct report *report, const char *fmt, ...)
{
	char text[WHAT_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_note(report, text);
}

enum fas_code
report_take(struct report *report, json_t **out, struct fas_err *e)
{
	*out = json_pack("{s:O, s:O}", "findings", report->findings, "checks", report->checks);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

/* ---- remedies ---- */

static void
add_command(json_t *finding, enum remedy_at at, const char *command)
{
	(void)json_array_append_new(json_object_get(finding, "remedy"),
	    json_pack(
		"{s:s, s:s}", "at", at == REMEDY_HERE ? "here" : "controller", "command", command));
}

void
remedy(json_t *finding, enum remedy_at at, const char *fmt, ...)
{
	OWN(text) char *command = NULL;
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(&command, fmt, args);
	va_end(args);
	if (len < 0)
		command = NULL;
	else
		add_command(finding, at, command);
}

/* RFC 2849, SAFE-STRING; and nothing that anybody could take for the end of the document. */
static bool
is_plain(const uint8_t *data, size_t len)
{
	if (len == 0 || len > 400 || data[0] == ' ' || data[0] == ':' || data[0] == '<' ||
	    data[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (data[i] < 0x20 || data[i] > 0x7e)
			return false;
	}
	return true;
}

static void
add_line(struct buf *out, const char *name, const void *data, size_t len)
{
	if (is_plain(data, len)) {
		buf_printf(out, "%s: %.*s\n", name, (int)len, (const char *)data);
		return;
	}
	OWN(text) char *encoded = base64_encode(data, len);
	buf_printf(out, "%s:: %s\n", name, encoded ? encoded : "");
}

void
remedy_ldif(json_t *finding, const char *dn, const char *op, const char *attribute,
    const void *data, size_t len)
{
	OWN(buf) struct buf out;
	buf_init(&out, COMMAND_MAX);
	buf_text(&out, "ldbmodify -H /var/lib/samba/private/sam.ldb <<'EOF'\n");
	add_line(&out, "dn", dn, strlen(dn));
	buf_printf(&out, "changetype: modify\n%s: %s\n", op, attribute);
	if (data)
		add_line(&out, attribute, data, len);
	buf_text(&out, "EOF");
	if (buf_check(&out, NULL) == FAS_OK)
		add_command(finding, REMEDY_CONTROLLER, buf_str(&out));
}

/* 'text', each quote in it as quote says. */
static char *
quoted(const char *text, const char *quote)
{
	struct buf out;
	size_t len;
	buf_init(&out, COMMAND_MAX);
	buf_text(&out, "'");
	for (const char *at = text; *at; at++) {
		if (*at == '\'')
			buf_text(&out, quote);
		else
			buf_append(&out, at, 1);
	}
	buf_text(&out, "'");
	char *whole = buf_check(&out, NULL) == FAS_OK ? buf_take(&out, &len) : NULL;
	buf_done(&out);
	return whole;
}

char *
quote_shell(const char *text)
{
	return quoted(text, "'\\''");
}

char *
quote_powershell(const char *text)
{
	return quoted(text, "''");
}
