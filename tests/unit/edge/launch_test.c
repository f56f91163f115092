/* fas-launch: its command line, and what it makes of root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/launch.h"

static char folder[] = "/tmp/fas-launch-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) && chmod(folder, 0777) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[64];
	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* ---- the command line ---- */

static enum fas_code
parse(struct launch *launch, struct fas_err *e, int argc, const char *const *argv)
{
	static char *copy[64];
	for (size_t i = 0; i < NELEMS(copy); i++) {
		free(copy[i]);
		copy[i] = (int)i < argc ? strdup(argv[i]) : NULL;
	}
	*e = (struct fas_err){0};
	return launch_parse(argc, copy, launch, e);
}

#define PARSE(launch, e, ...)                                                                      \
	parse(launch, e, (int)NELEMS(((const char *const[]){"fas-launch", __VA_ARGS__})),          \
	    (const char *const[]){"fas-launch", __VA_ARGS__})

static void
programs_and_folders_are_read(void **state)
{
	struct launch launch;
	struct fas_err e;
	(void)state;
	assert_int_equal(PARSE(&launch, &e, "--folder", "/run/x:1000:1001:0750", "--run",
			     "1000:1001,1002", "--low-ports", "--listen", "127.0.0.1:80",
			     "--listen", "[::1]:8443", "--", "/bin/one", "--flag", "--", "x",
			     "--run", "2000:2001", "--lock-memory", "--", "/bin/two"),
	    FAS_OK);
	assert_int_equal(launch.n_folders, 1);
	assert_string_equal(launch.folders[0].path, "/run/x");
	assert_int_equal(launch.folders[0].mode, 0750);
	assert_int_equal(launch.folders[0].gid, 1001);
	assert_int_equal(launch.n_programs, 2);
	assert_int_equal(launch.programs[0].user.uid, 1000);
	assert_int_equal(launch.programs[0].user.gid, 1001);
	assert_int_equal(launch.programs[0].user.n_groups, 1);
	assert_int_equal(launch.programs[0].user.groups[0], 1002);
	assert_true(launch.programs[0].low_ports);
	assert_int_equal(launch.programs[0].n_listen, 2);
	assert_string_equal(launch.programs[0].listen[1].address, "[::1]:8443");
	assert_int_equal(launch.programs[1].n_listen, 0);
	assert_false(launch.programs[0].lock_memory);
	assert_string_equal(launch.programs[0].argv[0], "/bin/one");
	assert_string_equal(launch.programs[0].argv[2], "--");
	assert_string_equal(launch.programs[0].argv[3], "x");
	assert_null(launch.programs[0].argv[4]);
	assert_string_equal(launch.programs[1].argv[0], "/bin/two");
	assert_null(launch.programs[1].argv[1]);
	assert_true(launch.programs[1].lock_memory);
	launch_done(&launch);
}

static void
a_name_brings_its_groups(void **state)
{
	struct launch_user user;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(launch_user_parse("daemon", &user, &e), FAS_OK);
	assert_string_equal(user.name, "daemon");
	assert_int_equal(user.uid, 1);
	assert_int_equal(user.gid, 1);
}

static void
wrong_arguments_are_refused(void **state)
{
	static const char *const lines[][8] = {{"--run"}, {"--run", "1000:1000"},
	    {"--run", "1000:1000", "--"}, {"--run", "1000:1000", "--", "relative/path"},
	    {"--run", "0:0", "--", "/bin/true"}, {"--run", "root", "--", "/bin/true"},
	    {"--run", "1000:0", "--", "/bin/true"}, {"--run", "4000000", "--", "/bin/true"},
	    {"--run", "no-such-user", "--", "/bin/true"},
	    {"--run", "1000:no-such-group", "--", "/bin/true"},
	    {"--run", "1000:1000", "--high-ports", "--", "/bin/true"}, {"--what"},
	    {"--run", "1000:1000", "--listen", "localhost:80", "--", "/bin/true"},
	    {"--run", "1000:1000", "--listen"}, {"--folder", "relative:1:1:0700"},
	    {"--folder", "/x:1:1"}, {"--folder", "/x:1:1:0900"}, {"--folder", "/x:1:1:07777"},
	    {"--folder", "/x:1:1:0700:1"}, {NULL}};
	(void)state;
	for (size_t i = 0; i < NELEMS(lines); i++) {
		struct launch launch;
		struct fas_err e;
		const char *argv[10] = {"fas-launch"};
		int argc = 1;
		while (argc < 9 && lines[i][argc - 1]) {
			argv[argc] = lines[i][argc - 1];
			argc++;
		}
		if (parse(&launch, &e, argc, argv) != FAS_E_INPUT)
			fail_msg("line %zu was accepted", i);
		assert_string_equal(e.reason, "usage");
		launch_done(&launch);
	}
}

