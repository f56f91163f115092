/* One place as the watchdog sees it: fetched, and judged. */
#ifndef FAS_WATCHDOG_PLACES_H
#define FAS_WATCHDOG_PLACES_H

#include <openssl/x509.h>

#include "ca/crl_check.h"
#include "fas/config.h"
#include "fas/http/fetch.h"
#include "ldap/directory.h"

struct place_view {
	bool usable;          /* a domain controller would take what lies there */
	struct crl_seen seen; /* of a CRL */
	struct fas_err why;   /* what is wrong, code FAS_OK when nothing is */
};

/*
 * The list that was last found good at a place, so that it need not come again while it is the same: a list of a million
 * entries is 40 MB.  All zero: none.
 */
#define PLACE_SIGNER_BYTES 32
struct place_known {
	struct fetch_validators validators;
	struct crl_seen seen;
	uint8_t signer[PLACE_SIGNER_BYTES]; /* SHA-256 of the certificate that it was verified by */
	int64_t whole_s;                    /* when all of it came */
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
/*
 * have: what is known of this place; it is asked for what is new, and have becomes what is known now.  NULL: all of it has to
 * come.  That the place still has the list that was verified is no word about its age: it is judged each time, and a list that
 * is found wanting is fetched whole before that is said.
 */
void place_look_crl(const struct watchdog_config *config, struct directory *directory,
    const char *url, const struct crl_expected *want, struct place_known *have,
    struct place_view *out);

/* The certificate at url: is it this one?  "certificate_other". */
void place_look_certificate(const struct watchdog_config *config, struct directory *directory,
    const char *url, X509 *want, struct place_view *out);

#endif
