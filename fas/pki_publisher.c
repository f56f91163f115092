#include "fas/pki_publisher.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "fas/pki_import.h"

#define BACK_OFF_S 15U
#define BACK_OFF_MAX_S 300U
#define LOOK_EACH_S 300U

struct pki_publisher {
	const struct config *config;
	struct service *service;
	size_t domain;
	pthread_mutex_t round; /* one at a time; guards what follows */
	unsigned failed;       /* rounds in a row */
	char said[FAS_ERR_REASON_MAX];
	struct in_ntauth {
		uint8_t
		    sha256[32]; /* of the certificate: a renewed one comes under its key's name */
		int64_t since_s;
	} ntauth[PUBLISHED_MAX];
	size_t n_ntauth;
	bool ntauth_unheard; /* the signer does not know the word */
};

/* What a round works with. */
struct work {
	struct published_list list;
	struct pki_items items;
	char container[PKI_DN_MAX];
};

static void
work_done(struct work *work)
{
	pki_items_done(&work->items);
	published_done(&work->list);
}
DEFINE_OWN_IN_PLACE(work, struct work, work_done);

static enum fas_code
find_domain(struct pki_publisher *p, struct fas_err *e)
{
	const char *name = p->config->publish.domain;
	size_t n = directory_count(p->service->directory);
	for (size_t i = 0; name && i < n; i++) {
		if (ascii_equal_nocase(directory_domain(p->service->directory, i), name)) {
			p->domain = i;
			return FAS_OK;
		}
	}
	return name ? fas_fail(e, FAS_E_CONFIG, "config_domain",
			  "publish: domain \"%.64s\" is none of domains", name)
		    : FAS_OK;
}

enum fas_code
pki_publisher_new(const struct config *config, struct service *service, struct pki_publisher **out,
    struct fas_err *e)
{
	struct pki_publisher *p = calloc(1, sizeof(*p));
	if (!p)
		return fas_fail_nomem(e);
	p->config = config;
	p->service = service;
	(void)pthread_mutex_init(&p->round, NULL);
	enum fas_code rc = find_domain(p, e);
	if (rc == FAS_OK)
		*out = p;
	else
		pki_publisher_free(p);
	return rc;
}

void
pki_publisher_free(struct pki_publisher *p)
{
	if (!p)
		return;
	(void)pthread_mutex_destroy(&p->round);
	free(p);
}

/* ---- what belongs there ---- */

static enum fas_code
gather(struct pki_publisher *p, const bool places[PKI_KINDS], struct work *out, struct fas_err *e)
{
	enum fas_code rc = published_ask(p->service->signer, &out->list, e);
	if (rc == FAS_OK)
		rc = pki_container(p->service->directory, p->domain, out->container, e);
	if (rc == FAS_OK)
		rc = pki_items_build(
		    &out->list, out->container, p->config->public_folder, places, &out->items, e);
	return rc;
}

static void
look_at(struct pki_publisher *p, struct pki_item *item)
{
	fas_err_clear(&item->why);
	item->looked = pki_look(p->service->directory, p->domain, &item->object, &item->state,
			   &item->why) == FAS_OK;
}

/* Put there what is not, and believe it when it is read. */
static void
put(struct pki_publisher *p, struct pki_item *item)
{
	struct fas_err e = {0};
	if (item->why.code != FAS_OK || item->state == PKI_THERE)
		return;
	if (pki_put(p->service->directory, p->domain, &item->object, item->state, &e) != FAS_OK) {
		item->why = e;
		return;
	}
	look_at(p, item);
	if (item->state == PKI_THERE)
		log_event(
		    LOG_LEVEL_INFO, "published_in_directory", "object", item->object.dn, NULL);
}

/* ---- what is said of it ---- */

