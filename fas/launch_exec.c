/* Becoming somebody else for good, then running the program. */
#include "fas/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fas/base/own.h"

#define FIRST_HELD 3 /* sd_listen_fds(3) */

enum fas_code
launch_folder_make(const struct launch_folder *folder, struct fas_err *e)
{
	if (mkdir(folder->path, 0700) != 0 && errno != EEXIST)
		return fas_fail_errno(e, "%s", folder->path);
	OWN(fd) int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fas_fail_errno(e, "%s", folder->path);
	if (fchown(fd, folder->uid, folder->gid) != 0 || fchmod(fd, folder->mode) != 0)
		return fas_fail_errno(e, "%s", folder->path);
	return FAS_OK;
}

/* What is not in the bounding set can never come back, whatever is executed. */
static enum fas_code
drop_bounding_set(bool low_ports, struct fas_err *e)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (low_ports && cap == CAP_NET_BIND_SERVICE)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return fas_fail_errno(e, "bounding set");
	}
	return FAS_OK;
}

static enum fas_code
set_groups(const struct launch_user *user, struct fas_err *e)
{
	bool own_list = user->n_groups > 0 || !user->name[0];
	int rc =
	    own_list ? setgroups(user->n_groups, user->groups) : initgroups(user->name, user->gid);
	if (rc != 0 || setresgid(user->gid, user->gid, user->gid) != 0)
		return fas_fail_errno(e, "groups");
	return FAS_OK;
}

static enum fas_code
set_capabilities(bool low_ports, struct fas_err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	if (low_ports) {
		const __u32 bit = 1U << CAP_NET_BIND_SERVICE;
		data[0] = (struct __user_cap_data_struct){
		    .effective = bit, .permitted = bit, .inheritable = bit};
	}
	if (syscall(SYS_capset, &head, data) != 0)
		return fas_fail_errno(e, "capabilities");
	if (low_ports &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
		return fas_fail_errno(e, "ambient capability");
	return FAS_OK;
}

/* As far as this machine lets us (a container may not): a program that cannot do with it says so itself. */
static void
raise_memory_lock(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

static enum fas_code
become(const struct launch_program *program, struct fas_err *e)
{
	const struct launch_user *user = &program->user;
	if (program->lock_memory)
		raise_memory_lock();
	enum fas_code rc = drop_bounding_set(program->low_ports, e);
	if (rc == FAS_OK)
		rc = set_groups(user, e);
	if (rc != FAS_OK)
		return rc;
	if (prctl(PR_SET_KEEPCAPS, program->low_ports, 0, 0, 0) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return fas_fail_errno(e, "user %u", user->uid);
	if ((rc = set_capabilities(program->low_ports, e)) != FAS_OK)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fas_fail_errno(e, "no_new_privs");
	return setuid(0) == 0 ? fas_fail(e, FAS_E_INTERNAL, "internal", "root could be had again")
			      : FAS_OK;
}

static enum fas_code
detach(struct fas_err *e)
{
	sigset_t none;
	OWN(fd) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigemptyset(&none);
	(void)setsid(); /* a terminal's interrupt comes to us alone, and we pass it on */
	(void)umask(077);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return fas_fail_errno(e, "child");
	return FAS_OK;
}

/* Copies out of the way first: a socket may have a number that another one is to get. */
static enum fas_code
hand_over(const struct launch_program *program, struct fas_err *e)
{
	int copies[LAUNCH_LISTEN_MAX];
	char pid[24], n[24];
	for (size_t i = 0; i < program->n_listen; i++) {
		copies[i] =
		    fcntl(program->listen[i].fd, F_DUPFD_CLOEXEC, FIRST_HELD + LAUNCH_LISTEN_MAX);
		if (copies[i] < 0)
			return fas_fail_errno(e, "%s", program->listen[i].address);
	}
	for (size_t i = 0; i < program->n_listen; i++) {
		if (dup2(copies[i], FIRST_HELD + (int)i) < 0)
			return fas_fail_errno(e, "%s", program->listen[i].address);
	}
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)snprintf(n, sizeof(n), "%zu", program->n_listen);
	if (setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", n, 1) != 0)
		return fas_fail_nomem(e);
	return FAS_OK;
}

enum fas_code
launch_exec(const struct launch_program *program, pid_t parent, struct fas_err *e)
{
	enum fas_code rc = detach(e);
	if (rc == FAS_OK && program->n_listen > 0)
		rc = hand_over(program, e);
	if (rc == FAS_OK)
		rc = become(program, e);
	if (rc != FAS_OK)
		return rc;
	/* Behind the change of user, which would clear it; and perhaps we are orphaned already. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		return fas_fail_errno(e, "parent's death signal");
	if (getppid() != parent)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "launcher_gone", "fas-launch has ended meanwhile");
	execv(program->argv[0], program->argv);
	return fas_fail_errno(e, "%s", program->argv[0]);
}
