#include "fas/http/handshake.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fas/base/log.h"

#define EVENTS_AT_A_TIME 64

struct handshakes {
	int epoll, stop;
	pthread_t thread;
};

/* It may be closed from now on: c is not touched behind this. */
static void
resume(struct http_connection *c)
{
	struct http_server *server = c->server;
	pthread_mutex_lock(&server->lock);
	c->waiting = false;
	pthread_mutex_unlock(&server->lock);
	MHD_resume_connection(c->mhd);
	atomic_fetch_sub(&server->suspended, 1);
}

static bool
begin_wait(struct http_connection *c)
{
	struct http_server *server = c->server;
	pthread_mutex_lock(&server->lock);
	bool may = !server->cut_off && !c->waiting;
	c->waiting = c->waiting || may;
	pthread_mutex_unlock(&server->lock);
	if (may)
		atomic_fetch_add(&server->suspended, 1);
	return may;
}

/*
 * On the connection's event thread, until its first request begins: whether bytes of the handshake or of that request are
 * missing makes no difference.  Later it must not happen: an answer may be due.  Suspended first: bytes that come
 * meanwhile are reported as soon as it is watched.
 */
static void
await_client(struct http_connection *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};
	int how = c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (!begin_wait(c))
		return;
	c->watched = true;
	MHD_suspend_connection(c->mhd);
	if (epoll_ctl(c->server->handshakes->epoll, how, c->fd, &event) != 0)
		resume(c);
}

static ssize_t
pull(gnutls_transport_ptr_t arg, void *data, size_t len)
{
	struct http_connection *c = arg;
	ssize_t got = recv(c->fd, data, len, MSG_DONTWAIT);
	int why = errno;
	if (got >= 0)
		return got;
	if (why == EAGAIN && !c->secured)
		await_client(c);
	gnutls_transport_set_errno(c->session, why);
	return -1;
}

void
handshake_prepare(struct http_connection *c, gnutls_session_t session)
{
	gnutls_transport_ptr_t out, in;
	gnutls_transport_get_ptr2(session, &in, &out);
	c->session = session;
	gnutls_transport_set_ptr2(session, c, out);
	gnutls_transport_set_pull_function(session, pull);
}

static void *
run(void *arg)
{
	struct handshakes *handshakes = arg;
	for (;;) {
		struct epoll_event events[EVENTS_AT_A_TIME];
		int n = epoll_wait(handshakes->epoll, events, EVENTS_AT_A_TIME, -1);
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return NULL;
			resume(events[i].data.ptr);
		}
	}
}

static enum fas_code
open_files(struct handshakes *handshakes, struct fas_err *e)
{
	struct epoll_event event = {.events = EPOLLIN};
	handshakes->epoll = epoll_create1(EPOLL_CLOEXEC);
	handshakes->stop = eventfd(0, EFD_CLOEXEC);
	if (handshakes->epoll < 0 || handshakes->stop < 0 ||
	    epoll_ctl(handshakes->epoll, EPOLL_CTL_ADD, handshakes->stop, &event) != 0)
		return fas_fail_errno(e, "epoll");
	return FAS_OK;
}

static void
release(struct handshakes *handshakes)
{
	if (handshakes->epoll >= 0)
		(void)close(handshakes->epoll);
	if (handshakes->stop >= 0)
		(void)close(handshakes->stop);
	free(handshakes);
}

enum fas_code
handshakes_start(struct handshakes **out, struct fas_err *e)
{
	struct handshakes *handshakes = calloc(1, sizeof(*handshakes));
	if (!handshakes)
		return fas_fail_nomem(e);
	enum fas_code rc = open_files(handshakes, e);
	if (rc == FAS_OK && pthread_create(&handshakes->thread, NULL, run, handshakes) != 0)
		rc = fas_fail(e, FAS_E_IO, "io_error", "no thread for handshakes");
	if (rc != FAS_OK) {
		release(handshakes);
		return rc;
	}
	*out = handshakes;
	return FAS_OK;
}

void
handshakes_stop(struct handshakes *handshakes)
{
	const uint64_t one = 1;
	if (!handshakes)
		return;
	if (write(handshakes->stop, &one, sizeof(one)) != (ssize_t)sizeof(one))
		log_event(LOG_LEVEL_ERROR, "handshakes_stop", "message", "eventfd", NULL);
	pthread_join(handshakes->thread, NULL);
	release(handshakes);
}

void
handshakes_cut_off(struct http_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->cut_off = true;
	for (struct http_connection *c = server->connections; c; c = c->next) {
		if (c->waiting)
			(void)shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
}