static json_t *
describe(const struct pki_item *item)
{
	static const char *const states[] = {
	    [PKI_NO_OBJECT] = "no_object", [PKI_NO_VALUE] = "no_value", [PKI_THERE] = "there"};
	const struct fas_err *why = &item->why;
	bool ok = why->code == FAS_OK && item->state == PKI_THERE;
	json_t *one = json_pack("{s:s,s:s,s:s,s:I,s:b,s:s}", "place", pki_names[item->object.kind],
	    "object", item->object.dn, "authority", item->of->authority, "generation",
	    (json_int_t)item->of->generation, "ok", ok, "state", states[item->state]);
	if (!ok)
		(void)json_object_update_new(one,
		    json_pack("{s:s,s:s}", "reason", why->code ? fas_err_reason(why) : "missing",
			"message", why->code ? why->message : "it is not there"));
	return one;
}

/* Says when it begins, with another reason, and when it is over. */
static void
say(struct pki_publisher *p, const struct fas_err *why)
{
	if (why->code == FAS_OK && p->said[0])
		log_event(LOG_LEVEL_INFO, "directory_alarm_over", NULL);
	if (why->code != FAS_OK && strcmp(p->said, why->reason) != 0)
		log_error("directory_alarm", why, NULL);
	memcpy(p->said, why->reason, sizeof(p->said));
}

static void
conclude(struct pki_publisher *p, const struct work *work, struct fas_err *first)
{
	json_t *objects = json_array();
	for (size_t i = 0; i < work->items.n; i++) {
		const struct pki_item *item = &work->items.items[i];
		(void)json_array_append_new(objects, describe(item));
		if (item->why.code != FAS_OK)
			(void)fas_fail(
			    first, item->why.code, item->why.reason, "%s", item->why.message);
		else if (item->state != PKI_THERE)
			(void)fas_fail(first, FAS_E_CONFLICT, "missing",
			    "%s is not in the directory", item->object.dn);
	}
	watch_put(&p->service->watch, WATCH_DIRECTORY,
	    json_pack("{s:I,s:o}", "checked", (json_int_t)clock_now(), "objects", objects));
}

/* The round could not even begin: every place may be stale. */
static void
conclude_blind(struct pki_publisher *p, const struct fas_err *why)
{
	watch_put(&p->service->watch, WATCH_DIRECTORY,
	    json_pack("{s:I,s:[],s:s,s:s}", "checked", (json_int_t)clock_now(), "objects", "reason",
		fas_err_reason(why), "message", why->message));
}

/* ---- NTAuth ---- */

static bool
digest(const struct pki_item *item, uint8_t out[32])
{
	size_t len = 0;
	bool done = EVP_Q_digest(
			NULL, "SHA256", NULL, item->object.value, item->object.len, out, &len) == 1;
	ERR_clear_error();
	return done && len == 32;
}

/* What is remembered of this one; NULL: it has not been seen there. */
static struct in_ntauth *
seen(struct pki_publisher *p, const uint8_t sha256[32])
{
	for (size_t i = 0; i < p->n_ntauth; i++) {
		if (memcmp(p->ntauth[i].sha256, sha256, 32) == 0)
			return &p->ntauth[i];
	}
	return NULL;
}

/* Since when it stands there, as far as this process has seen; 0: no more; -1: there is nothing to say. */
static int64_t
see(struct pki_publisher *p, const struct pki_item *item)
{
	uint8_t sha256[32];
	bool there = item->state == PKI_THERE;
	if (!digest(item, sha256))
		return -1;
	struct in_ntauth *at = seen(p, sha256);
	if (at && !there) {
		*at = p->ntauth[--p->n_ntauth];
		return 0;
	}
	if (at)
		return at->since_s;
	if (!there || p->n_ntauth == PUBLISHED_MAX)
		return -1;
	at = &p->ntauth[p->n_ntauth++];
	memcpy(at->sha256, sha256, sizeof(sha256));
	at->since_s = clock_now();
	return at->since_s;
}

/*
 * Only what was seen there before is said to be gone: what an administrator has noted of a directory that is not asked
 * here stays.  A signer that has no use for it says that it does not know the word: it is not asked again, since it
 * records that.
 */
