/*
 * The browser's door: pages on which people sign in, and the places to which providers send them back (docs/PROTOCOL.md,
 * "The front").  Nothing here decides: that is the pipeline's (fas/sign_in.h).
 */
#ifndef FAS_FRONT_FRONT_H
#define FAS_FRONT_FRONT_H

#include "fas/front/rate.h"
#include "fas/front/texts.h"
#include "fas/front_config.h"
#include "fas/http/http.h"
#include "fas/metrics.h"
#include "fas/service.h"

/* What the handlers work with; borrowed but for what front_new has made. */
struct front {
	const struct front_config *config;
	struct service *service;
	struct metrics *metrics;
	struct texts *texts;
	struct rate *by_address, *by_provider, *by_server; /* NULL = no such limit */
};

/* Is there a provider for each name?  FAS_E_CONFIG at its place. */
MUST_CHECK enum fas_code front_check(
    const struct front_config *front, const struct saml_trust *trust, struct fas_err *e);

/* FAS_E_CONFIG of the file of texts. */
MUST_CHECK enum fas_code front_new(const struct front_config *config, struct service *service,
    struct metrics *metrics, struct front **out, struct fas_err *e);
void front_free(struct front *front);

extern const struct http_route front_routes[];
extern const size_t front_n_routes;
/* Its app is a struct front. */
extern const struct http_browser front_browser;

DEFINE_OWN(front, struct front *, front_free);

#endif
