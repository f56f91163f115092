/*
 * The service's own Kerberos credentials: from a keytab into a credential cache in memory, which a bind names for its
 * thread.  The tickets for the controllers are fetched ahead, so that a bind need not wait for a KDC.
 *
 * libkrb5 knows no deadline: only the keeper (keeper.h) calls krb_creds_get, never a request.
 */
#ifndef LDAP_CREDS_H
#define LDAP_CREDS_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

#define CCACHE_NAME_MAX 64

struct krb_creds {
	char ccache[CCACHE_NAME_MAX]; /* "MEMORY:..."; "" = none */
	int64_t begins_s, ends_s;
};

/* hosts: n controllers whose ldap/HOST tickets are wanted as well; one that fails is passed over.
 * FAS_E_UNAVAILABLE "kerberos_no_ticket" with libkrb5's words. */
MUST_CHECK enum fas_code krb_creds_get(const char *principal, const char *keytab,
    const char *const *hosts, size_t n, struct krb_creds *out, struct fas_err *e);

/* Destroy the cache; creds are empty afterwards. */
void krb_creds_drop(struct krb_creds *creds);

/* Let this thread's next GSSAPI exchange use the cache.  FAS_E_UNAVAILABLE "kerberos_no_ticket". */
MUST_CHECK enum fas_code krb_creds_use(const char *ccache, struct fas_err *e);

#endif
