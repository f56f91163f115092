/* The rate's window: never more than the count in any period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ca/rate.h"

static const struct sid alice = {5, 5, {21, 1, 2, 3, 1105}};
static const struct sid bob = {5, 5, {21, 1, 2, 3, 1106}};

static struct rate *
make(int64_t per_sid, int64_t total)
{
	struct fas_err e = {0};
	struct rate *rate = NULL;
	assert_int_equal(
	    rate_new(&(struct rate_limit){per_sid, 60}, &(struct rate_limit){total, 60}, &rate, &e),
	    FAS_OK);
	return rate;
}

static enum fas_code
take(struct rate *rate, const struct sid *sid, int64_t now_s)
{
	struct fas_err e = {0};
	return rate_take(rate, sid, now_s, &e);
}

static void
a_sid_that_has_used_its_count_waits_for_a_whole_period(void **state)
{
	OWN(rate) struct rate *rate = make(2, 100);
	(void)state;
	assert_int_equal(take(rate, &alice, 1000), FAS_OK);
	assert_int_equal(take(rate, &alice, 1010), FAS_OK);
	assert_int_equal(take(rate, &alice, 1020), FAS_E_LIMIT);
	assert_int_equal(take(rate, &alice, 1059), FAS_E_LIMIT);
	assert_int_equal(take(rate, &bob, 1020), FAS_OK);
	assert_int_equal(take(rate, &alice, 1000 + 60 + 4), FAS_OK);
	assert_int_equal(take(rate, &alice, 1000 + 60 + 5), FAS_E_LIMIT);
}

static void
no_period_ever_holds_more_than_the_count(void **state)
{
	OWN(rate) struct rate *rate = make(5, 1000);
	int64_t taken[400];
	size_t n = 0;
	(void)state;
	for (int64_t now = 5000; now < 5600; now++) {
		if (take(rate, &alice, now) == FAS_OK)
			taken[n++] = now;
	}
	assert_true(n >= 5 * 9);
	for (size_t i = 5; i < n; i++)
		assert_true(taken[i] - taken[i - 5] >= 60);
}

static void
a_refusal_is_not_counted(void **state)
{
	OWN(rate) struct rate *rate = make(1, 2);
	(void)state;
	assert_int_equal(take(rate, &alice, 1000), FAS_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(take(rate, &alice, 1000), FAS_E_LIMIT);
	assert_int_equal(take(rate, &bob, 1000), FAS_OK);
	assert_int_equal(take(rate, NULL, 1000), FAS_E_LIMIT);
}

static void
a_clock_that_goes_back_gives_nothing_back(void **state)
{
	OWN(rate) struct rate *rate = make(1, 100);
	(void)state;
	assert_int_equal(take(rate, &alice, 1000), FAS_OK);
	assert_int_equal(take(rate, &alice, 970), FAS_E_LIMIT);
	assert_int_equal(take(rate, &alice, 1030), FAS_E_LIMIT);
}

static void
seeds_count_in_whatever_order_they_come(void **state)
{
	OWN(rate) struct rate *rate = make(3, 100);
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(rate_seed(rate, &alice, 1000, &e), FAS_OK);
	assert_int_equal(rate_seed(rate, &alice, 970, &e), FAS_OK);
	assert_int_equal(rate_seed(rate, &alice, 800, &e), FAS_OK); /* has left the window */
	assert_int_equal(take(rate, &alice, 1001), FAS_OK);
	assert_int_equal(take(rate, &alice, 1001), FAS_E_LIMIT);
}

static void
silent_sids_leave_the_table(void **state)
{
	OWN(rate) struct rate *rate = make(1, 1000000);
	struct sid sid = alice;
	(void)state;
	/* Far more than would fit if none ever left; the sanitizers see that nothing is lost. */
	for (uint32_t i = 0; i < 200000; i++) {
		sid.sub[4] = i;
		assert_int_equal(take(rate, &sid, 1000 + i / 10), FAS_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sid_that_has_used_its_count_waits_for_a_whole_period),
	    cmocka_unit_test(no_period_ever_holds_more_than_the_count),
	    cmocka_unit_test(a_refusal_is_not_counted),
	    cmocka_unit_test(a_clock_that_goes_back_gives_nothing_back),
	    cmocka_unit_test(seeds_count_in_whatever_order_they_come),
	    cmocka_unit_test(silent_sids_leave_the_table),
	};
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
