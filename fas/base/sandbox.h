/*
 * What a program gives up before it reads its first foreign byte; it holds wherever the programs run, with or without
 * their systemd units.
 *
 *     sandbox_enter      no new privileges, no core dumps, not traceable
 *     sandbox_begin      an empty list of files (landlock(7))
 *     sandbox_allow      ... and what is added to it
 *     sandbox_confine    from here on no other file, and no system call but those of the list (seccomp(2))
 */
#ifndef FAS_BASE_SANDBOX_H
#define FAS_BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

/* Is the limit of locked memory infinite?  With a finite one a later allocation would fail instead of swap. */
bool sandbox_can_lock_memory(void);

/*
 * No new privileges by exec, no core dumps, not traceable by the same uid.  lock_memory: nothing of
 * this process is ever swapped (mlockall); FAS_E_CONFIG "memory_lock" when the limit does not allow
 * it.
 */
MUST_CHECK enum fas_code sandbox_enter(bool lock_memory, struct fas_err *e);

/* FAS_E_CONFIG "running_as_root" when the effective uid is 0. */
MUST_CHECK enum fas_code sandbox_refuse_root(const char *program, struct fas_err *e);

/* The files that stay reachable.  Without landlock in the kernel there is no ruleset, and sandbox_confine says so. */
struct sandbox {
	int ruleset;     /* -1: none */
	uint64_t access; /* landlock's rights that this kernel knows */
};

enum sandbox_access {
	SANDBOX_READ,
	SANDBOX_WRITE /* and make, rename, remove, and bind sockets */
};

enum sandbox_network { SANDBOX_UNIX, SANDBOX_INTERNET /* and AF_UNIX */ };

MUST_CHECK enum fas_code sandbox_begin(struct sandbox *out, struct fas_err *e);
/*
 * path with all below it; of a path that is not there yet, the nearest folder above it that is, unless that is the
 * root.  A path that this user cannot reach anyway is left out.
 */
MUST_CHECK enum fas_code sandbox_allow(
    struct sandbox *sandbox, const char *path, enum sandbox_access access, struct fas_err *e);
/* The folder that a file lies in: what replaces the file by rename is another file, and stays reachable. */
MUST_CHECK enum fas_code sandbox_allow_beside(
    struct sandbox *sandbox, const char *file, enum sandbox_access access, struct fas_err *e);
/* Shared libraries with their data and configuration, /proc, random numbers. */
MUST_CHECK enum fas_code sandbox_allow_system(struct sandbox *sandbox, struct fas_err *e);

/*
 * For good, for this thread and those that it starts: call it before there is a second one.  Neither fork, exec,
 * ptrace, mount, memory that is written and run, nor any socket of another family; each fails with EPERM.
 * FAS_E_CONFIG "sandbox" when the kernel refuses.
 */
MUST_CHECK enum fas_code sandbox_confine(
    struct sandbox *sandbox, enum sandbox_network network, struct fas_err *e);
/*
 * The same for a process that starts children of its own image, awaits them, and lets them confine themselves further:
 * fork, wait, more landlock and seccomp, locked memory; still no exec.
 */
MUST_CHECK enum fas_code sandbox_confine_parent(
    struct sandbox *sandbox, enum sandbox_network network, struct fas_err *e);
void sandbox_done(struct sandbox *sandbox);

/* The second half of both (sandbox_calls.c). */
MUST_CHECK enum fas_code sandbox_filter_calls(
    enum sandbox_network network, bool is_parent, struct fas_err *e);

DEFINE_OWN_IN_PLACE(sandbox, struct sandbox, sandbox_done);

#endif
