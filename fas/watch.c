#include "fas/watch.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/json.h"

#define NAMES_MAX 160

void
watch_init(struct watch *watch)
{
	*watch = (struct watch){0};
	(void)pthread_mutex_init(&watch->lock, NULL);
}

void
watch_done(struct watch *watch)
{
	for (int i = 0; i < WATCHES; i++)
		json_decref(watch->seen[i]);
	(void)pthread_mutex_destroy(&watch->lock);
}

void
watch_put(struct watch *watch, enum watch_what what, json_t *seen)
{
	(void)pthread_mutex_lock(&watch->lock);
	json_t *old = watch->seen[what];
	watch->seen[what] = seen;
	(void)pthread_mutex_unlock(&watch->lock);
	json_decref(old);
}

/* Copied under the lock: readers are of other threads. */
json_t *
watch_get(struct watch *watch, enum watch_what what)
{
	(void)pthread_mutex_lock(&watch->lock);
	json_t *copy = watch->seen[what] ? json_deep_copy(watch->seen[what]) : NULL;
	(void)pthread_mutex_unlock(&watch->lock);
	return copy;
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "?";
}

static bool
is_among(const json_t *names, const char *wanted)
{
	const json_t *name;
	size_t i;
	json_array_foreach(names, i, name)
	{
		if (json_is_string(name) && strcmp(json_string_value(name), wanted) == 0)
			return true;
	}
	return false;
}

/* "main", or, of a profile with places of its own, "main as mirrored". */
static void
add_failing(json_t *all, const json_t *link, const char *authority)
{
	const char *profile = json_string_value(json_object_get(link, "profile"));
	OWN(json)
	json_t *name =
	    profile ? json_sprintf("%s as %s", authority, profile) : json_string(authority);
	if (all && name && !is_among(all, json_string_value(name)))
		(void)json_array_append(all, name);
}

json_t *
watch_failing(const json_t *links)
{
	json_t *all = json_array();
	const json_t *link, *name;
	size_t i, k;
	json_array_foreach(links, i, link)
	{
		if (!json_is_true(json_object_get(link, "alarm")))
			continue;
		json_array_foreach(json_object_get(link, "for"), k, name)
		    add_failing(all, link, json_string_value(name));
	}
	return all;
}

/*
 * The link that certificates of this profile hang by fails: one of the chain above, or the profile's own, or, where it has no
 * places of its own, what the authority issues else.
 */
static const json_t *
find_failing(const json_t *links, const char *authority, const char *profile)
{
	const json_t *link, *general = NULL;
	bool own_places = false;
	size_t i;
	json_array_foreach(links, i, link)
	{
		const json_t *own = json_object_get(link, "profile");
		bool alarm = json_is_true(json_object_get(link, "alarm"));
		if (!is_among(json_object_get(link, "for"), authority))
			continue;
		if (own && strcmp(json_string_value(own), profile) != 0)
			continue;
		own_places = own_places || own;
		if (alarm && (own || json_integer_value(json_object_get(link, "level")) > 0))
			return link;
		general = alarm ? link : general;
	}
	return own_places ? NULL : general;
}

enum fas_code
watch_check_issuing(
    struct watch *watch, const char *authority, const char *profile, struct fas_err *e)
{
	if (!atomic_load(&watch->stopped))
		return FAS_OK;
	OWN(json) json_t *seen = watch_get(watch, WATCH_REVOCATION);
	const json_t *link = find_failing(json_object_get(seen, "links"), authority, profile);
	if (!link)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "revocation_unreachable",
	    "no domain controller would find a fresh CRL for %s, and the configuration says that "
	    "nothing is issued under authority %s then (watchdog: on_failure): fasctl crl verify",
	    text_of(link, "certificates"), authority);
}

/* "main, second" */
static void
list_names(const json_t *names, char out[NAMES_MAX])
{
	const json_t *name;
	size_t i, used = 0;
	out[0] = 0;
	json_array_foreach(names, i, name)
	{
		int n = snprintf(out + used, NAMES_MAX - used, "%s%s", used ? ", " : "",
		    json_string_value(name));
		if (n < 0 || (size_t)n >= NAMES_MAX - used)
			return;
		used += (size_t)n;
	}
}

enum fas_code
watch_check(struct watch *watch, struct fas_err *e)
{
	char names[NAMES_MAX];
	const json_t *link, *links;
	size_t i;
	if (!atomic_load(&watch->not_ready))
		return FAS_OK;
	OWN(json) json_t *seen = watch_get(watch, WATCH_REVOCATION);
	links = json_object_get(seen, "links");
	OWN(json) json_t *failing = watch_failing(links);
	list_names(failing, names);
	json_array_foreach(links, i, link)
	{
		if (json_is_true(json_object_get(link, "alarm")) &&
		    json_array_size(json_object_get(link, "for")) > 0)
			return fas_fail(e, FAS_E_UNAVAILABLE, "revocation_unreachable",
			    "logons under authority %s fail%s: domain controllers find no fresh "
			    "CRL for %s: fasctl crl verify",
			    names,
			    atomic_load(&watch->stopped) ? ", and nothing is issued there" : "",
			    text_of(link, "certificates"));
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "revocation_unreachable",
	    "domain controllers find no fresh CRL: fasctl crl verify");
}
