/* Files when the system says no: the old content or the new, nothing half, nothing beside. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/agent/identity.h"
#include "fas/agent/session_file.h"
#include "fas/base/file.h"
#include "tests/unit/faults/faults.h"

static char folder[64];
static char path[128];

static size_t
count_files(const char *where)
{
	size_t n = 0;
	DIR *dir = opendir(where);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void
put_old(void *arg)
{
	struct fas_err e = {0};
	(void)arg;
	assert_int_equal(file_write_atomic(path, "old", 3, 0600, &e), FAS_OK);
}

static enum fas_code
run_write(void *arg, struct fas_err *e)
{
	(void)arg;
	return file_write_atomic(path, "new!", 4, 0600, e);
}

static void
check_write(void *arg, enum fas_code rc, const struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(text) char *text = NULL;
	size_t len = 0;
	(void)arg;
	(void)e;
	assert_int_equal(file_read(path, 64, &text, &len, &why), FAS_OK);
	assert_true(strcmp(text, "new!") == 0 || (rc != FAS_OK && strcmp(text, "old") == 0));
	assert_int_equal(count_files(folder), 1);
}

static void
a_file_is_old_or_new_and_nothing_lies_beside_it(void **state)
{
	const struct fault_case c = {put_old, run_write, check_write, false};
	(void)state;
	assert_true(faults_each(FAULT_SYSTEM, &c, NULL) >= 5);
	assert_int_equal(unlink(path), 0);
}

static void
take_away(void *arg)
{
	(void)arg;
	(void)unlink(path);
}

static enum fas_code
run_new(void *arg, struct fas_err *e)
{
	(void)arg;
	return file_write_new(path, "key", 3, 0600, e);
}

static void
check_new(void *arg, enum fas_code rc, const struct fas_err *e)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	(void)arg;
	(void)e;
	assert_true(there || rc != FAS_OK);
	assert_true(!there || st.st_size == 3);
	assert_int_equal(count_files(folder), there);
}

static void
a_new_file_is_whole_or_not_there(void **state)
{
	const struct fault_case c = {take_away, run_new, check_new, false};
	(void)state;
	(void)faults_each(FAULT_SYSTEM, &c, NULL);
	assert_int_equal(unlink(path), 0);
}

static const struct session_file session = {.id = "5e55",
    .server = "https://fas1",
    .upn = "alice@corp.example.com",
    .principal = "alice@CORP.EXAMPLE.COM",
    .user = "alice",
    .ccache = "/tmp/krb5cc",
    .serial = "0a",
    .correlation_id = "0123456789abcdef0123456789abcdef",
    .expires_s = 1800000000,
    .lease_s = 600};

static enum fas_code
run_save(void *arg, struct fas_err *e)
{
	(void)arg;
	return session_file_save(folder, &session, e);
}

static void
check_saved(void *arg, enum fas_code rc, const struct fas_err *e)
{
	struct session_file found;
	struct fas_err why = {0};
	(void)arg;
	(void)e;
	enum fas_code loaded = session_file_load(folder, "5e55", &found, &why);
	assert_true(loaded == FAS_OK || (rc != FAS_OK && loaded == FAS_E_NOTFOUND));
	if (loaded == FAS_OK)
		assert_memory_equal(&found, &session, sizeof(found));
}

static void
a_session_is_remembered_whole_or_not_at_all(void **state)
{
	const struct fault_case c = {NULL, run_save, check_saved, false};
	char below[96];
	(void)state;
	(void)faults_each(FAULT_SYSTEM, &c, NULL);
	(void)faults_each(FAULT_MEMORY, &c, NULL);
	(void)snprintf(below, sizeof(below), "%s/sessions/5e55.json", folder);
	assert_int_equal(unlink(below), 0);
	(void)snprintf(below, sizeof(below), "%s/sessions", folder);
	assert_int_equal(rmdir(below), 0);
}

static enum fas_code
run_load(void *arg, struct fas_err *e)
{
	static struct session_file found;
	(void)arg;
	return session_file_load(folder, "5e55", &found, e);
}

static void
a_session_that_is_there_is_not_called_damaged(void **state)
{
	const struct fault_case c = {.run = run_load};
	char below[96];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(session_file_save(folder, &session, &e), FAS_OK);
	(void)faults_each(FAULT_MEMORY, &c, NULL);
	(void)snprintf(below, sizeof(below), "%s/sessions/5e55.json", folder);
	assert_int_equal(unlink(below), 0);
	(void)snprintf(below, sizeof(below), "%s/sessions", folder);
	assert_int_equal(rmdir(below), 0);
}

static int
set_up(void **state)
{
	const char *base = getenv("TMPDIR");
	(void)state;
	faults_init();
	(void)snprintf(folder, sizeof(folder), "%.40s/fas-faults-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_is_old_or_new_and_nothing_lies_beside_it),
	    cmocka_unit_test(a_new_file_is_whole_or_not_there),
	    cmocka_unit_test(a_session_is_remembered_whole_or_not_at_all),
	    cmocka_unit_test(a_session_that_is_there_is_not_called_damaged),
	};
	return cmocka_run_group_tests_name("files without a system", tests, set_up, tear_down);
}
