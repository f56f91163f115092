/* What the user's child does with a credential cache that a logon has written. */
#ifndef FAS_AGENT_CACHE_TASKS_H
#define FAS_AGENT_CACHE_TASKS_H

#include "fas/agent/child.h"

/* Destroy the cache at path; one that is gone is fine. */
MUST_CHECK enum fas_code cache_destroy(
    const struct local_user *user, const char *path, struct fas_err *e);

struct cache_times {
	int64_t end_s, renew_till_s;
};

/*
 * Renew the ticket-granting ticket in it (RFC 4120 2.3); the cache is replaced as a whole.
 * FAS_E_DENIED "renewal_refused" with the Kerberos library's words; FAS_E_UNAVAILABLE "kdc_away".
 */
MUST_CHECK enum fas_code cache_renew(
    const struct local_user *user, const char *path, struct cache_times *out, struct fas_err *e);

/* In the child: input {"path"}. */
child_work cache_destroy_task, cache_renew_task;

#endif
