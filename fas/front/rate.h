/*
 * How often each of many may ask: a bucket of tokens for each key (an address, a provider), in a table of fixed size.  Who
 * has not been seen for the longest time gives up its place, and begins with a full bucket when it comes again.
 */
#ifndef FAS_FRONT_RATE_H
#define FAS_FRONT_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct rate;

/* per_minute requests of one key, as many at once; places: of the table. */
MUST_CHECK enum fas_code rate_new(
    unsigned per_minute, size_t places, struct rate **out, struct fas_err *e);
void rate_free(struct rate *rate);

/* May key ask now (monotonic time)?  0 = yes, else in how many seconds.  rate NULL: always. */
unsigned rate_take(struct rate *rate, const char *key, int64_t now_us);

/* What counts as one address: itself, of IPv6 its /64.  Returns out. */
#define RATE_KEY_MAX 64
const char *rate_address_key(const char *address, char out[RATE_KEY_MAX]);

DEFINE_OWN(rate, struct rate *, rate_free);

#endif
