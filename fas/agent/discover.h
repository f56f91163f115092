/* The service's servers by DNS (RFC 2782).  DNS is believed in nothing but where to knock: a server has to prove itself. */
#ifndef FAS_AGENT_DISCOVER_H
#define FAS_AGENT_DISCOVER_H

#include <stddef.h>

#include "fas/agent/servers.h"

/* https://TARGET:PORT for each SRV record _fas._tcp.DOMAIN, lowest priority first; n 0: none, or DNS is away. */
void discover_servers(const char *domain, struct server_order *out);
/* The same from an answer as res_nquery left it. */
void discover_read(const unsigned char *answer, size_t len, struct server_order *out);

#endif
