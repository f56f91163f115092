/*
 * fas-launch: the small root process where there is no systemd (tests, demo, containers).
 *
 * It reads its command line and nothing else, talks to nobody, and starts again whatever ends, with a growing pause.
 */
#include "fas/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/http/listen.h"

#define PAUSE_MIN_US 100000
#define PAUSE_MAX_US 5000000
#define LIVED_LONG_US 1000000 /* it got through its start: the pause begins anew */
#define END_WAIT_US 20000000

struct child {
	const struct launch_program *program;
	pid_t pid; /* 0 = not running */
	int64_t started_us, pause_us, again_us;
};

struct launcher {
	struct child children[LAUNCH_PROGRAMS_MAX];
	size_t n;
	sigset_t signals;
	bool ending;
	int64_t kill_us; /* when patience ends */
};

static void
start(struct child *child)
{
	pid_t parent = getpid();
	char pid[24];
	child->started_us = clock_monotonic_us();
	child->pid = fork();
	if (child->pid == 0) {
		struct fas_err e = {0};
		launch_exec(child->program, parent, &e);
		log_error("program_not_started", &e, "program", child->program->argv[0], NULL);
		_exit(127);
	}
	if (child->pid < 0) {
		child->pid = 0;
		child->again_us = clock_monotonic_us() + PAUSE_MAX_US;
		log_event(LOG_LEVEL_ERROR, "fork", "message", strerror(errno), NULL);
		return;
	}
	(void)snprintf(pid, sizeof(pid), "%d", child->pid);
	log_event(LOG_LEVEL_INFO, "program_started", "program", child->program->argv[0], "pid", pid,
	    NULL);
}

static void
note_end(struct launcher *l, struct child *child, int status)
{
	char how[32], pid[24];
	int64_t now_us = clock_monotonic_us();
	bool lived_long = now_us - child->started_us > LIVED_LONG_US;
	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
	else
		(void)snprintf(how, sizeof(how), "status %d", WEXITSTATUS(status));
	(void)snprintf(pid, sizeof(pid), "%d", child->pid);
	log_event(l->ending ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "program_ended", "program",
	    child->program->argv[0], "pid", pid, "how", how, NULL);
	child->pid = 0;
	child->pause_us = lived_long || child->pause_us == 0 ? PAUSE_MIN_US : child->pause_us * 2;
	if (child->pause_us > PAUSE_MAX_US)
		child->pause_us = PAUSE_MAX_US;
	child->again_us = now_us + child->pause_us;
}

static void
reap(struct launcher *l)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < l->n; i++) {
			if (l->children[i].pid == pid)
				note_end(l, &l->children[i], status);
		}
	}
}

static void
pass_on(const struct launcher *l, int signal_number)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->children[i].pid > 0)
			(void)kill(l->children[i].pid, signal_number);
	}
}

static bool
any_running(const struct launcher *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->children[i].pid > 0)
			return true;
	}
	return false;
}

/* Start what is due; returns when the next one is. */
static int64_t
start_due(struct launcher *l)
{
	int64_t now_us = clock_monotonic_us(), next_us = now_us + PAUSE_MAX_US;
	for (size_t i = 0; i < l->n && !l->ending; i++) {
		struct child *child = &l->children[i];
		if (child->pid == 0 && child->again_us <= now_us)
			start(child);
		if (child->pid == 0 && child->again_us < next_us)
			next_us = child->again_us;
	}
	return next_us;
}

static int
await_signal(const struct launcher *l, int64_t until_us)
{
	int64_t wait_us = until_us - clock_monotonic_us();
	if (wait_us < 1000)
		wait_us = 1000;
	const struct timespec wait = {
	    .tv_sec = wait_us / 1000000, .tv_nsec = (long)(wait_us % 1000000) * 1000};
	return sigtimedwait(&l->signals, NULL, &wait);
}

static void
supervise(struct launcher *l)
{
	while (!l->ending || any_running(l)) {
		int signal_number = await_signal(l, start_due(l));
		if (signal_number == SIGHUP)
			pass_on(l, SIGHUP);
		if ((signal_number == SIGTERM || signal_number == SIGINT) && !l->ending) {
			l->ending = true;
			l->kill_us = clock_monotonic_us() + END_WAIT_US;
			pass_on(l, SIGTERM);
		}
		reap(l);
		if (l->ending && clock_monotonic_us() > l->kill_us)
			pass_on(l, SIGKILL);
	}
}

/* As root, and once: no program needs the right to bind, nor gets a chance to lose its address. */
static enum fas_code
listen_for(struct launch_program *program, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < program->n_listen; i++)
		rc = http_listen(program->listen[i].address, &program->listen[i].fd, e);
	return rc;
}

static enum fas_code
prepare(struct launcher *l, struct launch *launch, struct fas_err *e)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	for (size_t i = 0; i < launch->n_folders; i++) {
		enum fas_code rc = launch_folder_make(&launch->folders[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	for (l->n = 0; l->n < launch->n_programs; l->n++) {
		enum fas_code rc = listen_for(&launch->programs[l->n], e);
		if (rc != FAS_OK)
			return rc;
		l->children[l->n].program = &launch->programs[l->n];
	}
	sigemptyset(&l->signals);
	for (size_t i = 0; i < NELEMS(numbers); i++)
		sigaddset(&l->signals, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &l->signals, NULL) != 0)
		return fas_fail_errno(e, "signal mask");
	return FAS_OK;
}

int
main(int argc, char **argv)
{
	static struct launch launch;
	static struct launcher launcher;
	struct fas_err e = {0};
	int status = 0;
	if (launch_parse(argc, argv, &launch, &e) != FAS_OK) {
		(void)fprintf(stderr, "fas-launch: %s\n%s", e.message, launch_usage);
		status = 2;
	} else if (launch.help) {
		(void)fputs(launch_usage, stdout);
	} else if (launch.version) {
		(void)puts("fas-launch " FAS_VERSION);
	} else if (prepare(&launcher, &launch, &e) != FAS_OK) {
		log_error("failed", &e, NULL);
		status = 1;
	} else {
		supervise(&launcher);
	}
	launch_done(&launch);
	return status;
}
