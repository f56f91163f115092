#include "fas/http/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/http/handshake.h"
#include "fas/http/listen.h"

#define CONNECTION_MEMORY (32 * 1024) /* head and read buffer of one connection */
#define HEAD_GRACE_S 10               /* for a request's head, beyond idle_s */
#define SENDING_US 1000000            /* so long nobody takes the place of one who sends */
#define POLL_MS 5
#define LAST_ANSWERS_MS 1000 /* until they are sent, when a stop is in a hurry */

/* ---- connections ---- */

void
http_connection_phase(struct http_connection *connection, enum http_phase phase)
{
	struct http_server *server = connection->server;
	pthread_mutex_lock(&server->lock);
	connection->phase = phase;
	connection->since_us = clock_monotonic_us();
	pthread_mutex_unlock(&server->lock);
}

/* Called with the lock held. */
static bool
cut_off_slowest(struct http_server *server, const struct http_route_state *route)
{
	struct http_connection *slowest = NULL;
	int64_t since_us = clock_monotonic_us() - SENDING_US;
	for (struct http_connection *c = server->connections; c; c = c->next) {
		if (c->place != route || c->phase != PHASE_RECEIVING || c->since_us >= since_us)
			continue;
		slowest = c;
		since_us = c->since_us;
	}
	if (!slowest)
		return false;
	slowest->place->in_flight--;
	slowest->place = NULL;
	(void)shutdown(slowest->fd, SHUT_RDWR);
	return true;
}

bool
http_connection_take_place(
    struct http_connection *connection, struct http_route_state *route, unsigned most)
{
	struct http_server *server = connection->server;
	pthread_mutex_lock(&server->lock);
	bool fits = route->in_flight < most || cut_off_slowest(server, route);
	if (fits) {
		connection->place = route;
		route->in_flight++;
	}
	pthread_mutex_unlock(&server->lock);
	return fits;
}

void
http_connection_leave_place(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	pthread_mutex_lock(&server->lock);
	if (connection->place)
		connection->place->in_flight--;
	connection->place = NULL;
	pthread_mutex_unlock(&server->lock);
}

static void
connection_open(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
	const int on = 1;
	struct http_connection *connection = calloc(1, sizeof(*connection));
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = connection;
	if (!connection || !info)
		return;
	connection->server = server;
	connection->mhd = mhd;
	connection->fd = info->connect_fd;
	connection->since_us = clock_monotonic_us();
	connection->phase = server->config.tls ? PHASE_HANDSHAKE : PHASE_IDLE;
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (server->config.tls &&
	    (info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)) != NULL) {
		http_tls_prepare(server->config.tls, (gnutls_session_t)info->tls_session);
		handshake_prepare(connection, (gnutls_session_t)info->tls_session);
	}
	pthread_mutex_lock(&server->lock);
	connection->next = server->connections;
	connection->back = &server->connections;
	if (connection->next)
		connection->next->back = &connection->next;
	server->connections = connection;
	pthread_mutex_unlock(&server->lock);
}

static void
connection_close(struct http_server *server, struct http_connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&server->lock);
	if (connection->back) {
		*connection->back = connection->next;
		if (connection->next)
			connection->next->back = connection->back;
	}
	pthread_mutex_unlock(&server->lock);
	free(connection->query);
	free(connection);
}

static void
on_connection(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = cls;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_open(server, mhd, context);
		return;
	}
	connection_close(server, *context);
	*context = NULL;
}

static int64_t
allowed_s(const struct http_server *server, enum http_phase phase)
{
	const int64_t allowed[] = {[PHASE_HANDSHAKE] = server->config.request_s,
	    [PHASE_IDLE] = (int64_t)server->config.idle_s + HEAD_GRACE_S,
	    [PHASE_RECEIVING] = server->config.request_s,
	    [PHASE_WORKING] = INT64_MAX / 1000000};
	return allowed[phase];
}

/*
 * libmicrohttpd's timeout begins anew with each byte, so a client that sends one now and then would stay for ever.
 * Called with the lock held: no connection in the list has been closed yet.
 */
static void
reap(struct http_server *server, int64_t now_us)
{
	for (struct http_connection *c = server->connections; c; c = c->next) {
		if (now_us - c->since_us > allowed_s(server, c->phase) * 1000000)
			(void)shutdown(c->fd, SHUT_RDWR);
	}
}

