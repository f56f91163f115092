#include "fas/agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "fas/agent/memfile.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/sandbox.h"
#include "fas/base/wire.h"

#define MESSAGE_MAX (768 * 1024)
#define SEND_MS 5000
#define SOCKET_FD 3
#define SECRET_FD 4
#define SPARE_FD 16 /* descriptors are moved above before they take their places */

extern char **environ;

/* ---- in the child ---- */

/*
 * Of root's capabilities keep the one that lets memory stay locked beyond the user's own small
 * limit (mlock(2)); it opens nothing else.
 */
static enum fas_code
keep_lock_only(struct fas_err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {0};
	if (syscall(SYS_capget, &head, caps) != 0)
		return fas_fail_errno(e, "capabilities");
	for (size_t i = 0; i < NELEMS(caps); i++) {
		caps[i].permitted &= i == 0 ? 1U << CAP_IPC_LOCK : 0;
		caps[i].effective = caps[i].permitted;
		caps[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, caps) != 0)
		return fas_fail_errno(e, "capabilities");
	return FAS_OK;
}

static enum fas_code
become(const struct local_user *user, struct fas_err *e)
{
	if (geteuid() == user->uid && getuid() == user->uid)
		return FAS_OK;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || initgroups(user->name, user->gid) != 0 ||
	    setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return fas_fail_errno(e, "becoming user %s", user->name);
	if (keep_lock_only(e) != FAS_OK)
		return e->code;
	if (setuid(0) == 0 || getuid() != user->uid || geteuid() != user->uid)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "root's rights cannot be given up");
	return sandbox_enter(true, e); /* a change of uid had made us dumpable again */
}

static enum fas_code
read_order(int fd, struct local_user *user, json_t **input, struct fas_err *e)
{
	OWN(json) json_t *message = NULL;
	OWN(json_reader) struct json_reader r = {0};
	if (wire_receive(fd, MESSAGE_MAX, SEND_MS, &message, e) != FAS_OK ||
	    json_open_object(&r, message, e) != FAS_OK)
		return e->code;
	const char *name = json_need_text(&r, "user", 1, LOCAL_NAME_MAX - 1);
	user->uid = (uid_t)json_need_int(&r, "uid", 0, UINT32_MAX);
	user->gid = (gid_t)json_need_int(&r, "gid", 0, UINT32_MAX);
	json_t *given = json_need_value(&r, "input", JSON_OBJECT);
	enum fas_code rc = json_finish(&r);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(user->name, sizeof(user->name), "%s", name);
	*input = json_incref(given);
	return FAS_OK;
}

static child_work *
find_task(const struct child_task *tasks, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(tasks[i].name, name) == 0)
			return tasks[i].work;
	}
	return NULL;
}

static enum fas_code
work_as_user(child_work *work, json_t **result, struct fas_err *e)
{
	struct local_user user = {0};
	OWN(json) json_t *input = NULL;
	if (read_order(SOCKET_FD, &user, &input, e) != FAS_OK || become(&user, e) != FAS_OK)
		return e->code;
	/* Only now: a change of uid takes it back (prctl(2)). */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return work(input, result, e);
}

static enum fas_code
send_result(int fd, json_t *result, const struct fas_err *why)
{
	struct fas_err e = {0};
	OWN(json) json_t *message = NULL;
	if (why->code != FAS_OK)
		message = wire_error(why);
	else
		message = json_pack("{s:O?}", "result", result);
	return message ? wire_send(fd, message, SEND_MS, &e) : FAS_E_NOMEM;
}

int
child_main(const struct child_task *tasks, size_t n, int argc, char **argv)
{
	struct fas_err why = {0};
	OWN(json) json_t *result = NULL;
	child_work *work = argc == 3 ? find_task(tasks, n, argv[2]) : NULL;
	if (!work)
		return 2;
	(void)fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(SECRET_FD, F_SETFD, FD_CLOEXEC);
	enum fas_code rc = work_as_user(work, &result, &why);
	bool sent = send_result(SOCKET_FD, result, &why) == FAS_OK;
	return rc == FAS_OK && sent ? 0 : 1;
}

/* ---- in the parent ---- */

/* The ends of the pair, and the secret's file. */
struct line {
	int mine, theirs;
	struct memfile secret;
};

static void
line_done(struct line *l)
{
	own_fd(&l->mine);
	own_fd(&l->theirs);
	memfile_done(&l->secret);
}

DEFINE_OWN_IN_PLACE(line, struct line, line_done);

