#include "ldap/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "ldap/keeper.h"

#define ATTEMPTS_MAX 8
#define REST_FIRST_US 1000000
#define REST_MAX_US 10000000

/* A connection in the hands of one search. */
struct lease {
	struct controller *controller;
	struct dc_conn *conn;
	bool kept; /* it was idle: its end says little about the controller */
};

static void
init_lock(struct dc_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	clock_cond_init(&pool->changed);
	clock_cond_init(&pool->keeper_wake);
}

enum fas_code
dc_pool_new(const struct domain_config *config, struct dc_pool **out, struct fas_err *e)
{
	struct dc_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return fas_fail_nomem(e);
	pool->config = config;
	init_lock(pool);
	for (size_t i = 0; i < config->n_controllers; i++)
		dc_pool_list(pool, config->controllers[i], config->port);
	*out = pool;
	return FAS_OK;
}

void
dc_pool_free(struct dc_pool *pool)
{
	if (!pool)
		return;
	keeper_stop(pool);
	for (size_t i = 0; i < pool->n_controllers; i++) {
		struct controller *c = &pool->controllers[i];
		while (c->n_idle > 0)
			dc_conn_close(c->idle[--c->n_idle]);
	}
	krb_creds_drop(&pool->creds);
	pthread_cond_destroy(&pool->changed);
	pthread_cond_destroy(&pool->keeper_wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void
dc_pool_list(struct dc_pool *pool, const char *host, uint16_t port)
{
	size_t i = 0;
	while (i < pool->n_controllers && (!hostname_equal(pool->controllers[i].host, host) ||
					      pool->controllers[i].port != port))
		i++;
	struct controller *c = &pool->controllers[i];
	if (i == CONTROLLERS_MAX || (i < pool->n_controllers && c->listed))
		return;
	if (i == pool->n_controllers) {
		(void)snprintf(c->host, sizeof(c->host), "%s", host);
		c->port = port;
		pool->n_controllers++;
	}
	c->listed = true;
	pool->order[pool->n_order++] = i;
}

void
dc_pool_target(const struct dc_pool *pool, const struct controller *c, struct dc_target *out)
{
	*out = (struct dc_target){
	    .config = pool->config, .port = c->port, .n_addresses = c->n_addresses};
	memcpy(out->host, c->host, sizeof(out->host));
	memcpy(out->addresses, c->addresses, sizeof(out->addresses));
	memcpy(out->ccache, pool->creds.ccache, sizeof(out->ccache));
}

/* Locked: move the idle connections out, for closing without the lock. */
static size_t
take_idle(struct controller *c, struct dc_conn *out[CONNECTIONS_MAX])
{
	size_t n = c->n_idle;
	memcpy(out, c->idle, n * sizeof(struct dc_conn *));
	c->n_idle = 0;
	c->n_open -= n;
	return n;
}

/* Locked. */
static void
send_to_rest(struct dc_pool *pool, struct controller *c, const struct fas_err *why)
{
	int64_t rest = REST_FIRST_US << (c->failed < 4 ? c->failed : 4);
	c->failed++;
	c->failures++;
	c->resting = true;
	c->reachable = false;
	c->rest_until_us = clock_monotonic_us() + (rest < REST_MAX_US ? rest : REST_MAX_US);
	if (strcmp(why->reason, "ldap_bind") == 0)
		pool->bind_failed = true;
	pthread_cond_signal(&pool->keeper_wake);
}

/* Unlocked: the controller did not do its duty. */
static void
put_to_rest(struct dc_pool *pool, struct controller *c, const struct fas_err *why)
{
	struct dc_conn *idle[CONNECTIONS_MAX];
	pthread_mutex_lock(&pool->lock);
	bool news = !c->resting;
	send_to_rest(pool, c, why);
	size_t n = take_idle(c, idle);
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	while (n > 0)
		dc_conn_close(idle[--n]);
	if (news)
		log_error("controller_away", why, "controller", c->host, NULL);
}

/* Unlocked: what a lease counted in n_open is no longer there. */
static void
forget_open(struct dc_pool *pool, struct controller *c)
{
	pthread_mutex_lock(&pool->lock);
	c->n_open--;
	pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

void
dc_pool_opened(
    struct dc_pool *pool, struct controller *c, struct dc_conn *conn, const struct fas_err *why)
{
	if (!conn) {
		forget_open(pool, c);
		put_to_rest(pool, c, why);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	bool back = c->resting;
	c->binds++;
	c->reachable = true;
	c->resting = false;
	c->idle[c->n_idle++] = conn;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (back)
		log_event(LOG_LEVEL_INFO, "controller_back", "controller", c->host, NULL);
}

/* Locked: the first controller in order that is not resting. */
static struct controller *
choose(struct dc_pool *pool)
{
	for (size_t i = 0; i < pool->n_order; i++) {
		struct controller *c = &pool->controllers[pool->order[i]];
		if (!c->resting && c->n_addresses > 0)
			return c;
	}
	return NULL;
}

static enum fas_code
away(const struct dc_pool *pool, const char *why, struct fas_err *e)
{
	return fas_fail(
	    e, FAS_E_UNAVAILABLE, "directory_away", "domain %s: %s", pool->config->name, why);
}

/*
 * Locked: a controller with an idle connection (moved into the lease) or with room for a new one (counted; lease->conn
 * is NULL).  Waits until deadline_us for either.
 */
static enum fas_code
reserve(struct dc_pool *pool, int64_t deadline_us, struct lease *lease, struct fas_err *e)
{
	const struct timespec until = clock_deadline_at(deadline_us);
	for (int waited = 0; waited == 0;
	     waited = pthread_cond_timedwait(&pool->changed, &pool->lock, &until)) {
		struct controller *c = pool->prepared ? choose(pool) : NULL;
		if (pool->prepared && pool->unfit.code != FAS_OK)
			return away(pool, pool->unfit.message, e);
		if (pool->prepared && !c)
			return away(pool, "no domain controller answers", e);
		if (c && (c->n_idle > 0 || c->n_open < pool->config->connections)) {
			lease->controller = c;
			lease->kept = c->n_idle > 0;
			lease->conn = lease->kept ? c->idle[--c->n_idle] : NULL;
			c->n_open += !lease->kept;
			return FAS_OK;
		}
	}
	return away(pool,
	    pool->prepared ? "all connections are busy" : "still looking for its controllers", e);
}

/* The end of one step: the configured timeout from now, but not beyond the search's own. */
static int64_t
step_deadline(const struct dc_pool *pool, int64_t last_us)
{
	int64_t deadline_us = clock_monotonic_us() + pool->config->timeout_ms * 1000;
	return deadline_us < last_us ? deadline_us : last_us;
}

/* Unlocked: turn a reservation into a connection that can be used. */
static enum fas_code
open_lease(struct dc_pool *pool, const struct dc_target *target, int64_t last_us,
    struct lease *lease, struct fas_err *e)
{
	int64_t deadline_us = step_deadline(pool, last_us);
	struct controller *c = lease->controller;
	enum fas_code rc = dc_conn_open(target, deadline_us, &lease->conn, e);
	if (rc != FAS_OK) {
		dc_pool_opened(pool, c, NULL, e);
		return rc;
	}
	pthread_mutex_lock(&pool->lock);
	c->binds++;
	c->reachable = true;
	pthread_mutex_unlock(&pool->lock);
	return FAS_OK;
}

static enum fas_code
lease_take(struct dc_pool *pool, int64_t last_us, struct lease *lease, struct fas_err *e)
{
	int64_t deadline_us = step_deadline(pool, last_us);
	struct dc_target target;
	enum fas_code rc;
	for (size_t i = 0; i <= CONNECTIONS_MAX; i++) {
		pthread_mutex_lock(&pool->lock);
		rc = keeper_start(pool, e);
		if (rc == FAS_OK)
			rc = reserve(pool, deadline_us, lease, e);
		if (rc == FAS_OK)
			dc_pool_target(pool, lease->controller, &target);
		pthread_mutex_unlock(&pool->lock);
		if (rc != FAS_OK || (lease->kept && !dc_conn_is_stale(lease->conn)))
			return rc;
		if (!lease->kept)
			return open_lease(pool, &target, last_us, lease, e);
		dc_conn_close(TAKE(lease->conn));
		forget_open(pool, lease->controller);
	}
	return away(pool, "its connections keep closing", e);
}

static void
lease_return(struct dc_pool *pool, struct lease *lease, size_t searches)
{
	struct controller *c = lease->controller;
	struct dc_conn *surplus = NULL;
	pthread_mutex_lock(&pool->lock);
	c->searches += searches;
	c->failed = 0;
	if (c->resting || !c->listed) {
		surplus = lease->conn;
		c->n_open--;
	} else {
		c->idle[c->n_idle++] = lease->conn;
	}
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->changed);
	dc_conn_close(surplus);
}

/* A kept connection that turns out closed says no more than that; anything else speaks against the controller. */
static void
lease_break(struct dc_pool *pool, struct lease *lease, const struct fas_err *why)
{
	dc_conn_close(TAKE(lease->conn));
	forget_open(pool, lease->controller);
	if (!lease->kept || why->code == FAS_E_TIMEOUT)
		put_to_rest(pool, lease->controller, why);
}

/* What is done on a leased connection, and how many operations it counts for. */
struct work {
	enum fas_code (*run)(
	    struct dc_conn *conn, const struct work *work, int64_t deadline_us, struct fas_err *e);
	const struct dc_query *queries;
	size_t n;
	struct entries *out;
	const struct dc_change *change;
};

static enum fas_code
run_search(struct dc_conn *conn, const struct work *work, int64_t deadline_us, struct fas_err *e)
{
	return dc_conn_search(conn, work->queries, work->n, deadline_us, work->out, e);
}

static enum fas_code
run_change(struct dc_conn *conn, const struct work *work, int64_t deadline_us, struct fas_err *e)
{
	return dc_conn_change(conn, work->change, deadline_us, e);
}

/* One attempt.  *again: the failure was the controller's; another may do better. */
static enum fas_code
work_once(
    struct dc_pool *pool, const struct work *work, int64_t last_us, bool *again, struct fas_err *e)
{
	struct lease lease = {0};
	enum fas_code rc = lease_take(pool, last_us, &lease, e);
	*again = rc != FAS_OK && dc_conn_is_broken(e);
	if (rc != FAS_OK)
		return rc;
	rc = work->run(lease.conn, work, step_deadline(pool, last_us), e);
	*again = rc != FAS_OK && dc_conn_is_broken(e);
	if (*again)
		lease_break(pool, &lease, e);
	else
		lease_return(pool, &lease, work->n);
	return rc;
}

/* Repeated at the next controller when one fails. */
static enum fas_code
work_anywhere(struct dc_pool *pool, const struct work *work, struct fas_err *e)
{
	int64_t last_us = clock_monotonic_us() + 3 * pool->config->timeout_ms * 1000;
	struct fas_err cause = {0};
	for (int i = 0; i < ATTEMPTS_MAX && clock_monotonic_us() < last_us; i++) {
		struct fas_err failure = {0};
		bool again;
		enum fas_code rc = work_once(pool, work, last_us, &again, &failure);
		if (rc == FAS_OK)
			return rc;
		if (!again && cause.code == FAS_OK)
			return fas_fail(e, rc, failure.reason, "%s", failure.message);
		if (!again)
			break;
		cause = failure;
	}
	return away(pool, cause.message, e);
}

enum fas_code
dc_pool_search_all(struct dc_pool *pool, const struct dc_query *queries, size_t n,
    struct entries *out, struct fas_err *e)
{
	const struct work work = {.run = run_search, .queries = queries, .n = n, .out = out};
	for (size_t i = 0; i < n; i++)
		out[i] = (struct entries){0};
	return work_anywhere(pool, &work, e);
}

enum fas_code
dc_pool_change(struct dc_pool *pool, const struct dc_change *change, struct fas_err *e)
{
	const struct work work = {.run = run_change, .n = 1, .change = change};
	return work_anywhere(pool, &work, e);
}

enum fas_code
dc_pool_search(
    struct dc_pool *pool, const struct dc_query *query, struct entries *out, struct fas_err *e)
{
	return dc_pool_search_all(pool, query, 1, out, e);
}

size_t
dc_pool_status(struct dc_pool *pool, struct directory_status *out, size_t max)
{
	pthread_mutex_lock(&pool->lock);
	size_t n = pool->n_controllers;
	for (size_t i = 0; i < n && i < max; i++) {
		const struct controller *c = &pool->controllers[i];
		out[i] = (struct directory_status){.domain = pool->config->name,
		    .controller = c->host,
		    .reachable = c->reachable,
		    .connections = c->n_open,
		    .binds = c->binds,
		    .searches = c->searches,
		    .failures = c->failures};
	}
	pthread_mutex_unlock(&pool->lock);
	return n;
}