static void *
run_reaper(void *arg)
{
	struct http_server *server = arg;
	pthread_mutex_lock(&server->lock);
	while (!server->reaper_ends) {
		const struct timespec until = clock_deadline(1000);
		(void)pthread_cond_timedwait(&server->reaper_wake, &server->lock, &until);
		reap(server, clock_monotonic_us());
	}
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

/* ---- life ---- */

PRINTF_LIKE(2, 0)
static void
on_library_log(void *cls, const char *fmt, va_list args)
{
	char line[256];
	(void)cls;
	(void)vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = 0;
	log_event(LOG_LEVEL_DEBUG, "http_library", "message", line, NULL);
}

/* Paths stay as they came: no route has an escaped byte, so "%2e" is just an unknown path. */
static size_t
keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

/*
 * Not MHD_quiesce_daemon: in 0.9.75 it and the event threads both take the socket out of the epoll set, and whoever
 * comes second aborts the process.  A client that connects while we stop is closed at once instead of refused.
 */
static enum MHD_Result
accept_unless_stopping(void *context, const struct sockaddr *address, socklen_t len)
{
	struct http_server *server = context;
	(void)address;
	(void)len;
	return atomic_load(&server->stopping) ? MHD_NO : MHD_YES;
}

/*
 * The library splits a query at '&' and '=' and keeps no original; what was signed over is the original.  Called with each
 * request's target before its head is read.  NULL: the request has no context yet.
 */
static void *
keep_query(void *cls, const char *target, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_connection *connection = info ? info->socket_context : NULL;
	const char *query = strchr(target, '?');
	(void)cls;
	if (!connection)
		return NULL;
	free(connection->query);
	connection->query = query ? strdup(query + 1) : NULL;
	connection->query_lost = query && !connection->query;
	return NULL;
}

static struct MHD_Daemon *
start_daemon(struct http_server *server)
{
	const struct http_server_config *config = &server->config;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[16];
	size_t n = 0;
	options[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, server->fd, NULL};
	options[n++] =
	    (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, config->connections, NULL};
	options[n++] = (struct MHD_OptionItem){
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connections_per_address, NULL};
	options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, config->idle_s, NULL};
	options[n++] =
	    (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL};
	/* RFC 9112: no bare LF, no white space before a colon, no repeated Content-Length. */
	options[n++] = (struct MHD_OptionItem){MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL};
	if (config->threads > 1)
		options[n++] =
		    (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, config->threads, NULL};
	if (config->tls) {
		flags |= MHD_USE_TLS;
		const char *trust = http_tls_trust(config->tls);
		if (trust)
			options[n++] = (struct MHD_OptionItem){
			    MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)trust};
		options[n++] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)http_tls_priorities()};
		options[n++] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)http_tls_present};
	}
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	return MHD_start_daemon(flags, 0, accept_unless_stopping, server, http_exchange_handle,
	    server, MHD_OPTION_URI_LOG_CALLBACK, keep_query, NULL, MHD_OPTION_EXTERNAL_LOGGER,
	    on_library_log, NULL, MHD_OPTION_NOTIFY_COMPLETED, http_exchange_completed, server,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
	    keep_escapes, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void
release(struct http_server *server)
{
	if (server->fd >= 0)
		(void)close(server->fd);
	handshakes_stop(server->handshakes);
	pthread_cond_destroy(&server->reaper_wake);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

static void
end_reaper(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->reaper_ends = true;
	pthread_cond_signal(&server->reaper_wake);
	pthread_mutex_unlock(&server->lock);
	pthread_join(server->reaper, NULL);
}

static enum fas_code
start(struct http_server *server, struct fas_err *e)
{
	const struct http_server_config *config = &server->config;
	if (config->n_routes > HTTP_ROUTES_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "%zu routes", config->n_routes);
	for (size_t i = 0; i < config->n_routes; i++)
		server->routes[i].metrics = metrics_route(config->metrics, config->routes[i].name);
	server->other = metrics_route(config->metrics, "other");
	enum fas_code rc = config->tls ? handshakes_start(&server->handshakes, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	if (pthread_create(&server->reaper, NULL, run_reaper, server) != 0)
		return fas_fail(e, FAS_E_IO, "io_error", "no thread for the server");
	server->daemon = start_daemon(server);
	if (server->daemon)
		return FAS_OK;
	end_reaper(server);
	server->fd = -1; /* the library may have closed it already */
	return fas_fail(e, FAS_E_IO, "http_start", "the HTTP library does not start");
}

enum fas_code
http_server_start(
    const struct http_server_config *config, int fd, struct http_server **out, struct fas_err *e)
{
	struct http_server *server = calloc(1, sizeof(*server));
	if (!server) {
		(void)close(fd);
		return fas_fail_nomem(e);
	}
	server->config = *config;
	server->fd = fd;
	pthread_mutex_init(&server->lock, NULL);
	clock_cond_init(&server->reaper_wake);
	enum fas_code rc = start(server, e);
	if (rc != FAS_OK) {
		release(server);
		return rc;
	}
	*out = server;
	return FAS_OK;
}

uint16_t
http_server_port(const struct http_server *server)
{
	return http_listen_port(server->fd);
}

unsigned
http_server_in_flight(struct http_server *server)
{
	return atomic_load(&server->in_flight);
}

void
http_server_quiesce(struct http_server *server)
{
	atomic_store(&server->stopping, true);
}

static void
await_idle(struct http_server *server, int64_t until_us)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	while (http_server_in_flight(server) > 0 && clock_monotonic_us() < until_us)
		nanosleep(&pause, NULL);
}

void
http_server_stop(struct http_server *server, int wait_ms)
{
	if (!server)
		return;
	http_server_quiesce(server);
	await_idle(server, clock_monotonic_us() + (int64_t)wait_ms * 1000);
	atomic_store(&server->hurry, true);
	handshakes_cut_off(server);
	/* The library must not be stopped while a connection is suspended: each ends with its worker,
	 * or with its handshake. */
	while (atomic_load(&server->suspended) > 0)
		await_idle(server, clock_monotonic_us() + POLL_MS * 1000);
	/* What they were answered has yet to go out, unless a client does not take it. */
	await_idle(server, clock_monotonic_us() + LAST_ANSWERS_MS * 1000);
	end_reaper(server);
	OWN(fd) int kept = fcntl(server->fd, F_DUPFD_CLOEXEC, 0);
	MHD_stop_daemon(server->daemon);
	server->fd = -1; /* closed by the library, and shut down for whoever else holds it */
	struct fas_err e = {0};
	if (kept >= 0 && http_listen_again(kept, &e) != FAS_OK)
		log_error("socket_lost", &e, NULL);
	release(server);
}
