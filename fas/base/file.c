#include "fas/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fas/base/own.h"

#define PIECE ((off_t)1 << 20)

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
write_all(int fd, const char *name, const void *data, size_t len, struct fas_err *e)
{
	const uint8_t *at = data;
	while (len > 0) {
		ssize_t put = write(fd, at, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fas_fail_errno(e, "%s", name);
		at += put;
		len -= (size_t)put;
	}
	return FAS_OK;
}

enum fas_code
file_write_at(
    int fd, const char *name, const void *data, size_t len, int64_t offset, struct fas_err *e)
{
	if (lseek(fd, offset, SEEK_SET) != offset)
		return fas_fail_errno(e, "%s", name);
	return write_all(fd, name, data, len, e);
}

void
file_trickle(int fd, int64_t from, size_t len)
{
	const unsigned arrive =
	    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	if (len == 0)
		return; /* to the system this would be all that follows */
	(void)sync_file_range(fd, from, (off_t)len, SYNC_FILE_RANGE_WRITE);
	if (from >= (int64_t)len)
		(void)sync_file_range(fd, from - (off_t)len, (off_t)len, arrive);
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

/* With exactly this mode whatever the umask. */
enum fas_code
file_begin(const char *path, mode_t mode, struct file_beside *out, struct fas_err *e)
{
	OWN(file_beside) struct file_beside b = {.fd = -1};
	int n = snprintf(b.path, sizeof(b.path), "%s", path);
	int m = snprintf(b.beside, sizeof(b.beside), "%s.XXXXXX", path);
	if (n >= (int)sizeof(b.path) || m >= (int)sizeof(b.beside))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	b.fd = mkostemp(b.beside, O_CLOEXEC);
	if (b.fd < 0)
		return fas_fail_errno(e, "%s", b.beside);
	if (fchmod(b.fd, mode) != 0)
		return fas_fail_errno(e, "%s", b.beside);
	*out = b;
	b.fd = -1;
	return FAS_OK;
}

void
file_abandon(struct file_beside *beside)
{
	if (beside->fd < 0)
		return;
	(void)unlink(beside->beside);
	(void)close(beside->fd);
	beside->fd = -1;
}

/*
 * The file system drops a file's cached pages in one go when it ends, and commits on the same disk wait meanwhile (20 ms for
 * 40 MB): of a long one they are dropped before, piece by piece.  Whoever still reads it finds it on the disk.  -1: path
 * is no long file, or not to be had, and nothing is lost but that.
 */
static int
hold_long(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= PIECE)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static void
let_go(int fd)
{
	static const struct timespec pause = {.tv_nsec = 100000};
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	for (off_t at = 0; at < st.st_size; at += PIECE) {
		(void)posix_fadvise(fd, at, PIECE, POSIX_FADV_DONTNEED);
		(void)nanosleep(&pause, NULL);
	}
}

enum fas_code
file_commit(struct file_beside *beside, struct fas_err *e)
{
	if (fsync(beside->fd) != 0)
		return fas_fail_errno(e, "%s", beside->beside);
	OWN(fd) int before = hold_long(beside->path);
	if (rename(beside->beside, beside->path) != 0)
		return fas_fail_errno(e, "%s", beside->path);
	(void)close(beside->fd);
	beside->fd = -1;
	enum fas_code rc = sync_folder_of(beside->path, e);
	let_go(before);
	return rc;
}

enum fas_code
file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e)
{
	OWN(file_beside) struct file_beside beside = {.fd = -1};
	enum fas_code rc = file_begin(path, mode, &beside, e);
	if (rc == FAS_OK)
		rc = write_all(beside.fd, beside.beside, data, len, e);
	return rc == FAS_OK ? file_commit(&beside, e) : rc;
}

enum fas_code
file_write_new(const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e)
{
	OWN(file_beside) struct file_beside beside = {.fd = -1};
	enum fas_code rc = file_begin(path, mode, &beside, e);
	if (rc == FAS_OK)
		rc = write_all(beside.fd, beside.beside, data, len, e);
	if (rc == FAS_OK && fsync(beside.fd) != 0)
		rc = fas_fail_errno(e, "%s", beside.beside);
	if (rc != FAS_OK)
		return rc;
	if (link(beside.beside, path) != 0) {
		if (errno == EEXIST)
			return fas_fail(
			    e, FAS_E_CONFLICT, "file_exists", "%s exists already", path);
		return fas_fail_errno(e, "%s", path);
	}
	return sync_folder_of(path, e);
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
