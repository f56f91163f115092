#include "fas/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define LINE_MAX_BYTES 8192
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

static void
put_pair(struct buf *line, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(line, " %s=", key);
	put_value(line, value);
}

static void
put_pairs(struct buf *line, va_list args)
{
	const char *key;
	while ((key = va_arg(args, const char *)) != NULL)
		put_pair(line, key, va_arg(args, const char *));
}

static void
begin_line(struct buf *line, enum log_level level, const char *event)
{
	char time_text[TIME_TEXT_MAX];
	buf_init(line, LINE_MAX_BYTES);
	buf_printf(line, "time=%s level=%s event=%s", time_format(clock_now(), time_text),
	    level_names[level], event);
	put_pair(line, "id", correlation);
}

/* One write per line, so that lines of several threads and processes do not mix. */
static void
end_line(struct buf *line)
{
	if (line->failed) {
		/* Too long: cut, but still a line of its own. */
		line->failed = false;
		line->max_bytes += sizeof(CUT_MARK);
		buf_text(line, CUT_MARK);
	}
	buf_text(line, "\n");
	if (write(STDERR_FILENO, buf_str(line), line->len) < 0)
		return;
}

void
log_event(enum log_level level, const char *event, ...)
{
	if ((int)level < atomic_load(&least_level))
		return;
	OWN(buf) struct buf line;
	begin_line(&line, level, event);
	va_list args;
	va_start(args, event);
	put_pairs(&line, args);
	va_end(args);
	end_line(&line);
}

void
log_error(const char *event, const struct fas_err *e, ...)
{
	OWN(buf) struct buf line;
	begin_line(&line, LOG_LEVEL_ERROR, event);
	put_pair(&line, "code", fas_code_name(e->code));
	put_pair(&line, "reason", fas_err_reason(e));
	put_pair(&line, "message", e->message);
	va_list args;
	va_start(args, e);
	put_pairs(&line, args);
	va_end(args);
	end_line(&line);
}
