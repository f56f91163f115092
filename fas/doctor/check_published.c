/* CRLs and certificates where our certificates say that they lie: a controller that cannot get one refuses the logon. */
#include <string.h>

#include "fas/base/own.h"
#include "fas/doctor/checks.h"

static bool
is_between(const struct exam_place *place)
{
	return place->of != place->authority->certificate && place->of != place->authority->root;
}

/*
 * The signer publishes lists and certificates together; a root's new list has to be handed to it.  Those of an authority
 * between the two are published by whoever runs that one.
 */
static void
remedy_place(json_t *f, const struct exam_place *place)
{
	const char *name = place->authority->plain;
	if (is_between(place))
		remedy(f, REMEDY_HERE,
		    "# have whoever runs the authority above %s publish its present %s there", name,
		    place->is_crl ? "CRL" : "certificate");
	else if (strncmp(place->url, "ldap:", 5) == 0)
		remedy(f, REMEDY_HERE,
		    "fasctl publish      # what it may not write: fasctl publish --ldif");
	else
		remedy(f, REMEDY_HERE, "fasctl crl publish --authority %s", name);
	if (place->of == place->authority->root && strcmp(place->fault.reason, "crl_ended") == 0)
		remedy(f, REMEDY_HERE,
		    "fasctl ca root-crl --crl root.crl      # the root's present CRL");
	OWN(text) char *url = quote_shell(place->url);
	if (url && strncmp(place->url, "http:", 5) == 0)
		remedy(f, REMEDY_HERE, "curl -sS -o /dev/null -w '%%{http_code}\\n' %s", url);
}

static const char *
whose(const struct exam_place *place)
{
	if (place->of == place->authority->certificate)
		return "";
	return is_between(place) ? "the authority above " : "the root of ";
}

static void
each(const struct exam *x, struct report *r, bool crl, bool fetched)
{
	for (size_t i = 0; i < x->n_places; i++) {
		const struct exam_place *place = &x->places[i];
		const struct fas_err *why = fetched ? &place->fault : &place->why;
		if (place->is_crl != crl)
			continue;
		if (fetched && place->why.code != FAS_OK)
			report_unknown(r, place->url, &place->why);
		else if (why->code != FAS_OK)
			remedy_place(report_finding(r, place->url, "%s of %s%s: %s",
					 crl ? "the CRL" : "the certificate", whose(place),
					 place->authority->name, why->message),
			    place);
	}
}

void
check_crl_reachable(const struct exam *x, struct report *r)
{
	each(x, r, true, false);
}

void
check_crl_good(const struct exam *x, struct report *r)
{
	each(x, r, true, true);
}

void
check_issuer_reachable(const struct exam *x, struct report *r)
{
	each(x, r, false, false);
	for (size_t i = 0; i < x->n_places; i++) {
		const struct exam_place *place = &x->places[i];
		if (!place->is_crl && place->fault.code != FAS_OK)
			remedy_place(
			    report_finding(r, place->url, "%s", place->fault.message), place);
	}
}
