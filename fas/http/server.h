/*
 * One listening socket and what answers there: libmicrohttpd's event threads, limits, and the road to the workers.
 *
 * Time: a connection may idle idle_s between requests; a handshake with the first request's head, and each request's head
 * with its body, must be through request_s after they began, however slowly bytes drip in.  Work has no limit here:
 * whatever it waits for has deadlines of its own.
 */
#ifndef FAS_HTTP_SERVER_H
#define FAS_HTTP_SERVER_H

#include <stdint.h>

#include "fas/http/http.h"
#include "fas/http/tls.h"
#include "fas/http/workers.h"
#include "fas/metrics.h"
#include "fas/refusals.h"

struct http_server;

/* All borrowed, and longer-lived than the server. */
struct http_server_config {
	const struct http_route *routes;
	size_t n_routes; /* at most HTTP_ROUTES_MAX */
	void *app;
	struct workers *workers;      /* runs http_server_work; needed when a route is slow */
	struct http_tls *tls;         /* NULL = plain HTTP */
	struct caller_table *callers; /* needed when a route asks for a role */
	const struct http_negotiation *negotiation; /* NULL = certificates only; needs tls */
	const struct http_browser *browser;         /* NULL = programs call, in JSON */
	/* Not NULL: what every request is refused with, whatever it wants and whoever asks. */
	const struct fas_err *closed;
	struct metrics *metrics;
	struct refusals *refusals; /* may be NULL */
	unsigned threads;          /* event threads */
	unsigned connections, connections_per_address;
	unsigned idle_s, request_s;
};

#define HTTP_ROUTES_MAX 24

/* The function of a pool of workers that serves servers; its jobs are theirs. */
workers_fn http_server_work;

/* fd: of http_listen; the server's from here on, also on failure. */
MUST_CHECK enum fas_code http_server_start(
    const struct http_server_config *config, int fd, struct http_server **out, struct fas_err *e);

uint16_t http_server_port(const struct http_server *server);

/* Take no new connection; requests on kept ones are answered 503 from here on; those under way go on. */
void http_server_quiesce(struct http_server *server);
/* Requests under way. */
unsigned http_server_in_flight(struct http_server *server);
/*
 * Quiesce, wait up to wait_ms for requests under way, let those that still wait for a worker go with 503, then end.
 * A request that a worker is busy with is waited for in any case.
 */
void http_server_stop(struct http_server *server, int wait_ms);

DEFINE_OWN_IN_PLACE(http_response, struct http_response, http_response_done);

#endif
