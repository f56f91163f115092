/*
 * How many users' certificates in how much time: in all, and for each SID.
 *
 * A window of 16 slices: what it counts always covers at least the whole period, at most a sixteenth more.  Seeded from
 * ca.db at start, so that a restart forgets nothing.  Thread-safe.
 */
#ifndef CA_RATE_H
#define CA_RATE_H

#include <stdint.h>

#include "ca/limits.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

struct rate;

MUST_CHECK enum fas_code rate_new(const struct rate_limit *per_sid, const struct rate_limit *total,
    struct rate **out, struct fas_err *e);
void rate_free(struct rate *rate);

/*
 * Count one for sid (NULL: in all only).  FAS_E_LIMIT "rate_of_sid" or "rate_in_all", and then nothing is counted.
 */
MUST_CHECK enum fas_code rate_take(
    struct rate *rate, const struct sid *sid, int64_t now_s, struct fas_err *e);
/* A certificate of the past, at start: counted whatever the limit says. */
MUST_CHECK enum fas_code rate_seed(
    struct rate *rate, const struct sid *sid, int64_t when_s, struct fas_err *e);

DEFINE_OWN(rate, struct rate *, rate_free);

#endif
