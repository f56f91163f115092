#include "fas/ctl/state_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/restore.h"
#include "fas/base/text.h"

#define KEYS "keys"
#define UNFINISHED_MODE 0711 /* the service may see that the marker is there, and nothing else */
#define ENTRIES_MAX 10000

DEFINE_OWN(dir, DIR *, closedir);

/* ---- whose ---- */

static bool
parse_numbers(const char *text, uid_t *uid, gid_t *gid)
{
	char first[16];
	uint64_t number = 0;
	size_t len = strcspn(text, ":");
	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = 0;
	if (!parse_uint(first, 0, UINT32_MAX - 1, &number))
		return false;
	*uid = (uid_t)number;
	*gid = (gid_t)number;
	if (!text[len])
		return true;
	bool good = parse_uint(text + len + 1, 0, UINT32_MAX - 1, &number);
	*gid = (gid_t)number;
	return good;
}

enum fas_code
state_folder_name(
    struct state_folder *f, const char *path, const char *user, mode_t mode, struct fas_err *e)
{
	*f = (struct state_folder){.fd = -1, .mode = mode};
	if (snprintf(f->path, sizeof(f->path), "%s", path) >= (int)sizeof(f->path))
		return fas_fail(e, FAS_E_INPUT, "path_too_long", "%s: path is too long", path);
	if (!parse_numbers(user, &f->uid, &f->gid)) {
		const struct passwd *pw = getpwnam(user);
		if (!pw)
			return fas_fail(e, FAS_E_INPUT, "user_unknown",
			    "there is no user \"%s\": install the service first", user);
		f->uid = pw->pw_uid;
		f->gid = pw->pw_gid;
	}
	return f->uid != 0 ? FAS_OK
			   : fas_fail(e, FAS_E_DENIED, "user_is_root",
				 "%s: the services do not run as root", user);
}

/* ---- empty, or a restore's own ---- */

struct seen {
	size_t n;
	bool marked; /* restore.incomplete, or a note that nobody has acted on */
};

static enum fas_code
look(int fd, struct seen *seen, struct fas_err *e)
{
	OWN(dir) DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		return fas_fail_errno(e, "state folder");
	const struct dirent *entry;
	while ((entry = readdir(dir)) && seen->n < ENTRIES_MAX) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		seen->n++;
		seen->marked = seen->marked || strcmp(name, RESTORE_INCOMPLETE) == 0 ||
			       strcmp(name, RESTORE_NOTE) == 0;
	}
	return FAS_OK;
}

/* The files of one folder but the marker, and folders that are empty then. */
static enum fas_code
clear(int fd, struct fas_err *e)
{
	OWN(dir) DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		return fas_fail_errno(e, "state folder");
	const struct dirent *entry;
	for (size_t i = 0; i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    strcmp(name, RESTORE_INCOMPLETE) == 0)
			continue;
		if (unlinkat(fd, name, 0) != 0 && errno != EISDIR)
			return fas_fail_errno(e, "%s", name);
	}
	return FAS_OK;
}

static enum fas_code
clear_all(struct state_folder *f, struct fas_err *e)
{
	OWN(fd) int keys = openat(f->fd, KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	enum fas_code rc = keys >= 0 ? clear(keys, e) : FAS_OK;
	if (rc == FAS_OK && keys >= 0 && unlinkat(f->fd, KEYS, AT_REMOVEDIR) != 0)
		rc = fas_fail_errno(e, "%s/" KEYS, f->path);
	return rc == FAS_OK ? clear(f->fd, e) : rc;
}

/* First it is root's: nobody changes what lies in it while it is looked at and filled. */
static enum fas_code
take_over(struct state_folder *f, struct fas_err *e)
{
	if (mkdir(f->path, UNFINISHED_MODE) != 0 && errno != EEXIST)
		return fas_fail_errno(e, "%s", f->path);
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (f->fd < 0)
		return fas_fail_errno(e, "%s", f->path);
	struct seen seen = {0};
	enum fas_code rc = look(f->fd, &seen, e);
	if (rc != FAS_OK)
		return rc;
	if (seen.n > 0 && !seen.marked)
		return fas_fail(e, FAS_E_CONFLICT, "folder_not_empty",
		    "%s is not empty, and what is in it is of no unfinished restore: move it away",
		    f->path);
	if (fchown(f->fd, 0, 0) != 0 || fchmod(f->fd, UNFINISHED_MODE) != 0)
		return fas_fail_errno(e, "%s", f->path);
	return FAS_OK;
}

/* ---- files ---- */

enum fas_code
state_file_append(int fd, const void *data, size_t len, struct fas_err *e)
{
	const uint8_t *at = data;
	while (len > 0) {
		ssize_t put = write(fd, at, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fas_fail_errno(e, "state folder");
		at += put;
		len -= (size_t)put;
	}
	return FAS_OK;
}

enum fas_code
state_file_sync(int fd, struct fas_err *e)
{
	return fsync(fd) == 0 ? FAS_OK : fas_fail_errno(e, "state folder");
}

enum fas_code
state_folder_create(struct state_folder *f, const char *name, int *fd, struct fas_err *e)
{
	*fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0 || fchown(*fd, f->uid, f->gid) != 0)
		return fas_fail_errno(e, "%s/%s", f->path, name);
	return FAS_OK;
}

enum fas_code
state_folder_make_keys(struct state_folder *f, struct fas_err *e)
{
	if (mkdirat(f->fd, KEYS, 0700) != 0 ||
	    fchownat(f->fd, KEYS, f->uid, f->gid, AT_SYMLINK_NOFOLLOW) != 0)
		return fas_fail_errno(e, "%s/" KEYS, f->path);
	return FAS_OK;
}

/* ---- begin and end ---- */

static enum fas_code
write_marker(struct state_folder *f, const char *text, struct fas_err *e)
{
	OWN(fd)
	int fd = openat(
	    f->fd, RESTORE_INCOMPLETE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchown(fd, f->uid, f->gid) != 0)
		return fas_fail_errno(e, "%s/" RESTORE_INCOMPLETE, f->path);
	enum fas_code rc = state_file_append(fd, text, strlen(text), e);
	if (rc == FAS_OK)
		rc = state_file_sync(fd, e);
	return rc == FAS_OK ? state_file_sync(f->fd, e) : rc;
}

enum fas_code
state_folder_begin(struct state_folder *f, const char *marker, struct fas_err *e)
{
	enum fas_code rc = take_over(f, e);
	if (rc == FAS_OK)
		rc = write_marker(f, marker, e);
	return rc == FAS_OK ? clear_all(f, e) : rc;
}

enum fas_code
state_folder_finish(struct state_folder *f, struct fas_err *e)
{
	enum fas_code rc = state_file_sync(f->fd, e);
	if (rc != FAS_OK)
		return rc;
	if (fchmod(f->fd, f->mode) != 0 || fchown(f->fd, f->uid, f->gid) != 0 ||
	    renameat(f->fd, RESTORE_INCOMPLETE, f->fd, RESTORE_NOTE) != 0)
		return fas_fail_errno(e, "%s", f->path);
	return state_file_sync(f->fd, e);
}

void
state_folder_done(struct state_folder *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}
