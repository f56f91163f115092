/*
 * The thread that publishes: CRLs at start, on schedule and within a second of a revocation, and the certificates of the
 * authorities and their roots.  Of the service CA it is the list alone ("service-1"): no certificate names it, and fasd
 * goes by the host table; but it outlives the machine, and a restore knows revoked machines by it.
 *
 *     PUBLIC/crl/STEM.crl, PUBLIC/ca/STEM.cer          STEM = "main-1", the root's "main-1-root"
 *     PUBLIC/crl/STEM.pem, PUBLIC/ca/STEM.pem          the same as PEM
 */
#ifndef CA_PUBLISHER_H
#define CA_PUBLISHER_H

#include "ca/ca.h"

/* Publish everything once, then start the thread; ca->publisher is set.  Fails when the folders cannot be made. */
MUST_CHECK enum fas_code publisher_start(struct ca *ca, struct fas_err *e);
void publisher_stop(struct publisher *publisher);
/* Have the lists of the start been tried? */
bool publisher_has_begun(struct publisher *publisher);
/* Something was revoked: publish soon.  Many kicks make one CRL. */
void publisher_kick(struct publisher *publisher);

/* One issuer's CRL and certificate now; a CRL that is given (an offline root's) is written as it is. */
MUST_CHECK enum fas_code publisher_publish(
    struct publisher *publisher, const struct issuer *issuer, struct fas_err *e);

/*
 * Does a CRL of this issuer lie in the public folder that is good at now_s?  FAS_E_CONFLICT "crl_not_published",
 * "crl_stale".
 */
MUST_CHECK enum fas_code publisher_is_out(
    struct ca *ca, const struct issuer *issuer, int64_t now_s, struct fas_err *e);

/* The present CRL: {"authority", "generation", "number", "next_update", ...}; a new reference. */
MUST_CHECK enum fas_code publisher_describe(
    struct ca *ca, const struct issuer *issuer, json_t **out, struct fas_err *e);

#endif
