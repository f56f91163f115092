/*
 * Work that needs no root is done in a child that is the user: what it parses from the network, and
 * every file that it writes, has the user's rights and no more.
 *
 * The child is this very program started anew (fas-agent child TASK), not a copy of the caller: a
 * copy would carry the keys of every session into a process of one user's uid.  It is handed an
 * input (JSON, over a socket) and at most one secret, as a file in memory; nothing else is open.
 */
#ifndef FAS_AGENT_CHILD_H
#define FAS_AGENT_CHILD_H

#include <jansson.h>

#include "fas/agent/user.h"
#include "fas/base/err.h"
#include "fas/base/secret.h"

#define CHILD_WORD "child"                  /* argv[1] of a child */
#define CHILD_SECRET_PATH "/proc/self/fd/4" /* the secret, in the child */

/* Runs in the child.  input: borrowed, {} if there is none.  *result: a new reference, may stay NULL. */
typedef enum fas_code child_work(json_t *input, json_t **result, struct fas_err *e);

struct child_task {
	const char *name;
	child_work *work;
};

/* One piece of work for a child; all borrowed. */
struct child_order {
	const char *task;
	json_t *input;               /* NULL = none */
	const struct secret *secret; /* NULL = none */
	int timeout_ms;
	/* Called with the child's process id before it begins; NULL = not wanted. */
	void (*begun)(void *arg, pid_t pid);
	void *arg;
};

/*
 * Start the child, let it become the user (all ids and groups, no new privileges, no dumps, locked
 * memory) and work, and bring the result back.  A user that the caller is already (tests) is not changed.
 * FAS_E_TIMEOUT "child_timeout"; FAS_E_INTERNAL "child_failed" when the child died.  Thread-safe.
 */
MUST_CHECK enum fas_code child_run(const struct local_user *user, const struct child_order *order,
    json_t **result, struct fas_err *e);

/* main() of a child: argv is PROGRAM child TASK.  Returns the exit status. */
int child_main(const struct child_task *tasks, size_t n, int argc, char **argv);

#endif
