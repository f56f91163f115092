/*
 * `kerberos` and `machines` of fasd.yaml in force, and their reloading: all or nothing, while negotiations are under way.
 *
 * A request works with the set that was in force when it came; a kept connection is looked at anew, by the rules that are
 * in force then, at its next request.
 */
#ifndef FAS_NEGOTIATION_H
#define FAS_NEGOTIATION_H

#include "fas/config.h"
#include "fas/negotiate.h"

struct negotiation;

/* Nothing is negotiated yet.  directory is borrowed. */
MUST_CHECK enum fas_code negotiation_new(
    struct directory *directory, struct negotiation **out, struct fas_err *e);
/* When no request is under way any more. */
void negotiation_free(struct negotiation *negotiation);

/* Are the rules good?  What `fasd --check` does: the keytab is not its user's to read.  FAS_E_CONFIG. */
MUST_CHECK enum fas_code negotiation_check(const struct config *config, struct fas_err *e);
/*
 * Read both anew from the file at path, and the keytab; the replay cache is in the state folder, which is there.  A file
 * without `kerberos` turns it off.  On an error what was in force stays.  FAS_E_CONFIG.
 */
MUST_CHECK enum fas_code negotiation_load(
    struct negotiation *negotiation, const char *path, struct fas_err *e);

/* For the API's servers; lives as long as the negotiation. */
const struct http_negotiation *negotiation_http(const struct negotiation *negotiation);

DEFINE_OWN(negotiation, struct negotiation *, negotiation_free);

#endif
