#include "fas/agent/user.h"

#include <pwd.h>
#include <stdio.h>

#include "fas/base/own.h"

#define NSS_BUFFER_MAX 65536

enum fas_code
local_user_find(const char *name, uid_t first_uid, struct local_user *out, struct fas_err *e)
{
	OWN(text) char *buffer = malloc(NSS_BUFFER_MAX);
	struct passwd pw, *found = NULL;
	if (!buffer)
		return fas_fail_nomem(e);
	if (getpwnam_r(name, &pw, buffer, NSS_BUFFER_MAX, &found) != 0 || !found)
		return fas_fail(e, FAS_E_NOTFOUND, "local_user_unknown",
		    "this host knows no user \"%.64s\" (getent passwd; or name one by --user)",
		    name);
	if (pw.pw_uid == 0 || pw.pw_uid < first_uid)
		return fas_fail(e, FAS_E_DENIED, "local_user_system",
		    "user \"%.64s\" has uid %u: root and accounts below uid %u are never logged "
		    "on (first_uid in agent.yaml)",
		    name, (unsigned)pw.pw_uid, (unsigned)first_uid);
	*out = (struct local_user){.uid = pw.pw_uid, .gid = pw.pw_gid};
	(void)snprintf(out->name, sizeof(out->name), "%s", pw.pw_name);
	return FAS_OK;
}
