#include "fas/agent/child.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/sandbox.h"
#include "fas/base/wire.h"

#define NSS_BUFFER_MAX 65536
#define RESULT_MAX 65536
#define SEND_MS 5000

enum fas_code
local_user_find(const char *name, uid_t first_uid, struct local_user *out, struct fas_err *e)
{
	OWN(text) char *buffer = malloc(NSS_BUFFER_MAX);
	struct passwd pw, *found = NULL;
	if (!buffer)
		return fas_fail_nomem(e);
	if (getpwnam_r(name, &pw, buffer, NSS_BUFFER_MAX, &found) != 0 || !found)
		return fas_fail(e, FAS_E_NOTFOUND, "local_user_unknown",
		    "this host knows no user \"%.64s\" (getent passwd; or name one by --user)",
		    name);
	if (pw.pw_uid == 0 || pw.pw_uid < first_uid)
		return fas_fail(e, FAS_E_DENIED, "local_user_system",
		    "user \"%.64s\" has uid %u: root and accounts below uid %u are never logged "
		    "on (first_uid in agent.yaml)",
		    name, (unsigned)pw.pw_uid, (unsigned)first_uid);
	*out = (struct local_user){.uid = pw.pw_uid, .gid = pw.pw_gid};
	(void)snprintf(out->name, sizeof(out->name), "%s", pw.pw_name);
	return FAS_OK;
}

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

_Noreturn static void
child_main(const struct local_user *user, child_work *work, void *arg, int fd)
{
	struct fas_err why = {0};
	OWN(json) json_t *result = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	enum fas_code rc = become(user, &why);
	if (rc == FAS_OK)
		rc = work(arg, &result, &why);
	bool sent = send_result(fd, result, &why) == FAS_OK;
	_exit(rc == FAS_OK && sent ? 0 : 1);
}

static enum fas_code
read_result(int fd, int timeout_ms, json_t **result, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json) json_t *message = NULL;
	enum fas_code rc = wire_receive(fd, RESULT_MAX, timeout_ms, &message, &why);
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

static void
reap(pid_t pid)
{
	int status;
	(void)kill(pid, SIGKILL); /* it has answered, or it never will */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

enum fas_code
child_run(const struct local_user *user, child_work *work, void *arg, int timeout_ms,
    json_t **result, struct fas_err *e)
{
	int pair[2];
	*result = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fas_fail_errno(e, "socketpair");
	OWN(fd) int mine = pair[0];
	OWN(fd) int theirs = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return fas_fail_errno(e, "fork");
	if (pid == 0) {
		(void)close(mine);
		child_main(user, work, arg, theirs);
	}
	(void)close(theirs);
	theirs = -1;
	enum fas_code rc = read_result(mine, timeout_ms, result, e);
	reap(pid);
	return rc;
}
