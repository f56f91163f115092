#include "fas/base/clock.h"

#include <stdatomic.h>

#include "fas/base/db.h"

#define STORE_EACH_S 10

static _Atomic int64_t high_water_s;
static _Atomic int64_t stored_s;

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec ts;
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return read_clock_us(CLOCK_REALTIME) / 1000000;
}

int64_t
clock_now_ms(void)
{
	return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_monotonic_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

void
clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

struct timespec
clock_deadline_at(int64_t monotonic_us)
{
	return (struct timespec){
	    .tv_sec = monotonic_us / 1000000, .tv_nsec = monotonic_us % 1000000 * 1000};
}

struct timespec
clock_deadline(int64_t wait_ms)
{
	return clock_deadline_at(clock_monotonic_us() + wait_ms * 1000);
}

static void
raise_to(_Atomic int64_t *mark, int64_t value)
{
	int64_t seen = atomic_load(mark);
	while (seen < value && !atomic_compare_exchange_weak(mark, &seen, value))
		;
}

enum fas_code
clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e)
{
	int64_t now = clock_now(), mark = atomic_load(&high_water_s);
	if (now < mark - skew_s)
		return fas_fail(e, FAS_E_UNAVAILABLE, "clock_backwards",
		    "the clock stands %lld s before the latest time on record: set it right (NTP), "
		    "or wait until it has caught up",
		    (long long)(mark - now));
	raise_to(&high_water_s, now);
	*now_s = now;
	return FAS_OK;
}

enum fas_code
clock_load(struct db *db, struct fas_err *e)
{
	int64_t mark = 0;
	enum fas_code rc = db_meta_get_int(db, "clock_high_water", 0, &mark, e);
	if (rc != FAS_OK)
		return rc;
	raise_to(&high_water_s, mark);
	raise_to(&stored_s, mark);
	return FAS_OK;
}

enum fas_code
clock_store(struct db *db, struct fas_err *e)
{
	int64_t mark = atomic_load(&high_water_s);
	if (mark < atomic_load(&stored_s) + STORE_EACH_S)
		return FAS_OK;
	enum fas_code rc = db_meta_set_int(db, "clock_high_water", mark, e);
	if (rc == FAS_OK)
		raise_to(&stored_s, mark);
	return rc;
}
