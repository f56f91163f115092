/* What the watchdog remembers from round to round, of each link and each place. */
#ifndef FAS_WATCHDOG_MEMORY_H
#define FAS_WATCHDOG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/watchdog_places.h"

#define MEMORIES_MAX 512

struct memory {
	char *key;
	unsigned failed;                  /* rounds in a row */
	char number[CRL_NUMBER_TEXT_MAX]; /* the highest that was seen there */
	struct place_known known;         /* of a CRL's place */
};

struct memories {
	struct memory all[MEMORIES_MAX];
	size_t n;
};

/* Of this key, made when it is new; NULL when there is no room: then each round begins anew. */
struct memory *memory_of(struct memories *memories, const char *key);
/* Count, and log `event` when it begins and when it is over.  Returns whether it is an alarm by now. */
bool memory_note(struct memory *memory, bool good, const char *event, const char *subject,
    const char *url, const struct fas_err *why);
void memories_done(struct memories *memories);

#endif
