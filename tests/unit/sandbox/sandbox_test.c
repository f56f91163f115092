/*
 * What is forbidden is tried: each attempt runs in a child of its own, once free and once confined, and its exit status
 * is the errno that it met.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/base/sandbox.h"

#define STATUS_SETUP 250 /* above every errno that is expected */
#define TEXT_MAX 128

static char home[64], readable[TEXT_MAX], writable[TEXT_MAX], outside[TEXT_MAX], later[TEXT_MAX];

enum walls { FREE, OFFLINE, ONLINE, PARENT, CHILD };

typedef int attempt(void);

static const char *
in(const char *folder, const char *name)
{
	static char path[2 * TEXT_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static enum fas_code
confine(enum walls walls, struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	enum fas_code rc = sandbox_enter(false, e);
	if (rc == FAS_OK)
		rc = sandbox_begin(&sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_system(&sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, readable, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, writable, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, in(later, "missing/file"), SANDBOX_READ, e);
	if (rc == FAS_OK && (walls == PARENT || walls == CHILD))
		return sandbox_confine_parent(&sandbox, SANDBOX_UNIX, e);
	return rc == FAS_OK
		   ? sandbox_confine(&sandbox, walls == ONLINE ? SANDBOX_INTERNET : SANDBOX_UNIX, e)
		   : rc;
}

/* What a parent with walls lets its child give up: the right to have children, and a file that it may read itself. */
static enum fas_code
confine_further(struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	enum fas_code rc = sandbox_begin(&sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, writable, SANDBOX_WRITE, e);
	return rc == FAS_OK ? sandbox_confine(&sandbox, SANDBOX_UNIX, e) : rc;
}

static int
met(enum walls walls, attempt *try_it)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		struct fas_err e = {0};
		if (walls != FREE && confine(walls, &e) != FAS_OK)
			_exit(STATUS_SETUP);
		if (walls == CHILD && confine_further(&e) != FAS_OK)
			_exit(STATUS_SETUP);
		_exit(try_it());
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
errno_if(bool failed)
{
	return failed ? errno : 0;
}

/* ---- attempts on files ---- */

static int
open_for(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	return errno_if(fd < 0);
}

static int
read_inside(void)
{
	return open_for(in(readable, "file"), O_RDONLY);
}

/* The rule was for a path that was not there yet. */
static int
read_later(void)
{
	return open_for(in(later, "file"), O_RDONLY);
}

static int
write_into_read_only(void)
{
	return open_for(in(readable, "file"), O_WRONLY);
}

static int
create_in_read_only(void)
{
	return open_for(in(readable, "new"), O_WRONLY | O_CREAT);
}

static int
create_inside(void)
{
	return open_for(in(writable, "new"), O_WRONLY | O_CREAT);
}

static int
replace_inside(void)
{
	char from[2 * TEXT_MAX];
	(void)snprintf(from, sizeof(from), "%s", in(writable, "new"));
	int rc = open_for(from, O_WRONLY | O_CREAT);
	return rc ? rc : errno_if(rename(from, in(writable, "final")) != 0);
}

static int
read_outside(void)
{
	return open_for(in(outside, "file"), O_RDONLY);
}

static int
read_passwords(void)
{
	return open_for("/etc/passwd", O_RDONLY);
}

static int
create_outside(void)
{
	return open_for(in(outside, "new"), O_WRONLY | O_CREAT);
}

static int
list_outside(void)
{
	return open_for(home, O_RDONLY | O_DIRECTORY);
}

static int
carry_out(void)
{
	char from[2 * TEXT_MAX];
	(void)snprintf(from, sizeof(from), "%s", in(writable, "carried"));
	int rc = open_for(from, O_WRONLY | O_CREAT);
	return rc ? rc : errno_if(rename(from, in(outside, "carried")) != 0);
}

static void *
thread_main(void *found)
{
	*(int *)found = read_outside();
	return NULL;
}

static int
read_outside_from_thread(void)
{
	pthread_t thread;
	int found = STATUS_SETUP;
	if (pthread_create(&thread, NULL, thread_main, &found) == 0)
		(void)pthread_join(thread, NULL);
	return found;
}

/* ---- attempts on sockets ---- */

static int
open_socket(int family, int type)
{
	int s = socket(family, type | SOCK_CLOEXEC, 0);
	return errno_if(s < 0);
}

static int
socket_inet(void)
{
	return open_socket(AF_INET, SOCK_STREAM);
}

static int
socket_inet6(void)
{
	return open_socket(AF_INET6, SOCK_DGRAM);
}

static int
socket_netlink(void)
{
	return open_socket(AF_NETLINK, SOCK_RAW);
}

static int
bind_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return errno_if(
	    s < 0 || bind(s, (const void *)&address, sizeof(address)) != 0 || listen(s, 1) != 0);
}

static int
bind_inside(void)
{
	return bind_at(in(writable, "socket"));
}

static int
bind_outside(void)
{
	return bind_at(in(outside, "socket"));
}

/* ---- attempts on the machine ---- */

static int
execute(void)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	(void)execve("/bin/true", argv, NULL);
	return errno;
}

static int
fork_process(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return errno_if(child < 0);
}

static int
trace(void)
{
	return errno_if(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
}

static int
mount_something(void)
{
	/* Nothing is mounted without walls either: the source is none. */
	return errno_if(syscall(SYS_mount, "none", "/missing", "missing", 0UL, NULL) != 0);
}

static int
new_namespace(void)
{
	return errno_if(unshare(CLONE_FILES) != 0);
}

static int
anonymous_file(void)
{
	return errno_if(syscall(SYS_memfd_create, "program", 0U) < 0);
}

static int
map_written_and_run(void)
{
	void *page = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return errno_if(page == MAP_FAILED);
}

static int
make_runnable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return errno_if(page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0);
}

static int
signal_parent(void)
{
	return errno_if(kill(getppid(), 0) != 0);
}

static int
raise_limit(void)
{
	const struct rlimit limit = {0, 0};
	return errno_if(setrlimit(RLIMIT_CORE, &limit) != 0);
}

static int
read_limit(void)
{
	struct rlimit limit;
	return errno_if(getrlimit(RLIMIT_NOFILE, &limit) != 0);
}

static int
become_dumpable(void)
{
	return errno_if(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0) != 0);
}

