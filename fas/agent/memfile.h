/*
 * Short-lived files that exist in locked memory only and that libraries open by a path:
 * /proc/self/fd/N.  Wiped when closed.
 */
#ifndef FAS_AGENT_MEMFILE_H
#define FAS_AGENT_MEMFILE_H

#include <stddef.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define MEMFILE_PATH_MAX 32

struct memfile {
	int fd;
	void *map; /* kept mapped: under mlockall its pages never reach the swap */
	size_t len;
	char path[MEMFILE_PATH_MAX];
};

#define MEMFILE_NONE ((struct memfile){.fd = -1})

/* name: for /proc only.  len at least 1. */
MUST_CHECK enum fas_code memfile_make(
    struct memfile *m, const char *name, const void *data, size_t len, struct fas_err *e);
void memfile_done(struct memfile *m);

DEFINE_OWN_IN_PLACE(memfile, struct memfile, memfile_done);

#endif
