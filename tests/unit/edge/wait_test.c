/* How long the directory's publisher waits after failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/pki_publisher.h"

static void
failures_are_tried_again_soon_and_then_less_often(void **state)
{
	static const unsigned want[] = {3600, 15, 30, 60, 120, 240, 300, 300};
	(void)state;
	for (unsigned failed = 0; failed < NELEMS(want); failed++)
		assert_int_equal(pki_publisher_wait(3600, failed), want[failed]);
	assert_int_equal(pki_publisher_wait(3600, UINT32_MAX), 300);
}

static void
a_failure_is_never_tried_later_than_the_schedule(void **state)
{
	(void)state;
	for (unsigned failed = 0; failed < 40; failed++)
		assert_true(pki_publisher_wait(20, failed) <= 20);
	assert_int_equal(pki_publisher_wait(1, 5), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_are_tried_again_soon_and_then_less_often),
	    cmocka_unit_test(a_failure_is_never_tried_later_than_the_schedule),
	};
	return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
