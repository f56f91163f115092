/* A worker's own line to the service: kept connections, and the machine's credential as it is by now. */
#ifndef FAS_AGENT_LINK_H
#define FAS_AGENT_LINK_H

#include "fas/agent/daemon.h"

/* Once per process. */
MUST_CHECK enum fas_code link_setup(struct fas_err *e);

/* An upstream's call; up->arg is the daemon. */
MUST_CHECK enum fas_code link_call(const struct upstream *up, const struct upstream_ask *ask,
    struct api_answer *out, struct fas_err *e);
/* Look whether a server is there again. */
void link_probe(struct daemon *d, const char *server);

#endif
