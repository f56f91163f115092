/* The service's authorities, and what lies where their certificates point. */
#include <stdio.h>
#include <string.h>

#include "fas/doctor/exam.h"

static void
add_place(struct exam *exam, const struct exam_authority *authority, const char *url, bool is_crl,
    X509 *of)
{
	if (!url || strlen(url) > PLACE_URL_MAX || exam->n_places == EXAM_PLACES_MAX)
		return;
	struct exam_place *place = &exam->places[exam->n_places++];
	place->authority = authority;
	place->is_crl = is_crl;
	place->of = of;
	(void)snprintf(place->url, sizeof(place->url), "%s", url);
}

static void
add_places(
    struct exam *exam, const struct exam_authority *authority, const json_t *urls, bool is_crl)
{
	for (size_t i = 0; i < json_array_size(urls) && i < PLACES_MAX; i++)
		add_place(exam, authority, json_string_value(json_array_get(urls, i)), is_crl,
		    authority->certificate);
}

/* Where an issuer's CRL and certificate are is said by what it has signed. */
static void
add_places_above(
    struct exam *exam, const struct exam_authority *authority, X509 *certificate, X509 *issuer)
{
	OWN(places) struct places places = {0};
	if (places_read(certificate, &places, NULL) != FAS_OK)
		return;
	for (size_t i = 0; i < places.n_crl; i++)
		add_place(exam, authority, places.crl[i], true, issuer);
	for (size_t i = 0; i < places.n_ca; i++)
		add_place(exam, authority, places.ca[i], false, issuer);
}

void
exam_authorities(struct exam *exam, const struct published_list *list)
{
	for (size_t i = 0; i < list->n && exam->n_authorities < EXAM_AUTHORITIES_MAX; i++) {
		const struct published *from = &list->items[i];
		struct exam_authority *out = &exam->authorities[exam->n_authorities++];
		(void)snprintf(out->plain, sizeof(out->plain), "%s", from->authority);
		(void)snprintf(out->name, sizeof(out->name), "%s", from->stem);
		out->certificate = from->chain[0];
		out->root = from->chain[from->n_chain - 1];
		add_places(exam, out, from->cdp, true);
		add_places(exam, out, from->aia, false);
		add_place(exam, out, from->ldap_cdp, true, out->certificate);
		for (size_t k = 1; k < from->n_chain; k++)
			add_places_above(exam, out, from->chain[k - 1], from->chain[k]);
	}
}

/* ---- places ---- */

/* What lies there was seen, and is no good; else it could not be had. */
static bool
is_fault(const struct fas_err *why)
{
	return strncmp(why->reason, "crl_", 4) == 0 ||
	       strncmp(why->reason, "certificate_", 12) == 0;
}

void
exam_place(
    struct exam_place *place, const struct watchdog_config *config, struct directory *directory)
{
	struct place_view view;
	const struct crl_expected want = {.signer = place->of, .newest = "", .known = ""};
	if (place->is_crl)
		place_look_crl(config, directory, place->url, &want, NULL, &view);
	else
		place_look_certificate(config, directory, place->url, place->of, &view);
	if (is_fault(&view.why))
		place->fault = view.why;
	else
		place->why = view.why;
}
