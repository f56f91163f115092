#include "ldap/keeper.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "ldap/pool.h"

#define SECOND_US INT64_C(1000000)
#define LIST_EACH_US (600 * SECOND_US)
#define ADDRESSES_EACH_US (300 * SECOND_US)
#define RETRY_US (5 * SECOND_US)
#define PAUSE_US (SECOND_US / 4)        /* between two passes at least, whatever seems due */
#define CREDS_AGAIN_US (30 * SECOND_US) /* after a bind that failed: not more often than this */

struct keeper {
	struct dc_pool *pool;
	int64_t list_due_us, addresses_due_us, creds_due_us, creds_got_us;
	struct krb_creds former; /* a bind under way may still name it; dropped one renewal later */
	struct fas_err list_why, addresses_why, creds_why; /* of the last attempts */
};

/* ---- which controllers ---- */

static void
take_list(struct dc_pool *pool, const struct srv *records, size_t n)
{
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < pool->n_controllers; i++)
		pool->controllers[i].listed = false;
	pool->n_order = 0;
	for (size_t i = 0; i < n; i++)
		dc_pool_list(pool, records[i].host,
		    pool->config->bind == BIND_SIMPLE_LDAPS ? pool->config->port : records[i].port);
	pthread_mutex_unlock(&pool->lock);
}

static void
refresh_list(struct keeper *k, int64_t now_us)
{
	const struct domain_config *config = k->pool->config;
	struct srv records[CONTROLLERS_MAX];
	size_t n;
	if (config->n_controllers > 0 || now_us < k->list_due_us)
		return;
	fas_err_clear(&k->list_why);
	k->list_due_us = now_us + LIST_EACH_US;
	k->addresses_due_us = now_us;
	if (discover_srv(config->name, records, &n, &k->list_why) == FAS_OK) {
		take_list(k->pool, records, n);
		return;
	}
	/* The former list, if there is one, stays. */
	k->list_due_us = now_us + RETRY_US;
	log_error("discovery_failed", &k->list_why, "domain", config->name, NULL);
}

static bool
refresh_address(struct dc_pool *pool, struct controller *c, struct fas_err *e)
{
	struct address found[ADDRESSES_MAX];
	size_t n;
	if (discover_addresses(c->host, c->port, found, &n, e) != FAS_OK)
		return false;
	pthread_mutex_lock(&pool->lock);
	memcpy(c->addresses, found, sizeof(found));
	c->n_addresses = n;
	pthread_mutex_unlock(&pool->lock);
	return true;
}

/* Only this thread changes the list, the addresses and the credentials: it reads them without the lock. */
static void
refresh_addresses(struct keeper *k, int64_t now_us)
{
	struct dc_pool *pool = k->pool;
	if (now_us < k->addresses_due_us)
		return;
	fas_err_clear(&k->addresses_why);
	k->addresses_due_us = now_us + ADDRESSES_EACH_US;
	for (size_t i = 0; i < pool->n_order; i++) {
		if (!refresh_address(pool, &pool->controllers[pool->order[i]], &k->addresses_why))
			k->addresses_due_us = now_us + RETRY_US;
	}
}

static bool
any_address(const struct dc_pool *pool)
{
	for (size_t i = 0; i < pool->n_order; i++) {
		if (pool->controllers[pool->order[i]].n_addresses > 0)
			return true;
	}
	return false;
}

/* ---- credentials ---- */

static enum fas_code
get_creds(const struct dc_pool *pool, struct krb_creds *out, struct fas_err *e)
{
	const char *hosts[CONTROLLERS_MAX];
	for (size_t i = 0; i < pool->n_order; i++)
		hosts[i] = pool->controllers[pool->order[i]].host;
	return krb_creds_get(
	    pool->config->principal, pool->config->keytab, hosts, pool->n_order, out, e);
}

/* When two thirds of their life are over. */
static int64_t
renewal_due(const struct krb_creds *creds, int64_t now_us)
{
	int64_t renew_s = creds->begins_s + (creds->ends_s - creds->begins_s) / 3 * 2;
	int64_t left_us = (renew_s - clock_now()) * SECOND_US;
	return now_us + (left_us > RETRY_US ? left_us : RETRY_US);
}

static void
refresh_creds(struct keeper *k, int64_t now_us)
{
	struct dc_pool *pool = k->pool;
	struct krb_creds fresh = {0};
	if (pool->config->bind != BIND_GSSAPI || now_us < k->creds_due_us)
		return;
	fas_err_clear(&k->creds_why);
	if (get_creds(pool, &fresh, &k->creds_why) != FAS_OK) {
		k->creds_due_us = now_us + RETRY_US;
		log_error("credentials_failed", &k->creds_why, "domain", pool->config->name, NULL);
		return;
	}
	krb_creds_drop(&k->former);
	pthread_mutex_lock(&pool->lock);
	k->former = pool->creds;
	pool->creds = fresh;
	pthread_mutex_unlock(&pool->lock);
	k->creds_got_us = now_us;
	k->creds_due_us = renewal_due(&fresh, now_us);
}

