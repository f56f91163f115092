/*
 * A growing byte buffer that declares its maximum.  Appending past the maximum, or running out of
 * memory, makes the buffer fail for good (it keeps what it holds and takes no more): append freely,
 * then check buf_failed once.
 */
#ifndef FAS_BASE_BUF_H
#define FAS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct buf {
	uint8_t *data; /* always followed by a NUL that len does not count; NULL while empty */
	size_t len;
	size_t room;
	size_t max_bytes;
	bool failed;
	bool no_memory; /* why it failed */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* FAS_OK, or FAS_E_LIMIT "too_large" / FAS_E_NOMEM of the first append that did not fit. */
MUST_CHECK enum fas_code buf_check(const struct buf *b, struct fas_err *e);

/* Hand the NUL-terminated content to the caller, who frees it with free(); b is empty afterwards.
 * NULL if failed. */
char *buf_take(struct buf *b, size_t *len);

/* The content as text; "" while empty. */
const char *buf_str(const struct buf *b);

DEFINE_OWN_IN_PLACE(buf, struct buf, buf_done);

#endif
