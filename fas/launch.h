/* fas-launch: what it is told to start, and as whom. */
#ifndef FAS_LAUNCH_H
#define FAS_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fas/base/err.h"

#define LAUNCH_PROGRAMS_MAX 8
#define LAUNCH_FOLDERS_MAX 16
#define LAUNCH_GROUPS_MAX 32
#define LAUNCH_NAME_MAX 256
#define LAUNCH_LISTEN_MAX 24

struct launch_user {
	uid_t uid;
	gid_t gid;
	char name
	    [LAUNCH_NAME_MAX]; /* "" when the uid has no name: then groups stand for themselves */
	gid_t groups
	    [LAUNCH_GROUPS_MAX]; /* supplementary; used when n_groups > 0 or there is no name */
	size_t n_groups;
};

struct launch_program {
	struct launch_user user;
	bool low_ports;   /* CAP_NET_BIND_SERVICE, nothing else */
	bool lock_memory; /* may lock all of its memory */
	/* Held for it over all of its lives, and handed over as sd_listen_fds(3) has it. */
	struct {
		const char *address; /* borrowed */
		int fd;
	} listen[LAUNCH_LISTEN_MAX];
	size_t n_listen;
	char **argv; /* borrowed, NULL-terminated; argv[0] is an absolute path */
};

struct launch_folder {
	const char *path;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

struct launch {
	struct launch_program programs[LAUNCH_PROGRAMS_MAX];
	size_t n_programs;
	struct launch_folder folders[LAUNCH_FOLDERS_MAX];
	size_t n_folders;
	bool help, version;
	char **copies; /* owned argument vectors */
};

extern const char launch_usage[];

/* argv stays borrowed.  FAS_E_INPUT "usage" names the argument.  launch_done in any case. */
MUST_CHECK enum fas_code launch_parse(int argc, char **argv, struct launch *out, struct fas_err *e);
void launch_done(struct launch *launch);

/* "USER[:GROUP[,GROUP...]]", names or numbers; root is refused. */
MUST_CHECK enum fas_code launch_user_parse(
    const char *text, struct launch_user *out, struct fas_err *e);

/* Make the folder if it is not there; owner and mode are set on it in any case. */
MUST_CHECK enum fas_code launch_folder_make(const struct launch_folder *folder, struct fas_err *e);

/* In the child: become what program says and run it.  Returns only on failure. */
enum fas_code launch_exec(const struct launch_program *program, pid_t parent, struct fas_err *e);

#endif
