#include "ca/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "fas/base/log.h"

#define REPLY_TIMEOUT_MS 5000
#define CALLER_MAX CALL_CALLER_MAX

struct worker {
	struct listener *listener;
	pthread_t thread;
	int fd; /* its connection, or -1; guarded by the listener's lock */
};

struct listener {
	struct ca *ca;
	struct listener_config config;
	char path[PATH_MAX];
	int fd, stop_fd;
	pthread_mutex_t lock;
	bool stopping;
	size_t n_workers;
	struct worker workers[LISTENER_THREADS_MAX];
};

static void
format_caller(const struct wire_peer *peer, char out[CALLER_MAX])
{
	int n = snprintf(out, CALLER_MAX, "uid:%u", (unsigned)peer->uid);
	if (peer->login_uid != (uid_t)-1)
		(void)snprintf(
		    out + n, CALLER_MAX - (size_t)n, "(login %u)", (unsigned)peer->login_uid);
}

/* Announce the connection, so that a stop can end it; false when the stop was first. */
static bool
set_connection(struct worker *w, int fd)
{
	(void)pthread_mutex_lock(&w->listener->lock);
	bool go = !w->listener->stopping;
	w->fd = go ? fd : -1;
	(void)pthread_mutex_unlock(&w->listener->lock);
	return go;
}

static void
serve_requests(struct listener *l, int fd, const char *caller)
{
	for (;;) {
		struct fas_err e = {0};
		OWN(json) json_t *request = NULL;
		if (wire_receive(fd, WIRE_MESSAGE_MAX, l->config.idle_ms, &request, &e) != FAS_OK)
			return;
		OWN(fd) int file = -1;
		OWN(json)
		json_t *reply = ca_dispatch_file(
		    l->ca, l->config.operations, l->config.n_operations, caller, request, &file);
		if (!reply || wire_send(fd, reply, REPLY_TIMEOUT_MS, &e) != FAS_OK)
			return;
		if (file >= 0 && wire_send_file(fd, file, REPLY_TIMEOUT_MS, &e) != FAS_OK)
			return;
	}
}

/* A stranger gets the reason in one message, whatever he has sent, and the record his uid. */
static void
refuse_peer(struct listener *l, int fd, const char *caller)
{
	static const struct operation any = {"connect", NULL, NULL};
	struct operation op = any;
	struct fas_err e = {0};
	op.refused = l->config.refused;
	fas_fail(&e, FAS_E_AUTH, "peer_not_allowed", "%s may not speak to %s", caller, l->path);
	ca_record_refusal(l->ca, &op, caller, &e);
	wire_refuse(fd, &e);
}

static void
serve_connection(struct worker *w, int fd)
{
	struct listener *l = w->listener;
	struct wire_peer peer;
	struct fas_err e = {0};
	char caller[CALLER_MAX];
	if (wire_peer(fd, &peer, &e) != FAS_OK) {
		log_error("peer_unknown", &e, NULL);
		return;
	}
	format_caller(&peer, caller);
	if (!l->config.may_speak(l->ca, &peer)) {
		refuse_peer(l, fd, caller);
		return;
	}
	if (set_connection(w, fd))
		serve_requests(l, fd, caller);
	(void)set_connection(w, -1);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct listener *l = w->listener;
	(void)pthread_setname_np(pthread_self(), l->config.name);
	struct pollfd p[2] = {
	    {.fd = l->fd, .events = POLLIN}, {.fd = l->stop_fd, .events = POLLIN}};
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		OWN(fd) int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve_connection(w, fd);
	}
	return NULL;
}

static enum fas_code
open_sockets(struct listener *l, struct fas_err *e)
{
	enum fas_code rc = wire_listen(l->path, l->config.mode, &l->fd, e);
	if (rc != FAS_OK)
		return rc;
	/* Several threads poll it, one gets the connection: the others must not block in accept. */
	if (fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0)
		return fas_fail_errno(e, "%s", l->path);
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	return l->stop_fd >= 0 ? FAS_OK : fas_fail_errno(e, "eventfd");
}

static enum fas_code
start_workers(struct listener *l, struct fas_err *e)
{
	for (size_t i = 0; i < l->config.n_threads; i++) {
		struct worker *w = &l->workers[i];
		*w = (struct worker){.listener = l, .fd = -1};
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			return fas_fail(e, FAS_E_UNAVAILABLE, "no_thread",
			    "%s: cannot start a thread", l->path);
		l->n_workers++;
	}
	return FAS_OK;
}

enum fas_code
listener_start(
    struct ca *ca, const struct listener_config *config, struct listener **out, struct fas_err *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return fas_fail_nomem(e);
	l->ca = ca;
	l->config = *config;
	l->fd = l->stop_fd = -1;
	(void)snprintf(l->path, sizeof(l->path), "%s", config->path);
	(void)pthread_mutex_init(&l->lock, NULL);
	enum fas_code rc = open_sockets(l, e);
	if (rc == FAS_OK)
		rc = start_workers(l, e);
	if (rc != FAS_OK) {
		listener_stop(l);
		return rc;
	}
	*out = l;
	return FAS_OK;
}

/* Idle connections see their end; a request under way is answered first, since only reading is shut. */
static void
end_connections(struct listener *l)
{
	const uint64_t one = 1;
	(void)pthread_mutex_lock(&l->lock);
	l->stopping = true;
	for (size_t i = 0; i < l->n_workers; i++) {
		if (l->workers[i].fd >= 0)
			(void)shutdown(l->workers[i].fd, SHUT_RD);
	}
	(void)pthread_mutex_unlock(&l->lock);
	if (l->stop_fd >= 0 && write(l->stop_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		log_event(LOG_LEVEL_ERROR, "stop_not_signalled", "socket", l->path, NULL);
}

void
listener_stop(struct listener *l)
{
	if (!l)
		return;
	end_connections(l);
	for (size_t i = 0; i < l->n_workers; i++)
		(void)pthread_join(l->workers[i].thread, NULL);
	if (l->fd >= 0) {
		(void)close(l->fd);
		(void)unlink(l->path);
	}
	if (l->stop_fd >= 0)
		(void)close(l->stop_fd);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}
