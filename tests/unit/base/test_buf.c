#include "tests/unit/base/base_fixture.h"

#include "fas/base/buf.h"

static void
empty_buffer_is_empty_text(void **state)
{
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 0);
	assert_string_equal(buf_str(&b), "");
	buf_append(&b, NULL, 0);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_check(&b, NULL), FAS_OK);
}

static void
parts_follow_each_other(void **state)
{
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%02d", i);
	buf_text(&b, "end");
	buf_append(&b, "\0x", 2);
	assert_int_equal(b.len, 205);
	assert_memory_equal(b.data, "000102", 6);
	assert_memory_equal(b.data + 200, "end\0x", 6);
}

static void
maximum_fits_and_one_more_does_not(void **state)
{
	struct fas_err e = {0};
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 5);
	buf_text(&b, "12345");
	assert_int_equal(buf_check(&b, &e), FAS_OK);
	buf_text(&b, "6");
	assert_failed(buf_check(&b, &e), &e, FAS_E_LIMIT, "too_large");
	assert_string_equal(buf_str(&b), "12345");
	buf_append(&b, "", 0);
	assert_true(b.failed);
	assert_null(buf_take(&b, NULL));
}

static void
printf_that_does_not_fit_fails_for_good(void **state)
{
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 3);
	buf_printf(&b, "%d", 12345);
	buf_text(&b, "a");
	assert_true(b.failed);
	assert_string_equal(buf_str(&b), "");
}

static void
size_that_overflows_is_refused(void **state)
{
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_text(&b, "a");
	buf_append(&b, "b", SIZE_MAX - 1);
	assert_true(b.failed);
	assert_string_equal(buf_str(&b), "a");
}

static void
no_memory_is_told_apart(void **state)
{
	struct fas_err e = {0};
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, SIZE_MAX);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();
#endif
	buf_append(&b, "b", SIZE_MAX / 8);
	assert_failed(buf_check(&b, &e), &e, FAS_E_NOMEM, "out_of_memory");
}

static void
taken_content_is_the_callers(void **state)
{
	OWN(buf) struct buf b;
	size_t len = 0;
	(void)state;
	buf_init(&b, 10);
	buf_text(&b, "abc");
	OWN(text) char *text = buf_take(&b, &len);
	assert_string_equal(text, "abc");
	assert_int_equal(len, 3);
	assert_int_equal(b.len, 0);
	OWN(text) char *empty = buf_take(&b, &len);
	assert_string_equal(empty, "");
	assert_int_equal(len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty_buffer_is_empty_text),
	    cmocka_unit_test(parts_follow_each_other),
	    cmocka_unit_test(maximum_fits_and_one_more_does_not),
	    cmocka_unit_test(printf_that_does_not_fit_fails_for_good),
	    cmocka_unit_test(size_that_overflows_is_refused),
	    cmocka_unit_test(no_memory_is_told_apart),
	    cmocka_unit_test(taken_content_is_the_callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
