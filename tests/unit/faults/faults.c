#include "tests/unit/faults/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/base/macros.h"

#define FAULTS_MAX 20000

static struct {
	pthread_mutex_t lock;
	bool armed, persist, fired;
	enum fault_kind kind;
	unsigned countdown;
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local int paused;

void
faults_pause(void)
{
	paused++;
}

void
faults_resume(void)
{
	paused--;
}

/* Does this one fail? */
static bool
fails(enum fault_kind kind)
{
	bool now = false;
	if (paused > 0)
		return false;
	(void)pthread_mutex_lock(&fault.lock);
	if (fault.armed && fault.kind == kind) {
		now = fault.countdown == 1 || (fault.countdown == 0 && fault.persist);
		fault.fired |= now;
		if (fault.countdown > 0)
			fault.countdown--;
	}
	(void)pthread_mutex_unlock(&fault.lock);
	return now;
}

static void
arm(enum fault_kind kind, unsigned nth, bool persist)
{
	(void)pthread_mutex_lock(&fault.lock);
	fault.kind = kind;
	fault.countdown = nth;
	fault.persist = persist;
	fault.fired = false;
	fault.armed = true;
	(void)pthread_mutex_unlock(&fault.lock);
}

static bool
disarm(void)
{
	(void)pthread_mutex_lock(&fault.lock);
	fault.armed = false;
	bool fired = fault.fired;
	(void)pthread_mutex_unlock(&fault.lock);
	return fired;
}

/* ---- memory ---- */

/* "name(arguments)" of the C library, NULL when it is its turn to fail. */
#define WRAP_MEMORY(type, name, parameters, arguments)                                             \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails(FAULT_MEMORY) ? NULL : __real_##name arguments;                       \
	}

WRAP_MEMORY(void *, malloc, (size_t size), (size))
WRAP_MEMORY(void *, calloc, (size_t n, size_t size), (n, size))
WRAP_MEMORY(void *, realloc, (void *old, size_t size), (old, size))
WRAP_MEMORY(char *, strdup, (const char *text), (text))
WRAP_MEMORY(char *, strndup, (const char *text, size_t max), (text, max))

/* By both names: with and without _FORTIFY_SOURCE. */
int __wrap_asprintf(char **out, const char *fmt, ...) PRINTF_LIKE(2, 3);
int __wrap___asprintf_chk(char **out, int flag, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define WRAP_ASPRINTF                                                                              \
	va_list args;                                                                              \
	*out = NULL;                                                                               \
	if (fails(FAULT_MEMORY))                                                                   \
		return -1;                                                                         \
	va_start(args, fmt);                                                                       \
	int len = vasprintf(out, fmt, args);                                                       \
	va_end(args);                                                                              \
	return len

int
__wrap_asprintf(char **out, const char *fmt, ...)
{
	WRAP_ASPRINTF;
}

int
__wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	(void)flag;
	WRAP_ASPRINTF;
}

static sqlite3_mem_methods sqlite_memory;

static void *
sqlite_malloc(int size)
{
	return fails(FAULT_MEMORY) ? NULL : sqlite_memory.xMalloc(size);
}

static void *
sqlite_realloc(void *old, int size)
{
	return fails(FAULT_MEMORY) ? NULL : sqlite_memory.xRealloc(old, size);
}

/* ---- system calls ---- */

#define WRAP_SYSTEM(type, name, parameters, arguments, error)                                      \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (!fails(FAULT_SYSTEM))                                                          \
			return __real_##name arguments;                                            \
		errno = error;                                                                     \
		return -1;                                                                         \
	}

WRAP_SYSTEM(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), ENOSPC)
WRAP_SYSTEM(int, fsync, (int fd), (fd), EIO)
WRAP_SYSTEM(int, rename, (const char *from, const char *to), (from, to), EACCES)
WRAP_SYSTEM(int, link, (const char *from, const char *to), (from, to), EACCES)
WRAP_SYSTEM(int, mkostemp, (char *name, int flags), (name, flags), EROFS)
WRAP_SYSTEM(int, fchmod, (int fd, mode_t mode), (fd, mode), EPERM)
WRAP_SYSTEM(int, chmod, (const char *path, mode_t mode), (path, mode), EPERM)
WRAP_SYSTEM(int, mkdir, (const char *path, mode_t mode), (path, mode), ENOSPC)

