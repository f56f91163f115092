/* Where a certificate says that its CRL and its issuer's certificate lie (RFC 5280 4.2.1.13, 4.2.2.1). */
#ifndef CA_PLACES_H
#define CA_PLACES_H

#include <stddef.h>

#include <openssl/x509.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define PLACES_MAX 8
#define PLACE_URL_MAX 1024

struct places {
	char *crl[PLACES_MAX]; /* in their order; owned */
	size_t n_crl;
	char *ca[PLACES_MAX];
	size_t n_ca;
};

/*
 * URLs of all distribution points, and those of caIssuers.  Beyond PLACES_MAX of a kind they are passed over, as are
 * names that are no URLs.  FAS_E_INPUT "places_malformed": an extension does not parse, or a URL is not 1 to
 * PLACE_URL_MAX printable ASCII characters.  out is safe to finish in any case.
 */
MUST_CHECK enum fas_code places_read(X509 *certificate, struct places *out, struct fas_err *e);
void places_done(struct places *places);

DEFINE_OWN_IN_PLACE(places, struct places, places_done);

#endif
