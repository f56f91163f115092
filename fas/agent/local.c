#include "fas/agent/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fas/agent/call.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

#define BACKLOG 128
#define CONNECTIONS_MAX 1024
#define CONNECTIONS_OF_UID 64
#define AT_WORK_OF_UID 4 /* of the workers: what one user does never holds up the others */
#define ACCEPTS_MAX 32   /* in one go */

/* A request under way; big, so it is there only while one is. */
struct request {
	struct job job;
	struct connection *c;
	struct ucred sender;
	struct call call;
	size_t len;
	uint8_t in[CARD_MESSAGE_MAX];
	uint8_t out[CARD_MESSAGE_MAX];
};

struct connection {
	struct local *local;
	struct connection *next;
	int fd;
	struct peer peer;
	struct call_hash hash; /* only whoever works for it */
	bool at_work;          /* under local's lock */
	bool held;             /* something is there to be read, and has to wait */
	bool waiting;          /* WAIT */
	uint64_t seen;
	int64_t wait_until_us;
};

struct local {
	struct daemon *d;
	int listener;
	char path[PATH_MAX];
	struct connection *list;
	size_t n;
	pthread_mutex_t lock;
};

/* A pointer's lowest bits are free. */
static uint64_t
tag_of(const struct connection *c)
{
	return (uint64_t)(uintptr_t)c | LOOP_CONNECTION;
}

static void
arm(struct connection *c, uint32_t events)
{
	struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = tag_of(c)};
	(void)epoll_ctl(c->local->d->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void
close_connection(struct connection *c)
{
	struct connection **at = &c->local->list;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->local->n--;
	EVP_MD_CTX_free(c->hash.ctx);
	(void)close(c->fd);
	free(c);
}

/* ---- requests ---- */

static void
request_free(struct request *r)
{
	secret_wipe(r->in, r->len);
	secret_wipe(r->out, r->call.w.len);
	free(r);
}

/* From a worker: the reply goes out, and the connection may be read again.  Nothing of it is touched behind that. */
static void
finish(struct request *r, size_t len)
{
	struct connection *c = r->c;
	struct local *local = c->local;
	bool sent =
	    len > 0 && send(c->fd, r->out, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
	r->call.w.len = len;
	if (!sent)
		(void)shutdown(c->fd, SHUT_RDWR); /* the loop sees the end */
	request_free(r);
	(void)pthread_mutex_lock(&local->lock);
	c->at_work = false;
	arm(c, EPOLLIN);
	(void)pthread_mutex_unlock(&local->lock);
	sessions_wake(&local->d->sessions);
}

static size_t
refuse_busy(struct request *r)
{
	struct fas_err e = {0};
	return card_write_refusal(r->out, sizeof(r->out), CARD_STATUS_BUSY, "busy",
	    call_sentence(CARD_STATUS_BUSY, &e), r->call.correlation);
}

static void
run_request(struct job *job)
{
	struct request *r = (struct request *)job;
	size_t len = call_run(&r->call, &r->sender, r->out, sizeof(r->out));
	if (r->call.wants_person && !r->call.may_ask) {
		r->call.may_ask = true;
		if (daemon_push(r->call.d->askers, &r->job))
			return;
		len = refuse_busy(r);
	}
	finish(r, len);
}

/* The packet and who sent it, by the kernel's word. */
static bool
receive(struct connection *c, struct request *r)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	struct iovec part = {.iov_base = r->in, .iov_len = sizeof(r->in)};
	struct msghdr message = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t got = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got <= 0)
		return false;
	r->len = (size_t)got;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || !head ||
	    head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&r->sender, CMSG_DATA(head), sizeof(r->sender));
	return true;
}

