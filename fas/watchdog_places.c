#include "fas/watchdog_places.h"

#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "fas/base/clock.h"
#include "fas/http/fetch.h"
#include "ldap/publish.h"

#define CERTIFICATE_BYTES_MAX 65536
#define WHOLE_EACH_S 3600 /* whatever a server says, so often all of a list comes */

DEFINE_OWN(der, unsigned char *, OPENSSL_free);

static bool
is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0;
}

static bool
is_ldap(const char *url)
{
	return strncasecmp(url, "ldap:", 5) == 0;
}

/* What lies at a URL: octets over HTTP, an attribute's values in the directory. */
struct found {
	struct fetched fetched;
	struct pki_fetched values;
	struct value one;
	const struct value *all;
	size_t n;
};

static void
found_done(struct found *found)
{
	fetched_done(&found->fetched);
	pki_fetched_done(&found->values);
}
DEFINE_OWN_IN_PLACE(found, struct found, found_done);

static enum fas_code
fetch(const struct watchdog_config *config, struct directory *directory, const char *url,
    size_t max_bytes, const struct fetch_validators *have, struct found *out, struct fas_err *e)
{
	enum fas_code rc;
	if (is_ldap(url)) {
		rc = pki_fetch(directory, url, &out->values, e);
		out->all = out->values.values;
		out->n = out->values.n;
		return rc;
	}
	if (!is_http(url))
		return fas_fail(e, FAS_E_CONFIG, "place_unsupported",
		    "RFC 5280 4.2.1.13: neither http:// nor ldap:///: domain controllers do not "
		    "fetch it");
	rc = fetch_http(url, max_bytes, config->timeout_ms, have, &out->fetched, e);
	out->one = (struct value){out->fetched.body.data, out->fetched.body.len};
	out->all = &out->one;
	out->n = 1;
	return rc;
}

/* Is the list that is there older than it may be? */
static void
judge_age(const struct crl_expected *want, struct place_view *out)
{
	const char *number = out->seen.number;
	if (want->known[0] && crl_number_compare(number, want->known) < 0)
		(void)fas_fail(&out->why, FAS_E_CONFLICT, "crl_went_back",
		    "RFC 5280 5.2.3: cRLNumber %s (hex) is below %s, which lay there before",
		    number, want->known);
	else if (want->newest[0] && crl_number_compare(number, want->newest) < 0 &&
		 clock_now() - want->newest_since_s > want->lag_s)
		(void)fas_fail(&out->why, FAS_E_CONFLICT, "crl_old",
		    "cRLNumber %s (hex) lies there; %s was made %lld s ago", number, want->newest,
		    (long long)(clock_now() - want->newest_since_s));
}

/* ---- what is known already ---- */

static void
name_signer(X509 *signer, uint8_t out[PLACE_SIGNER_BYTES])
{
	unsigned len = 0;
	memset(out, 0, PLACE_SIGNER_BYTES);
	if (X509_digest(signer, EVP_sha256(), out, &len) != 1 || len != PLACE_SIGNER_BYTES)
		ERR_clear_error();
}

/* May the place be asked for what is new alone? */
static bool
is_known(const struct place_known *have, X509 *signer)
{
	uint8_t by[PLACE_SIGNER_BYTES];
	int64_t age_s = have ? clock_now() - have->whole_s : 0;
	if (!have || (!have->validators.etag[0] && !have->validators.modified[0]) || age_s < 0 ||
	    age_s >= WHOLE_EACH_S)
		return false;
	name_signer(signer, by);
	return memcmp(by, have->signer, sizeof(by)) == 0;
}

/* What was fetched was found good, but for its age. */
static void
learn(const struct found *found, const struct crl_seen *seen, X509 *signer, struct place_known *out)
{
	out->validators = found->fetched.validators;
	out->seen = *seen;
	out->whole_s = clock_now();
	name_signer(signer, out->signer);
}

/* ---- a list ---- */

/* Returns whether the place said no more than that it has the list that is known. */
static bool
look_crl(const struct watchdog_config *config, struct directory *directory, const char *url,
    const struct crl_expected *want, struct place_known *have, bool whole, struct place_view *out)
{
	OWN(found) struct found found = {0};
	*out = (struct place_view){0};
	const struct fetch_validators *validators = whole ? NULL : &have->validators;
	enum fas_code rc =
	    fetch(config, directory, url, config->max_bytes, validators, &found, &out->why);
	bool unchanged = rc == FAS_OK && found.fetched.unchanged;
	if (unchanged) {
		out->seen = have->seen;
		rc = crl_check_times(&out->seen, clock_now(), &out->why);
	} else if (rc == FAS_OK) {
		rc = crl_check(found.all[0].data, found.all[0].len, want->signer, clock_now(),
		    &out->seen, &out->why);
		if (have)
			*have = (struct place_known){0};
		if (have && rc == FAS_OK)
			learn(&found, &out->seen, want->signer, have);
	}
	out->usable = rc == FAS_OK;
	if (rc == FAS_OK)
		judge_age(want, out);
	return unchanged;
}

void
place_look_crl(const struct watchdog_config *config, struct directory *directory, const char *url,
    const struct crl_expected *want, struct place_known *have, struct place_view *out)
{
	bool whole = !is_known(have, want->signer);
	if (look_crl(config, directory, url, want, have, whole, out) && out->why.code != FAS_OK)
		(void)look_crl(config, directory, url, want, have, true, out);
}

/* ---- a certificate ---- */

static bool
is_same(X509 *want, const void *der, size_t len)
{
	OWN(der) unsigned char *own = NULL;
	int n = i2d_X509(want, &own);
	return n > 0 && (size_t)n == len && memcmp(own, der, len) == 0;
}

void
place_look_certificate(const struct watchdog_config *config, struct directory *directory,
    const char *url, X509 *want, struct place_view *out)
{
	OWN(found) struct found found = {0};
	*out = (struct place_view){0};
	if (fetch(config, directory, url, CERTIFICATE_BYTES_MAX, NULL, &found, &out->why) != FAS_OK)
		return;
	for (size_t i = 0; i < found.n; i++)
		out->usable = out->usable || is_same(want, found.all[i].data, found.all[i].len);
	if (!out->usable)
		(void)fas_fail(&out->why, FAS_E_CONFLICT, "certificate_other",
		    "RFC 5280 4.2.2.1: what lies there is not the issuer's certificate, in DER");
}
