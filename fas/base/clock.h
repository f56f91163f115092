/*
 * Time, and the refusal to trust a clock that runs backwards.
 *
 * The high-water mark is the latest time at which this process (or an earlier one, through the
 * database) acted. Tickets, claims and certificates all end by time: with a clock set back, an
 * ended one would live again.
 */
#ifndef FAS_BASE_CLOCK_H
#define FAS_BASE_CLOCK_H

#include <stdint.h>

#include "fas/base/err.h"

struct db;

/* Seconds since 1970, UTC (CLOCK_REALTIME). */
int64_t clock_now(void);
int64_t clock_now_ms(void);
/* Microseconds that only grow, for deadlines and durations. */
int64_t clock_monotonic_us(void);

/*
 * The present time, refused when it lies more than skew_s below the high-water mark
 * (FAS_E_UNAVAILABLE, "clock_backwards": the remedy is in the message).  Raises the mark in memory.
 * Thread-safe.
 */
MUST_CHECK enum fas_code clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e);

/* Load the mark from table meta at start; store it, called within any write transaction (cheap: at
 * most each 10 s). */
MUST_CHECK enum fas_code clock_load(struct db *db, struct fas_err *e);
MUST_CHECK enum fas_code clock_store(struct db *db, struct fas_err *e);

#endif
