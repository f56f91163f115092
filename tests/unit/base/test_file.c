#include "tests/unit/base/base_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/file.h"

static void
assert_content(const char *path, const char *want)
{
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	size_t len = 0;
	assert_good(file_read(path, 1000, &data, &len, &e), &e);
	assert_int_equal(len, strlen(want));
	assert_string_equal(data, want);
}

static size_t
count_entries(void)
{
	size_t n = 0;
	DIR *dir = opendir(fixture_path(""));
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void
written_file_has_content_and_mode(void **state)
{
	struct fas_err e = {0};
	struct stat st;
	(void)state;
	mode_t old = umask(0);
	const char *path = fixture_path("a");
	assert_good(file_write_atomic(path, "one", 3, 0640, &e), &e);
	assert_content(path, "one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	(void)umask(077);
	assert_good(file_write_atomic(path, "", 0, 0644, &e), &e);
	assert_content(path, "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	(void)umask(old);
}

static void
new_file_is_never_written_over(void **state)
{
	struct fas_err e = {0};
	(void)state;
	const char *path = fixture_path("new");
	assert_good(file_write_new(path, "one", 3, 0600, &e), &e);
	size_t before = count_entries();
	assert_failed(file_write_new(path, "two", 3, 0600, &e), &e, FAS_E_CONFLICT, "file_exists");
	assert_content(path, "one");
	assert_int_equal(count_entries(), before);
}

static void
file_above_the_limit_is_refused(void **state)
{
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	size_t len = 0;
	(void)state;
	const char *path = fixture_path("big");
	assert_good(file_write_atomic(path, "12345", 5, 0600, &e), &e);
	assert_good(file_read(path, 5, &data, &len, &e), &e);
	OWN(text) char *more = NULL;
	assert_failed(file_read(path, 4, &more, &len, &e), &e, FAS_E_LIMIT, "too_large");
	assert_null(more);
}

static void
what_is_no_file_is_refused(void **state)
{
	struct fas_err e = {0};
	char *data = NULL;
	size_t len = 0;
	(void)state;
	assert_failed(file_read(fixture_path("none"), 5, &data, &len, &e), &e, FAS_E_NOTFOUND,
	    "file_missing");
	fas_err_clear(&e);
	assert_failed(
	    file_read(fixture_path(""), 5, &data, &len, &e), &e, FAS_E_CONFIG, "not_a_file");
	fas_err_clear(&e);
	assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
	assert_failed(
	    file_read(fixture_path("fifo"), 5, &data, &len, &e), &e, FAS_E_CONFIG, "not_a_file");
}

static void
failed_write_leaves_the_old_file_and_nothing_beside(void **state)
{
	struct fas_err e = {0};
	struct rlimit old, small = {.rlim_cur = 10};
	static char data[100];
	(void)state;
	const char *path = fixture_path("kept");
	assert_good(file_write_atomic(path, "old", 3, 0600, &e), &e);
	size_t before = count_entries();
	/* As a full disk: no file may grow above 10 bytes. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum fas_code rc = file_write_atomic(path, data, sizeof(data), 0600, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_failed(rc, &e, FAS_E_IO, "io_error");
	assert_content(path, "old");
	assert_int_equal(count_entries(), before);
	fas_err_clear(&e);
	assert_failed(
	    file_write_atomic(fixture_path("no/such"), "x", 1, 0600, &e), &e, FAS_E_IO, "io_error");
}

static void
folder_that_is_there_is_fine(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_good(file_make_folder(fixture_path("d"), 0700, &e), &e);
	assert_good(file_make_folder(fixture_path("d"), 0700, &e), &e);
	assert_failed(file_make_folder(fixture_path("x/y"), 0700, &e), &e, FAS_E_IO, "io_error");
}

static void
path_that_does_not_fit_is_refused(void **state)
{
	struct fas_err e = {0};
	char out[8];
	(void)state;
	assert_good(file_join(out, sizeof(out), "abc", "def", &e), &e);
	assert_string_equal(out, "abc/def");
	assert_failed(
	    file_join(out, sizeof(out), "abc", "defg", &e), &e, FAS_E_CONFIG, "path_too_long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_file_has_content_and_mode),
	    cmocka_unit_test(new_file_is_never_written_over),
	    cmocka_unit_test(file_above_the_limit_is_refused),
	    cmocka_unit_test(what_is_no_file_is_refused),
	    cmocka_unit_test(failed_write_leaves_the_old_file_and_nothing_beside),
	    cmocka_unit_test(folder_that_is_there_is_fine),
	    cmocka_unit_test(path_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
