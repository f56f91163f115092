#include "fas/watchdog.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "ca/places.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "fas/published.h"
#include "fas/watchdog_memory.h"
#include "fas/watchdog_places.h"

#define KEY_MAX 128
#define SUBJECT_MAX 256
#define STOPPED_MAX 512 /* names of authorities */
#define AGAIN_S 5U      /* after a round that found something */

struct watchdog {
	const struct watchdog_config *config;
	int64_t directory_each_s;
	struct service *service;
	pthread_mutex_t round; /* one at a time; guards what follows */
	atomic_bool stopping;
	_Atomic int64_t due_us; /* when the next round is; at once, to begin with */
	struct memories memories;
	char said[FAS_ERR_REASON_MAX]; /* of a signer that cannot be asked */
	char stopped[STOPPED_MAX];     /* under whom nothing is issued, as it was said last */
};

/* One round's findings. */
struct round {
	struct watchdog *w;
	json_t *links;
	bool by_hand;   /* an administrator asks: all of each list is fetched */
	bool found;     /* anything at all */
	bool not_ready; /* logons would fail */
};

/* One kind of certificates: where their CRL and their issuer's certificate are said to lie. */
struct link {
	const struct published *p;
	size_t level; /* 0: what the authority issues; else the chain's certificate at level - 1 */
	const char *profile; /* of level 0: one with places of its own; "" */
	char certificates[SUBJECT_MAX];
	X509 *issuer;
	json_t *places;
	bool holds;
};

enum fas_code
watchdog_new(const struct watchdog_config *config, int64_t directory_each_s,
    struct service *service, struct watchdog **out, struct fas_err *e)
{
	struct watchdog *w = calloc(1, sizeof(*w));
	if (!w)
		return fas_fail_nomem(e);
	w->config = config;
	w->directory_each_s = directory_each_s;
	w->service = service;
	(void)pthread_mutex_init(&w->round, NULL);
	*out = w;
	return FAS_OK;
}

void
watchdog_free(struct watchdog *w)
{
	if (!w)
		return;
	memories_done(&w->memories);
	(void)pthread_mutex_destroy(&w->round);
	free(w);
}

void
watchdog_stop(struct watchdog *w)
{
	atomic_store(&w->stopping, true);
}

/* ---- places ---- */

static void
add_place(struct round *round, struct link *link, const char *kind, const char *url,
    const struct place_view *view, struct memory *m)
{
	bool good = view->why.code == FAS_OK;
	bool alarm = memory_note(m, good, "place_alarm", link->certificates, url, &view->why);
	json_t *place = json_pack("{s:s,s:s,s:b,s:b,s:b}", "kind", kind, "url", url, "ok", good,
	    "usable", view->usable, "alarm", alarm);
	if (view->seen.next_update_s > 0)
		(void)json_object_update_new(
		    place, json_pack("{s:s,s:I,s:I,s:I}", "number", view->seen.number,
			       "this_update", (json_int_t)view->seen.this_update_s, "next_update",
			       (json_int_t)view->seen.next_update_s, "entries",
			       (json_int_t)view->seen.entries));
	if (!good)
		(void)json_object_update_new(
		    place, json_pack("{s:s,s:s}", "reason", fas_err_reason(&view->why), "message",
			       view->why.message));
	round->found = round->found || !good;
	(void)json_array_append_new(link->places, place);
}

static struct memory *
remember_place(struct round *round, const struct link *link, const char *kind, const char *url)
{
	char key[KEY_MAX + PLACE_URL_MAX];
	(void)snprintf(key, sizeof(key), "%s %s %zu %s %s", kind, link->p->stem, link->level,
	    link->profile, url);
	return memory_of(&round->w->memories, key);
}

/* In the directory it is published on schedule, since it goes to every controller of the forest. */
static int64_t
lag_at(const struct watchdog *w, const char *url)
{
	return w->config->lag_s + (strncmp(url, "ldap:", 5) == 0 ? w->directory_each_s : 0);
}

static void
look_crl(struct round *round, struct link *link, const char *url, struct place_view *view)
{
	struct memory *m = remember_place(round, link, "crl", url);
	const struct crl_expected want = {.signer = link->issuer,
	    .newest = link->level == 0 ? link->p->number : "",
	    .newest_since_s = link->p->made_s,
	    .lag_s = lag_at(round->w, url),
	    .known = m ? m->number : ""};
	*view = (struct place_view){0};
	if (atomic_load(&round->w->stopping))
		return;
	place_look_crl(round->w->config, round->w->service->directory, url, &want,
	    m && !round->by_hand ? &m->known : NULL, view);
	if (m && view->usable && crl_number_compare(view->seen.number, m->number) > 0)
		memcpy(m->number, view->seen.number, sizeof(m->number));
	link->holds = link->holds || view->usable;
	add_place(round, link, "crl", url, view, m);
}

