/*
 * The kept connections of one domain, and which of its controllers is asked.
 *
 * Controllers are used in their order: the configuration's, or that of RFC 2782.  One that fails rests: no request goes
 * there until the keeper (keeper.h) has bound to it again, so a dead controller costs one request its deadline, once.
 */
#ifndef LDAP_POOL_H
#define LDAP_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "ldap/conn.h"
#include "ldap/directory.h"

struct controller {
	char host[HOSTNAME_MAX + 1]; /* never changes once it is there: status hands it out */
	uint16_t port;
	bool listed; /* named by the configuration or the last SRV answer */
	struct address addresses[ADDRESSES_MAX];
	size_t n_addresses;
	struct dc_conn *idle[CONNECTIONS_MAX];
	size_t n_idle;
	size_t n_open; /* idle, in use, or being opened */
	bool resting;
	int64_t rest_until_us;
	unsigned failed; /* times in a row */
	bool reachable;
	uint64_t binds, searches, failures;
};

/* All of it under lock but config. */
struct dc_pool {
	const struct domain_config *config;
	pthread_mutex_t lock;
	pthread_cond_t changed;     /* a connection came back, or the keeper has news */
	pthread_cond_t keeper_wake; /* the keeper has something to do, or to stop */
	struct controller controllers[CONTROLLERS_MAX];
	size_t n_controllers;
	size_t order[CONTROLLERS_MAX]; /* indexes of the listed ones */
	size_t n_order;
	struct krb_creds creds;
	bool keeper_runs, stopping;
	bool prepared;        /* the keeper has tried everything at least once */
	struct fas_err unfit; /* why no controller can be asked at all; code FAS_OK when it can */
	bool bind_failed;     /* perhaps the credentials are no longer good */
	pthread_t keeper;
};

/* config is borrowed and outlives the pool.  Nothing is connected, no thread is started yet. */
MUST_CHECK enum fas_code dc_pool_new(
    const struct domain_config *config, struct dc_pool **out, struct fas_err *e);
/* Nobody is searching any more. */
void dc_pool_free(struct dc_pool *pool);

/*
 * dc_conn_search on a kept connection, repeated at the next controller when one fails; searches are idempotent.  At most
 * three times the configured timeout.  FAS_E_UNAVAILABLE "directory_away"; otherwise as dc_conn_search.
 */
MUST_CHECK enum fas_code dc_pool_search_all(struct dc_pool *pool, const struct dc_query *queries,
    size_t n, struct entries *out, struct fas_err *e);
/* The same of one. */
MUST_CHECK enum fas_code dc_pool_search(
    struct dc_pool *pool, const struct dc_query *query, struct entries *out, struct fas_err *e);

/* dc_conn_change on a kept connection, repeated at the next controller when one fails: what was done is not done again. */
MUST_CHECK enum fas_code dc_pool_change(
    struct dc_pool *pool, const struct dc_change *change, struct fas_err *e);

size_t dc_pool_status(struct dc_pool *pool, struct directory_status *out, size_t max);

/* ---- for keeper.c; the lock is held where it says so ---- */

/* Locked: let the pool know a controller; an unknown one beyond CONTROLLERS_MAX is left out. */
void dc_pool_list(struct dc_pool *pool, const char *host, uint16_t port);
/* Locked: what opening a connection at this controller needs. */
void dc_pool_target(const struct dc_pool *pool, const struct controller *c, struct dc_target *out);
/* Unlocked: record how an opening that was counted in n_open ended.  conn: the new one, idle from here on; or NULL and
 * why. */
void dc_pool_opened(
    struct dc_pool *pool, struct controller *c, struct dc_conn *conn, const struct fas_err *why);

DEFINE_OWN(dc_pool, struct dc_pool *, dc_pool_free);

#endif
