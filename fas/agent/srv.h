/* SRV records (RFC 2782): which hosts serve something in a domain. */
#ifndef FAS_AGENT_SRV_H
#define FAS_AGENT_SRV_H

#include <stddef.h>

#include "fas/base/names.h"

#define SRV_MAX 32

struct srv_record {
	unsigned priority, port;
	char target[HOSTNAME_MAX + 1]; /* a host name */
};

/* Those of an answer, as res_nquery left it (RFC 1035 4), by priority; what has no target that is a host name is left out. */
size_t srv_read(const unsigned char *answer, size_t len, struct srv_record out[SRV_MAX]);
/* Ask DNS; 0 = none, or DNS is away. */
size_t srv_find(const char *name, struct srv_record out[SRV_MAX]);

#endif
