#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#include "fas/base/json.h"

void
table_set(
    struct caller_table *table, int64_t generation, const struct table_entry *entries, size_t n)
{
	struct fas_err e = {0};
	json_t *hosts = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
		    hosts, json_pack("{s:s, s:s, s:s, s:b, s:I}", "serial", entries[i].serial,
			       "role", entries[i].role, "name", entries[i].name, "revoked",
			       entries[i].revoked, "not_after", (json_int_t)4102444800));
	OWN(json)
	json_t *message =
	    json_pack("{s:I, s:o}", "generation", (json_int_t)generation, "hosts", hosts);
	if (caller_table_update(table, message, &e) == FAS_OK)
		return;
	(void)fprintf(stderr, "%s\n", e.message);
	abort();
}
