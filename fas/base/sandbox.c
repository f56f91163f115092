#include "fas/base/sandbox.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool
sandbox_can_lock_memory(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

enum fas_code
sandbox_enter(bool lock_memory, struct fas_err *e)
{
	const struct rlimit none = {0, 0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fas_fail_errno(e, "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return fas_fail_errno(e, "core dumps");
	if (lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return fas_fail(e, FAS_E_CONFIG, "memory_lock",
		    "memory cannot be locked: raise LimitMEMLOCK of the unit (or ulimit -l)");
	return FAS_OK;
}

enum fas_code
sandbox_refuse_root(const char *program, struct fas_err *e)
{
	if (geteuid() != 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFIG, "running_as_root",
	    "%s does not run as root: start it under its own user (the systemd unit or fas-launch "
	    "does)",
	    program);
}
