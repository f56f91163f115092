#include "ca/rate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLICES 16
#define BUCKETS 4096
/* The total bounds how many SIDs a window can hold; this bounds memory whatever the limits say (about 130 MB). */
#define SIDS_MAX 1048576

/* counts[i] belongs to slice number latest - (latest - i) mod SLICES: a ring by slice number. */
struct window {
	int64_t latest; /* number of the newest slice: time / slice length */
	uint32_t counts[SLICES];
};

struct entry {
	struct sid sid;
	struct window window;
	struct entry *next;
};

struct rate {
	pthread_mutex_t lock;
	struct rate_limit per_sid, total;
	struct window all;
	struct entry *buckets[BUCKETS];
	size_t n_sids;
	size_t sweep; /* the bucket that the next call tidies */
};

enum fas_code
rate_new(const struct rate_limit *per_sid, const struct rate_limit *total, struct rate **out,
    struct fas_err *e)
{
	struct rate *rate = calloc(1, sizeof(*rate));
	if (!rate)
		return fas_fail_nomem(e);
	(void)pthread_mutex_init(&rate->lock, NULL);
	rate->per_sid = *per_sid;
	rate->total = *total;
	*out = rate;
	return FAS_OK;
}

void
rate_free(struct rate *rate)
{
	if (!rate)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (rate->buckets[i]) {
			struct entry *entry = rate->buckets[i];
			rate->buckets[i] = entry->next;
			free(entry);
		}
	}
	(void)pthread_mutex_destroy(&rate->lock);
	free(rate);
}

/* Slices are rounded up, so that all of them together are never shorter than the period. */
static int64_t
slice_of(const struct rate_limit *limit, int64_t when_s)
{
	int64_t length = (limit->period_s + SLICES - 2) / (SLICES - 1);
	return when_s / length;
}

/* Forget what has left the window.  A clock that went back counts into the newest slice. */
static void
window_turn(struct window *w, int64_t slice)
{
	if (slice <= w->latest)
		return;
	if (slice - w->latest >= SLICES) {
		memset(w->counts, 0, sizeof(w->counts));
	} else {
		for (int64_t i = w->latest + 1; i <= slice; i++)
			w->counts[i % SLICES] = 0;
	}
	w->latest = slice;
}

static int64_t
window_sum(const struct window *w)
{
	int64_t sum = 0;
	for (size_t i = 0; i < SLICES; i++)
		sum += w->counts[i];
	return sum;
}

static void
window_add(struct window *w, int64_t slice)
{
	window_turn(w, slice);
	/* A seed older than the window's newest slice but still inside goes where it belongs. */
	if (slice > w->latest - SLICES)
		w->counts[slice % SLICES]++;
}

static size_t
bucket_of(const struct sid *sid)
{
	uint64_t h = 0xcbf29ce484222325u ^ sid->authority;
	for (size_t i = 0; i < sid->count; i++)
		h = (h ^ sid->sub[i]) * 0x100000001b3u;
	return (size_t)((h >> 20) % BUCKETS);
}

/* Drop the entries of one bucket whose windows are empty: one bucket a call keeps the table tidy. */
static void
tidy(struct rate *rate, size_t bucket, int64_t slice)
{
	struct entry **at = &rate->buckets[bucket];
	while (*at) {
		struct entry *entry = *at;
		if (slice - entry->window.latest < SLICES) {
			at = &entry->next;
			continue;
		}
		*at = entry->next;
		free(entry);
		rate->n_sids--;
	}
}

static struct entry *
find_or_add(struct rate *rate, const struct sid *sid, int64_t slice)
{
	size_t bucket = bucket_of(sid);
	tidy(rate, bucket, slice);
	tidy(rate, rate->sweep++ % BUCKETS, slice);
	for (struct entry *entry = rate->buckets[bucket]; entry; entry = entry->next) {
		if (sid_equal(&entry->sid, sid))
			return entry;
	}
	struct entry *entry = rate->n_sids < SIDS_MAX ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry)
		return NULL;
	entry->sid = *sid;
	entry->window.latest = slice;
	entry->next = rate->buckets[bucket];
	rate->buckets[bucket] = entry;
	rate->n_sids++;
	return entry;
}

static enum fas_code
take_locked(struct rate *rate, const struct sid *sid, int64_t now_s, bool seed, struct fas_err *e)
{
	int64_t slice = slice_of(&rate->per_sid, now_s), all = slice_of(&rate->total, now_s);
	struct entry *entry = sid ? find_or_add(rate, sid, slice) : NULL;
	if (sid && !entry)
		return fas_fail_nomem(e);
	window_turn(&rate->all, all);
	if (entry)
		window_turn(&entry->window, slice);
	if (!seed && entry && window_sum(&entry->window) >= rate->per_sid.count)
		return fas_fail(e, FAS_E_LIMIT, "rate_of_sid",
		    "limits: %lld certificates for one SID in %lld s",
		    (long long)rate->per_sid.count, (long long)rate->per_sid.period_s);
	if (!seed && window_sum(&rate->all) >= rate->total.count)
		return fas_fail(e, FAS_E_LIMIT, "rate_in_all",
		    "limits: %lld certificates in %lld s", (long long)rate->total.count,
		    (long long)rate->total.period_s);
	if (entry)
		window_add(&entry->window, slice);
	window_add(&rate->all, all);
	return FAS_OK;
}

enum fas_code
rate_take(struct rate *rate, const struct sid *sid, int64_t now_s, struct fas_err *e)
{
	(void)pthread_mutex_lock(&rate->lock);
	enum fas_code rc = take_locked(rate, sid, now_s, false, e);
	(void)pthread_mutex_unlock(&rate->lock);
	return rc;
}

enum fas_code
rate_seed(struct rate *rate, const struct sid *sid, int64_t when_s, struct fas_err *e)
{
	(void)pthread_mutex_lock(&rate->lock);
	enum fas_code rc = take_locked(rate, sid, when_s, true, e);
	(void)pthread_mutex_unlock(&rate->lock);
	return rc;
}
