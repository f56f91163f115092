/*
 * Whom a domain controller's certificate must chain to, in the form that MIT krb5 needs.
 *
 * libkrb5's PKINIT verifies the client's own chain before it sends it, and knows one list of
 * anchors for that and for the domain controller's certificate.  The users' root has to be on it;
 * but then whoever holds the users' CA could pass for a domain controller.  So the users' root goes
 * on the list under name constraints (RFC 5280 4.2.1.10) that no domain controller's certificate
 * gets past.  That works because the
 * signature on a self-issued anchor is not part of path validation (RFC 5280 6.1.1 d); OpenSSL does
 * not look at it (X509_V_FLAG_CHECK_SS_SIGNATURE).
 */
#ifndef FAS_AGENT_ANCHOR_H
#define FAS_AGENT_ANCHOR_H

#include "fas/agent/kdc.h"
#include "fas/agent/key.h"

/*
 * The anchors of the domain controllers and, unless it is one of them, the constrained users' root.
 * anchors_pem, chain_pem (issuer ... root): borrowed.  names: which DNS names count as a domain
 * controller. *pem is malloc'ed.  FAS_E_CONFIG "kdc_anchors" when there is no certificate in
 * anchors_pem; FAS_E_INPUT "certificate_malformed" when the chain ends in no root.
 */
MUST_CHECK enum fas_code anchor_bundle(const char *anchors_pem, const char *chain_pem,
    const struct kdc_names *names, char **pem, struct fas_err *e);

#endif
