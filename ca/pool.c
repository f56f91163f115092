#include "ca/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"

#define FIRST_KEY_US 300000 /* until one has been made: about two of RSA-2048 */
#define WAIT_MAX_S 120
#define FAILED_PAUSE_MS 1000
#define BUSY_US 50000 /* since the last request */
#define STEP_US                                                                                    \
	500 /* work at a stretch while it is busy, and then a pause of REST such stretches */
#define REST 4
#define REST_MAX_US 20000

struct shelf {
	struct pool_target target;
	size_t wanted; /* target.depth, or more while a fill is on */
	size_t n, size;
	struct key **keys; /* [0..n) are ready */
	int64_t key_us;    /* what one takes, smoothed; 0 = none was made yet */
	uint64_t made, taken, refused;
	uint64_t in_vain; /* asked for since the last one was made */
};

struct pool {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something is wanted, or the end has come */
	bool stopping;
	_Atomic int64_t asked_us; /* when a signature was last asked for */
	int64_t stretch_us;       /* the maker's own: when it last had a rest */
	size_t n_shelves;
	struct shelf shelves[POOL_KINDS_MAX];
};

static struct shelf *
find_shelf(struct pool *pool, const char *type)
{
	for (size_t i = 0; i < pool->n_shelves; i++) {
		if (strcmp(pool->shelves[i].target.type, type) == 0)
			return &pool->shelves[i];
	}
	return NULL;
}

/* ---- making ---- */

/* The type that is furthest from what is wanted; NULL when all is there. */
static struct shelf *
neediest(struct pool *pool)
{
	struct shelf *worst = NULL;
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *s = &pool->shelves[i];
		/* n / wanted, compared without a division */
		if (s->n < s->wanted && (!worst || s->n * worst->wanted < worst->n * s->wanted))
			worst = s;
	}
	return worst;
}

static bool
put(struct shelf *s, struct key *key)
{
	if (s->n == s->size) {
		size_t size = s->size ? s->size * 2 : 64;
		struct key **keys = realloc(s->keys, size * sizeof(struct key *));
		if (!keys)
			return false;
		s->keys = keys;
		s->size = size;
	}
	s->keys[s->n++] = key;
	return true;
}

static void
shelve(struct shelf *s, struct key *key, int64_t took_us)
{
	s->key_us = s->key_us ? (3 * s->key_us + took_us) / 4 : took_us;
	if (!put(s, key)) {
		key_free(key);
		return;
	}
	s->made++;
	s->in_vain = 0;
	if (s->n >= s->wanted)
		s->wanted = s->target.depth; /* the fill has been done */
}

/* After a failure: not at once again, or until the end. */
static void
pause_after(struct pool *pool, const struct fas_err *why)
{
	log_error("pool_key_failed", why, NULL);
	struct timespec until = clock_deadline(FAILED_PAUSE_MS);
	while (!pool->stopping && pthread_cond_timedwait(&pool->changed, &pool->lock, &until) == 0)
		;
}

void
pool_stand_back(struct pool *pool)
{
	atomic_store_explicit(&pool->asked_us, clock_monotonic_us(), memory_order_relaxed);
}

static bool
is_waited_for(struct pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	bool waited = pool->stopping;
	for (size_t i = 0; i < pool->n_shelves; i++)
		waited = waited || pool->shelves[i].in_vain > 0;
	(void)pthread_mutex_unlock(&pool->lock);
	return waited;
}

/*
 * The idle class alone is not enough: a processor that is busy with an idle task takes no work over from one on which
 * two requests wait, so that logons at half of saturation had twice their p99 while a key was made.
 */
static void
breathe(void *arg)
{
	struct pool *pool = arg;
	int64_t now_us = clock_monotonic_us();
	int64_t worked_us = now_us - pool->stretch_us;
	if (worked_us < STEP_US)
		return;
	if (now_us - atomic_load_explicit(&pool->asked_us, memory_order_relaxed) < BUSY_US &&
	    !is_waited_for(pool)) {
		int64_t rest_us = worked_us * REST < REST_MAX_US ? worked_us * REST : REST_MAX_US;
		const struct timespec rest = {.tv_nsec = (long)rest_us * 1000};
		(void)nanosleep(&rest, NULL);
	}
	pool->stretch_us = clock_monotonic_us();
}

static void
make_one(struct pool *pool, struct shelf *s)
{
	struct fas_err e = {0};
	struct key *key = NULL;
	(void)pthread_mutex_unlock(&pool->lock);
	int64_t begun_us = clock_monotonic_us();
	pool->stretch_us = begun_us;
	enum fas_code rc = key_generate_slowly(s->target.type, breathe, pool, &key, &e);
	if (rc == FAS_OK)
		key_fold(key);
	int64_t took_us = clock_monotonic_us() - begun_us;
	(void)pthread_mutex_lock(&pool->lock);
	if (rc == FAS_OK)
		shelve(s, key, took_us);
	else
		pause_after(pool, &e);
}

