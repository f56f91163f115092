/*
 * Work that needs no root is done in a child that is the user: what it parses from the network, and
 * every file that it writes, has the user's rights and no more.
 */
#ifndef FAS_AGENT_CHILD_H
#define FAS_AGENT_CHILD_H

#include <sys/types.h>

#include <jansson.h>

#include "fas/base/err.h"

#define LOCAL_NAME_MAX 257

struct local_user {
	char name[LOCAL_NAME_MAX];
	uid_t uid;
	gid_t gid;
};

/*
 * The local account by name.  FAS_E_NOTFOUND "local_user_unknown"; FAS_E_DENIED "local_user_system"
 * for root and every uid below first_uid.
 */
MUST_CHECK enum fas_code local_user_find(
    const char *name, uid_t first_uid, struct local_user *out, struct fas_err *e);

/* Runs in the child.  *result: a new reference, may stay NULL. */
typedef enum fas_code child_work(void *arg, json_t **result, struct fas_err *e);

/*
 * Fork, become the user (all ids and groups, no new privileges, no dumps, locked memory), work, and
 * bring the result back.  A caller that is the user already (tests) just forks.  FAS_E_TIMEOUT
 * "child_timeout"; FAS_E_INTERNAL "child_failed" when the child died.  The caller has no other
 * thread.
 */
MUST_CHECK enum fas_code child_run(const struct local_user *user, child_work *work, void *arg,
    int timeout_ms, json_t **result, struct fas_err *e);

#endif