/* The same descriptor above those that the child's own places take. */
static bool
move_up(int *fd)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, SPARE_FD);
	if (up < 0)
		return false;
	(void)close(*fd);
	*fd = up;
	return true;
}

static enum fas_code
open_line(const struct child_order *order, struct line *l, struct fas_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fas_fail_errno(e, "socketpair");
	l->mine = pair[0];
	l->theirs = pair[1];
	if (order->secret && memfile_make(&l->secret, "secret", order->secret->data,
				 order->secret->len, e) != FAS_OK)
		return e->code;
	if (!move_up(&l->theirs) || (order->secret && !move_up(&l->secret.fd)))
		return fas_fail_errno(e, "descriptors of a child");
	return FAS_OK;
}

/* What the child has open: nothing to read, our standard error, the line and the secret. */
static int
set_files(posix_spawn_file_actions_t *files, const struct line *l)
{
	int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(
		    files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, l->theirs, SOCKET_FD);
	bool secret = l->secret.fd >= 0;
	if (rc == 0 && secret)
		rc = posix_spawn_file_actions_adddup2(files, l->secret.fd, SECRET_FD);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(
		    files, secret ? SECRET_FD + 1 : SECRET_FD);
	return rc;
}

/* No signal blocked, none ignored: what the daemon does with its own is not the child's. */
static int
set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

static enum fas_code
spawn(const char *task, const struct line *l, pid_t *pid, struct fas_err *e)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char name[64];
	(void)snprintf(name, sizeof(name), "%s", task);
	char *const argv[] = {(char[]){"fas-agent"}, (char[]){CHILD_WORD}, name, NULL};
	if (posix_spawn_file_actions_init(&files) != 0)
		return fas_fail_nomem(e);
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&files);
		return fas_fail_nomem(e);
	}
	int rc = set_files(&files, l);
	if (rc == 0)
		rc = set_signals(&attributes);
	if (rc == 0)
		rc = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc == 0 ? FAS_OK : fas_fail(e, FAS_E_IO, "io_error", "a child: %s", strerror(rc));
}

static enum fas_code
send_order(
    int fd, const struct local_user *user, const struct child_order *order, struct fas_err *e)
{
	OWN(json) json_t *none = json_object();
	OWN(json)
	json_t *message =
	    json_pack("{s:s,s:I,s:I,s:O}", "user", user->name, "uid", (json_int_t)user->uid, "gid",
		(json_int_t)user->gid, "input", order->input ? order->input : none);
	return message ? wire_send(fd, message, SEND_MS, e) : fas_fail_nomem(e);
}

static enum fas_code
read_result(int fd, int timeout_ms, json_t **result, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json) json_t *message = NULL;
	enum fas_code rc = wire_receive(fd, MESSAGE_MAX, timeout_ms, &message, &why);
	if (rc == FAS_E_TIMEOUT)
		return fas_fail(e, FAS_E_TIMEOUT, "child_timeout",
		    "no answer within %d seconds: is a domain controller reachable?",
		    timeout_ms / 1000);
	if (rc != FAS_OK)
		return fas_fail(
		    e, FAS_E_INTERNAL, "child_failed", "the child process ended without an answer");
	rc = wire_check(message, e);
	if (rc == FAS_OK)
		*result = json_incref(json_object_get(message, "result"));
	return rc;
}

static enum fas_code
converse(int fd, const struct local_user *user, const struct child_order *order, pid_t pid,
    json_t **result, struct fas_err *e)
{
	struct fas_err why = {0};
	if (order->begun)
		order->begun(order->arg, pid);
	if (send_order(fd, user, order, &why) != FAS_OK)
		return why.code == FAS_E_NOMEM ? fas_fail_nomem(e)
					       : fas_fail(e, FAS_E_INTERNAL, "child_failed",
						     "the child process takes no work");
	return read_result(fd, order->timeout_ms, result, e);
}

static void
reap(pid_t pid)
{
	int status;
	(void)kill(pid, SIGKILL); /* it has answered, or it never will */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

enum fas_code
child_run(const struct local_user *user, const struct child_order *order, json_t **result,
    struct fas_err *e)
{
	OWN(line) struct line l = {-1, -1, MEMFILE_NONE};
	pid_t pid;
	*result = NULL;
	if (open_line(order, &l, e) != FAS_OK || spawn(order->task, &l, &pid, e) != FAS_OK)
		return e->code;
	(void)close(l.theirs);
	l.theirs = -1;
	enum fas_code rc = converse(l.mine, user, order, pid, result, e);
	reap(pid);
	return rc;
}
