/*
 * A ticket-granting ticket by PKINIT (RFC 4556) with a key that is nowhere on disk.
 *
 * libkrb5 takes key, certificates and profile as files: they are memory files of the process that
 * calls it, which is the user's child (fas/agent/child.h).
 */
#ifndef FAS_AGENT_PKINIT_H
#define FAS_AGENT_PKINIT_H

#include <jansson.h>
#include <openssl/evp.h>

#include "fas/agent/config.h"
#include "fas/base/err.h"

/* All members borrowed. */
struct pkinit_request {
	const struct agent_config *config; /* names of domain controllers */
	const char *anchors_pem;           /* whom the domain controllers' certificates chain to */
	const char *system_profile;        /* KRB5_CONFIG or its default */
	const char *realm;
	const char *principal; /* user@REALM, or a UPN with another suffix: an enterprise name */
	const char *sam_account_name;
	EVP_PKEY *key;
	const char *certificate_pem;
	const char *chain_pem;
	const char *ccache_path; /* made anew, 0600 */
};

/* Is this principal an enterprise name (RFC 6806 5): is its suffix another than the realm? */
bool pkinit_is_enterprise(const char *principal, const char *realm);

/*
 * Get the ticket and write the cache.  *result: {"principal", "start", "end", "renew_till"}.
 * FAS_E_DENIED "pkinit_refused" with the Kerberos library's words; "kdc_untrusted"; "pkinit_principal" when the
 * domain controller made another account of us; FAS_E_UNAVAILABLE "kdc_away", "kdc_unknown".
 * A child_work: arg is a struct pkinit_request.
 */
MUST_CHECK enum fas_code pkinit_logon(void *arg, json_t **result, struct fas_err *e);

#endif
