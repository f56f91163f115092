#include "fas/agent/ccache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS 4096
#define CACHE_BYTES_MAX (1024 * 1024)

enum fas_code
ccache_path(const char *name, char path[PATH_MAX], struct fas_err *e)
{
	const char *at = strncmp(name, "FILE:", 5) == 0 ? name + 5 : name;
	if (at[0] != '/' || at[1] == 0 || strlen(at) >= PATH_MAX - 32)
		return fas_fail(e, FAS_E_INPUT, "ccache_name",
		    "credential cache \"%.128s\": want FILE:/PATH", name);
	(void)snprintf(path, PATH_MAX, "%s", at);
	return FAS_OK;
}

enum fas_code
ccache_begin(const char *path, struct ccache_draft *draft, struct fas_err *e)
{
	*draft = (struct ccache_draft){0};
	int folder_len = (int)(strrchr(path, '/') - path);
	(void)snprintf(draft->final, sizeof(draft->final), "%s", path);
	if (snprintf(draft->folder, sizeof(draft->folder), "%.*s/.fas-XXXXXX", folder_len, path) >=
	    (int)sizeof(draft->folder))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "the cache's path is too long");
	if (!mkdtemp(draft->folder)) {
		draft->folder[0] = 0;
		return fas_fail_errno(e, "a folder beside %s", path);
	}
	if (snprintf(draft->file, sizeof(draft->file), "%s/cc", draft->folder) >=
	    (int)sizeof(draft->file))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "the cache's path is too long");
	return FAS_OK;
}

enum fas_code
ccache_commit(struct ccache_draft *draft, struct fas_err *e)
{
	if (chmod(draft->file, 0600) != 0)
		return fas_fail_errno(e, "%s", draft->file);
	/* link(2) never replaces: the atomic form of O_EXCL for a file that is complete. */
	if (link(draft->file, draft->final) == 0)
		return FAS_OK;
	if (errno == EEXIST)
		return fas_fail(
		    e, FAS_E_CONFLICT, "ccache_exists", "%s exists already", draft->final);
	return fas_fail_errno(e, "%s", draft->final);
}

enum fas_code
ccache_replace(struct ccache_draft *draft, struct fas_err *e)
{
	if (chmod(draft->file, 0600) != 0 || rename(draft->file, draft->final) != 0)
		return fas_fail_errno(e, "%s", draft->final);
	return FAS_OK;
}

void
ccache_draft_done(struct ccache_draft *draft)
{
	if (draft->folder[0]) {
		(void)unlink(draft->file);
		(void)rmdir(draft->folder);
	}
	draft->folder[0] = 0;
}

/* Best effort: what a copying file system or a journal keeps is out of reach. */
static void
overwrite(int fd, off_t size)
{
	static const char zeros[ZEROS];
	if (size > CACHE_BYTES_MAX)
		size = CACHE_BYTES_MAX;
	for (off_t done = 0; done < size; done += ZEROS) {
		size_t n = size - done < ZEROS ? (size_t)(size - done) : ZEROS;
		if (pwrite(fd, zeros, n, done) < 0)
			return;
	}
	(void)fdatasync(fd);
}

enum fas_code
ccache_destroy(const char *path, struct fas_err *e)
{
	struct stat st;
	OWN(fd) int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return FAS_OK;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		overwrite(fd, st.st_size);
	return unlink(path) == 0 ? FAS_OK : fas_fail_errno(e, "%s", path);
}
