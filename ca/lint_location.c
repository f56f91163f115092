/* Where the CRL and the issuer's certificate are to be found: CRL distribution points and authority information access. */
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define POINTS_MAX 16

static bool
begins_with(const ASN1_STRING *url, const char *prefix)
{
	size_t len = strlen(prefix);
	return (size_t)ASN1_STRING_length(url) >= len &&
	       memcmp(ASN1_STRING_get0_data(url), prefix, len) == 0;
}

/* The i-th URL over all distribution points; NULL at the end. */
static const ASN1_STRING *
crl_url(const struct lint_run *run, int want)
{
	const CRL_DIST_POINTS *points = lint_slot(run, SLOT_CRL_POINTS)->value;
	for (int i = 0, seen = 0; i < sk_DIST_POINT_num(points) && i < POINTS_MAX; i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		if (!point->distpoint || point->distpoint->type != 0)
			continue;
		const GENERAL_NAMES *names = point->distpoint->name.fullname;
		for (int k = 0; k < sk_GENERAL_NAME_num(names); k++) {
			const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, k);
			if (name->type == GEN_URI && seen++ == want)
				return name->d.uniformResourceIdentifier;
		}
	}
	return NULL;
}

/* A root is revoked by nobody. */
static void
crl_points_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_CRL_POINTS)->at && !run->self_issued)
		lint_say(run, "cRLDistributionPoints are missing: a domain logon is refused");
}

/* One reason or another issuer makes it a partial or indirect CRL, which domain controllers do not follow. */
static void
crl_points_plain(struct lint_run *run)
{
	const CRL_DIST_POINTS *points = lint_slot(run, SLOT_CRL_POINTS)->value;
	if (!points)
		return;
	if (!crl_url(run, 0))
		lint_say(run, "no distribution point has a URL");
	for (int i = 0; i < sk_DIST_POINT_num(points) && i < POINTS_MAX; i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		if (point->reasons || point->CRLissuer) {
			lint_say(run, "a distribution point has reasons or a cRLIssuer");
			return;
		}
	}
}

static void
crl_points_http_first(struct lint_run *run)
{
	const ASN1_STRING *first = crl_url(run, 0);
	if (first && !begins_with(first, "http://") && !begins_with(first, "https://"))
		lint_say(run, "the first URL of the CRL is not http://");
}

static void
crl_points_no_https(struct lint_run *run)
{
	const ASN1_STRING *url;
	for (int i = 0; (url = crl_url(run, i)); i++) {
		if (begins_with(url, "https://")) {
			lint_say(
			    run, "a CRL is at https://, whose certificate would need a CRL first");
			return;
		}
	}
}

static void
crl_points_published(struct lint_run *run)
{
	const struct profile_issuer *published = run->context->published;
	int n = 0;
	if (!published || !lint_slot(run, SLOT_CRL_POINTS)->value)
		return;
	for (const ASN1_STRING *url; (url = crl_url(run, n)); n++) {
		if ((size_t)n >= published->n_crl_urls ||
		    !lint_text_is(url, published->crl_urls[n])) {
			lint_say(run, "URL %d of the CRL is not where the CRL is published", n + 1);
			return;
		}
	}
	if ((size_t)n != published->n_crl_urls)
		lint_say(run, "%d URLs of the CRL, want the %zu that are published", n,
		    published->n_crl_urls);
}

static void
access_present(struct lint_run *run)
{
	const struct profile_issuer *published = run->context->published;
	if (published && published->n_ca_urls > 0 && !lint_slot(run, SLOT_ACCESS)->at &&
	    !run->self_issued)
		lint_say(run, "authorityInfoAccess is missing");
}

static void
access_http(struct lint_run *run)
{
	const AUTHORITY_INFO_ACCESS *access = lint_slot(run, SLOT_ACCESS)->value;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && i < POINTS_MAX; i++) {
		const GENERAL_NAME *place = sk_ACCESS_DESCRIPTION_value(access, i)->location;
		if (place->type == GEN_URI &&
		    (begins_with(place->d.uniformResourceIdentifier, "http://") ||
			begins_with(place->d.uniformResourceIdentifier, "ldap:///")))
			continue;
		lint_say(run, "place %d of authorityInfoAccess is no http:// URL", i + 1);
		return;
	}
}

static void
access_published(struct lint_run *run)
{
	const struct profile_issuer *published = run->context->published;
	const AUTHORITY_INFO_ACCESS *access = lint_slot(run, SLOT_ACCESS)->value;
	size_t n = 0;
	if (!published || !access)
		return;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && i < POINTS_MAX; i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
		if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers)
			continue;
		/* another scheme is access_http's finding */
		if (one->location->type == GEN_URI && n < published->n_ca_urls &&
		    begins_with(one->location->d.uniformResourceIdentifier, "http://") &&
		    !lint_text_is(
			one->location->d.uniformResourceIdentifier, published->ca_urls[n])) {
			lint_say(run, "caIssuers is not where the CA certificate is published");
			return;
		}
		n++;
	}
	if (n != published->n_ca_urls)
		lint_say(
		    run, "%zu caIssuers, want the %zu that are published", n, published->n_ca_urls);
}

static void
locations_not_critical(struct lint_run *run)
{
	const struct asn1_extension *points = lint_slot(run, SLOT_CRL_POINTS)->at,
				    *access = lint_slot(run, SLOT_ACCESS)->at;
	if ((points && points->critical) || (access && access->critical))
		lint_say(run, "cRLDistributionPoints or authorityInfoAccess is critical");
}

const struct lint lints_location[] = {
    {"crl_points_present", "KB281245; RFC 5280 4.2.1.13", LINT_DOMAIN | LINT_CA, LINT_ERROR,
	crl_points_present},
    {"crl_points_plain", "RFC 5280 4.2.1.13", LINT_ANY, LINT_ERROR, crl_points_plain},
    {"crl_points_http_first", "KB281245; RFC 5280 4.2.1.13", LINT_ANY, LINT_ERROR,
	crl_points_http_first},
    {"crl_points_no_https", "RFC 5280 8", LINT_ANY, LINT_ERROR, crl_points_no_https},
    {"crl_points_published", "RFC 5280 4.2.1.13, 6.3.3 (a)", LINT_ANY, LINT_ERROR,
	crl_points_published},
    {"access_present", "RFC 5280 4.2.2.1", LINT_ANY, LINT_ERROR, access_present},
    {"access_http", "RFC 5280 4.2.2.1, 8", LINT_ANY, LINT_ERROR, access_http},
    {"access_published", "RFC 5280 4.2.2.1", LINT_ANY, LINT_ERROR, access_published},
    {"locations_not_critical", "RFC 5280 4.2.1.13, 4.2.2.1", LINT_ANY, LINT_ERROR,
	locations_not_critical},
};
const size_t lints_location_n = NELEMS(lints_location);
