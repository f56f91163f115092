#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/agent/ccache.h"
#include "fas/agent/child.h"
#include "fas/agent/memfile.h"
#include "fas/base/file.h"
#include "fas/base/json.h"

#define OTHER_USER "nobody"
#define QUICK_MS 5000

static char folder[] = "/tmp/fas-agent-child-XXXXXX";
static struct local_user self;

static int
setup(void **state)
{
	(void)state;
	self = (struct local_user){.name = "self", .uid = getuid(), .gid = getgid()};
	return mkdtemp(folder) && chmod(folder, 01777) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[64];
	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static enum fas_code
who_am_i(json_t *input, json_t **result, struct fas_err *e)
{
	(void)input;
	(void)e;
	*result = json_pack("{s:i,s:i,s:i,s:b}", "uid", (int)getuid(), "euid", (int)geteuid(),
	    "gid", (int)getegid(), "dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0);
	return FAS_OK;
}

static enum fas_code
refuse(json_t *input, json_t **result, struct fas_err *e)
{
	(void)result;
	return fas_fail(e, FAS_E_DENIED, "no_reason", "because of %s",
	    json_string_value(json_object_get(input, "what")));
}

static enum fas_code
die(json_t *input, json_t **result, struct fas_err *e)
{
	(void)input;
	(void)result;
	(void)e;
	(void)raise(SIGKILL);
	return FAS_OK;
}

static enum fas_code
sleep_on(json_t *input, json_t **result, struct fas_err *e)
{
	(void)input;
	(void)result;
	(void)e;
	while (pause() < 0)
		;
	return FAS_OK;
}

static enum fas_code
try_root(json_t *input, json_t **result, struct fas_err *e)
{
	(void)input;
	(void)e;
	bool back = setuid(0) == 0 || seteuid(0) == 0;
	bool shadow = access("/etc/shadow", R_OK) == 0;
	*result = json_pack("{s:b,s:b}", "back", back, "shadow", shadow);
	return FAS_OK;
}

/* How many descriptors are open, and what the secret holds. */
static enum fas_code
what_is_there(json_t *input, json_t **result, struct fas_err *e)
{
	OWN(text) char *secret = NULL;
	size_t len = 0;
	int open = 0;
	(void)input;
	for (int fd = 0; fd < 256; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	enum fas_code rc = file_read(CHILD_SECRET_PATH, 100, &secret, &len, e);
	*result = json_pack("{s:i,s:s?}", "open", open, "secret", secret);
	return rc;
}

static enum fas_code write_cache(json_t *input, json_t **result, struct fas_err *e);

static const struct child_task tasks[] = {{"who", who_am_i}, {"refuse", refuse}, {"die", die},
    {"sleep", sleep_on}, {"root", try_root}, {"there", what_is_there}, {"cache", write_cache}};

static enum fas_code
run_with(const struct local_user *user, const char *task, json_t *input, int timeout_ms,
    json_t **result, struct fas_err *e)
{
	const struct child_order order = {.task = task, .input = input, .timeout_ms = timeout_ms};
	return child_run(user, &order, result, e);
}

static enum fas_code
run(const struct local_user *user, const char *task, json_t **result, struct fas_err *e)
{
	return run_with(user, task, NULL, QUICK_MS, result, e);
}

static void
the_childs_result_comes_back(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	(void)state;
	assert_int_equal(run(&self, "who", &result, &e), FAS_OK);
	assert_int_equal(json_integer_value(json_object_get(result, "uid")), getuid());
}

static void
the_childs_error_comes_back_with_class_and_reason(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	OWN(json) json_t *input = json_pack("{s:s}", "what", "rain");
	(void)state;
	assert_int_equal(run_with(&self, "refuse", input, QUICK_MS, &result, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "no_reason");
	assert_string_equal(e.message, "because of rain");
}

static void
a_child_that_dies_is_an_error(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	(void)state;
	assert_int_equal(run(&self, "die", &result, &e), FAS_E_INTERNAL);
	assert_string_equal(e.reason, "child_failed");
}

static void
a_child_that_hangs_is_ended_at_its_deadline(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	(void)state;
	assert_int_equal(run_with(&self, "sleep", NULL, 100, &result, &e), FAS_E_TIMEOUT);
	assert_string_equal(e.reason, "child_timeout");
}

static void
a_child_has_its_line_and_its_secret_and_nothing_else(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	OWN(secret) struct secret secret = {0};
	OWN(fd)
	int mine = open("/dev/null", O_RDONLY); /* no O_CLOEXEC: only this program's own are */
	(void)state;
	assert_int_equal(fcntl(mine, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(secret_copy(&secret, "the key", 7, &e), FAS_OK);
	const struct child_order order = {
	    .task = "there", .secret = &secret, .timeout_ms = QUICK_MS};
	assert_int_equal(child_run(&self, &order, &result, &e), FAS_OK);
	assert_string_equal(json_string_value(json_object_get(result, "secret")), "the key");
	assert_int_equal(json_integer_value(json_object_get(result, "open")), 5);
}

static void
an_unknown_task_is_an_error(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *result = NULL;
	(void)state;
	assert_int_equal(run(&self, "dance", &result, &e), FAS_E_INTERNAL);
	assert_string_equal(e.reason, "child_failed");
}

static void
root_and_low_uids_are_never_logged_on(void **state)
{
	struct local_user user;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(local_user_find("root", 1, &user, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "local_user_system");
	fas_err_clear(&e);
	assert_int_equal(local_user_find("daemon", 1000, &user, &e), FAS_E_DENIED);
	fas_err_clear(&e);
	assert_int_equal(local_user_find("no-such-user", 1000, &user, &e), FAS_E_NOTFOUND);
	assert_string_equal(e.reason, "local_user_unknown");
}

static void
a_child_of_root_is_the_user_and_cannot_go_back(void **state)
{
	struct local_user user;
	struct fas_err e = {0};
	OWN(json) json_t *who = NULL;
	OWN(json) json_t *tried = NULL;
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(local_user_find(OTHER_USER, 1000, &user, &e), FAS_OK);
	assert_int_equal(run(&user, "who", &who, &e), FAS_OK);
	assert_int_equal(json_integer_value(json_object_get(who, "uid")), user.uid);
	assert_int_equal(json_integer_value(json_object_get(who, "euid")), user.uid);
	assert_int_equal(json_integer_value(json_object_get(who, "gid")), user.gid);
	assert_true(json_is_false(json_object_get(who, "dumpable")));
	assert_int_equal(run(&user, "root", &tried, &e), FAS_OK);
	assert_true(json_is_false(json_object_get(tried, "back")));
	assert_true(json_is_false(json_object_get(tried, "shadow")));
}

/* ---- credential caches ---- */

static enum fas_code
write_cache_at(const char *path, const char *content, struct fas_err *e)
{
	OWN(ccache_draft) struct ccache_draft draft = {0};
	if (ccache_begin(path, &draft, e) != FAS_OK ||
	    file_write_atomic(draft.file, content, strlen(content), 0644, e) != FAS_OK)
		return e->code;
	return ccache_commit(&draft, e);
}

static enum fas_code
write_cache(json_t *input, json_t **result, struct fas_err *e)
{
	(void)result;
	return write_cache_at(json_string_value(json_object_get(input, "path")), "tickets", e);
}

static size_t
entries_in(const char *path)
{
	char command[128], text[16] = "";
	(void)snprintf(command, sizeof(command), "ls -A %s | wc -l", path);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)pclose(f);
	return (size_t)strtoul(text, NULL, 10);
}

static void
a_cache_belongs_to_the_user_alone(void **state)
{
	struct local_user user = self;
	char path[128];
	struct fas_err e = {0};
	struct stat st;
	OWN(json) json_t *nothing = NULL;
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(local_user_find(OTHER_USER, 1000, &user, &e), FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/krb5cc_a", folder);
	OWN(json) json_t *input = json_pack("{s:s}", "path", path);
	assert_int_equal(run_with(&user, "cache", input, QUICK_MS, &nothing, &e), FAS_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, user.uid);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(entries_in(folder), 0);
}

static void
a_cache_never_takes_the_place_of_another_file(void **state)
{
	char path[128];
	struct fas_err e = {0};
	OWN(text) char *left = NULL;
	size_t len = 0;
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/krb5cc_b", folder);
	assert_int_equal(file_write_atomic(path, "mine", 4, 0600, &e), FAS_OK);
	assert_int_equal(write_cache_at(path, "tickets", &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "ccache_exists");
	fas_err_clear(&e);
	assert_int_equal(file_read(path, 100, &left, &len, &e), FAS_OK);
	assert_string_equal(left, "mine");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(entries_in(folder), 0);
}

static void
a_link_in_the_caches_place_is_not_followed(void **state)
{
	struct fas_err e = {0};
	char path[128], target[128];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/krb5cc_c", folder);
	(void)snprintf(target, sizeof(target), "%s/elsewhere", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(write_cache_at(path, "tickets", &e), FAS_E_CONFLICT);
	assert_int_not_equal(access(target, F_OK), 0);
	assert_int_equal(unlink(path), 0);
}

static void
destroying_removes_and_repeats(void **state)
{
	struct fas_err e = {0};
	char path[128], link_path[128];
	struct stat st;
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/krb5cc_d", folder);
	(void)snprintf(link_path, sizeof(link_path), "%s/kept", folder);
	assert_int_equal(file_write_atomic(path, "tickets", 7, 0600, &e), FAS_OK);
	assert_int_equal(ccache_destroy(path, &e), FAS_OK);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(ccache_destroy(path, &e), FAS_OK);
	/* A link goes, what it points to stays as it is. */
	assert_int_equal(file_write_atomic(link_path, "x", 1, 0600, &e), FAS_OK);
	assert_int_equal(symlink(link_path, path), 0);
	assert_int_equal(ccache_destroy(path, &e), FAS_OK);
	assert_int_equal(stat(link_path, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(unlink(link_path), 0);
}

static void
only_absolute_file_caches_are_taken(void **state)
{
	static const char *const wrong[] = {
	    "KCM:1000", "KEYRING:session:x", "cc", "FILE:cc", "", "/", "FILE:"};
	char path[PATH_MAX];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(ccache_path("FILE:/tmp/x", path, &e), FAS_OK);
	assert_string_equal(path, "/tmp/x");
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		fas_err_clear(&e);
		assert_int_equal(ccache_path(wrong[i], path, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "ccache_name");
	}
}

static void
a_memory_file_is_read_by_its_path_and_gone_when_done(void **state)
{
	struct memfile m = MEMFILE_NONE;
	struct fas_err e = {0};
	char path[MEMFILE_PATH_MAX], content[16] = "";
	(void)state;
	assert_int_equal(memfile_make(&m, "test", "hello", 5, &e), FAS_OK);
	FILE *f = fopen(m.path, "re");
	assert_non_null(f);
	assert_int_equal(fread(content, 1, sizeof(content), f), 5);
	(void)fclose(f);
	assert_string_equal(content, "hello");
	memcpy(path, m.path, sizeof(path));
	memfile_done(&m);
	assert_int_not_equal(access(path, F_OK), 0);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], CHILD_WORD) == 0)
		return child_main(tasks, NELEMS(tasks), argc, argv);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_childs_result_comes_back),
	    cmocka_unit_test(the_childs_error_comes_back_with_class_and_reason),
	    cmocka_unit_test(a_child_that_dies_is_an_error),
	    cmocka_unit_test(a_child_that_hangs_is_ended_at_its_deadline),
	    cmocka_unit_test(a_child_has_its_line_and_its_secret_and_nothing_else),
	    cmocka_unit_test(an_unknown_task_is_an_error),
	    cmocka_unit_test(root_and_low_uids_are_never_logged_on),
	    cmocka_unit_test(a_child_of_root_is_the_user_and_cannot_go_back),
	    cmocka_unit_test(a_cache_belongs_to_the_user_alone),
	    cmocka_unit_test(a_cache_never_takes_the_place_of_another_file),
	    cmocka_unit_test(a_link_in_the_caches_place_is_not_followed),
	    cmocka_unit_test(destroying_removes_and_repeats),
	    cmocka_unit_test(only_absolute_file_caches_are_taken),
	    cmocka_unit_test(a_memory_file_is_read_by_its_path_and_gone_when_done),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
