#include "fas/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/journal.h"
#include "fas/base/text.h"

#define LINE_MAX_BYTES 8192
#define ENTRY_MAX_BYTES (4 * LINE_MAX_BYTES)
#define CUT_MARK "...\" cut=true"

static _Atomic int least_level = LOG_LEVEL_INFO;
static _Thread_local const char *correlation;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void
log_set_level(enum log_level level)
{
	atomic_store(&least_level, (int)level);
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < NELEMS(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void
log_set_correlation(const char *id)
{
	correlation = id;
}

const char *
log_correlation(void)
{
	return correlation;
}

static void
put_value(struct buf *line, const char *value)
{
	bool visible = !utf8_has_invisible(value);
	if (*value && strpbrk(value, " \"=\\") == NULL && visible) {
		buf_text(line, value);
		return;
	}
	buf_text(line, "\"");
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (c == '"' || c == '\\')
			buf_printf(line, "\\%c", c);
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !visible))
			buf_printf(line, "\\x%02x", c);
		else
			buf_append(line, value, 1);
	}
	buf_text(line, "\"");
}

/* One event under way: as a line of text, and as an entry of the journal if there is one. */
struct event {
	struct buf line;
	size_t
	    message; /* where the line's text begins that the journal does not have in fields of its own */
	int journal; /* -1: none */
	struct buf entry;
};

static void
put_pair(struct event *event, const char *key, const char *value)
{
	if (!value)
		return;
	buf_text(&event->line, " ");
	buf_text(&event->line, key);
	buf_text(&event->line, "=");
	put_value(&event->line, value);
	if (event->journal >= 0)
		journal_member(&event->entry, key, value);
}

static void
put_pairs(struct event *event, va_list args)
{
	const char *key;
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);
		bool said = correlation && value && strcmp(key, "correlation_id") == 0 &&
			    strcmp(value, correlation) == 0;
		if (!said)
			put_pair(event, key, value);
	}
}

/* ---- the journal ---- */

static pthread_once_t looked = PTHREAD_ONCE_INIT;
static _Atomic int journal = -1;

static void
look_for_journal(void)
{
	if (journal_is_stream(getenv("JOURNAL_STREAM"), STDERR_FILENO))
		atomic_store(&journal, journal_connect(JOURNAL_SOCKET));
}

void
log_to_journal(const char *path)
{
	(void)pthread_once(&looked, look_for_journal);
	int old = atomic_exchange(&journal, path ? journal_connect(path) : -1);
	if (old >= 0)
		(void)close(old);
}

static void
begin_entry(struct event *event, enum log_level level)
{
	static const char *const priorities[] = {"7", "6", "4", "3"}; /* syslog(3) */
	(void)pthread_once(&looked, look_for_journal);
	event->journal = atomic_load(&journal);
	buf_init(&event->entry, ENTRY_MAX_BYTES);
	if (event->journal < 0)
		return;
	journal_field(&event->entry, "PRIORITY", priorities[level]);
	journal_field(&event->entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
}

/* ---- an event ---- */

static void
begin_event(struct event *event, enum log_level level, const char *name)
{
	char time_text[TIME_TEXT_MAX];
	begin_entry(event, level);
	buf_init(&event->line, LINE_MAX_BYTES);
	buf_printf(&event->line, "time=%s level=%s ", time_format(clock_now(), time_text),
	    level_names[level]);
	event->message = event->line.len;
	buf_printf(&event->line, "event=%s", name);
	if (event->journal >= 0)
		journal_member(&event->entry, "event", name);
	put_pair(event, "correlation_id", correlation);
}

static bool
send_entry(struct event *event)
{
	if (event->journal < 0)
		return false;
	journal_field(&event->entry, "MESSAGE", buf_str(&event->line) + event->message);
	return journal_send(event->journal, &event->entry);
}

/* One write per line, so that lines of several threads and processes do not mix. */
static void
end_event(struct event *event)
{
	struct buf *line = &event->line;
	if (line->failed) {
		/* Too long: cut, but still a line of its own. */
		line->failed = false;
		line->max_bytes += sizeof(CUT_MARK);
		buf_text(line, CUT_MARK);
	}
	if (!send_entry(event)) {
		buf_text(line, "\n");
		if (write(STDERR_FILENO, buf_str(line), line->len) < 0)
			line->failed = true; /* there is nowhere left to say it */
	}
	buf_done(line);
	buf_done(&event->entry);
}

void
log_event(enum log_level level, const char *event, ...)
{
	struct event one;
	if ((int)level < atomic_load(&least_level))
		return;
	begin_event(&one, level, event);
	va_list args;
	va_start(args, event);
	put_pairs(&one, args);
	va_end(args);
	end_event(&one);
}

void
log_error(const char *event, const struct fas_err *e, ...)
{
	struct event one;
	begin_event(&one, LOG_LEVEL_ERROR, event);
	put_pair(&one, "code", fas_code_name(e->code));
	put_pair(&one, "reason", fas_err_reason(e));
	put_pair(&one, "message", e->message);
	va_list args;
	va_start(args, e);
	put_pairs(&one, args);
	va_end(args);
	end_event(&one);
}
