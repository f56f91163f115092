/*
 * Time, and the refusal to trust a clock that runs backwards.
 *
 * The high-water mark is the latest time at which this process (or an earlier one, through the
 * database) acted. Tickets, claims and certificates all end by time: with a clock set back, an
 * ended one would live again.
 */
#ifndef FAS_BASE_CLOCK_H
#define FAS_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "fas/base/err.h"

struct db;

/* Seconds since 1970, UTC (CLOCK_REALTIME). */
int64_t clock_now(void);
int64_t clock_now_ms(void);
/* Microseconds that only grow, for deadlines and durations. */
int64_t clock_monotonic_us(void);

/*
 * A condition variable whose timed waits do not notice that somebody sets the clock: by the wall clock a step back
 * would let a wait of two seconds last an hour.  Its deadlines are of clock_deadline, or clock_deadline_at.
 */
void clock_cond_init(pthread_cond_t *cond);
/* So many milliseconds from now; or at that time of clock_monotonic_us. */
struct timespec clock_deadline(int64_t wait_ms);
struct timespec clock_deadline_at(int64_t monotonic_us);

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
