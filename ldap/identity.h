/* What a domain is, read from one of its controllers and kept for an hour. */
#ifndef LDAP_IDENTITY_H
#define LDAP_IDENTITY_H

#include <pthread.h>
#include <stdbool.h>

#include "ldap/pool.h"

struct domain_identity {
	struct sid sid;        /* of the domain */
	struct sid own;        /* fasd's account there; not set when it belongs to another domain */
	struct sid dns_admins; /* not set when the domain has no such group */
};

struct domain {
	struct domain_config config;
	struct dc_pool *pool;
	pthread_mutex_t lock; /* over what follows */
	bool known;
	int64_t read_us;
	struct domain_identity identity;
};

#define DOMAINS_MAX 32

struct directory {
	struct domain *domains;
	size_t n;
};

/*
 * The identity, read anew when it is an hour old; an old one serves when that fails.
 * FAS_E_UNAVAILABLE "directory_away" | "directory_wrong_domain" (the controller serves another naming context) |
 * "directory_incomplete".
 */
MUST_CHECK enum fas_code domain_identify(
    struct domain *domain, struct domain_identity *out, struct fas_err *e);

#endif
