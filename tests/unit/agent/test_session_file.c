#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fas/agent/session_file.h"
#include "fas/base/file.h"

static char folder[] = "/tmp/fas-agent-session-XXXXXX";

static const struct session_file sample = {.id = "0123456789abcdef0123456789abcdef",
    .server = "https://a.x.org:8443",
    .upn = "alice@x.org",
    .principal = "alice@X.ORG",
    .user = "alice",
    .ccache = "/tmp/krb5cc_1000_x",
    .serial = "0a0b",
    .correlation_id = "0123456789abcdef0123456789abcdef",
    .expires_s = 1795444550,
    .lease_s = 600};

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
teardown(void **state)
{
	char path[128];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/sessions", folder);
	(void)rmdir(path);
	return rmdir(folder);
}

static void
a_session_reads_back_as_it_was_written(void **state)
{
	struct session_file got;
	struct fas_err e = {0};
	struct stat st;
	char path[128];
	(void)state;
	assert_int_equal(session_file_save(folder, &sample, &e), FAS_OK);
	assert_int_equal(session_file_load(folder, sample.id, &got, &e), FAS_OK);
	assert_memory_equal(&got, &sample, sizeof(got));
	(void)snprintf(path, sizeof(path), "%s/sessions/%s.json", folder, sample.id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(session_file_remove(folder, sample.id, &e), FAS_OK);
}

static void
removing_twice_is_fine(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(session_file_remove(folder, sample.id, &e), FAS_OK);
	assert_int_equal(session_file_remove(folder, sample.id, &e), FAS_OK);
}

static void
an_unknown_session_is_not_found(void **state)
{
	struct session_file got;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(session_file_load(folder, "abc", &got, &e), FAS_E_NOTFOUND);
	assert_string_equal(e.reason, "session_file_missing");
}

static void
an_id_that_leads_elsewhere_is_refused(void **state)
{
	static const char *const wrong[] = {"", "..", "../x", "a/b", "a.b", "a b",
	    "0123456789012345678901234567890123456789012345678901234567890123456789"};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct session_file got;
		struct fas_err e = {0};
		assert_false(session_id_is_valid(wrong[i]));
		assert_int_equal(session_file_load(folder, wrong[i], &got, &e), FAS_E_INPUT);
	}
}

static enum fas_code
count(const struct session_file *session, void *arg, struct fas_err *e)
{
	(void)e;
	assert_string_equal(session->upn, "alice@x.org");
	(*(int *)arg)++;
	return FAS_OK;
}

static void
each_session_is_visited_and_strange_names_are_not(void **state)
{
	struct session_file other = sample;
	struct fas_err e = {0};
	char path[128];
	int n = 0;
	(void)state;
	(void)snprintf(other.id, sizeof(other.id), "second");
	assert_int_equal(session_file_save(folder, &sample, &e), FAS_OK);
	assert_int_equal(session_file_save(folder, &other, &e), FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/sessions/.x.json.tmp", folder);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600, &e), FAS_OK);
	assert_int_equal(session_file_each(folder, count, &n, &e), FAS_OK);
	assert_int_equal(n, 2);
	(void)unlink(path);
	assert_int_equal(session_file_remove(folder, sample.id, &e), FAS_OK);
	assert_int_equal(session_file_remove(folder, other.id, &e), FAS_OK);
}

static void
a_damaged_file_is_an_error_that_names_it(void **state)
{
	struct session_file got;
	struct fas_err e = {0};
	char path[128];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/sessions/bad.json", folder);
	assert_int_equal(file_write_atomic(path, "{\"id\":\"bad\"}", 12, 0600, &e), FAS_OK);
	assert_int_equal(session_file_load(folder, "bad", &got, &e), FAS_E_INPUT);
	assert_non_null(strstr(e.message, "bad.json"));
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_reads_back_as_it_was_written),
	    cmocka_unit_test(removing_twice_is_fine),
	    cmocka_unit_test(an_unknown_session_is_not_found),
	    cmocka_unit_test(an_id_that_leads_elsewhere_is_refused),
	    cmocka_unit_test(each_session_is_visited_and_strange_names_are_not),
	    cmocka_unit_test(a_damaged_file_is_an_error_that_names_it),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
