#include "tests/unit/base/base_fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fas/base/journal.h"
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
	assert_non_null(strstr(line,
	    " level=info event=tested correlation_id=00112233445566778899aabbccddeeff plain=a.b "
	    "space=\"a b\" quote=\"a\\\"b\\\\\" line=\"a\\x0ab\" empty=\"\" "
	    "bidi=\"a\\xe2\\x80\\xaeb\" bytes=\"\\xff\" umlaut=\xc3\xbc\n"));
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
}

static void
write_correlated(void)
{
	log_set_correlation("0011");
	log_event(LOG_LEVEL_INFO, "same", "correlation_id", "0011", "a", "b", NULL);
	log_event(LOG_LEVEL_INFO, "other", "correlation_id", "2233", NULL);
	log_set_correlation(NULL);
}

static void
an_id_that_the_thread_has_is_not_said_twice(void **state)
{
	(void)state;
	const char *text = capture(write_correlated);
	assert_non_null(strstr(text, "event=same correlation_id=0011 a=b\n"));
	assert_non_null(strstr(text, "event=other correlation_id=0011 correlation_id=2233\n"));
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

/* ---- the journal, played by a socket of this test ---- */

static int
listen_as_journal(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture_path("journal"));
	(void)unlink(address.sun_path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The value of a field of a received entry, in the binary form; NULL when it has none. */
static const char *
field(const char *entry, size_t len, const char *name)
{
	static char value[4096];
	for (size_t at = 0; at < len;) {
		size_t name_len = strcspn(entry + at, "\n");
		const uint8_t *length = (const uint8_t *)entry + at + name_len + 1;
		size_t n = 0;
		for (size_t i = 8; i > 0; i--)
			n = n << 8 | length[i - 1];
		assert_true(at + name_len + 9 + n < len && n < sizeof(value));
		memcpy(value, length + 8, n);
		value[n] = '\0';
		if (strlen(name) == name_len && strncmp(entry + at, name, name_len) == 0)
			return value;
		at += name_len + 9 + n;
		assert_int_equal(entry[at++], '\n');
	}
	return NULL;
}

static void
log_one(void)
{
	log_event(LOG_LEVEL_WARNING, "logon_decided", "outcome", "deny", "correlation_id", "0f",
	    "odd-key", "two\nlines", NULL);
}

static void
the_journal_gets_each_pair_as_a_field(void **state)
{
	static const char *const want[][2] = {{"FAS_EVENT", "logon_decided"},
	    {"FAS_OUTCOME", "deny"}, {"FAS_CORRELATION_ID", "0f"}, {"FAS_ODD_KEY", "two\nlines"},
	    {"PRIORITY", "4"}, {"SYSLOG_IDENTIFIER", "test_base_log"},
	    {"MESSAGE", "event=logon_decided outcome=deny correlation_id=0f "
			"odd-key=\"two\\x0alines\""}};
	char entry[8192];
	(void)state;
	int fd = listen_as_journal();
	log_to_journal(fixture_path("journal"));
	assert_string_equal(capture(log_one), "");
	ssize_t n = recv(fd, entry, sizeof(entry), MSG_DONTWAIT);
	assert_true(n > 0);
	for (size_t i = 0; i < NELEMS(want); i++) {
		const char *value = field(entry, (size_t)n, want[i][0]);
		assert_non_null(value);
		assert_string_equal(value, want[i][1]);
	}
	assert_null(field(entry, (size_t)n, "FAS_REASON"));
	log_to_journal(NULL);
	(void)close(fd);
}

static void
what_the_journal_does_not_take_goes_to_stderr(void **state)
{
	(void)state;
	int fd = listen_as_journal();
	log_to_journal(fixture_path("journal"));
	(void)close(fd);
	assert_non_null(strstr(capture(log_one), "event=logon_decided"));
	log_to_journal(fixture_path("nobody"));
	assert_non_null(strstr(capture(log_one), "event=logon_decided"));
	log_to_journal(NULL);
}

static void
only_the_stream_that_systemd_names_is_the_journals(void **state)
{
	char text[64];
	struct stat st;
	(void)state;
	int fd = open(fixture_path("stream"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fstat(fd, &st), 0);
	(void)snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_true(journal_is_stream(text, fd));
	(void)snprintf(
	    text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	assert_false(journal_is_stream(text, fd));
	assert_false(journal_is_stream(NULL, fd));
	assert_false(journal_is_stream("", -1));
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_quoted_and_escaped),
	    cmocka_unit_test(an_id_that_the_thread_has_is_not_said_twice),
	    cmocka_unit_test(lower_levels_are_not_written),
	    cmocka_unit_test(error_is_written_with_class_and_reason),
	    cmocka_unit_test(line_that_is_too_long_is_cut_and_ends),
	    cmocka_unit_test(the_journal_gets_each_pair_as_a_field),
	    cmocka_unit_test(what_the_journal_does_not_take_goes_to_stderr),
	    cmocka_unit_test(only_the_stream_that_systemd_names_is_the_journals),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
