/* How often one may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fas/front/rate.h"

#define SECOND_US 1000000
#define NOW_US (1000 * (int64_t)SECOND_US)

static struct rate *
new_rate(unsigned per_minute, size_t places)
{
	struct rate *rate = NULL;
	struct fas_err e = {0};
	assert_int_equal(rate_new(per_minute, places, &rate, &e), FAS_OK);
	return rate;
}

static void
one_key_has_its_minutes_worth_and_then_waits(void **state)
{
	OWN(rate) struct rate *rate = new_rate(6, 64);
	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(rate_take(rate, "a", NOW_US), 0);
	unsigned wait_s = rate_take(rate, "a", NOW_US);
	assert_in_range(wait_s, 10, 11);
	assert_int_equal(rate_take(rate, "b", NOW_US), 0);
	assert_int_equal(rate_take(rate, "a", NOW_US + (int64_t)wait_s * SECOND_US), 0);
	assert_true(rate_take(rate, "a", NOW_US + (int64_t)wait_s * SECOND_US) > 0);
}

static void
who_waits_in_vain_does_not_wait_longer_for_it(void **state)
{
	OWN(rate) struct rate *rate = new_rate(1, 64);
	(void)state;
	assert_int_equal(rate_take(rate, "a", NOW_US), 0);
	for (int i = 0; i < 100; i++)
		assert_true(rate_take(rate, "a", NOW_US + SECOND_US) > 0);
	assert_int_equal(rate_take(rate, "a", NOW_US + 61 * (int64_t)SECOND_US), 0);
}

static void
a_crowd_does_not_free_the_one_who_asks_most(void **state)
{
	char key[16];
	OWN(rate) struct rate *rate = new_rate(60, 8);
	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(rate_take(rate, "busy", NOW_US), 0);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(rate_take(rate, key, NOW_US), 0);
	}
	assert_true(rate_take(rate, "busy", NOW_US) > 0);
}

static void
without_a_rate_all_may_ask(void **state)
{
	(void)state;
	assert_int_equal(rate_take(NULL, "a", NOW_US), 0);
}

static void
an_address_of_ipv6_is_its_network(void **state)
{
	char a[RATE_KEY_MAX], b[RATE_KEY_MAX];
	(void)state;
	assert_string_equal(rate_address_key("192.0.2.7", a), "192.0.2.7");
	assert_string_equal(rate_address_key("2001:db8:1:2:3:4:5:6", a), "2001:db8:1:2::/64");
	assert_string_equal(rate_address_key("2001:db8:1:2::1", b), a);
	assert_string_not_equal(rate_address_key("2001:db8:1:3::1", b), a);
	assert_string_equal(rate_address_key("::ffff:192.0.2.7", a), "::ffff:192.0.2.7");
	assert_string_equal(rate_address_key("", a), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_key_has_its_minutes_worth_and_then_waits),
	    cmocka_unit_test(who_waits_in_vain_does_not_wait_longer_for_it),
	    cmocka_unit_test(a_crowd_does_not_free_the_one_who_asks_most),
	    cmocka_unit_test(without_a_rate_all_may_ask),
	    cmocka_unit_test(an_address_of_ipv6_is_its_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
