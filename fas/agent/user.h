/* Local accounts as NSS gives them: who may be logged on at all. */
#ifndef FAS_AGENT_USER_H
#define FAS_AGENT_USER_H

#include <sys/types.h>

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

#endif
