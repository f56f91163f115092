/*
 * The one type for secrets: keys, tickets, tokens, passphrases.  Wiped when released, compared in
 * constant time, and never printable through %s by accident.  (Pages are locked and core dumps off
 * for the whole process where it holds secrets: sandbox.h.)
 */
#ifndef FAS_BASE_SECRET_H
#define FAS_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct secret {
	uint8_t *data; /* followed by a NUL that len does not count */
	size_t len;
};

/* Allocate len zero bytes.  s must be empty. */
MUST_CHECK enum fas_code secret_init(struct secret *s, size_t len, struct fas_err *e);
/* Copy data; the caller wipes its own copy. */
MUST_CHECK enum fas_code secret_copy(
    struct secret *s, const void *data, size_t len, struct fas_err *e);
/* len random bytes of the system. */
MUST_CHECK enum fas_code secret_random(struct secret *s, size_t len, struct fas_err *e);
/*
 * Read a file of at most max_bytes whose owner is this process's or root and which others cannot
 * touch (mode & 077 == 0; group read is allowed for root-owned files).  A trailing newline is
 * dropped.
 */
MUST_CHECK enum fas_code secret_load(
    struct secret *s, const char *path, size_t max_bytes, struct fas_err *e);
bool secret_equal(const struct secret *a, const void *data, size_t len);
/* Wipe and free; s is empty afterwards. */
void secret_done(struct secret *s);

/* Wipe memory that is not a struct secret (a key's text on the stack). */
void secret_wipe(void *data, size_t len);

DEFINE_OWN_IN_PLACE(secret, struct secret, secret_done);

#endif