/* ---- with root ---- */

static pid_t
launch(const char *const *arguments)
{
	const char *argv[24] = {FAS_LAUNCH};
	for (size_t i = 0; arguments[i]; i++)
		argv[i + 1] = arguments[i];
	pid_t pid = fork();
	if (pid == 0) {
		execv(FAS_LAUNCH, (char *const *)(uintptr_t)argv);
		_exit(99);
	}
	return pid;
}

/* The file's text once it is there and ends in a line feed. */
static void
await_file(const char *path, char *out, size_t size)
{
	int64_t until_us = clock_monotonic_us() + 10000000;
	out[0] = 0;
	while (clock_monotonic_us() < until_us) {
		struct fas_err e = {0};
		char *text = NULL;
		size_t len;
		if (file_read(path, size - 1, &text, &len, &e) == FAS_OK && len > 0 &&
		    text[len - 1] == '\n') {
			memcpy(out, text, len + 1);
			free(text);
			return;
		}
		free(text);
		usleep(5000);
	}
	fail_msg("%s does not come", path);
}

static int
end_of(pid_t pid)
{
	int status = 0;
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
make_script(char path[96], const char *name, const char *text)
{
	struct fas_err e = {0};
	(void)snprintf(path, 96, "%s/%s", folder, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0755, &e), FAS_OK);
	assert_int_equal(chmod(path, 0755), 0);
}

