#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fas/agent/programs.h"

/* Below /run, because every folder above has to be root's alone: /tmp is not. */
static char folder[] = "/run/fas-programs-XXXXXX";

static int
setup(void **state)
{
	(void)state;
	if (geteuid() != 0 || !mkdtemp(folder))
		return -1;
	return chmod(folder, 0755);
}

static int
teardown(void **state)
{
	char command[80];
	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
put(const char *path, mode_t mode)
{
	OWN(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

/* As if a program that lies at `at` ran, and its path read as `path`. */
static enum fas_code
check(const char *listed, const char *at, const char *path, struct fas_err *e)
{
	char *programs[] = {strdup(listed)};
	const struct session_rule rule = {.allowed = true, .programs = programs, .n_programs = 1};
	OWN(peer_look) struct peer_look look = {.exe = open(at, O_PATH | O_CLOEXEC)};
	assert_true(look.exe >= 0);
	(void)snprintf(look.path, sizeof(look.path), "%s", path);
	enum fas_code rc = program_check(&rule, &look, e);
	free(programs[0]);
	return rc;
}

static void
refused(const char *listed, const char *at, const char *path, const char *reason)
{
	struct fas_err e = {0};
	if (check(listed, at, path, &e) != FAS_E_DENIED)
		fail_msg("%s is taken", path);
	assert_string_equal(e.reason, reason);
}

static void
a_listed_program_of_roots_is_taken(void **state)
{
	char path[128];
	struct fas_err e = {0};
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/good", folder);
	put(path, 0755);
	assert_int_equal(check(path, path, path, &e), FAS_OK);
}

static void
a_program_that_is_not_listed_is_refused(void **state)
{
	char path[128], other[128];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/one", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	put(path, 0755);
	put(other, 0755);
	refused(path, other, other, "program_refused");
	refused(path, other, "", "program_refused");
}

static void
a_rule_without_a_list_takes_every_program(void **state)
{
	const struct session_rule rule = {.allowed = true};
	const struct peer_look look = {.exe = -1};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(program_check(&rule, &look, &e), FAS_OK);
}

static void
a_file_or_a_folder_that_others_can_write_is_refused(void **state)
{
	char path[128];
	struct fas_err e = {0};
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/loose", folder);
	put(path, 0757);
	refused(path, path, path, "program_writable");
	put(path, 0775);
	refused(path, path, path, "program_writable");
	put(path, 0755);
	assert_int_equal(chown(path, 1234, 0), 0);
	refused(path, path, path, "program_writable");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(check(path, path, path, &e), FAS_OK);
	assert_int_equal(chmod(folder, 01777), 0);
	refused(path, path, path, "program_writable");
	assert_int_equal(chmod(folder, 0775), 0);
	refused(path, path, path, "program_writable");
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(check(path, path, path, &e), FAS_OK);
}

static void
another_file_at_the_listed_path_is_refused(void **state)
{
	char path[128], other[128], link_path[128];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/listed", folder);
	(void)snprintf(other, sizeof(other), "%s/runs", folder);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", folder);
	put(path, 0755);
	put(other, 0755);
	refused(path, other, path, "program_replaced");
	assert_int_equal(symlink(other, link_path), 0);
	refused(link_path, other, link_path, "program_replaced");
	assert_int_equal(unlink(path), 0);
	refused(path, other, path, "program_replaced");
}

/* ---- peers ---- */

static void
the_peer_of_a_socket_is_this_process_and_its_program(void **state)
{
	int pair[2];
	char self[PATH_MAX];
	struct peer peer;
	struct fas_err e = {0};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(peer_read(pair[0], &peer, &e), FAS_OK);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());
	assert_true(peer.started > 0);
	const struct ucred sender = {.pid = getpid(), .uid = getuid()};
	assert_int_equal(peer_check(&peer, &sender, &e), FAS_OK);
	assert_int_equal(peer_see(&peer, &look, &e), FAS_OK);
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(len > 0);
	self[len] = 0;
	assert_string_equal(look.path, self);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void
another_sender_or_another_process_of_that_number_is_refused(void **state)
{
	struct peer peer = {.pid = getpid(), .uid = getuid(), .started = 1};
	struct fas_err e = {0};
	struct ucred sender = {.pid = getpid(), .uid = getuid()};
	(void)state;
	assert_int_equal(peer_check(&peer, &sender, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "peer_gone");
	fas_err_clear(&e);
	sender.pid++;
	assert_int_equal(peer_check(&peer, &sender, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "peer_changed");
	fas_err_clear(&e);
	sender = (struct ucred){.pid = getpid(), .uid = getuid() + 1};
	assert_int_equal(peer_check(&peer, &sender, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "peer_changed");
}

static void
a_process_that_has_ended_is_gone(void **state)
{
	struct fas_err e = {0};
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	const struct peer peer = {.pid = pid, .uid = getuid(), .started = 1};
	const struct ucred sender = {.pid = pid, .uid = getuid()};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	assert_int_equal(peer_check(&peer, &sender, &e), FAS_E_AUTH);
	fas_err_clear(&e);
	assert_int_equal(peer_see(&peer, &look, &e), FAS_E_AUTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listed_program_of_roots_is_taken),
	    cmocka_unit_test(a_program_that_is_not_listed_is_refused),
	    cmocka_unit_test(a_rule_without_a_list_takes_every_program),
	    cmocka_unit_test(a_file_or_a_folder_that_others_can_write_is_refused),
	    cmocka_unit_test(another_file_at_the_listed_path_is_refused),
	    cmocka_unit_test(the_peer_of_a_socket_is_this_process_and_its_program),
	    cmocka_unit_test(another_sender_or_another_process_of_that_number_is_refused),
	    cmocka_unit_test(a_process_that_has_ended_is_gone),
	};
	return cmocka_run_group_tests_name("programs and peers", tests, setup, teardown);
}
