#include "fas/watchdog_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/log.h"

#define CONFIRM 2 /* so many rounds in a row: one lost packet is no alarm */

struct memory *
memory_of(struct memories *memories, const char *key)
{
	for (size_t i = 0; i < memories->n; i++) {
		if (strcmp(memories->all[i].key, key) == 0)
			return &memories->all[i];
	}
	char *own = memories->n < MEMORIES_MAX ? strdup(key) : NULL;
	if (!own)
		return NULL;
	struct memory *m = &memories->all[memories->n++];
	*m = (struct memory){.key = own};
	return m;
}

bool
memory_note(struct memory *m, bool good, const char *event, const char *subject, const char *url,
    const struct fas_err *why)
{
	char over[64];
	if (!m)
		return !good;
	bool was = m->failed == CONFIRM;
	m->failed = good ? 0 : m->failed + !was;
	bool is = m->failed == CONFIRM;
	(void)snprintf(over, sizeof(over), "%s_over", event);
	if (was && !is)
		log_event(LOG_LEVEL_INFO, over, "certificates", subject, "url", url, NULL);
	if (is && !was)
		log_error(event, why, "certificates", subject, "url", url, NULL);
	return is;
}

void
memories_done(struct memories *memories)
{
	for (size_t i = 0; i < memories->n; i++)
		free(memories->all[i].key);
	memories->n = 0;
}