/* Whether certificates name this place follows from what lies there: the signer is told until when it is good. */
static void
look_directory(struct round *round, struct link *link)
{
	struct fas_err e = {0};
	struct place_view view;
	const struct published *p = link->p;
	look_crl(round, link, p->ldap_cdp, &view);
	if (atomic_load(&round->w->stopping))
		return;
	int64_t until_s = view.usable ? view.seen.next_update_s : 0;
	if (signer_in_ldap(round->w->service->signer, p->authority, p->generation, until_s, &e) !=
	    FAS_OK)
		log_error("signer_not_told", &e, "certificates", link->certificates, NULL);
}

static void
look_certificate(struct round *round, struct link *link, const char *url)
{
	struct place_view view;
	struct memory *m = remember_place(round, link, "certificate", url);
	if (atomic_load(&round->w->stopping))
		return;
	place_look_certificate(
	    round->w->config, round->w->service->directory, url, link->issuer, &view);
	add_place(round, link, "certificate", url, &view, m);
}

/* ---- links ---- */

static void
judge_link(struct round *round, struct link *link)
{
	char key[KEY_MAX];
	struct fas_err why = {0};
	(void)fas_fail(&why, FAS_E_UNAVAILABLE, "revocation_unreachable",
	    "no place gives a CRL that a domain controller takes");
	(void)snprintf(
	    key, sizeof(key), "link %s %zu %s", link->p->stem, link->level, link->profile);
	bool alarm = memory_note(memory_of(&round->w->memories, key), link->holds,
	    "revocation_alarm", link->certificates, NULL, &why);
	round->found = round->found || !link->holds;
	round->not_ready = round->not_ready || (alarm && json_array_size(link->p->issues_for) > 0);
	(void)json_array_append_new(round->links,
	    json_pack("{s:s,s:I,s:b,s:O,s:I,s:s*,s:s,s:b,s:b,s:o}", "authority", link->p->authority,
		"generation", (json_int_t)link->p->generation, "issues", link->p->issues, "for",
		link->p->issues_for, "level", (json_int_t)link->level, "profile",
		link->profile[0] ? link->profile : NULL, "certificates", link->certificates, "ok",
		link->holds, "alarm", alarm, "places", link->places));
}

static void
look_lists(struct round *round, struct link *link, const json_t *cdp, const json_t *aia)
{
	const json_t *url;
	size_t i;
	struct place_view view;
	json_array_foreach(cdp, i, url)
	{
		if (json_is_string(url))
			look_crl(round, link, json_string_value(url), &view);
	}
	json_array_foreach(aia, i, url)
	{
		if (json_is_string(url))
			look_certificate(round, link, json_string_value(url));
	}
}

/* What this generation puts into what it issues. */
static void
look_issued(struct round *round, const struct published *p)
{
	struct link link = {.p = p, .profile = "", .issuer = p->chain[0], .places = json_array()};
	(void)snprintf(link.certificates, sizeof(link.certificates), "what %s issues", p->stem);
	look_lists(round, &link, p->cdp, p->aia);
	if (p->ldap_cdp)
		look_directory(round, &link);
	judge_link(round, &link);
}

/* The same of a profile with places of its own. */
static void
look_profile(struct round *round, const struct published *p, const json_t *profile)
{
	const char *name = json_string_value(json_object_get(profile, "name"));
	struct link link = {
	    .p = p, .profile = name ? name : "?", .issuer = p->chain[0], .places = json_array()};
	(void)snprintf(link.certificates, sizeof(link.certificates), "what %s issues as %s",
	    p->stem, link.profile);
	look_lists(round, &link, json_object_get(profile, "cdp"), json_object_get(profile, "aia"));
	judge_link(round, &link);
}

/* RFC 4514, cut where it is too long. */
static void
name_certificate(X509 *certificate, char out[SUBJECT_MAX])
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		(void)snprintf(out, SUBJECT_MAX, "%.*s", (int)len, text);
	}
	BIO_free(bio);
}

/* What a certificate of the chain says of itself; its issuer stands behind it. */
static void
look_authority(struct round *round, const struct published *p, size_t level)
{
	struct fas_err e = {0};
	struct place_view view;
	OWN(places) struct places places = {0};
	X509 *certificate = p->chain[level - 1];
	struct link link = {.p = p,
	    .profile = "",
	    .level = level,
	    .issuer = p->chain[level],
	    .places = json_array()};
	name_certificate(certificate, link.certificates);
	if (places_read(certificate, &places, &e) != FAS_OK)
		log_error("places_malformed", &e, "certificates", link.certificates, NULL);
	for (size_t i = 0; i < places.n_crl; i++)
		look_crl(round, &link, places.crl[i], &view);
	for (size_t i = 0; i < places.n_ca; i++)
		look_certificate(round, &link, places.ca[i]);
	judge_link(round, &link);
}