static void
skip_unless_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void
a_program_is_nothing_but_its_user(void **state)
{
	char script[96], answer[96], text[4096];
	(void)state;
	skip_unless_root();
	make_script(script, "who",
	    "#!/bin/sh\ncat /proc/self/status > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 60\n");
	(void)snprintf(answer, sizeof(answer), "%s/who.txt", folder);
	pid_t pid =
	    launch((const char *const[]){"--run", "54321:54322,54323", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	assert_non_null(strstr(text, "Uid:\t54321\t54321\t54321\t54321\n"));
	assert_non_null(strstr(text, "Gid:\t54322\t54322\t54322\t54322\n"));
	assert_non_null(strstr(text, "Groups:\t54323 \n"));
	assert_non_null(strstr(text, "CapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "CapBnd:\t0000000000000000\n"));
	assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
	assert_int_equal(end_of(pid), 0);
}

static void
low_ports_are_the_one_privilege(void **state)
{
	char script[96], answer[96], text[4096];
	(void)state;
	skip_unless_root();
	make_script(script, "low",
	    "#!/bin/sh\ncat /proc/self/status > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 60\n");
	(void)snprintf(answer, sizeof(answer), "%s/low.txt", folder);
	pid_t pid = launch((const char *const[]){
	    "--run", "54321:54322", "--low-ports", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	assert_non_null(strstr(text, "CapEff:\t0000000000000400\n"));
	assert_non_null(strstr(text, "CapAmb:\t0000000000000400\n"));
	assert_non_null(strstr(text, "CapBnd:\t0000000000000400\n"));
	assert_int_equal(end_of(pid), 0);
}

static void
what_ends_is_started_again(void **state)
{
	char script[96], answer[96], text[4096];
	(void)state;
	skip_unless_root();
	make_script(script, "again",
	    "#!/bin/sh\necho x >> \"$1.count\"\n"
	    "if [ $(wc -l < \"$1.count\") -ge 3 ]; then echo done > \"$1\"; exec sleep 60; "
	    "fi\nexit 7\n");
	(void)snprintf(answer, sizeof(answer), "%s/again.txt", folder);
	pid_t pid =
	    launch((const char *const[]){"--run", "54321:54322", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	assert_int_equal(end_of(pid), 0);
}

/* The number behind 3 and 4 is the socket's own: the same one in each life. */
static void
sockets_are_held_over_all_lives(void **state)
{
	char script[96], answer[96], text[4096];
	(void)state;
	skip_unless_root();
	make_script(script, "held",
	    "#!/bin/sh\n[ \"$LISTEN_PID\" = $$ ] || exit 8\n"
	    "echo \"$LISTEN_FDS $(readlink /proc/$$/fd/3) $(readlink /proc/$$/fd/4)\" >> "
	    "\"$1.lives\"\n"
	    "if [ $(wc -l < \"$1.lives\") -ge 3 ]; then mv \"$1.lives\" \"$1\"; exec sleep 60; "
	    "fi\nkill -9 $$\n");
	(void)snprintf(answer, sizeof(answer), "%s/held.txt", folder);
	pid_t pid = launch((const char *const[]){"--run", "54321:54322", "--listen", "127.0.0.1:0",
	    "--listen", "127.0.0.1:0", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	assert_int_equal(end_of(pid), 0);
	size_t len = strcspn(text, "\n") + 1;
	assert_int_equal(strncmp(text, "2 socket:[", 10), 0);
	assert_int_equal(strlen(text), 3 * len);
	assert_memory_equal(text, text + len, len);
	assert_memory_equal(text, text + 2 * len, len);
}

static void
a_hangup_reaches_all_programs(void **state)
{
	char script[96], first[96], second[96], text[4096];
	(void)state;
	skip_unless_root();
	make_script(script, "hup",
	    "#!/bin/sh\ntrap 'echo hup > \"$1\"' HUP\necho up > \"$1.up\"\nwhile :; do sleep 0.05; "
	    "done\n");
	(void)snprintf(first, sizeof(first), "%s/hup1", folder);
	(void)snprintf(second, sizeof(second), "%s/hup2", folder);
	pid_t pid = launch((const char *const[]){"--run", "54321:54322", "--", script, first,
	    "--run", "54323:54324", "--", script, second, NULL});
	(void)snprintf(text, sizeof(text), "%s.up", first);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s.up", first);
	await_file(path, text, sizeof(text));
	(void)snprintf(path, sizeof(path), "%s.up", second);
	await_file(path, text, sizeof(text));
	assert_int_equal(kill(pid, SIGHUP), 0);
	await_file(first, text, sizeof(text));
	await_file(second, text, sizeof(text));
	assert_int_equal(end_of(pid), 0);
}

static void
programs_end_with_their_launcher(void **state)
{
	char script[96], answer[96], text[64];
	int status;
	(void)state;
	skip_unless_root();
	make_script(script, "orphan",
	    "#!/bin/sh\necho $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 60\n");
	(void)snprintf(answer, sizeof(answer), "%s/orphan.txt", folder);
	pid_t pid =
	    launch((const char *const[]){"--run", "54321:54322", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	pid_t child = (pid_t)atoi(text);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	char proc[64];
	(void)snprintf(proc, sizeof(proc), "/proc/%d/cmdline", child);
	int64_t until_us = clock_monotonic_us() + 10000000;
	bool gone = false;
	while (!gone && clock_monotonic_us() < until_us) {
		/* A zombie, waiting for whoever inherits it, has no command line. */
		char byte;
		int fd = open(proc, O_RDONLY | O_CLOEXEC);
		gone = fd < 0 || read(fd, &byte, 1) <= 0;
		if (fd >= 0)
			close(fd);
		usleep(5000);
	}
	assert_true(gone);
}

static void
folders_are_made_with_owner_and_mode(void **state)
{
	char path[96], argument[160], script[96], answer[96], text[64];
	struct stat st;
	(void)state;
	skip_unless_root();
	(void)snprintf(path, sizeof(path), "%s/run", folder);
	(void)snprintf(argument, sizeof(argument), "%s:54321:54325:0750", path);
	make_script(script, "folder", "#!/bin/sh\necho up > \"$1\"; exec sleep 60\n");
	(void)snprintf(answer, sizeof(answer), "%s/run/up", folder);
	pid_t pid = launch((const char *const[]){
	    "--folder", argument, "--run", "54321:54322", "--", script, answer, NULL});
	await_file(answer, text, sizeof(text));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 54321);
	assert_int_equal(st.st_gid, 54325);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(end_of(pid), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(programs_and_folders_are_read),
	    cmocka_unit_test(a_name_brings_its_groups),
	    cmocka_unit_test(wrong_arguments_are_refused),
	    cmocka_unit_test(a_program_is_nothing_but_its_user),
	    cmocka_unit_test(low_ports_are_the_one_privilege),
	    cmocka_unit_test(what_ends_is_started_again),
	    cmocka_unit_test(sockets_are_held_over_all_lives),
	    cmocka_unit_test(a_hangup_reaches_all_programs),
	    cmocka_unit_test(programs_end_with_their_launcher),
	    cmocka_unit_test(folders_are_made_with_owner_and_mode),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
