#include "fas/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_ROOM 256 /* a log line, a record, a small message: one allocation */

void
buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max_bytes = max_bytes};
}

void
buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max_bytes = b->max_bytes};
}

static bool
make_room(struct buf *b, size_t more)
{
	/* Half of what there can be at all: so doubling never runs over. */
	if (b->failed || more > b->max_bytes - b->len || more > SIZE_MAX / 4 ||
	    b->len > SIZE_MAX / 4) {
		b->failed = true;
		return false;
	}
	size_t want = b->len + more + 1;
	if (want <= b->room)
		return true;
	size_t room = b->room ? b->room : FIRST_ROOM;
	while (room < want)
		room *= 2;
	uint8_t *grown = realloc(b->data, room);
	if (!grown) {
		b->failed = b->no_memory = true;
		return false;
	}
	b->data = grown;
	b->room = room;
	return true;
}

void
buf_append(struct buf *b, const void *data, size_t len)
{
	if (!make_room(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void
buf_text(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

/* Into the room that there is, at first: mostly it is enough. */
void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	size_t room = b->failed ? 0 : b->room - b->len;
	char *end = room > 0 ? (char *)b->data + b->len : NULL;
	va_start(args, fmt);
	int need = vsnprintf(end, room, fmt, args);
	va_end(args);
	bool fits = need >= 0 && (size_t)need < room && (size_t)need <= b->max_bytes - b->len;
	if (!fits && end)
		*end = 0;
	if (need < 0 || !make_room(b, (size_t)need)) {
		b->failed = true;
		return;
	}
	if (!fits) {
		va_start(args, fmt);
		(void)vsnprintf((char *)b->data + b->len, (size_t)need + 1, fmt, args);
		va_end(args);
	}
	b->len += (size_t)need;
}

enum fas_code
buf_check(const struct buf *b, struct fas_err *e)
{
	if (!b->failed)
		return FAS_OK;
	if (b->no_memory)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_LIMIT, "too_large", "more than %zu bytes", b->max_bytes);
}

char *
buf_take(struct buf *b, size_t *len)
{
	if (b->failed || !make_room(b, 0))
		return NULL;
	b->data[b->len] = 0;
	if (len)
		*len = b->len;
	char *taken = (char *)b->data;
	*b = (struct buf){.max_bytes = b->max_bytes};
	return taken;
}

const char *
buf_str(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}
