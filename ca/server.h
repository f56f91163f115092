/*
 * fas-signer without its main(): everything that runs, made of a configuration.  Tests start it in their own process.
 */
#ifndef CA_SERVER_H
#define CA_SERVER_H

#include <sys/types.h>

#include "ca/config.h"
#include "fas/base/err.h"
#include "fas/base/own.h"

struct signer_server;

/*
 * Open ca.db, make the service CA at first start, load limits and keys, publish CRLs, listen on both sockets.
 * config is borrowed until the stop; owner: to whom the limits file must belong (0 outside of tests).
 */
MUST_CHECK enum fas_code signer_server_start(
    const struct signer_config *config, uid_t owner, struct signer_server **out, struct fas_err *e);
/* Read the limits again: all or nothing, the old ones stay when the new have an error. */
MUST_CHECK enum fas_code signer_server_reload(struct signer_server *server, struct fas_err *e);
/* Requests under way are answered first. */
void signer_server_stop(struct signer_server *server);

DEFINE_OWN(signer_server, struct signer_server *, signer_server_stop);

#endif
