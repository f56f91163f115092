#include "tests/unit/base/base_fixture.h"

#include <errno.h>

#include "fas/base/clock.h"
#include "fas/base/db.h"
#include "tests/unit/base/db_fixture.h"

static void
present_time_is_accepted(void **state)
{
	struct fas_err e = {0};
	int64_t now = 0;
	(void)state;
	assert_good(clock_checked(0, &now, &e), &e);
	assert_true(now >= 1700000000 && now <= clock_now());
	assert_true(clock_now_ms() / 1000 >= now);
	int64_t before = clock_monotonic_us();
	assert_true(clock_monotonic_us() >= before);
}

/* By the wall clock its deadline would lie decades ago, and the wait be none. */
static void
a_wait_goes_by_the_clock_that_nobody_sets(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;
	(void)state;
	clock_cond_init(&cond);
	int64_t began_us = clock_monotonic_us();
	const struct timespec until = clock_deadline(50);
	assert_int_equal(pthread_mutex_lock(&lock), 0);
	assert_int_equal(pthread_cond_timedwait(&cond, &lock, &until), ETIMEDOUT);
	assert_int_equal(pthread_mutex_unlock(&lock), 0);
	assert_true(clock_monotonic_us() - began_us >= 50000);
	assert_int_equal(pthread_cond_destroy(&cond), 0);
}

static enum fas_code
stored_fn(struct db *db, void *arg, struct fas_err *e)
{
	return db_meta_get_int(db, "clock_high_water", 0, arg, e);
}

static void
mark_is_stored_with_a_write(void **state)
{
	struct fas_err e = {0};
	int64_t now = 0, stored = 0;
	struct db_pool *pool = db_fixture_open("store.db");
	(void)state;
	assert_good(clock_checked(0, &now, &e), &e);
	assert_good(db_write(pool, insert_fn, &(struct row){1, "x"}, &e), &e);
	assert_good(db_read(pool, stored_fn, &stored, &e), &e);
	assert_true(stored > 0 && stored <= now);
	db_pool_close(pool);
}

static enum fas_code
set_mark_fn(struct db *db, void *arg, struct fas_err *e)
{
	return db_meta_set_int(db, "clock_high_water", *(int64_t *)arg, e);
}

/* The mark is the process's: this test is the last. */
static void
time_before_the_stored_mark_is_refused_beyond_the_skew(void **state)
{
	struct fas_err e = {0};
	int64_t mark = clock_now() + 1000, now = 0;
	struct db_pool *pool = db_fixture_open("mark.db");
	(void)state;
	assert_good(db_write(pool, set_mark_fn, &mark, &e), &e);
	db_pool_close(pool);
	pool = db_fixture_open("mark.db");
	assert_failed(clock_checked(60, &now, &e), &e, FAS_E_UNAVAILABLE, "clock_backwards");
	assert_int_equal(now, 0);
	fas_err_clear(&e);
	assert_good(clock_checked(1000, &now, &e), &e);
	db_pool_close(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(present_time_is_accepted),
	    cmocka_unit_test(a_wait_goes_by_the_clock_that_nobody_sets),
	    cmocka_unit_test(mark_is_stored_with_a_write),
	    cmocka_unit_test(time_before_the_stored_mark_is_refused_beyond_the_skew),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
