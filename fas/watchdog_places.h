/* One place as the watchdog sees it: fetched, and judged. */
#ifndef FAS_WATCHDOG_PLACES_H
#define FAS_WATCHDOG_PLACES_H

#include <openssl/x509.h>

#include "ca/crl_check.h"
#include "fas/config.h"
#include "ldap/directory.h"

struct place_view {
	bool usable;          /* a domain controller would take what lies there */
	struct crl_seen seen; /* of a CRL */
	struct fas_err why;   /* what is wrong, code FAS_OK when nothing is */
};

/*
 * The CRL at url, by signer's key.  newest: number of the newest one, and since when it is published; known: the
 * highest that was seen here before; both may be "".  A list that is older than it should be is usable, and a finding
 * all the same: "crl_old" (the newest has been out for more than the lag), "crl_went_back".
 */
struct crl_expected {
	X509 *signer;
	const char *newest, *known;
	int64_t newest_since_s;
	int64_t lag_s; /* so long the place may show an older one */
};
void place_look_crl(const struct watchdog_config *config, struct directory *directory,
    const char *url, const struct crl_expected *want, struct place_view *out);

/* The certificate at url: is it this one?  "certificate_other". */
void place_look_certificate(const struct watchdog_config *config, struct directory *directory,
    const char *url, X509 *want, struct place_view *out);

#endif