/* ---- the table: what is met free, offline and online ---- */

static const struct {
	const char *name;
	attempt *try_it;
	int met[3];
} attempts[] = {
    {"read_inside", read_inside, {0, 0, 0}},
    {"read_later", read_later, {0, 0, 0}},
    {"write_into_read_only", write_into_read_only, {0, EACCES, EACCES}},
    {"create_in_read_only", create_in_read_only, {0, EACCES, EACCES}},
    {"create_inside", create_inside, {0, 0, 0}},
    {"replace_inside", replace_inside, {0, 0, 0}},
    {"read_outside", read_outside, {0, EACCES, EACCES}},
    {"read_outside_from_thread", read_outside_from_thread, {0, EACCES, EACCES}},
    {"read_passwords", read_passwords, {0, EACCES, EACCES}},
    {"create_outside", create_outside, {0, EACCES, EACCES}},
    {"list_outside", list_outside, {0, EACCES, EACCES}},
    {"carry_out", carry_out, {0, EACCES, EACCES}},
    {"socket_inet", socket_inet, {0, EPERM, 0}},
    {"socket_inet6", socket_inet6, {0, EPERM, 0}},
    {"socket_netlink", socket_netlink, {0, EPERM, EPERM}},
    {"bind_inside", bind_inside, {0, 0, 0}},
    {"bind_outside", bind_outside, {0, EACCES, EACCES}},
    {"execute", execute, {0, EPERM, EPERM}},
    {"fork", fork_process, {0, EPERM, EPERM}},
    {"trace", trace, {0, EPERM, EPERM}},
    {"mount", mount_something, {ENOENT, EPERM, EPERM}},
    {"new_namespace", new_namespace, {0, EPERM, EPERM}},
    {"anonymous_file", anonymous_file, {0, EPERM, EPERM}},
    {"map_written_and_run", map_written_and_run, {0, EPERM, EPERM}},
    {"make_runnable", make_runnable, {0, EPERM, EPERM}},
    {"signal_parent", signal_parent, {0, EPERM, EPERM}},
    {"raise_limit", raise_limit, {0, EPERM, EPERM}},
    {"read_limit", read_limit, {0, 0, 0}},
    {"become_dumpable", become_dumpable, {0, ENOSYS, ENOSYS}},
};

