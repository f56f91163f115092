#include "tests/unit/base/base_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/file.h"
#include "fas/base/secret.h"

static const char *
write_secret(const char *text, mode_t mode)
{
	struct fas_err e = {0};
	const char *path = fixture_path("secret");
	assert_good(file_write_atomic(path, text, strlen(text), mode, &e), &e);
	return path;
}

static void
random_secrets_differ(void **state)
{
	OWN(secret) struct secret a = {0}, b = {0};
	(void)state;
	assert_good(secret_random(&a, 32, NULL), NULL);
	assert_good(secret_random(&b, 32, NULL), NULL);
	assert_int_equal(a.len, 32);
	assert_false(secret_equal(&a, b.data, b.len));
	assert_true(secret_equal(&a, a.data, a.len));
	secret_done(&b);
}

static void
secrets_of_other_lengths_are_not_equal(void **state)
{
	OWN(secret) struct secret a = {0};
	(void)state;
	assert_good(secret_copy(&a, "abc", 3, NULL), NULL);
	assert_true(secret_equal(&a, "abc", 3));
	assert_false(secret_equal(&a, "abc", 2));
	assert_false(secret_equal(&a, "abcd", 4));
	assert_false(secret_equal(&a, "abd", 3));
	assert_string_equal((char *)a.data, "abc");
}

static void
done_leaves_nothing(void **state)
{
	struct secret a = {0};
	(void)state;
	assert_good(secret_copy(&a, "abc", 3, NULL), NULL);
	secret_done(&a);
	assert_null(a.data);
	assert_int_equal(a.len, 0);
	secret_done(&a);
}

static void
wiped_memory_is_zero(void **state)
{
	char text[] = "secret";
	(void)state;
	secret_wipe(text, sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
}

static void
file_is_read_without_its_newline(void **state)
{
	struct fas_err e = {0};
	OWN(secret) struct secret s = {0};
	(void)state;
	assert_good(secret_load(&s, write_secret("pass word\r\n", 0600), 100, &e), &e);
	assert_true(secret_equal(&s, "pass word", 9));
	assert_int_equal(s.data[9], 0);
}

static void
file_of_the_maximum_is_read_and_one_more_is_not(void **state)
{
	struct fas_err e = {0};
	OWN(secret) struct secret s = {0}, t = {0};
	(void)state;
	const char *path = write_secret("12345", 0600);
	assert_good(secret_load(&s, path, 5, &e), &e);
	assert_failed(secret_load(&t, path, 4, &e), &e, FAS_E_CONFIG, "secret_file");
	assert_null(t.data);
	assert_null(strstr(e.message, "1234"));
}

static void
file_that_others_may_touch_is_refused(void **state)
{
	static const mode_t modes[] = {0601, 0604, 0602, 0620, 0610};
	(void)state;
	for (size_t i = 0; i < NELEMS(modes); i++) {
		struct fas_err e = {0};
		OWN(secret) struct secret s = {0};
		const char *path = write_secret("x", modes[i]);
		assert_failed(secret_load(&s, path, 5, &e), &e, FAS_E_CONFIG, "secret_file");
		assert_null(s.data);
	}
}

static void
file_of_another_user_is_refused(void **state)
{
	struct fas_err e = {0};
	OWN(secret) struct secret s = {0};
	(void)state;
	if (geteuid() != 0)
		skip();
	const char *path = write_secret("x", 0600);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_failed(secret_load(&s, path, 5, &e), &e, FAS_E_CONFIG, "secret_file");
}

static void
links_and_folders_are_refused(void **state)
{
	struct fas_err e = {0};
	OWN(secret) struct secret s = {0};
	(void)state;
	const char *target = write_secret("x", 0600), *to = fixture_path("link");
	assert_int_equal(symlink(target, to), 0);
	assert_failed(secret_load(&s, to, 5, &e), &e, FAS_E_IO, "io_error");
	fas_err_clear(&e);
	assert_int_equal(mkdir(fixture_path("folder"), 0700), 0);
	assert_failed(
	    secret_load(&s, fixture_path("folder"), 5, &e), &e, FAS_E_CONFIG, "secret_file");
	fas_err_clear(&e);
	assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
	assert_failed(
	    secret_load(&s, fixture_path("fifo"), 5, &e), &e, FAS_E_CONFIG, "secret_file");
	fas_err_clear(&e);
	assert_failed(secret_load(&s, fixture_path("none"), 5, &e), &e, FAS_E_IO, "io_error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_secrets_differ),
	    cmocka_unit_test(secrets_of_other_lengths_are_not_equal),
	    cmocka_unit_test(done_leaves_nothing),
	    cmocka_unit_test(wiped_memory_is_zero),
	    cmocka_unit_test(file_is_read_without_its_newline),
	    cmocka_unit_test(file_of_the_maximum_is_read_and_one_more_is_not),
	    cmocka_unit_test(file_that_others_may_touch_is_refused),
	    cmocka_unit_test(file_of_another_user_is_refused),
	    cmocka_unit_test(links_and_folders_are_refused),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
