/* What is to be done for the host as a whole, when there is time for it. */
#ifndef FAS_AGENT_CHORES_H
#define FAS_AGENT_CHORES_H

#include "fas/agent/daemon.h"

/* From the loop: hands to the workers what is due of: a spare key, the machine's certificates, probes, discovery. */
void chores_look(struct daemon *d);
/* The servers that DNS names at this moment (SRV _fas._tcp.DOMAIN), if discovery is configured; at the start as well. */
void chores_discover(struct daemon *d);
/* When the first of the machine's certificates is to be renewed, in seconds since 1970; 0 = there is none. */
int64_t chores_machine_due(struct daemon *d);

#endif
