#include "fas/watch.h"

#include "fas/base/json.h"

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

enum fas_code
watch_check(struct watch *watch, struct fas_err *e)
{
	OWN(json) json_t *seen = NULL;
	const json_t *link;
	size_t i;
	if (!atomic_load(&watch->not_ready))
		return FAS_OK;
	seen = watch_get(watch, WATCH_REVOCATION);
	json_array_foreach(json_object_get(seen, "links"), i, link)
	{
		if (json_is_true(json_object_get(link, "alarm")))
			return fas_fail(e, FAS_E_UNAVAILABLE, "revocation_unreachable",
			    "domain controllers find no fresh CRL for %s of authority %s: "
			    "fasctl crl verify",
			    text_of(link, "certificates"), text_of(link, "authority"));
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "revocation_unreachable",
	    "domain controllers find no fresh CRL: fasctl crl verify");
}
