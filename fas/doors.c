#include "fas/doors.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fas/base/log.h"
#include "fas/base/own.h"
#include "fas/held.h"
#include "fas/http/listen.h"

#define API_EVENT_THREADS 2
#define IDLE_S 30
#define REQUEST_S 30
#define DRAIN_MS 10000
#define OTHERS_DRAIN_MS 1000

static struct http_server_config
server_config(const struct doors *d)
{
	return (struct http_server_config){.metrics = d->c.metrics,
	    .refusals = d->c.refusals,
	    .threads = 1,
	    .connections = d->c.config->connections,
	    .connections_per_address = d->c.config->connections_per_address,
	    .idle_s = IDLE_S,
	    .request_s = REQUEST_S};
}

/* fd becomes the server's. */
static enum fas_code
add_server(struct door *door, const struct http_server_config *config, int fd, const char *address,
    struct fas_err *e)
{
	char port[8];
	enum fas_code rc = http_server_start(config, fd, &door->servers[door->n], e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(port, sizeof(port), "%u", http_server_port(door->servers[door->n]));
	log_event(LOG_LEVEL_INFO, config->closed ? "listening_closed" : "listening", "listener",
	    config->routes[0].name, "address", address, "port", port, "tls",
	    config->tls ? "yes" : "no", NULL);
	door->n++;
	return FAS_OK;
}

static void
close_door(struct door *door, int wait_ms)
{
	for (size_t i = 0; i < door->n; i++)
		http_server_quiesce(door->servers[i]);
	for (size_t i = 0; i < door->n; i++)
		http_server_stop(door->servers[i], wait_ms);
	door->n = 0;
}

/* Health and metrics are never held by others: who asks whether this process lives must not wait for its next life. */
static enum fas_code
open_ops(struct doors *d, struct fas_err *e)
{
	struct http_server_config config = server_config(d);
	const struct config_listen *at = &d->c.config->ops;
	config.routes = ops_routes;
	config.n_routes = ops_n_routes;
	config.app = d->c.ops;
	config.workers = d->c.ops_workers;
	for (size_t i = 0; i < at->n; i++) {
		int fd = -1;
		enum fas_code rc = http_listen(at->address[i], &fd, e);
		if (rc == FAS_OK)
			rc = add_server(&d->ops, &config, fd, at->address[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
open_public(struct doors *d, int *fds, size_t *n, struct fas_err *e)
{
	struct http_server_config config = server_config(d);
	const struct config_listen *at = &d->c.config->public;
	config.routes = publisher_routes;
	config.n_routes = publisher_n_routes;
	config.app = d->c.publisher;
	for (size_t i = 0; i < at->n; i++) {
		int fd = -1;
		enum fas_code rc = held_listen(at->address[i], &fd, e);
		if (rc != FAS_OK)
			return rc;
		fds[(*n)++] = fd;
		if ((rc = add_server(&d->public, &config, fd, at->address[i], e)) != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
bind_all(const struct config_listen *at, int *fds, size_t *n, struct fas_err *e)
{
	for (size_t i = 0; i < at->n; i++) {
		enum fas_code rc = held_listen(at->address[i], &fds[*n], e);
		if (rc != FAS_OK)
			return rc;
		(*n)++;
	}
	return FAS_OK;
}

enum fas_code
doors_open(struct doors *d, const struct doors_config *config, struct fas_err *e)
{
	int fds[3 * CONFIG_LISTEN_MAX];
	size_t n = 0;
	*d = (struct doors){.c = *config};
	enum fas_code rc = open_ops(d, e);
	if (rc == FAS_OK)
		rc = open_public(d, fds, &n, e);
	if (rc == FAS_OK)
		rc = bind_all(&config->config->api, d->api_fds, &d->n_api_fds, e);
	if (rc == FAS_OK && config->front)
		rc = bind_all(config->front->listen, d->front_fds, &d->n_front_fds, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < d->n_api_fds; i++)
		fds[n++] = d->api_fds[i];
	for (size_t i = 0; i < d->n_front_fds; i++)
		fds[n++] = d->front_fds[i];
	held_keep(fds, n);
	return FAS_OK;
}

/* One server for each of the sockets, which stay open for the next. */
static enum fas_code
serve(struct door *door, const struct http_server_config *config, const int *fds, size_t n,
    const struct config_listen *at, struct fas_err *e)
{
	for (size_t i = 0; i < n; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return fas_fail_errno(e, "socket of %s", at->address[i]);
		enum fas_code rc = add_server(door, config, fd, at->address[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
serve_api(
    struct doors *d, struct door *door, const struct http_server_config *config, struct fas_err *e)
{
	return serve(door, config, d->api_fds, d->n_api_fds, &d->c.config->api, e);
}

/* why: NULL = open. */
static enum fas_code
serve_front(struct doors *d, const struct fas_err *why, struct fas_err *e)
{
	const struct doors_front *front = d->c.front;
	struct http_server_config config = server_config(d);
	if (!front)
		return FAS_OK;
	config.routes = front->routes;
	config.n_routes = front->n_routes;
	config.app = front->app;
	config.workers = front->workers;
	config.tls = front->tls;
	config.browser = front->browser;
	config.closed = why;
	return serve(
	    why ? &d->shut : &d->front, &config, d->front_fds, d->n_front_fds, front->listen, e);
}

void
doors_shut_api(struct doors *d, const struct identity_key *key, const struct fas_err *why)
{
	struct fas_err e = {0};
	OWN(text) char *certificate = NULL;
	struct http_server_config config = server_config(d);
	d->why_shut = *why;
	enum fas_code rc = identity_recall(key, &certificate, &e);
	if (rc == FAS_OK)
		rc = http_tls_new(NULL, (const char *)key->pem.data, certificate, &d->shut_tls, &e);
	config.routes = api_routes;
	config.n_routes = api_n_routes;
	config.tls = d->shut_tls;
	config.closed = &d->why_shut;
	if (rc == FAS_OK)
		rc = serve_api(d, &d->shut, &config, &e);
	if (rc != FAS_OK)
		log_error("api_waits", &e, NULL);
	fas_err_clear(&e);
	if (serve_front(d, &d->why_shut, &e) != FAS_OK)
		log_error("front_waits", &e, NULL);
}

/* A request that is being refused still gets its answer. */
static void
end_shut(struct doors *d)
{
	close_door(&d->shut, OTHERS_DRAIN_MS);
	http_tls_free(d->shut_tls);
	d->shut_tls = NULL;
}

enum fas_code
doors_open_api(struct doors *d, struct api *api, struct http_tls *tls,
    const struct http_negotiation *negotiation, struct fas_err *e)
{
	struct http_server_config config = server_config(d);
	config.routes = api_routes;
	config.n_routes = api_n_routes;
	config.app = api;
	config.workers = d->c.workers;
	config.tls = tls;
	config.callers = api->callers;
	config.negotiation = negotiation;
	config.threads = API_EVENT_THREADS;
	end_shut(d);
	enum fas_code rc = serve_api(d, &d->api, &config, e);
	if (rc == FAS_OK)
		rc = serve_front(d, NULL, e);
	atomic_store(&d->c.ops->api_up, rc == FAS_OK);
	return rc;
}

void
doors_close_api(struct doors *d)
{
	if (d->c.ops)
		atomic_store(&d->c.ops->api_up, false);
	close_door(&d->front, OTHERS_DRAIN_MS);
	close_door(&d->api, DRAIN_MS);
	end_shut(d);
	for (size_t i = 0; i < d->n_api_fds; i++)
		(void)close(d->api_fds[i]);
	for (size_t i = 0; i < d->n_front_fds; i++)
		(void)close(d->front_fds[i]);
	d->n_api_fds = d->n_front_fds = 0;
}

void
doors_close(struct doors *d)
{
	close_door(&d->ops, OTHERS_DRAIN_MS);
	close_door(&d->public, OTHERS_DRAIN_MS);
}