static void
look_published(struct round *round, const struct published *p)
{
	const json_t *profile;
	size_t i;
	look_issued(round, p);
	json_array_foreach(p->profiles, i, profile) look_profile(round, p, profile);
	/* The root, which is last, is revoked by nobody. */
	for (size_t level = 1; level < p->n_chain; level++)
		look_authority(round, p, level);
}

/* ---- rounds ---- */

/* The signer cannot be asked: what was seen last stays, and so does what follows from it. */
static void
say_unknown(struct watchdog *w, const struct fas_err *why)
{
	if (strcmp(w->said, why->reason) != 0)
		log_error("watchdog_blind", why, NULL);
	memcpy(w->said, why->reason, sizeof(w->said));
}

/* Under whom nothing is issued from here on: said when it changes. */
static void
say_stopped(struct watchdog *w, const json_t *stopped)
{
	char names[STOPPED_MAX] = "";
	size_t i, used = 0;
	const json_t *name;
	json_array_foreach(stopped, i, name)
	{
		int n = snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
		    json_string_value(name));
		used += n > 0 && (size_t)n < sizeof(names) - used ? (size_t)n : 0;
	}
	names[used] = 0;
	if (strcmp(names, w->stopped) != 0 && names[0])
		log_event(LOG_LEVEL_ERROR, "issuing_stopped", "authorities", names, "message",
		    "watchdog: on_failure: stop; no domain controller would find a fresh CRL",
		    NULL);
	if (w->stopped[0] && !names[0])
		log_event(LOG_LEVEL_INFO, "issuing_goes_on", NULL);
	memcpy(w->stopped, names, sizeof(names));
}

static void
conclude(struct round *round)
{
	struct watchdog *w = round->w;
	struct watch *watch = &w->service->watch;
	bool ready = w->config->on_failure == WATCHDOG_REPORT;
	bool stop = w->config->on_failure == WATCHDOG_STOP;
	json_t *stopped = stop ? watch_failing(round->links) : json_array();
	say_stopped(w, stopped);
	/* in this order: who is refused finds the reason there */
	watch_put(watch, WATCH_REVOCATION,
	    json_pack("{s:I,s:b,s:O,s:o}", "checked", (json_int_t)clock_now(), "logons_fail",
		round->not_ready, "links", round->links, "stopped", stopped));
	atomic_store(&watch->not_ready, round->not_ready && !ready);
	atomic_store(&watch->stopped, round->not_ready && stop);
}

static enum fas_code
look(struct watchdog *w, bool by_hand, bool *found, struct fas_err *e)
{
	OWN(published_list) struct published_list list = {0};
	OWN(json) json_t *links = json_array();
	struct round round = {.w = w, .links = links, .by_hand = by_hand};
	enum fas_code rc = links ? published_ask(w->service->signer, &list, e) : fas_fail_nomem(e);
	if (rc != FAS_OK) {
		say_unknown(w, e);
		return rc;
	}
	w->said[0] = 0;
	for (size_t i = 0; i < list.n; i++)
		look_published(&round, &list.items[i]);
	if (!atomic_load(&w->stopping))
		conclude(&round);
	*found = round.found;
	return FAS_OK;
}

/* Whoever has looked: what was found is looked at again soon.  Returns in how many seconds. */
static unsigned
plan_next(struct watchdog *w, bool found)
{
	unsigned in_s = found && w->config->each_s > AGAIN_S ? AGAIN_S : w->config->each_s;
	atomic_store(&w->due_us, clock_monotonic_us() + (int64_t)in_s * 1000000);
	return in_s;
}

unsigned
watchdog_round(struct watchdog *w)
{
	struct fas_err e = {0};
	bool found = true;
	(void)pthread_mutex_lock(&w->round);
	(void)!look(w, false, &found, &e);
	unsigned in_s = plan_next(w, found);
	(void)pthread_mutex_unlock(&w->round);
	return in_s;
}

unsigned
watchdog_tick(struct watchdog *w)
{
	int64_t left_us = atomic_load(&w->due_us) - clock_monotonic_us();
	unsigned in_s = left_us > 0 ? (unsigned)(left_us / 1000000) + 1 : watchdog_round(w);
	return in_s < AGAIN_S ? in_s : AGAIN_S;
}

enum fas_code
watchdog_look(struct watchdog *w, json_t **seen, struct fas_err *e)
{
	bool found = false;
	(void)pthread_mutex_lock(&w->round);
	enum fas_code rc = look(w, true, &found, e);
	if (rc == FAS_OK)
		(void)plan_next(w, found);
	(void)pthread_mutex_unlock(&w->round);
	if (rc != FAS_OK)
		return rc;
	*seen = watch_get(&w->service->watch, WATCH_REVOCATION);
	return *seen ? FAS_OK : fas_fail_nomem(e);
}
