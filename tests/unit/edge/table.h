/* A host table for caller.c, as the signer would tell it. */
#ifndef TESTS_EDGE_TABLE_H
#define TESTS_EDGE_TABLE_H

#include <jansson.h>

#include "fas/caller.h"

struct table_entry {
	const char *serial, *role, *name;
	bool revoked;
};

/* Aborts when it is refused. */
void table_set(
    struct caller_table *table, int64_t generation, const struct table_entry *entries, size_t n);

#endif
