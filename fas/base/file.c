#include "fas/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/base/own.h"

static enum fas_code
open_for_read(const char *path, int *fd, struct fas_err *e)
{
	/* Not blocking: a FIFO in the file's place must not hang us. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return FAS_OK;
	if (errno == ENOENT)
		return fas_fail(e, FAS_E_NOTFOUND, "file_missing", "%s: no such file", path);
	return fas_fail_errno(e, "%s", path);
}

enum fas_code
file_read(const char *path, size_t max_bytes, char **out, size_t *len, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	struct stat st;
	enum fas_code rc = open_for_read(path, &fd, e);
	if (rc != FAS_OK)
		return rc;
	if (fstat(fd, &st) != 0)
		return fas_fail_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fas_fail(e, FAS_E_CONFIG, "not_a_file", "%s is not a regular file", path);
	if (st.st_size < 0 || (uintmax_t)st.st_size > max_bytes)
		return fas_fail(
		    e, FAS_E_LIMIT, "too_large", "%s is larger than %zu bytes", path, max_bytes);
	size_t size = (size_t)st.st_size, used = 0;
	OWN(text) char *data = malloc(size + 1);
	if (!data)
		return fas_fail_nomem(e);
	while (used < size) {
		ssize_t got = read(fd, data + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fas_fail_errno(e, "%s", path);
		if (got == 0)
			break;
		used += (size_t)got;
	}
	data[used] = 0;
	*len = used;
	*out = TAKE(data);
	return FAS_OK;
}

static enum fas_code
write_all(int fd, const char *path, const void *data, size_t len, struct fas_err *e)
{
	const uint8_t *at = data;
	while (len > 0) {
		ssize_t put = write(fd, at, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fas_fail_errno(e, "%s", path);
		at += put;
		len -= (size_t)put;
	}
	return fsync(fd) == 0 ? FAS_OK : fas_fail_errno(e, "%s", path);
}

static enum fas_code
sync_folder_of(const char *path, struct fas_err *e)
{
	char folder[PATH_MAX];
	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "path is too long");
	char *slash = strrchr(folder, '/');
	if (!slash)
		memcpy(folder, ".", 2);
	else
		slash[slash == folder] = 0;
	OWN(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return fas_fail_errno(e, "%s", folder);
	return FAS_OK;
}

/* The new content in a file beside path, with exactly this mode whatever the umask. */
static enum fas_code
write_beside(const char *path, const void *data, size_t len, mode_t mode, char *beside,
    size_t beside_size, struct fas_err *e)
{
	if (snprintf(beside, beside_size, "%s.XXXXXX", path) >= (int)beside_size)
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	OWN(fd) int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return fas_fail_errno(e, "%s", beside);
	enum fas_code rc = FAS_OK;
	if (fchmod(fd, mode) != 0)
		rc = fas_fail_errno(e, "%s", beside);
	if (rc == FAS_OK)
		rc = write_all(fd, beside, data, len, e);
	if (rc != FAS_OK)
		(void)unlink(beside);
	return rc;
}

enum fas_code
file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e)
{
	char beside[PATH_MAX];
	enum fas_code rc = write_beside(path, data, len, mode, beside, sizeof(beside), e);
	if (rc != FAS_OK)
		return rc;
	if (rename(beside, path) != 0) {
		rc = fas_fail_errno(e, "%s", path);
		(void)unlink(beside);
		return rc;
	}
	return sync_folder_of(path, e);
}

enum fas_code
file_write_new(const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e)
{
	char beside[PATH_MAX];
	enum fas_code rc = write_beside(path, data, len, mode, beside, sizeof(beside), e);
	if (rc != FAS_OK)
		return rc;
	if (link(beside, path) != 0) {
		if (errno == EEXIST)
			rc = fas_fail(e, FAS_E_CONFLICT, "file_exists", "%s exists already", path);
		else
			rc = fas_fail_errno(e, "%s", path);
	}
	(void)unlink(beside);
	return rc == FAS_OK ? sync_folder_of(path, e) : rc;
}

enum fas_code
file_make_folder(const char *path, mode_t mode, struct fas_err *e)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST ? FAS_OK : fas_fail_errno(e, "%s", path);
	/* Whatever the umask: others may have to read in it. */
	if (chmod(path, mode) != 0)
		return fas_fail_errno(e, "%s", path);
	return FAS_OK;
}

enum fas_code
file_join(char *out, size_t out_size, const char *folder, const char *name, struct fas_err *e)
{
	int n = snprintf(out, out_size, "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= out_size)
		return fas_fail(
		    e, FAS_E_CONFIG, "path_too_long", "%s/%s: path is too long", folder, name);
	return FAS_OK;
}
