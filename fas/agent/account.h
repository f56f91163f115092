/*
 * The host's machine account, for a host that has no certificate of the service CA: a Kerberos ticket by its keytab, in
 * this process's memory, with which libcurl answers "Negotiate".
 */
#ifndef FAS_AGENT_ACCOUNT_H
#define FAS_AGENT_ACCOUNT_H

#include "fas/agent/config.h"
#include "fas/agent/identity.h"

#define ACCOUNT_CACHE_MAX 64

struct account_ticket {
	char cache[ACCOUNT_CACHE_MAX]; /* "MEMORY:..."; "" = none */
};

/*
 * Get a ticket for config's principal, by default the keytab's first NAME$@REALM, and let this thread's GSSAPI use it.
 * FAS_E_CONFIG "keytab_unusable"; FAS_E_UNAVAILABLE "kdc_away"; FAS_E_DENIED "keytab_refused", all with libkrb5's words.
 */
MUST_CHECK enum fas_code account_ticket_get(
    const struct agent_config *config, struct account_ticket *out, struct fas_err *e);
void account_ticket_drop(struct account_ticket *ticket);

/* Whom such a host trusts: the certificates in config's service_ca alone; key and certificate stay NULL. */
MUST_CHECK enum fas_code account_trust(
    const struct agent_config *config, struct identity *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(account_ticket, struct account_ticket, account_ticket_drop);

#endif
