/*
 * fas-pkcs11.so: the virtual smart card as a PKCS#11 v2.40 module.
 *
 * It holds no key and does no cryptography: it shows the cards that fas-agent has for the caller's user, and passes
 * signatures on (fas/card).  It lives in browsers, ssh and daemons, so: libc only, no threads of its own, nothing at
 * load or unload, nothing on stderr unless asked (FAS_PKCS11_DEBUG), and a child after a fork starts anew.
 *
 * One lock guards everything here.  It is held in every function of this room but while the agent is waited for
 * (link.h), so that a thread whose signature waits for a person's consent stops no other one.
 */
#ifndef FAS_AGENT_PKCS11_MODULE_H
#define FAS_AGENT_PKCS11_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "fas/base/macros.h"

/* C_Initialize and C_Finalize, whole. */
CK_RV module_initialize(CK_C_INITIALIZE_ARGS_PTR args);
CK_RV module_finalize(void *reserved);

/*
 * In front of and behind every other function.  enter: CKR_CRYPTOKI_NOT_INITIALIZED, also in the child of a process that
 * had initialized; on CKR_OK the lock is held.  leave gives its argument back.
 */
MUST_CHECK CK_RV module_enter(void);
CK_RV module_leave(CK_RV rv);

/* While the agent is waited for. */
void module_unlock(void);
void module_lock(void);
/* C_Finalize has begun in another thread: finish, without waiting for anything. */
bool module_is_stopping(void);

#endif