/* ---- controllers that rest ---- */

/* Locked: the next one whose rest is over, counted as opening; NULL when there is none. */
static struct controller *
next_rested(struct dc_pool *pool, size_t *from)
{
	for (; *from < pool->n_order; (*from)++) {
		struct controller *c = &pool->controllers[pool->order[*from]];
		if (c->resting && c->n_addresses > 0 && c->rest_until_us <= clock_monotonic_us() &&
		    c->n_open < pool->config->connections) {
			c->n_open++;
			return c;
		}
	}
	return NULL;
}

/* Bind to each whose rest is over: that decides whether requests go there again. */
static void
try_rested(struct dc_pool *pool)
{
	for (size_t from = 0;; from++) {
		struct dc_target target;
		struct dc_conn *conn = NULL;
		struct fas_err e = {0};
		pthread_mutex_lock(&pool->lock);
		struct controller *c = pool->stopping ? NULL : next_rested(pool, &from);
		if (c)
			dc_pool_target(pool, c, &target);
		pthread_mutex_unlock(&pool->lock);
		if (!c)
			return;
		int64_t deadline_us = clock_monotonic_us() + pool->config->timeout_ms * 1000;
		if (dc_conn_open(&target, deadline_us, &conn, &e) != FAS_OK)
			conn = NULL;
		dc_pool_opened(pool, c, conn, &e);
	}
}

/* ---- the thread ---- */

/* Locked: when the next pass is due. */
static int64_t
next_pass(const struct keeper *k)
{
	const struct dc_pool *pool = k->pool;
	int64_t soonest_us = clock_monotonic_us() + PAUSE_US;
	int64_t due_us = k->addresses_due_us;
	if (pool->config->n_controllers == 0 && k->list_due_us < due_us)
		due_us = k->list_due_us;
	if (pool->config->bind == BIND_GSSAPI && k->creds_due_us < due_us)
		due_us = k->creds_due_us;
	for (size_t i = 0; i < pool->n_order; i++) {
		const struct controller *c = &pool->controllers[pool->order[i]];
		if (c->resting && c->rest_until_us < due_us)
			due_us = c->rest_until_us;
	}
	return due_us > soonest_us ? due_us : soonest_us;
}

/* Locked: why no controller can be asked at all, the first cause; or that it can. */
static void
judge(const struct keeper *k, struct fas_err *unfit)
{
	const struct dc_pool *pool = k->pool;
	const struct fas_err *why = NULL;
	fas_err_clear(unfit);
	if (pool->n_order == 0)
		why = &k->list_why;
	else if (!any_address(pool))
		why = &k->addresses_why;
	else if (pool->config->bind == BIND_GSSAPI && pool->creds.ends_s <= clock_now())
		why = &k->creds_why;
	if (why)
		(void)fas_fail(unfit, FAS_E_UNAVAILABLE, fas_err_reason(why), "%s", why->message);
}

static void
prepare(struct keeper *k)
{
	struct dc_pool *pool = k->pool;
	int64_t now_us = clock_monotonic_us();
	pthread_mutex_lock(&pool->lock);
	if (pool->bind_failed && k->creds_due_us > k->creds_got_us + CREDS_AGAIN_US)
		k->creds_due_us = k->creds_got_us + CREDS_AGAIN_US;
	pool->bind_failed = false;
	pthread_mutex_unlock(&pool->lock);
	refresh_list(k, now_us);
	refresh_addresses(k, now_us);
	refresh_creds(k, now_us);
	pthread_mutex_lock(&pool->lock);
	judge(k, &pool->unfit);
	pool->prepared = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

static void *
keeper_main(void *context)
{
	struct keeper k = {.pool = context};
	struct dc_pool *pool = k.pool;
	for (bool stop = false; !stop;) {
		prepare(&k);
		try_rested(pool);
		pthread_mutex_lock(&pool->lock);
		const struct timespec until = clock_deadline_at(next_pass(&k));
		if (!pool->stopping)
			(void)pthread_cond_timedwait(&pool->keeper_wake, &pool->lock, &until);
		stop = pool->stopping;
		pthread_mutex_unlock(&pool->lock);
	}
	krb_creds_drop(&k.former);
	return NULL;
}

enum fas_code
keeper_start(struct dc_pool *pool, struct fas_err *e)
{
	sigset_t all, before;
	if (pool->keeper_runs)
		return FAS_OK;
	/* Signals are the daemon's main thread's affair. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&pool->keeper, NULL, keeper_main, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return fas_fail(e, FAS_E_NOMEM, "no_thread", "the system gives no thread");
	pool->keeper_runs = true;
	return FAS_OK;
}

void
keeper_stop(struct dc_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool runs = pool->keeper_runs;
	pool->stopping = true;
	pthread_cond_signal(&pool->keeper_wake);
	pthread_mutex_unlock(&pool->lock);
	if (runs)
		pthread_join(pool->keeper, NULL);
	pool->keeper_runs = false;
}