static void
refuse_malformed(struct connection *c)
{
	uint8_t out[512];
	struct fas_err e = {0};
	size_t len = card_write_refusal(out, sizeof(out), CARD_STATUS_MALFORMED, "malformed",
	    call_sentence(CARD_STATUS_MALFORMED, &e), NULL);
	if (len > 0)
		(void)send(c->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close_connection(c);
}

static size_t
at_work_of(struct local *local, uid_t uid)
{
	size_t n = 0;
	for (const struct connection *c = local->list; c; c = c->next)
		n += c->at_work && c->peer.uid == uid;
	return n;
}

/* ---- WAIT ---- */

static void
answer_wait(struct connection *c, uint64_t generation)
{
	uint8_t out[64];
	struct card_writer w;
	card_write_begin(&w, out, sizeof(out), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, generation);
	size_t len = card_write_end(&w);
	c->waiting = false;
	if (len == 0 || send(c->fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		(void)shutdown(c->fd, SHUT_RDWR);
	arm(c, EPOLLIN);
}

static uint64_t
generation_of(const struct connection *c)
{
	struct sessions *sessions = &c->local->d->sessions;
	sessions_lock(sessions);
	uint64_t generation = sessions_generation(sessions, c->peer.uid);
	sessions_unlock(sessions);
	return generation;
}

static void
look_at_wait(struct connection *c, int64_t now_us)
{
	uint64_t generation = generation_of(c);
	if (generation != c->seen || now_us >= c->wait_until_us)
		answer_wait(c, generation);
}

static void
begin_wait(struct connection *c, const struct card_message *m)
{
	c->waiting = true;
	c->seen = card_number(m, CARD_TAG_GENERATION);
	c->wait_until_us = clock_monotonic_us() + (int64_t)card_number(m, CARD_TAG_TIMEOUT) * 1000;
	arm(c, EPOLLRDHUP); /* only its end is looked for meanwhile */
	look_at_wait(c, clock_monotonic_us());
}

/* ---- events ---- */

static void
push(struct connection *c, struct request *r)
{
	struct daemon *d = c->local->d;
	r->job.run = run_request;
	r->c = c;
	r->call.d = d;
	r->call.peer = c->peer;
	r->call.hash = &c->hash;
	(void)pthread_mutex_lock(&c->local->lock);
	c->at_work = true;
	(void)pthread_mutex_unlock(&c->local->lock);
	if (!daemon_push(d->workers, &r->job))
		finish(r, refuse_busy(r));
}

/* The workers' queue has room, and this user has not had its part of them. */
static bool
has_turn(struct connection *c)
{
	struct local *local = c->local;
	struct workers_load load = workers_load(local->d->workers);
	(void)pthread_mutex_lock(&local->lock);
	bool turn = load.waiting < load.queue_max &&
		    (c->peer.uid == 0 || at_work_of(local, c->peer.uid) < AT_WORK_OF_UID);
	(void)pthread_mutex_unlock(&local->lock);
	return turn;
}

/* A request is there: read it if there is room for its work, else leave it where it is. */
static void
read_request(struct connection *c)
{
	c->held = !has_turn(c);
	if (c->held)
		return;
	struct request *r = malloc(sizeof(*r));
	if (!r) {
		close_connection(c);
		return;
	}
	memset(r, 0, offsetof(struct request, in));
	bool received = receive(c, r);
	if (received && card_read_request(r->in, r->len, &r->call.m)) {
		if (r->call.m.code == CARD_OP_WAIT) {
			begin_wait(c, &r->call.m);
			request_free(r);
		} else {
			push(c, r);
		}
		return;
	}
	request_free(r);
	if (received)
		refuse_malformed(c);
	else
		close_connection(c);
}

void
local_event(uint64_t value, uint32_t events)
{
	struct connection *c = (struct connection *)(uintptr_t)value;
	if (c->waiting || !(events & EPOLLIN)) {
		close_connection(c);
		return;
	}
	read_request(c);
}

void
local_look_again(struct local *local)
{
	int64_t now_us = clock_monotonic_us();
	for (struct connection *c = local->list; c; c = c->next) {
		if (c->waiting)
			look_at_wait(c, now_us);
		if (c->held) {
			c->held = false;
			arm(c, EPOLLIN);
		}
	}
}

/* ---- connections ---- */

static bool
has_room(const struct local *local, uid_t uid)
{
	size_t n = 0;
	for (const struct connection *c = local->list; c; c = c->next)
		n += c->peer.uid == uid;
	return local->n < CONNECTIONS_MAX && (uid == 0 || n < CONNECTIONS_OF_UID);
}

static bool
add(struct local *local, int fd)
{
	struct fas_err e = {0};
	struct peer peer;
	if (peer_read(fd, &peer, &e) != FAS_OK || !has_room(local, peer.uid))
		return false;
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return false;
	*c = (struct connection){.local = local, .fd = fd, .peer = peer, .next = local->list};
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = tag_of(c)};
	if (epoll_ctl(local->d->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		free(c);
		return false;
	}
	local->list = c;
	local->n++;
	return true;
}

void
local_accept(struct local *local)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(local->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (!add(local, fd))
			(void)close(fd);
	}
}

size_t
local_connections(struct local *local)
{
	return local->n;
}

/* An old socket is replaced; one that somebody serves is not. */
static enum fas_code
bind_at(int fd, const char *path, struct fas_err *e)
{
	const int on = 1; /* connections inherit it: no packet comes before it is set */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	if (strlen(path) >= sizeof(address.sun_path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "socket: %s is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	OWN(fd) int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (probe >= 0 && connect(probe, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fas_fail(
		    e, FAS_E_CONFLICT, "socket_in_use", "%s is served by another fas-agent", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0)
		return fas_fail_errno(e, "%s", path);
	return FAS_OK;
}

static enum fas_code
make_folder(const char *path, struct fas_err *e)
{
	char folder[PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return FAS_OK;
	*slash = 0;
	if (mkdir(folder, 0755) == 0)
		return chmod(folder, 0755) == 0 ? FAS_OK : fas_fail_errno(e, "%s", folder);
	return errno == EEXIST ? FAS_OK : fas_fail_errno(e, "%s", folder);
}

enum fas_code
local_start(struct daemon *d, struct local **out, struct fas_err *e)
{
	struct local *local = calloc(1, sizeof(*local));
	if (!local)
		return fas_fail_nomem(e);
	local->d = d;
	(void)pthread_mutex_init(&local->lock, NULL);
	(void)snprintf(local->path, sizeof(local->path), "%s", d->config.socket);
	local->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = LOOP_LISTENER};
	enum fas_code rc =
	    local->listener < 0 ? fas_fail_errno(e, "socket") : make_folder(local->path, e);
	if (rc == FAS_OK)
		rc = bind_at(local->listener, local->path, e);
	if (rc == FAS_OK && epoll_ctl(d->epoll, EPOLL_CTL_ADD, local->listener, &event) != 0)
		rc = fas_fail_errno(e, "epoll");
	if (rc != FAS_OK) {
		local->path[0] = 0; /* it is not ours */
		local_stop(local);
		return rc;
	}
	*out = local;
	return FAS_OK;
}

void
local_quiesce(struct local *local)
{
	own_fd(&local->listener);
	local->listener = -1;
	if (local->path[0])
		(void)unlink(local->path);
	local->path[0] = 0;
}

void
local_stop(struct local *local)
{
	local_quiesce(local);
	while (local->list)
		close_connection(local->list);
	(void)pthread_mutex_destroy(&local->lock);
	free(local);
}
