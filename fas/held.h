/*
 * Listening sockets that outlive this process.  Whoever starts it may hold them (LISTEN_FDS as sd_listen_fds(3) has
 * it: fas-launch --listen, a systemd socket unit, systemd's store of descriptors): while fasd is dead, connections wait
 * in them until it is back, and nobody is refused.
 */
#ifndef FAS_HELD_H
#define FAS_HELD_H

#include <stddef.h>

#include "fas/base/err.h"

/* Take over what was handed to this process.  Once, before it opens anything. */
void held_init(void);

/* The socket that is held for this address ("address:port"), else a new one (http_listen); the caller's. */
MUST_CHECK enum fas_code held_listen(const char *address, int *fd, struct fas_err *e);

/*
 * Ask the service manager to hold these, and nothing that it held before: an address that the configuration has no
 * more must not go on listening for nobody.  Closes what was handed over and not asked for.
 */
void held_keep(const int *fds, size_t n);
/* Nothing is to be held: this process ends and does not know how to go on.  Then clients are refused at once. */
void held_give_up(void);

#endif
