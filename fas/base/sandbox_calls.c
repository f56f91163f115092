/*
 * System calls: a list of what the daemons use (seccomp(2)).  What is on no list does not exist for them (ENOSYS, so
 * that libraries fall back as on an older kernel); what an intruder would want is refused by name (EPERM).
 */
#include "fas/base/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "fas/base/macros.h"

DEFINE_OWN(filter, scmp_filter_ctx, seccomp_release);

static const char *const allowed[] = {
    /* files and folders: which ones, landlock says */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "open",
    "openat", "close", "close_range", "fstat", "stat", "lstat", "newfstatat", "statx", "statfs",
    "fstatfs", "access", "faccessat", "faccessat2", "lseek", "fcntl", "flock", "fsync", "fdatasync",
    "sync_file_range", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "unlink",
    "unlinkat", "link", "linkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat",
    "chown", "fchown", "fchownat", "readlink", "readlinkat", "getdents64", "getcwd", "umask", "dup",
    "dup2", "dup3", "pipe", "pipe2", "utimensat", "fadvise64", "sendfile",
    /* waiting */
    "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime",
    "timerfd_gettime", "nanosleep", "clock_nanosleep", "restart_syscall",
    /* sockets; their families are below */
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
    /* memory */
    "munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock", "msync",
    /* threads, time, signals to oneself */
    "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "membarrier",
    "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "gettid", "tgkill",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending",
    "sigaltstack", "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getrusage",
    "exit", "exit_group",
    /* who and where am I */
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid",
    "getgroups", "uname", "sysinfo", "getrlimit", "getrandom", "getcpu", "capget"};

/* What a process needs beside that to have children, each of which gives up this and more. */
static const char *const of_parents[] = {"wait4", "waitid", "mlockall", "seccomp",
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"};

static const char *const refused[] = {"execve", "execveat", "fork", "vfork", "ptrace",
    "process_vm_readv", "process_vm_writev", "mount", "umount2", "pivot_root", "chroot", "setns",
    "unshare", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "add_key",
    "request_key", "init_module", "finit_module", "kexec_load", "reboot", "swapon", "mknod",
    "mknodat", "setuid", "setgid", "setresuid", "setresgid", "setgroups", "capset", "kill", "tkill",
    "memfd_create", "open_by_handle_at", "personality", "symlink", "symlinkat"};

/* A name that this architecture or this libseccomp does not know is no call that could be made. */
static int
add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int rc = number < 0 ? 0 : seccomp_rule_add(filter, action, number, 0);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The system call when one of its arguments, under the mask, is the value. */
struct argument_rule {
	const char *name;
	struct scmp_arg_cmp compare;
};

#define MASKED(argument, mask, value)                                                              \
	{                                                                                          \
		argument, SCMP_CMP_MASKED_EQ, mask, value                                          \
	}
#define WHOLE(argument, value)                                                                     \
	{                                                                                          \
		argument, SCMP_CMP_EQ, value, 0                                                    \
	}

static const struct argument_rule by_argument[] = {
    {"socket", WHOLE(0, AF_UNIX)},
    {"socketpair", WHOLE(0, AF_UNIX)},
    /* threads, no processes; clone3 hides its flags from filters, does not exist, and glibc takes clone */
    {"clone", MASKED(0, CLONE_THREAD, CLONE_THREAD)},
    /* memory is either written or run */
    {"mmap", MASKED(2, PROT_EXEC, 0)},
    {"mmap", MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)},
    {"mprotect", MASKED(2, PROT_EXEC, 0)},
    /* a thread may step back behind all others, never forward */
    {"sched_setscheduler", WHOLE(1, SCHED_IDLE)},
    {"setpriority", WHOLE(0, PRIO_PROCESS)},
    {"prctl", WHOLE(0, PR_SET_NAME)},
    {"prctl", WHOLE(0, PR_GET_NAME)},
    {"prctl", WHOLE(0, PR_GET_DUMPABLE)},
    {"prctl", WHOLE(0, PR_CAPBSET_READ)},
    /* reading a limit: a new one would be the third argument */
    {"prlimit64", WHOLE(2, 0)},
    {"ioctl", WHOLE(1, FIONREAD)},
    {"ioctl", WHOLE(1, FIONBIO)},
    {"ioctl", WHOLE(1, TCGETS)},
};

static const struct argument_rule internet[] = {
    {"socket", WHOLE(0, AF_INET)},
    {"socket", WHOLE(0, AF_INET6)},
};

static const struct argument_rule processes[] = {
    {"clone", MASKED(0, CLONE_THREAD, 0)},
};

static const struct argument_rule of_parents_by_argument[] = {
    {"prctl", WHOLE(0, PR_SET_PDEATHSIG)},
    {"prctl", WHOLE(0, PR_SET_NO_NEW_PRIVS)},
    {"prctl", WHOLE(0, PR_SET_SECCOMP)},
};

/* Families that are not allowed: what the call would do is known, so it is refused rather than unknown. */
static const struct argument_rule refused_by_argument[] = {
    {"mmap", MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC | PROT_WRITE)},
    {"mprotect", MASKED(2, PROT_EXEC, PROT_EXEC)},
    {"prlimit64", {2, SCMP_CMP_NE, 0, 0}},
    {"socket", {0, SCMP_CMP_GT, AF_INET6, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_UNSPEC, 0}},
};

static int
add_by_argument(
    scmp_filter_ctx filter, uint32_t action, const struct argument_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(rules[i].name);
		int rc = number < 0
			     ? 0
			     : seccomp_rule_add_array(filter, action, number, 1, &rules[i].compare);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
add_rules(scmp_filter_ctx filter, enum sandbox_network network, bool is_parent)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	bool online = network == SANDBOX_INTERNET;
	int rc = add_names(filter, SCMP_ACT_ALLOW, allowed, NELEMS(allowed));
	if (rc == 0)
		rc = add_by_argument(filter, SCMP_ACT_ALLOW, by_argument, NELEMS(by_argument));
	if (rc == 0)
		rc = add_by_argument(
		    filter, online ? SCMP_ACT_ALLOW : no, internet, NELEMS(internet));
	if (rc == 0)
		rc = add_by_argument(
		    filter, is_parent ? SCMP_ACT_ALLOW : no, processes, NELEMS(processes));
	if (rc == 0 && is_parent)
		rc = add_names(filter, SCMP_ACT_ALLOW, of_parents, NELEMS(of_parents));
	if (rc == 0 && is_parent)
		rc = add_by_argument(
		    filter, SCMP_ACT_ALLOW, of_parents_by_argument, NELEMS(of_parents_by_argument));
	if (rc == 0)
		rc = add_names(filter, no, refused, NELEMS(refused));
	if (rc == 0)
		rc = add_by_argument(filter, no, refused_by_argument, NELEMS(refused_by_argument));
	return rc;
}

enum fas_code
sandbox_filter_calls(enum sandbox_network network, bool is_parent, struct fas_err *e)
{
	OWN(filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return fas_fail_nomem(e);
	int rc = add_rules(filter, network, is_parent);
	/* Binary search in the kernel: a call costs a handful of comparisons, not the whole list. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_load(filter);
	return rc == 0 ? FAS_OK
		       : fas_fail(e, FAS_E_CONFIG, "sandbox", "seccomp: %s", strerror(-rc));
}
