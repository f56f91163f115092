/*
 * What looks after things outside: the watchdog and the directory's publisher of what is published, for the daemon and its
 * administrator, and the refreshing of providers' metadata.
 */
#ifndef FAS_UPKEEP_H
#define FAS_UPKEEP_H

#include "fas/admin.h"
#include "fas/background.h"

struct upkeep;

/* Both borrowed.  FAS_E_CONFIG as pki_publisher_new. */
MUST_CHECK enum fas_code upkeep_new(
    const struct config *config, struct service *service, struct upkeep **out, struct fas_err *e);
void upkeep_free(struct upkeep *upkeep);
/* Rounds under way end soon, and do nothing more; NULL is none. */
void upkeep_stop(struct upkeep *upkeep);

/* What is done by turns; returns how many. */
size_t upkeep_rounds(struct upkeep *upkeep, struct background_round out[BACKGROUND_ROUNDS_MAX]);
const struct admin_places *upkeep_admin(const struct upkeep *upkeep);

DEFINE_OWN(upkeep, struct upkeep *, upkeep_free);

#endif
