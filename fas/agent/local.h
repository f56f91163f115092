/*
 * The local socket: connections, who makes them, how many at once, and the road of a request to a worker and back.
 * All of it but local_finish runs in the daemon's loop.
 */
#ifndef FAS_AGENT_LOCAL_H
#define FAS_AGENT_LOCAL_H

#include "fas/agent/daemon.h"

struct connection;

MUST_CHECK enum fas_code local_start(struct daemon *d, struct local **out, struct fas_err *e);
/* No new connections from here on. */
void local_quiesce(struct local *local);
/* After the workers have ended. */
void local_stop(struct local *local);

void local_accept(struct local *local);
/* value: of the event's tag. */
void local_event(uint64_t value, uint32_t events);
/* Something has changed, or time has passed: who waits is answered, who had to be held back goes on. */
void local_look_again(struct local *local);
size_t local_connections(struct local *local);

DEFINE_OWN(local, struct local *, local_stop);

#endif
