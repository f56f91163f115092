#include "tests/unit/base/base_fixture.h"

#include <errno.h>

#include <openssl/err.h>

#include "fas/base/text.h"

static void
first_cause_wins(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(fas_fail(&e, FAS_E_DENIED, "first", "one %d", 1), FAS_E_DENIED);
	assert_int_equal(fas_fail(&e, FAS_E_IO, "second", "two"), FAS_E_DENIED);
	assert_string_equal(e.reason, "first");
	assert_string_equal(e.message, "one 1");
	fas_err_clear(&e);
	assert_int_equal(e.code, FAS_OK);
}

static void
no_error_wanted_still_returns_the_code(void **state)
{
	(void)state;
	assert_int_equal(fas_fail(NULL, FAS_E_LIMIT, "r", "m"), FAS_E_LIMIT);
	assert_int_equal(fas_wrap(NULL, "context"), FAS_E_INTERNAL);
}

static void
a_failure_is_never_success(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(fas_fail(NULL, FAS_OK, "r", "m"), FAS_E_INTERNAL);
	assert_int_equal(fas_fail(&e, FAS_OK, "r", "m"), FAS_E_INTERNAL);
	assert_int_equal(e.code, FAS_E_INTERNAL);
	assert_string_equal(e.reason, "r");
	fas_err_clear(&e);
	assert_int_equal(fas_wrap(&e, "context"), FAS_E_INTERNAL);
}

static void
context_stands_in_front(void **state)
{
	struct fas_err e = {0};
	(void)state;
	(void)fas_fail(&e, FAS_E_INPUT, "r", "inner");
	assert_int_equal(fas_wrap(&e, "file %s", "x"), FAS_E_INPUT);
	assert_string_equal(e.message, "file x: inner");
	assert_string_equal(e.reason, "r");
}

static void
control_bytes_are_replaced(void **state)
{
	struct fas_err e = {0};
	(void)state;
	(void)fas_fail(&e, FAS_E_INPUT, "r", "a\nb\x1b[31m\x7f");
	assert_string_equal(e.message, "a?b?[31m?");
}

static void
foreign_bytes_and_bidi_marks_are_replaced(void **state)
{
	struct fas_err e = {0};
	(void)state;
	(void)fas_fail(&e, FAS_E_INPUT, "r", "\xff\xfe x");
	assert_string_equal(e.message, "?? x");
	fas_err_clear(&e);
	(void)fas_fail(&e, FAS_E_INPUT, "r", "\xe2\x80\xae evil");
	assert_string_equal(e.message, "??? evil");
	fas_err_clear(&e);
	(void)fas_fail(&e, FAS_E_INPUT, "r", "J\xc3\xbcrgen");
	assert_string_equal(e.message, "J\xc3\xbcrgen");
}

static void
message_is_cut_between_characters(void **state)
{
	char longest[2 * FAS_ERR_MESSAGE_MAX];
	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		struct fas_err e = {0};
		memset(longest, 'a', shift);
		for (size_t i = shift; i + 3 < sizeof(longest); i += 3)
			memcpy(longest + i, "\xe2\x82\xac", 4);
		(void)fas_fail(&e, FAS_E_INPUT, "r", "%s", longest);
		assert_true(utf8_is_valid(e.message, strlen(e.message)));
		assert_null(strchr(e.message, '?'));
		assert_true(strlen(e.message) >= FAS_ERR_MESSAGE_MAX - 4);
		(void)fas_wrap(&e, "c");
		assert_true(utf8_is_valid(e.message, strlen(e.message)));
	}
}

static void
reason_is_cut_to_its_room(void **state)
{
	struct fas_err e = {0};
	char reason[2 * FAS_ERR_REASON_MAX];
	(void)state;
	memset(reason, 'r', sizeof(reason));
	reason[sizeof(reason) - 1] = 0;
	(void)fas_fail(&e, FAS_E_INPUT, reason, "m");
	assert_int_equal(strlen(e.reason), FAS_ERR_REASON_MAX - 1);
}

static void
system_error_is_named(void **state)
{
	struct fas_err e = {0};
	(void)state;
	errno = ENOSPC;
	assert_int_equal(fas_fail_errno(&e, "%s", "/x"), FAS_E_IO);
	assert_string_equal(e.message, "/x: No space left on device");
	assert_string_equal(e.reason, "io_error");
}

static void
openssl_error_is_named_and_the_queue_emptied(void **state)
{
	struct fas_err e = {0};
	(void)state;
	ERR_raise(ERR_LIB_USER, ERR_R_PASSED_NULL_PARAMETER);
	assert_int_equal(fas_fail_openssl(&e, "key"), FAS_E_CRYPTO);
	assert_memory_equal(e.message, "key: error:", 11);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
code_names_go_both_ways(void **state)
{
	(void)state;
	for (int code = FAS_OK + 1; code <= FAS_E_INTERNAL; code++) {
		const char *name = fas_code_name((enum fas_code)code);
		assert_string_not_equal(name, "unknown");
		assert_int_equal(fas_code_parse(name), code);
	}
	assert_int_equal(fas_code_parse("ok"), FAS_E_INTERNAL);
	assert_int_equal(fas_code_parse("nonsense"), FAS_E_INTERNAL);
	assert_string_equal(fas_code_name((enum fas_code)99), "unknown");
}

static void
class_stands_in_for_a_missing_reason(void **state)
{
	struct fas_err e = {.code = FAS_E_LIMIT};
	(void)state;
	assert_string_equal(fas_err_reason(&e), "limit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_cause_wins),
	    cmocka_unit_test(no_error_wanted_still_returns_the_code),
	    cmocka_unit_test(a_failure_is_never_success),
	    cmocka_unit_test(context_stands_in_front),
	    cmocka_unit_test(control_bytes_are_replaced),
	    cmocka_unit_test(foreign_bytes_and_bidi_marks_are_replaced),
	    cmocka_unit_test(message_is_cut_between_characters),
	    cmocka_unit_test(reason_is_cut_to_its_room),
	    cmocka_unit_test(system_error_is_named),
	    cmocka_unit_test(openssl_error_is_named_and_the_queue_emptied),
	    cmocka_unit_test(code_names_go_both_ways),
	    cmocka_unit_test(class_stands_in_for_a_missing_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