WRAP_SYSTEM(int, socket, (int family, int type, int protocol), (family, type, protocol), EMFILE)
WRAP_SYSTEM(
    int, connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len), ECONNREFUSED)
WRAP_SYSTEM(
    ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags), EPIPE)
WRAP_SYSTEM(
    ssize_t, recv, (int fd, void *data, size_t n, int flags), (fd, data, n, flags), ECONNRESET)
WRAP_SYSTEM(int, poll, (struct pollfd * fds, nfds_t n, int wait_ms), (fds, n, wait_ms), ENOMEM)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (!fails(FAULT_SYSTEM))
		return __real_open(path, flags, mode);
	errno = EMFILE;
	return -1;
}

static ssize_t
sqlite_pwrite(int fd, const void *data, size_t n, off_t at)
{
	if (!fails(FAULT_SYSTEM))
		return pwrite(fd, data, n, at);
	errno = ENOSPC;
	return -1;
}

static ssize_t
sqlite_pread(int fd, void *data, size_t n, off_t at)
{
	if (!fails(FAULT_SYSTEM))
		return pread(fd, data, n, at);
	errno =
	    ENOMEM; /* EIO is damage to SQLite, and then nothing more is issued (tests/unit/base) */
	return -1;
}

static int
sqlite_ftruncate(int fd, off_t size)
{
	if (!fails(FAULT_SYSTEM))
		return ftruncate(fd, size);
	errno = EIO;
	return -1;
}

static const struct {
	const char *name;
	sqlite3_syscall_ptr call;
} sqlite_calls[] = {{"pwrite", (sqlite3_syscall_ptr)sqlite_pwrite},
    {"pwrite64", (sqlite3_syscall_ptr)sqlite_pwrite}, {"pread", (sqlite3_syscall_ptr)sqlite_pread},
    {"pread64", (sqlite3_syscall_ptr)sqlite_pread},
    {"ftruncate", (sqlite3_syscall_ptr)sqlite_ftruncate}};

void
faults_init(void)
{
	sqlite3_mem_methods methods;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
	methods = sqlite_memory;
	methods.xMalloc = sqlite_malloc;
	methods.xRealloc = sqlite_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	for (size_t i = 0; i < NELEMS(sqlite_calls); i++)
		(void)vfs->xSetSystemCall(vfs, sqlite_calls[i].name, sqlite_calls[i].call);
}

/* ---- every fault ---- */

/* Nobody but this machine is to blame. */
static bool
blames_nobody(enum fas_code code)
{
	return code == FAS_E_NOMEM || code == FAS_E_IO || code == FAS_E_UNAVAILABLE ||
	       code == FAS_E_CRYPTO || code == FAS_E_INTERNAL;
}

/* False when there was no n-th call to fail. */
static bool
run_one(enum fault_kind kind, const struct fault_case *c, void *arg, unsigned n, bool persist)
{
	struct fas_err e = {0};
	if (c->before)
		c->before(arg);
	arm(kind, n, persist);
	enum fas_code rc = c->run(arg, &e);
	bool fired = disarm();
	if (rc != e.code)
		fail_msg("fault %u: returns %s, says %s", n, fas_code_name(rc), e.message);
	if (!fired && rc != FAS_OK)
		fail_msg("without a fault: %s: %s", e.reason, e.message);
	if (rc != FAS_OK && (!blames_nobody(rc) || !e.reason[0]))
		fail_msg("fault %u%s: %s %s: %s", n, persist ? " and on" : "", fas_code_name(rc),
		    e.reason, e.message);
	if (fired && rc == FAS_OK && !c->may_survive)
		fail_msg("fault %u%s: nobody noticed", n, persist ? " and on" : "");
	if (c->check)
		c->check(arg, rc, &e);
	return fired;
}

unsigned
faults_each(enum fault_kind kind, const struct fault_case *c, void *arg)
{
	unsigned n = 0;
	for (int persist = 0; persist <= 1; persist++) {
		for (n = 1; run_one(kind, c, arg, n, persist); n++)
			assert_true(n < FAULTS_MAX);
	}
	print_message("%u faults\n", n - 1);
	assert_true(n > 1);
	return n - 1;
}
