/* Files: landlock(7), by its system calls (glibc has none). */
#include "fas/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fas/base/log.h"
#include "fas/base/macros.h"

/* Newer than the headers of Debian 12; the kernel is asked what it knows. */
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

enum abi { ABI_FILES = 1, ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_IOCTL = 5, ABI_SCOPE = 6 };

struct ruleset_attributes {
	uint64_t files, network, scoped;
};

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                               \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |             \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                         \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                           \
	    LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
/* What a rule for a file, not a folder, may say. */
#define ACCESS_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

static uint64_t
access_of_abi(long abi)
{
	/* The 13 rights of the first version, execution and all kinds of devices among them. */
	uint64_t access = LANDLOCK_ACCESS_FS_REFER - 1;
	if (abi >= ABI_REFER)
		access |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		access |= ACCESS_TRUNCATE;
	if (abi >= ABI_IOCTL)
		access |= ACCESS_IOCTL_DEV;
	return access;
}

enum fas_code
sandbox_begin(struct sandbox *out, struct fas_err *e)
{
	*out = (struct sandbox){.ruleset = -1};
	long abi =
	    syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return FAS_OK; /* not built in, or switched off at boot */
	if (abi < ABI_FILES)
		return fas_fail(e, FAS_E_CONFIG, "sandbox", "landlock: %s", strerror(errno));
	out->access = access_of_abi(abi);
	struct ruleset_attributes attributes = {.files = out->access};
	if (abi >= ABI_SCOPE)
		attributes.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	size_t size = abi >= ABI_SCOPE ? sizeof(attributes) : sizeof(attributes.files);
	long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, size, 0U);
	if (ruleset < 0)
		return fas_fail(e, FAS_E_CONFIG, "sandbox", "landlock: %s", strerror(errno));
	out->ruleset = (int)ruleset;
	return FAS_OK;
}

/* Cut the last part off; false at the root. */
static bool
go_up(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return false;
	*slash = 0;
	return true;
}

/* The path or what of it is there; -1 when there is nothing that could be allowed. */
static int
open_nearest(const char *path)
{
	char there[PATH_MAX];
	if (path[0] != '/' || strlen(path) >= sizeof(there))
		return -1;
	memcpy(there, path, strlen(path) + 1);
	for (;;) { /* ends at the root: each turn is a shorter path */
		int fd = open(there, O_PATH | O_CLOEXEC);
		if (fd >= 0 || errno != ENOENT || !go_up(there))
			return fd;
	}
}

enum fas_code
sandbox_allow(
    struct sandbox *sandbox, const char *path, enum sandbox_access access, struct fas_err *e)
{
	struct stat st;
	if (sandbox->ruleset < 0)
		return FAS_OK;
	OWN(fd) int fd = open_nearest(path);
	if (fd < 0 || fstat(fd, &st) != 0)
		return FAS_OK;
	uint64_t rights = sandbox->access & (access == SANDBOX_WRITE ? ACCESS_WRITE : ACCESS_READ);
	if (!S_ISDIR(st.st_mode))
		rights &= ACCESS_FILE;
	const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	if (syscall(SYS_landlock_add_rule, sandbox->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
		0U) != 0)
		return fas_fail(
		    e, FAS_E_CONFIG, "sandbox", "landlock: %s: %s", path, strerror(errno));
	return FAS_OK;
}

enum fas_code
sandbox_allow_beside(
    struct sandbox *sandbox, const char *file, enum sandbox_access access, struct fas_err *e)
{
	char folder[PATH_MAX];
	if (strlen(file) >= sizeof(folder))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "\"%.64s...\" is too long", file);
	memcpy(folder, file, strlen(file) + 1);
	return sandbox_allow(sandbox, go_up(folder) ? folder : file, access, e);
}

enum fas_code
sandbox_allow_system(struct sandbox *sandbox, struct fas_err *e)
{
	static const struct {
		const char *path;
		enum sandbox_access access;
	} system[] = {{"/usr", SANDBOX_READ}, {"/lib", SANDBOX_READ}, {"/lib64", SANDBOX_READ},
	    {"/etc/ssl", SANDBOX_READ}, {"/etc/ld.so.cache", SANDBOX_READ}, {"/proc", SANDBOX_READ},
	    {"/dev/urandom", SANDBOX_READ}, {"/dev/random", SANDBOX_READ},
	    {"/dev/null", SANDBOX_WRITE}};
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < NELEMS(system); i++)
		rc = sandbox_allow(sandbox, system[i].path, system[i].access, e);
	return rc;
}

static enum fas_code
restrict_files(const struct sandbox *sandbox, struct fas_err *e)
{
	if (sandbox->ruleset < 0)
		log_event(LOG_LEVEL_WARNING, "sandbox_without_landlock", "why",
		    "this kernel has none: files are guarded by their modes only", NULL);
	else if (syscall(SYS_landlock_restrict_self, sandbox->ruleset, 0U) != 0)
		return fas_fail(e, FAS_E_CONFIG, "sandbox", "landlock: %s", strerror(errno));
	return FAS_OK;
}

enum fas_code
sandbox_confine(struct sandbox *sandbox, enum sandbox_network network, struct fas_err *e)
{
	enum fas_code rc = restrict_files(sandbox, e);
	return rc == FAS_OK ? sandbox_filter_calls(network, false, e) : rc;
}

enum fas_code
sandbox_confine_parent(struct sandbox *sandbox, enum sandbox_network network, struct fas_err *e)
{
	enum fas_code rc = restrict_files(sandbox, e);
	return rc == FAS_OK ? sandbox_filter_calls(network, true, e) : rc;
}

void
sandbox_done(struct sandbox *sandbox)
{
	if (sandbox->ruleset >= 0)
		(void)close(sandbox->ruleset);
	sandbox->ruleset = -1;
}
