#include "tests/unit/base/base_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "fas/base/log.h"

static char captured[32768];

/* Standard error goes into a file while fn runs. */
static const char *
capture(void (*fn)(void))
{
	int saved = dup(STDERR_FILENO);
	int fd = open(fixture_path("log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(saved >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	fn();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	ssize_t n = pread(fd, captured, sizeof(captured) - 1, 0);
	assert_true(n >= 0);
	captured[n] = 0;
	(void)close(saved);
	(void)close(fd);
	return captured;
}

static void
write_values(void)
{
	log_set_correlation("00112233445566778899aabbccddeeff");
	log_event(LOG_LEVEL_INFO, "tested", "plain", "a.b", "space", "a b", "quote", "a\"b\\",
	    "line", "a\nb", "empty", "", "none", NULL, "bidi",
	    "a\xe2\x80\xae"
	    "b",
	    "bytes", "\xff", "umlaut", "\xc3\xbc", NULL);
	log_set_correlation(NULL);
}

static void
values_are_quoted_and_escaped(void **state)
{
	(void)state;
	const char *line = capture(write_values);
	assert_memory_equal(line, "time=", 5);
	assert_non_null(
	    strstr(line, " level=info event=tested id=00112233445566778899aabbccddeeff plain=a.b "
			 "space=\"a b\" quote=\"a\\\"b\\\\\" line=\"a\\x0ab\" empty=\"\" "
			 "bidi=\"a\\xe2\\x80\\xaeb\" bytes=\"\\xff\" umlaut=\xc3\xbc\n"));
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
}

static void
write_levels(void)
{
	log_event(LOG_LEVEL_DEBUG, "low", NULL);
	log_event(LOG_LEVEL_WARNING, "high", NULL);
}

static void
lower_levels_are_not_written(void **state)
{
	enum log_level level;
	(void)state;
	const char *text = capture(write_levels);
	assert_null(strstr(text, "event=low"));
	assert_non_null(strstr(text, "level=warning event=high\n"));
	assert_true(log_level_parse("debug", &level));
	log_set_level(level);
	assert_non_null(strstr(capture(write_levels), "event=low\n"));
	log_set_level(LOG_LEVEL_INFO);
	assert_false(log_level_parse("loud", &level));
}

static void
write_failure(void)
{
	struct fas_err e = {0};
	(void)fas_fail(&e, FAS_E_DENIED, "no_way", "not you");
	log_error("refused", &e, "host", "vda1", NULL);
}

static void
error_is_written_with_class_and_reason(void **state)
{
	(void)state;
	assert_non_null(strstr(capture(write_failure),
	    "level=error event=refused code=denied reason=no_way message=\"not you\" host=vda1\n"));
}

static void
write_long(void)
{
	static char value[20000];
	memset(value, 'x', sizeof(value) - 1);
	log_event(LOG_LEVEL_INFO, "long", "value", value, NULL);
	log_event(LOG_LEVEL_INFO, "next", NULL);
}

static void
line_that_is_too_long_is_cut_and_ends(void **state)
{
	(void)state;
	const char *text = capture(write_long);
	const char *end = strchr(text, '\n');
	assert_non_null(end);
	assert_true(end - text < 8300);
	assert_memory_equal(end - 8, "cut=true", 8);
	assert_memory_equal(end + 1, "time=", 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_quoted_and_escaped),
	    cmocka_unit_test(lower_levels_are_not_written),
	    cmocka_unit_test(error_is_written_with_class_and_reason),
	    cmocka_unit_test(line_that_is_too_long_is_cut_and_ends),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
