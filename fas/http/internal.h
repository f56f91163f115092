/* What server.c (connections, life) and exchange.c (one request) share. */
#ifndef FAS_HTTP_INTERNAL_H
#define FAS_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "fas/http/server.h"

struct handshakes;

struct http_route_state {
	struct metrics_route *metrics;
	unsigned in_flight; /* places taken */
};

struct http_server {
	struct http_server_config config;
	struct MHD_Daemon *daemon;
	int fd;               /* listening; closed by the library */
	atomic_bool stopping; /* new requests are refused */
	atomic_bool hurry;    /* waiting ones too */
	atomic_uint in_flight;
	atomic_uint suspended; /* connections that a worker will resume */
	struct http_route_state routes[HTTP_ROUTES_MAX];
	struct metrics_route *other; /* requests that no route fits */

	struct handshakes *handshakes; /* NULL without TLS */

	/* guards the list, its members' since_us, phase and place, and the routes' in_flight */
	pthread_mutex_t lock;
	struct http_connection *connections;
	bool cut_off; /* no handshake waits any more */
	pthread_t reaper;
	pthread_cond_t reaper_wake;
	bool reaper_ends;
};

enum http_phase { PHASE_HANDSHAKE, PHASE_IDLE, PHASE_RECEIVING, PHASE_WORKING };

/* One TCP connection. */
struct http_connection {
	struct http_server *server;
	struct http_connection *next, **back;
	struct MHD_Connection *mhd;
	gnutls_session_t session; /* NULL without TLS */
	int fd;
	bool secured; /* the first request has begun: so the handshake is through */
	bool watched; /* known to the handshakes' epoll */
	bool waiting; /* suspended for bytes of the handshake; under the server's lock */
	enum http_phase phase;
	struct http_route_state *place; /* that it holds; NULL = none */
	int64_t since_us;               /* when the phase began */
	struct caller caller;           /* by certificate; kind CALLER_NONE until judged good */
	bool tried;                     /* the one negotiation has been */
	struct http_negotiated negotiated;
	char *query; /* of the request whose head is being read, owned; NULL = none */
	bool query_lost;
};

void http_connection_phase(struct http_connection *connection, enum http_phase phase);
/*
 * One of most places of a route.  When all are taken, that of whoever has been sending for longest, and for more than a
 * second: he is cut off.  Else a few who send a byte now and then would keep everybody away.
 */
bool http_connection_take_place(
    struct http_connection *connection, struct http_route_state *route, unsigned most);
void http_connection_leave_place(struct http_connection *connection);

enum MHD_Result http_exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **context);
void http_exchange_completed(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how);

#endif
