#include "ca/places.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define POINTS_MAX 16

DEFINE_OWN(crl_points, CRL_DIST_POINTS *, CRL_DIST_POINTS_free);
DEFINE_OWN(info_access, AUTHORITY_INFO_ACCESS *, AUTHORITY_INFO_ACCESS_free);

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "places_malformed", "RFC 5280 4.2: %s", finding);
}

static bool
is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	}
	return true;
}

static enum fas_code
add(char **list, size_t *n, const GENERAL_NAME *name, struct fas_err *e)
{
	if (name->type != GEN_URI || *n == PLACES_MAX)
		return FAS_OK;
	const ASN1_STRING *url = name->d.uniformResourceIdentifier;
	const char *text = (const char *)ASN1_STRING_get0_data(url);
	size_t len = (size_t)ASN1_STRING_length(url);
	if (len == 0 || len > PLACE_URL_MAX || !is_printable(text, len))
		return malformed(e, "a URL is empty, too long or not printable");
	list[*n] = strndup(text, len);
	if (!list[*n])
		return fas_fail_nomem(e);
	(*n)++;
	return FAS_OK;
}

static enum fas_code
add_point(struct places *out, const DIST_POINT *point, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (!point->distpoint || point->distpoint->type != 0)
		return FAS_OK;
	const GENERAL_NAMES *names = point->distpoint->name.fullname;
	for (int i = 0; rc == FAS_OK && i < sk_GENERAL_NAME_num(names) && i < POINTS_MAX; i++)
		rc = add(out->crl, &out->n_crl, sk_GENERAL_NAME_value(names, i), e);
	return rc;
}

static enum fas_code
read_points(X509 *certificate, struct places *out, struct fas_err *e)
{
	int critical = -1;
	enum fas_code rc = FAS_OK;
	OWN(crl_points)
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(certificate, NID_crl_distribution_points, &critical, NULL);
	if (!points && critical != -1)
		return malformed(e, "cRLDistributionPoints do not parse, or stand there twice");
	for (int i = 0; rc == FAS_OK && i < sk_DIST_POINT_num(points) && i < POINTS_MAX; i++)
		rc = add_point(out, sk_DIST_POINT_value(points, i), e);
	return rc;
}

static enum fas_code
read_access(X509 *certificate, struct places *out, struct fas_err *e)
{
	int critical = -1;
	enum fas_code rc = FAS_OK;
	OWN(info_access)
	AUTHORITY_INFO_ACCESS *access =
	    X509_get_ext_d2i(certificate, NID_info_access, &critical, NULL);
	if (!access && critical != -1)
		return malformed(e, "authorityInfoAccess does not parse, or stands there twice");
	for (int i = 0; rc == FAS_OK && i < sk_ACCESS_DESCRIPTION_num(access) && i < POINTS_MAX;
	     i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, i);
		if (OBJ_obj2nid(one->method) == NID_ad_ca_issuers)
			rc = add(out->ca, &out->n_ca, one->location, e);
	}
	return rc;
}

enum fas_code
places_read(X509 *certificate, struct places *out, struct fas_err *e)
{
	*out = (struct places){0};
	enum fas_code rc = read_points(certificate, out, e);
	return rc == FAS_OK ? read_access(certificate, out, e) : rc;
}

void
places_done(struct places *places)
{
	for (size_t i = 0; i < places->n_crl; i++)
		free(places->crl[i]);
	for (size_t i = 0; i < places->n_ca; i++)
		free(places->ca[i]);
	*places = (struct places){0};
}
