/*
 * A state folder that is being put back.  Until it is whole it belongs to root, and holds restore.incomplete, which the
 * service that owns it refuses (fas/base/restore.h); then it is given to the service's user.
 */
#ifndef FAS_CTL_STATE_FOLDER_H
#define FAS_CTL_STATE_FOLDER_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct state_folder {
	char path[PATH_MAX];
	int fd; /* of the folder; -1: not opened */
	uid_t uid;
	gid_t gid;
	mode_t mode; /* in the end */
};

/* user: a name, or numbers UID or UID:GID.  FAS_E_INPUT "user_unknown"; FAS_E_DENIED "user_is_root". */
MUST_CHECK enum fas_code state_folder_name(struct state_folder *folder, const char *path,
    const char *user, mode_t mode, struct fas_err *e);
/*
 * Make it, or take an empty one, or one of a restore that did not come to its end or was not started yet (which is emptied).
 * FAS_E_CONFLICT "folder_not_empty".  Then marker, the text of restore.incomplete, is durable in it.
 */
MUST_CHECK enum fas_code state_folder_begin(
    struct state_folder *folder, const char *marker, struct fas_err *e);
/* A new file in it of mode 0600 that will be the user's: *fd is the caller's. */
MUST_CHECK enum fas_code state_folder_create(
    struct state_folder *folder, const char *name, int *fd, struct fas_err *e);
MUST_CHECK enum fas_code state_folder_make_keys(struct state_folder *folder, struct fas_err *e);
/* Whole: it is the user's, and the marker becomes the note of the next start. */
MUST_CHECK enum fas_code state_folder_finish(struct state_folder *folder, struct fas_err *e);
void state_folder_done(struct state_folder *folder);

/* All of data, then fsync. */
MUST_CHECK enum fas_code state_file_append(int fd, const void *data, size_t len, struct fas_err *e);
MUST_CHECK enum fas_code state_file_sync(int fd, struct fas_err *e);

DEFINE_OWN_IN_PLACE(state_folder, struct state_folder, state_folder_done);

#endif