static void
check(enum walls walls)
{
	for (size_t i = 0; i < NELEMS(attempts); i++) {
		int found = met(walls, attempts[i].try_it);
		if (found != attempts[i].met[walls])
			fail_msg("%s: %s, want %s", attempts[i].name, strerror(found),
			    strerror(attempts[i].met[walls]));
		(void)unlink(in(writable, "socket"));
		(void)unlink(in(outside, "socket"));
	}
}

static void
without_walls_every_attempt_succeeds(void **state)
{
	(void)state;
	check(FREE);
}

static void
the_signer_reaches_its_folders_and_nothing_else(void **state)
{
	(void)state;
	check(OFFLINE);
}

static void
fasd_has_the_internet_and_no_more(void **state)
{
	(void)state;
	check(ONLINE);
}

/* The one that waits for a PKCS#11 module's process. */
static void
a_parent_may_fork_and_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < NELEMS(attempts); i++) {
		bool forks = attempts[i].try_it == fork_process;
		int found = met(PARENT, attempts[i].try_it);
		if (found != (forks ? 0 : attempts[i].met[OFFLINE]))
			fail_msg("%s: %s", attempts[i].name, strerror(found));
		(void)unlink(in(writable, "socket"));
	}
}

static void
its_child_gives_up_more(void **state)
{
	(void)state;
	assert_int_equal(met(CHILD, fork_process), EPERM);
	assert_int_equal(met(CHILD, read_inside), EACCES);
	assert_int_equal(met(CHILD, create_inside), 0);
}

/* ---- fixture ---- */

static int
make_home(void **state)
{
	(void)state;
	const char *top = getenv("TMPDIR");
	(void)snprintf(home, sizeof(home), "%s/sandbox.XXXXXX", top && *top ? top : "/tmp");
	if (!mkdtemp(home))
		return -1;
	(void)snprintf(readable, sizeof(readable), "%s/readable", home);
	(void)snprintf(writable, sizeof(writable), "%s/writable", home);
	(void)snprintf(outside, sizeof(outside), "%s/outside", home);
	(void)snprintf(later, sizeof(later), "%s/later", home);
	if (mkdir(later, 0700) != 0 || mkdir(readable, 0700) != 0 || mkdir(writable, 0700) != 0 ||
	    mkdir(outside, 0700) != 0)
		return -1;
	return open_for(in(readable, "file"), O_WRONLY | O_CREAT) ||
	       open_for(in(later, "file"), O_WRONLY | O_CREAT) ||
	       open_for(in(outside, "file"), O_WRONLY | O_CREAT);
}

static int
remove_home(void **state)
{
	static const char *const names[] = {"file", "new", "final", "carried", "socket"};
	const char *const folders[] = {readable, writable, outside, later};
	(void)state;
	for (size_t i = 0; i < NELEMS(folders); i++) {
		for (size_t k = 0; k < NELEMS(names); k++)
			(void)unlink(in(folders[i], names[k]));
		(void)rmdir(folders[i]);
	}
	return rmdir(home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_walls_every_attempt_succeeds),
	    cmocka_unit_test(the_signer_reaches_its_folders_and_nothing_else),
	    cmocka_unit_test(fasd_has_the_internet_and_no_more),
	    cmocka_unit_test(a_parent_may_fork_and_no_more),
	    cmocka_unit_test(its_child_gives_up_more),
	};
	return cmocka_run_group_tests(tests, make_home, remove_home);
}