static void
tell_ntauth(struct pki_publisher *p, const struct work *work)
{
	for (size_t i = 0; i < work->items.n; i++) {
		const struct pki_item *item = &work->items.items[i];
		struct fas_err e = {0};
		if (item->object.kind != PKI_NTAUTH || !item->looked || p->ntauth_unheard)
			continue;
		int64_t since_s = see(p, item);
		if (since_s >= 0 && signer_in_ntauth(p->service->signer, item->of->authority,
					item->of->generation, item->renewal, since_s, &e) != FAS_OK)
			p->ntauth_unheard = strcmp(e.reason, "operation_unknown") == 0;
	}
}

/* ---- rounds ---- */

static void
look_only(struct pki_publisher *p)
{
	static const bool ntauth[PKI_KINDS] = {[PKI_NTAUTH] = true};
	struct fas_err e = {0};
	OWN(work) struct work work = {0};
	if (gather(p, ntauth, &work, &e) != FAS_OK)
		return;
	for (size_t i = 0; i < work.items.n; i++)
		look_at(p, &work.items.items[i]);
	tell_ntauth(p, &work);
}

static enum fas_code
publish(struct pki_publisher *p, struct fas_err *e)
{
	struct fas_err first = {0};
	OWN(work) struct work work = {0};
	enum fas_code rc = gather(p, p->config->publish.places, &work, e);
	if (rc != FAS_OK) {
		conclude_blind(p, e);
		say(p, e);
		p->failed++;
		return rc;
	}
	for (size_t i = 0; i < work.items.n; i++) {
		look_at(p, &work.items.items[i]);
		put(p, &work.items.items[i]);
	}
	tell_ntauth(p, &work);
	conclude(p, &work, &first);
	say(p, &first);
	p->failed = first.code == FAS_OK ? 0 : p->failed + 1;
	return FAS_OK;
}

unsigned
pki_publisher_wait(unsigned each_s, unsigned failed)
{
	unsigned wait_s = BACK_OFF_S;
	if (failed == 0)
		return each_s;
	for (unsigned i = 1; i < failed && wait_s < BACK_OFF_MAX_S; i++)
		wait_s *= 2;
	if (wait_s > BACK_OFF_MAX_S)
		wait_s = BACK_OFF_MAX_S;
	return wait_s < each_s ? wait_s : each_s;
}

unsigned
pki_publisher_round(struct pki_publisher *p)
{
	struct fas_err e = {0};
	unsigned next_s = LOOK_EACH_S;
	(void)pthread_mutex_lock(&p->round);
	if (p->config->publish.on) {
		(void)!publish(p, &e);
		if (!p->config->publish.places[PKI_NTAUTH])
			look_only(p);
		next_s = pki_publisher_wait(p->config->publish.each_s, p->failed);
	} else {
		look_only(p);
	}
	(void)pthread_mutex_unlock(&p->round);
	return next_s;
}

enum fas_code
pki_publisher_run(struct pki_publisher *p, json_t **seen, struct fas_err *e)
{
	if (!p->config->publish.on)
		return fas_fail(e, FAS_E_CONFIG, "publish_off",
		    "fasd.yaml has no \"publish\": nothing is written into the directory; "
		    "fasctl publish --ldif says what an administrator may import");
	(void)pthread_mutex_lock(&p->round);
	enum fas_code rc = publish(p, e);
	(void)pthread_mutex_unlock(&p->round);
	if (rc != FAS_OK)
		return rc;
	*seen = watch_get(&p->service->watch, WATCH_DIRECTORY);
	return *seen ? FAS_OK : fas_fail_nomem(e);
}

/* ---- for an administrator ---- */

static enum fas_code
write_import(struct pki_publisher *p, json_t **reply, struct fas_err *e)
{
	static const bool all[PKI_KINDS] = {true, true, true, true};
	const struct publish_config *config = &p->config->publish;
	OWN(work) struct work work = {0};
	enum fas_code rc = gather(p, config->on ? config->places : all, &work, e);
	return rc == FAS_OK ? pki_import(p->service->directory, p->domain, &work.items, reply, e)
			    : rc;
}

enum fas_code
pki_publisher_ldif(struct pki_publisher *p, json_t **reply, struct fas_err *e)
{
	(void)pthread_mutex_lock(&p->round);
	enum fas_code rc = write_import(p, reply, e);
	(void)pthread_mutex_unlock(&p->round);
	return rc;
}
