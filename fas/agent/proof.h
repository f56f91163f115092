/*
 * Was it a true domain controller that gave the ticket?  It was if it knows this host's own key: a
 * service ticket for this host, got with the user's, opens with the host's keytab and names the user
 * (what krb5_verify_init_creds does; here in two halves, because the keytab is root's and the ticket
 * is the user's).
 */
#ifndef FAS_AGENT_PROOF_H
#define FAS_AGENT_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include <krb5/krb5.h>

#include "fas/base/err.h"

#define PROOF_BYTES_MAX 65536
#define PROOF_SERVICE_MAX 512

/*
 * Root's half, before: which of the keytab's principals in this realm a ticket is to be asked for, host/... first, else
 * the machine account.  FAS_E_CONFIG "keytab_unusable".
 */
MUST_CHECK enum fas_code proof_service(
    const char *keytab, const char *realm, char out[PROOF_SERVICE_MAX], struct fas_err *e);

/* The user's half: an AP-REQ (RFC 4120 5.5.1) for the service.  *out is malloc'ed. */
MUST_CHECK enum fas_code proof_make(krb5_context ctx, krb5_creds *tgt, const char *service,
    uint8_t **out, size_t *len, struct fas_err *e);

/*
 * Root's half, after: it opens with the keytab and is the client's (NAME@REALM as the child reported it).
 * FAS_E_DENIED "kdc_unproved".
 */
MUST_CHECK enum fas_code proof_check(const char *keytab, const char *service, const char *client,
    const uint8_t *request, size_t len, struct fas_err *e);

#endif
