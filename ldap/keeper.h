/*
 * One thread a domain for everything that may block without a deadline: SRV and addresses (libresolv), Kerberos
 * credentials (libkrb5), and binding again to controllers that rest.  Requests only ever see its results.
 */
#ifndef LDAP_KEEPER_H
#define LDAP_KEEPER_H

#include "fas/base/err.h"

struct dc_pool;

/* Locked: start the thread unless it runs. */
MUST_CHECK enum fas_code keeper_start(struct dc_pool *pool, struct fas_err *e);
/* Unlocked: stop it, if it runs, and wait until it has ended. */
void keeper_stop(struct dc_pool *pool);

#endif
