/* How soon is soon: thresholds before the end of what lives long, and of what is renewed each day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/ends.h"
#include "fas/base/json.h"

#define DAY ((int64_t)86400)
#define NOW ((int64_t)1700000000)

static enum ends_alarm
judge(int64_t life_s, int64_t left_s)
{
	const struct end end = {"authority", "main-1", NOW + left_s - life_s, NOW + left_s};
	return ends_judge(&end, NOW);
}

static void
an_alarm_comes_90_30_and_7_days_ahead(void **state)
{
	(void)state;
	assert_int_equal(judge(1825 * DAY, 91 * DAY), ENDS_FAR);
	assert_int_equal(judge(1825 * DAY, 90 * DAY), ENDS_IN_90_DAYS);
	assert_int_equal(judge(1825 * DAY, 30 * DAY + 1), ENDS_IN_90_DAYS);
	assert_int_equal(judge(1825 * DAY, 30 * DAY), ENDS_IN_30_DAYS);
	assert_int_equal(judge(1825 * DAY, 7 * DAY + 1), ENDS_IN_30_DAYS);
	assert_int_equal(judge(1825 * DAY, 7 * DAY), ENDS_IN_7_DAYS);
	assert_int_equal(judge(1825 * DAY, 1), ENDS_IN_7_DAYS);
	assert_int_equal(judge(1825 * DAY, 0), ENDS_OVER);
}

/* A root's list of a quarter, the API's certificate of a month. */
static void
a_threshold_above_half_a_life_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(judge(90 * DAY, 89 * DAY), ENDS_FAR);
	assert_int_equal(judge(90 * DAY, 30 * DAY), ENDS_IN_30_DAYS);
	assert_int_equal(judge(30 * DAY, 29 * DAY), ENDS_FAR);
	assert_int_equal(judge(30 * DAY, 8 * DAY), ENDS_FAR);
	assert_int_equal(judge(30 * DAY, 7 * DAY), ENDS_IN_7_DAYS);
}

static void
what_lives_a_day_is_late_in_its_last_quarter(void **state)
{
	(void)state;
	assert_int_equal(judge(DAY, DAY), ENDS_FAR);
	assert_int_equal(judge(DAY, DAY / 4 + 1), ENDS_FAR);
	assert_int_equal(judge(DAY, DAY / 4), ENDS_IN_7_DAYS);
	assert_int_equal(judge(DAY, -1), ENDS_OVER);
}

static void
it_is_described_for_status_and_metrics(void **state)
{
	const struct end end = {"root_crl", "main-1-root", NOW - 300 * DAY, NOW + 20 * DAY};
	(void)state;
	OWN(json) json_t *object = ends_describe(&end, NOW);
	assert_string_equal(json_string_value(json_object_get(object, "what")), "root_crl");
	assert_string_equal(json_string_value(json_object_get(object, "name")), "main-1-root");
	assert_int_equal(json_integer_value(json_object_get(object, "alarm")), ENDS_IN_30_DAYS);
}

/* The last time at which something was said of it, 0: never. */
static void
it_is_said_when_it_gets_worse_and_once_a_day(void **state)
{
	static struct ends_said said;
	struct end end = {"authority", "main-1", NOW - 1825 * DAY, NOW + 100 * DAY};
	(void)state;
	ends_log(&said, &end, NOW);
	assert_int_equal(said.n, 1);
	assert_int_equal(said.items[0].time_s, 0);
	ends_log(&said, &end, NOW + 10 * DAY);
	assert_int_equal(said.items[0].time_s, NOW + 10 * DAY);
	ends_log(&said, &end, NOW + 11 * DAY - 1);
	assert_int_equal(said.items[0].time_s, NOW + 10 * DAY);
	ends_log(&said, &end, NOW + 11 * DAY);
	assert_int_equal(said.items[0].time_s, NOW + 11 * DAY);
	ends_log(&said, &end, NOW + 70 * DAY);
	assert_int_equal(said.items[0].alarm, ENDS_IN_30_DAYS);
	end.what = "root";
	ends_log(&said, &end, NOW + 70 * DAY);
	assert_int_equal(said.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_alarm_comes_90_30_and_7_days_ahead),
	    cmocka_unit_test(a_threshold_above_half_a_life_is_left_out),
	    cmocka_unit_test(what_lives_a_day_is_late_in_its_last_quarter),
	    cmocka_unit_test(it_is_described_for_status_and_metrics),
	    cmocka_unit_test(it_is_said_when_it_gets_worse_and_once_a_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
