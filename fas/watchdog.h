/*
 * The watchdog: fetches, as a domain controller would, whatever the certificates that are being issued name: the CRL and
 * the certificate of each authority up to the root, over HTTP and LDAP.  What it sees goes into the service's watch.
 *
 * A *link* is a kind of certificates (those that an authority issues, an authority's own, ...) whose CRL is needed; it
 * holds while one of its places gives a list that a domain controller takes.  When a link of an issuing generation does
 * not hold in two rounds in a row, logons would fail.
 */
#ifndef FAS_WATCHDOG_H
#define FAS_WATCHDOG_H

#include "fas/config.h"
#include "fas/service.h"

struct watchdog;

/* directory_each_s: how often the directory is published to.  config and service are borrowed. */
MUST_CHECK enum fas_code watchdog_new(const struct watchdog_config *config,
    int64_t directory_each_s, struct service *service, struct watchdog **out, struct fas_err *e);
void watchdog_free(struct watchdog *watchdog);

/* Look at every place once.  Returns in how many seconds the next look is due.  Thread-safe: one round at a time. */
unsigned watchdog_round(struct watchdog *watchdog);
/*
 * For a thread of its own: a round when one is due, whoever has looked last; an administrator may have found what has to be
 * looked at again soon.  Returns in how many seconds to come again, 5 at the most.
 */
unsigned watchdog_tick(struct watchdog *watchdog);
/* A round for an administrator: what was seen, a new reference. */
MUST_CHECK enum fas_code watchdog_look(struct watchdog *watchdog, json_t **seen, struct fas_err *e);
/* A round under way ends with the place that it is at; there will be none after it. */
void watchdog_stop(struct watchdog *watchdog);

DEFINE_OWN(watchdog, struct watchdog *, watchdog_free);

#endif
