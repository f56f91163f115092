#include "fas/agent/programs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX 32

static bool
is_listed(const struct session_rule *rule, const char *path)
{
	for (size_t i = 0; i < rule->n_programs; i++) {
		if (strcmp(rule->programs[i], path) == 0)
			return true;
	}
	return false;
}

/* The group's bits are also the mask of an access control list (acl(5)): with them off, no entry of it can write. */
static bool
is_roots_alone(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static enum fas_code
fail_writable(const char *path, size_t len, struct fas_err *e)
{
	return fas_fail(e, FAS_E_DENIED, "program_writable",
	    "%.*s belongs to another than root, or can be written by others", (int)len, path);
}

/* The part up to len: a folder, or at the end the file; *fd moves there. */
static enum fas_code
step(int *fd, const char *path, size_t from, size_t len, struct stat *st, struct fas_err *e)
{
	char name[NAME_MAX + 1];
	(void)snprintf(name, sizeof(name), "%.*s", (int)(len - from), path + from);
	int next = openat(*fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0 || fstat(next, st) != 0 || S_ISLNK(st->st_mode)) {
		own_fd(&next);
		return fas_fail(e, FAS_E_DENIED, "program_replaced",
		    "%s is not there, or a part of it is a link", path);
	}
	own_fd(fd);
	*fd = next;
	return is_roots_alone(st) ? FAS_OK : fail_writable(path, len, e);
}

/* From the root down, each part by the descriptor of the one above: nothing can be put in between. */
static enum fas_code
walk(const char *path, struct stat *st, struct fas_err *e)
{
	OWN(fd) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t at = 1;
	if (fd < 0 || fstat(fd, st) != 0)
		return fas_fail_errno(e, "/");
	if (!is_roots_alone(st))
		return fail_writable(path, 1, e);
	for (int i = 0; i < FOLDERS_MAX; i++) {
		size_t len = at + strcspn(path + at, "/");
		if (len == at || step(&fd, path, at, len, st, e) != FAS_OK)
			break;
		if (!path[len])
			return FAS_OK;
		at = len + 1;
	}
	return fas_fail(e, FAS_E_DENIED, "program_replaced", "%s is no path of a program", path);
}

enum fas_code
program_check(const struct session_rule *rule, const struct peer_look *look, struct fas_err *e)
{
	struct stat running, lying;
	if (rule->n_programs == 0)
		return FAS_OK;
	if (!look->path[0] || !is_listed(rule, look->path))
		return fas_fail(e, FAS_E_DENIED, "program_refused",
		    "%s is not among the programs that may use this key",
		    look->path[0] ? look->path : "a program that cannot be told");
	if (walk(look->path, &lying, e) != FAS_OK)
		return e->code;
	/* In another mount namespace the same path may be another file. */
	if (fstat(look->exe, &running) != 0 || running.st_dev != lying.st_dev ||
	    running.st_ino != lying.st_ino)
		return fas_fail(e, FAS_E_DENIED, "program_replaced",
		    "what runs as %s is not the file that lies there", look->path);
	return FAS_OK;
}
