/*
 * Publishing in the directory, on schedule: what belongs there is looked at, and what is missing is put there, if
 * `publish:` says so and the directory lets us.  Where it does not, `fasctl publish --ldif` says what an administrator
 * has to import; he may also have done it, and then all is well.
 *
 * Without `publish:` only NTAuth is looked at, since the signer has to know since when an authority stands in it.
 */
#ifndef FAS_PKI_PUBLISHER_H
#define FAS_PKI_PUBLISHER_H

#include "fas/config.h"
#include "fas/service.h"

struct pki_publisher;

/* Both borrowed.  FAS_E_CONFIG "config_domain": `publish: domain` is none of `domains`. */
MUST_CHECK enum fas_code pki_publisher_new(const struct config *config, struct service *service,
    struct pki_publisher **out, struct fas_err *e);
void pki_publisher_free(struct pki_publisher *publisher);

/* One round; returns in how many seconds the next is due.  Thread-safe: one at a time. */
unsigned pki_publisher_round(struct pki_publisher *publisher);
/*
 * In how many seconds the next round is due after so many failures in a row: each time twice as long, not above each_s,
 * and not for ever, since an administrator may have mended it.  Pure.
 */
unsigned pki_publisher_wait(unsigned each_s, unsigned failed);
/* The same by hand: {"checked", "objects": [...]}, a new reference. */
MUST_CHECK enum fas_code pki_publisher_run(
    struct pki_publisher *publisher, json_t **seen, struct fas_err *e);
/* {"ldif", "grants": [{"container", "sid"}], "missing": n}: of what is configured, or of all that there is. */
MUST_CHECK enum fas_code pki_publisher_ldif(
    struct pki_publisher *publisher, json_t **reply, struct fas_err *e);

#endif
