/*
 * A ticket-granting ticket by PKINIT (RFC 4556) with a key that is nowhere on disk.
 *
 * It is a child's work (fas/agent/child.h): libkrb5 parses what the network says as the user.  It takes key,
 * certificates and profile as files, which are memory files; a key that the service keeps is used through the
 * PKCS#11 module, as any program of the session would.
 */
#ifndef FAS_AGENT_PKINIT_H
#define FAS_AGENT_PKINIT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/agent/child.h"
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
	const char *certificate_pem;
	const char *chain_pem;
	const char *ccache_path; /* made anew, 0600 */
	bool replace;            /* an earlier cache of the user's makes way */
	const char *local_user;  /* the client has to be allowed into this account (krb5_kuserok) */
	const char *service; /* of this host, to prove the domain controller by; NULL = not asked */
	const char *pkcs11;  /* "PKCS11:..." identity; NULL = the child's secret is the key, PEM */
};

/* Is this principal an enterprise name (RFC 6806 5): is its suffix another than the realm? */
bool pkinit_is_enterprise(const char *principal, const char *realm);

/* The request as a child's input; a new reference, NULL when out of memory. */
json_t *pkinit_input(const struct pkinit_request *request);

/*
 * Get the ticket and write the cache.  *result: {"principal", "start", "end", "renew_till", "proof"?: base64 of what
 * proof_check wants}.  FAS_E_DENIED "pkinit_refused" with the Kerberos library's words; "kdc_untrusted";
 * "pkinit_principal" when the domain controller made another account of us; "kuserok_refused"; FAS_E_UNAVAILABLE
 * "kdc_away", "kdc_unknown".
 */
child_work pkinit_logon;

#endif
