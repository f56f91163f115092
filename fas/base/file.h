/* Files that are whole or not there: bounded reads, and writes that survive a power cut. */
#ifndef FAS_BASE_FILE_H
#define FAS_BASE_FILE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

/* Whole content, malloc'ed and NUL-terminated beyond *len.  FAS_E_NOTFOUND "file_missing";
 * "too_large". */
MUST_CHECK enum fas_code file_read(
    const char *path, size_t max_bytes, char **out, size_t *len, struct fas_err *e);

/*
 * Write beside path, fsync, rename over path, fsync the folder: a reader sees the old content or
 * the new, also after a crash.
 */
MUST_CHECK enum fas_code file_write_atomic(
    const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e);

/*
 * The same for what is written piece by piece: to beside->fd, then file_commit; until then, and without it, path is what it
 * was.  file_abandon is for every end.
 */
struct file_beside {
	int fd; /* for reading and writing */
	char path[PATH_MAX], beside[PATH_MAX];
};
MUST_CHECK enum fas_code file_begin(
    const char *path, mode_t mode, struct file_beside *out, struct fas_err *e);
MUST_CHECK enum fas_code file_commit(struct file_beside *beside, struct fas_err *e);
void file_abandon(struct file_beside *beside);
/* All of data at this place of a file. */
MUST_CHECK enum fas_code file_write_at(
    int fd, const char *name, const void *data, size_t len, int64_t offset, struct fas_err *e);

/* As above, but FAS_E_CONFLICT "file_exists" when path is there already (keys are never written
 * over). */
MUST_CHECK enum fas_code file_write_new(
    const char *path, const void *data, size_t len, mode_t mode, struct fas_err *e);

/*
 * Of a long file that is written in pieces of len octets: the one at from begins its way to the disk, and the one before it has
 * arrived.  So whoever commits elsewhere on this disk never waits behind all of it (sync_file_range(2): no promise that
 * anything is durable; where it is not to be had nothing is lost but that).
 */
void file_trickle(int fd, int64_t from, size_t len);

/* mkdir; an existing folder is fine. */
MUST_CHECK enum fas_code file_make_folder(const char *path, mode_t mode, struct fas_err *e);

/* "folder/name" into out; FAS_E_CONFIG "path_too_long". */
MUST_CHECK enum fas_code file_join(
    char *out, size_t out_size, const char *folder, const char *name, struct fas_err *e);

DEFINE_OWN_IN_PLACE(file_beside, struct file_beside, file_abandon);

#endif
