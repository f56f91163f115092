/*
 * Where the domain controllers are: SRV records (RFC 2782) and addresses.
 *
 * Both calls may block as long as the resolver does; only the keeper (keeper.h) makes them, never a request.
 */
#ifndef LDAP_DISCOVER_H
#define LDAP_DISCOVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fas/base/err.h"
#include "fas/base/names.h"
#include "ldap/domain_config.h"

#define ADDRESSES_MAX 4

struct srv {
	char host[HOSTNAME_MAX + 1];
	uint16_t port, priority, weight;
};

struct address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* A number from 0 to max, both included (RFC 2782, page 4). */
typedef uint32_t discover_random(void *context, uint32_t max);

/* Into the order of use: priority ascending, within one by weighted chance.  Pure but for draw. */
void discover_order(struct srv *records, size_t n, discover_random *draw, void *context);

/*
 * The SRV records of a DNS answer.  Targets that are no host names, "." (RFC 2782: no service), or do not lie in domain
 * are left out: an answer nobody signed may not lead to a host outside it, whose own name a ticket would then be for.
 * FAS_E_UNAVAILABLE "srv_malformed", "srv_empty".
 */
MUST_CHECK enum fas_code discover_parse(const uint8_t *answer, size_t len, const char *domain,
    struct srv out[CONTROLLERS_MAX], size_t *n, struct fas_err *e);

/* _ldap._tcp.dc._msdcs.<domain>, ordered.  Also FAS_E_UNAVAILABLE "srv_no_answer". */
MUST_CHECK enum fas_code discover_srv(
    const char *domain, struct srv out[CONTROLLERS_MAX], size_t *n, struct fas_err *e);

/* At most ADDRESSES_MAX addresses.  FAS_E_UNAVAILABLE "host_unknown". */
MUST_CHECK enum fas_code discover_addresses(const char *host, uint16_t port,
    struct address out[ADDRESSES_MAX], size_t *n, struct fas_err *e);

#endif
