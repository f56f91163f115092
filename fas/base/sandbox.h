/*
 * What a program gives up before it reads its first foreign byte.  (Seccomp and landlock profiles
 * come with the systemd units; this is what must hold wherever the programs run.)
 */
#ifndef FAS_BASE_SANDBOX_H
#define FAS_BASE_SANDBOX_H

#include <stdbool.h>

#include "fas/base/err.h"

/*
 * No new privileges by exec, no core dumps, not traceable by the same uid.  lock_memory: nothing of
 * this process is ever swapped (mlockall); FAS_E_CONFIG "memory_lock" when the limit does not allow
 * it.
 */
MUST_CHECK enum fas_code sandbox_enter(bool lock_memory, struct fas_err *e);

/* FAS_E_CONFIG "running_as_root" when the effective uid is 0. */
MUST_CHECK enum fas_code sandbox_refuse_root(const char *program, struct fas_err *e);

#endif