static void *
maker_main(void *arg)
{
	struct pool *pool = arg;
	const struct sched_param none = {0};
	(void)pthread_setname_np(pthread_self(), "pool");
	if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
		log_event(LOG_LEVEL_WARNING, "pool_not_idle", "message",
		    "keys are made at normal priority: logons may be slower meanwhile", NULL);
	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		struct shelf *s = neediest(pool);
		if (s)
			make_one(pool, s);
		else
			(void)pthread_cond_wait(&pool->changed, &pool->lock);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* ---- start and end ---- */

enum fas_code
pool_start(const struct pool_target *targets, size_t n, struct pool **out, struct fas_err *e)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < n && i < POOL_KINDS_MAX; i++) {
		pool->shelves[i].target = targets[i];
		pool->shelves[i].wanted = targets[i].depth;
		pool->n_shelves++;
	}
	(void)pthread_mutex_init(&pool->lock, NULL);
	clock_cond_init(&pool->changed);
	if (pthread_create(&pool->thread, NULL, maker_main, pool) != 0) {
		free(pool);
		return fas_fail(e, FAS_E_IO, "io_error", "no thread for the pool of keys");
	}
	*out = pool;
	return FAS_OK;
}

void
pool_stop(struct pool *pool)
{
	if (!pool)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)pthread_cond_broadcast(&pool->changed);
	(void)pthread_join(pool->thread, NULL);
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *s = &pool->shelves[i];
		for (size_t k = 0; k < s->n; k++)
			key_free(s->keys[k]);
		free(s->keys);
	}
	(void)pthread_mutex_destroy(&pool->lock);
	(void)pthread_cond_destroy(&pool->changed);
	free(pool);
}

/* ---- taking ---- */

/* One key feeds one of those who wait: whoever comes now comes behind those that have asked since the last was made. */
static int64_t
wait_of(const struct shelf *s)
{
	int64_t key_us = s->key_us ? s->key_us : FIRST_KEY_US;
	int64_t wait_s =
	    (key_us * (int64_t)(s->in_vain < 10000 ? s->in_vain : 10000)) / 1000000 + 1;
	return wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S;
}

static enum fas_code
refuse(struct shelf *s, int64_t *wait_s, struct fas_err *e)
{
	s->refused++;
	s->in_vain++;
	*wait_s = wait_of(s);
	return fas_fail(e, FAS_E_UNAVAILABLE, "pool_empty",
	    "no %s key lies ready; the next one in about %lld s", s->target.type,
	    (long long)*wait_s);
}

enum fas_code
pool_take(struct pool *pool, const char *type, struct key **out, int64_t *wait_s, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	(void)pthread_mutex_lock(&pool->lock);
	struct shelf *s = find_shelf(pool, type);
	if (!s) {
		rc = fas_fail(e, FAS_E_CONFIG, "pool_type",
		    "no pool of \"%.16s\" keys: pool in signer.yaml names the types that there are",
		    type);
	} else if (s->n == 0) {
		rc = refuse(s, wait_s, e);
	} else {
		*out = s->keys[--s->n];
		s->taken++;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	(void)pthread_cond_signal(&pool->changed);
	return rc;
}

void
pool_give_back(struct pool *pool, struct key *key)
{
	(void)pthread_mutex_lock(&pool->lock);
	struct shelf *s = find_shelf(pool, key_type(key));
	bool put_back = s && put(s, key);
	if (put_back)
		s->taken--;
	(void)pthread_mutex_unlock(&pool->lock);
	if (!put_back)
		key_free(key);
}

enum fas_code
pool_fill(struct pool *pool, const char *type, size_t depth, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (depth == 0 || depth > POOL_DEPTH_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "pool_depth", "%zu keys, want 1 to %d", depth, POOL_DEPTH_MAX);
	(void)pthread_mutex_lock(&pool->lock);
	struct shelf *s = find_shelf(pool, type);
	if (!s)
		rc = fas_fail(e, FAS_E_INPUT, "pool_type",
		    "no pool of \"%.16s\" keys: pool in signer.yaml names the types that there are",
		    type);
	else if (depth > s->wanted && depth > s->n)
		s->wanted = depth;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)pthread_cond_signal(&pool->changed);
	return rc;
}

json_t *
pool_describe(struct pool *pool)
{
	json_t *all = json_array();
	(void)pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < pool->n_shelves; i++) {
		const struct shelf *s = &pool->shelves[i];
		(void)json_array_append_new(
		    all, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "type", s->target.type,
			     "depth", (json_int_t)s->n, "target", (json_int_t)s->target.depth,
			     "wanted", (json_int_t)s->wanted, "made", (json_int_t)s->made, "taken",
			     (json_int_t)s->taken, "refused", (json_int_t)s->refused, "key_ms",
			     (json_int_t)(s->key_us / 1000)));
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return all;
}
