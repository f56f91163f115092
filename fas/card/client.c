#include "fas/card/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 5

static int64_t
now_ms(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- connection ---- */

static bool
make_address(const char *path, struct sockaddr_un *address)
{
	/* Not from the environment of a set-uid program: its caller would choose who answers. */
	if (!path)
		path = secure_getenv(CARD_SOCKET_VARIABLE);
	if (!path || !path[0])
		path = FAS_RUNSTATEDIR "/" CARD_SOCKET_NAME;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof(address->sun_path))
		return false;
	memcpy(address->sun_path, path, len + 1);
	return true;
}

/* A full backlog must not hold a foreign program for ever (unix(7): SO_SNDTIMEO bounds connect). */
static bool
connect_within(int fd, const struct sockaddr_un *address)
{
	const struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_S};
	int rc = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		return false;
	do
		rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	while (rc != 0 && errno == EINTR);
	return rc == 0;
}

/* Never one of the standard streams, which a program may have closed and will open anew. */
static int
open_socket(void)
{
	int low = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (low < 0 || low > STDERR_FILENO)
		return low;
	int fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(low);
	return fd;
}

/* Nobody there, or not for us; anything else (a full backlog, no descriptors left) passes. */
static enum card_outcome
why_not_connected(int error)
{
	bool away = error == ECONNREFUSED || error == ENOENT || error == ENOTDIR ||
		    error == EACCES || error == EPERM;
	return away ? CARD_NO_AGENT : CARD_TIMED_OUT;
}

static enum card_outcome
client_connect(struct card_client *client)
{
	struct sockaddr_un address;
	struct stat st;
	if (!make_address(client->path, &address))
		return CARD_NO_AGENT;
	int fd = open_socket();
	if (fd < 0)
		return CARD_TIMED_OUT;
	if (fstat(fd, &st) != 0 || !connect_within(fd, &address)) {
		enum card_outcome rc = why_not_connected(errno);
		(void)close(fd);
		return rc;
	}
	client->fd = fd;
	client->pid = getpid();
	client->inode = st.st_ino;
	return CARD_ANSWERED;
}

/* Daemons close whatever is open: the number may be another file's by now, which is neither used nor closed. */
static bool
fd_is_ours(const struct card_client *client)
{
	struct stat st;
	return client->fd >= 0 && client->pid != 0 && fstat(client->fd, &st) == 0 &&
	       S_ISSOCK(st.st_mode) && st.st_ino == client->inode;
}

void
card_client_close(struct card_client *client)
{
	if (fd_is_ours(client))
		(void)close(client->fd);
	client->fd = -1;
}

/* ---- one exchange ---- */

static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left = deadline_ms - now_ms();
		struct pollfd p = {.fd = fd, .events = events};
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready >= 0 || errno != EINTR)
			return ready > 0;
	}
}

static bool
is_transient(int error)
{
	return error == EAGAIN || error == EINTR;
}

static enum card_outcome
send_packet(int fd, const uint8_t *data, size_t len, int64_t deadline_ms)
{
	for (;;) {
		ssize_t put = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put >= 0)
			return (size_t)put == len ? CARD_ANSWERED : CARD_NONSENSE;
		if (!is_transient(errno))
			return CARD_NO_AGENT;
		if (errno == EAGAIN && !wait_for(fd, POLLOUT, deadline_ms))
			return CARD_TIMED_OUT;
	}
}

/* Descriptors that came along would be somebody's try to fill our table: no room is given for them. */
static enum card_outcome
receive_packet(int fd, uint8_t *buffer, size_t size, int64_t deadline_ms, size_t *len)
{
	for (;;) {
		ssize_t got = recv(fd, buffer, size, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
		if (got > 0 && (size_t)got <= size) {
			*len = (size_t)got;
			return CARD_ANSWERED;
		}
		if (got > 0)
			return CARD_NONSENSE;
		if (got == 0 || !is_transient(errno))
			return CARD_NO_AGENT;
		if (errno == EAGAIN && !wait_for(fd, POLLIN, deadline_ms))
			return CARD_TIMED_OUT;
	}
}

static enum card_outcome
exchange(struct card_client *client, const struct card_writer *w, size_t len, int64_t deadline_ms,
    uint8_t *buffer, size_t size, struct card_message *reply)
{
	size_t got = 0;
	enum card_op op = (enum card_op)(w->data[2] << 8 | w->data[3]);
	enum card_outcome rc = send_packet(client->fd, w->data, len, deadline_ms);
	if (rc == CARD_ANSWERED)
		rc = receive_packet(client->fd, buffer, size, deadline_ms, &got);
	if (rc == CARD_ANSWERED && !card_read_reply(buffer, got, op, reply))
		rc = CARD_NONSENSE;
	return rc;
}

static enum card_outcome
call(struct card_client *client, const struct card_writer *w, size_t len, unsigned int flags,
    int64_t deadline_ms, uint8_t *buffer, size_t size, struct card_message *reply)
{
	if (client->pid != getpid() || !fd_is_ours(client))
		card_client_close(client);
	bool kept = client->fd >= 0;
	if (kept) {
		enum card_outcome rc = exchange(client, w, len, deadline_ms, buffer, size, reply);
		if (rc != CARD_NO_AGENT || (flags & CARD_CALL_KEPT))
			return rc;
		card_client_close(client);
	}
	enum card_outcome rc = flags & CARD_CALL_KEPT ? CARD_NO_AGENT : client_connect(client);
	return rc == CARD_ANSWERED ? exchange(client, w, len, deadline_ms, buffer, size, reply)
				   : rc;
}

enum card_outcome
card_client_call(struct card_client *client, struct card_writer *w, unsigned int flags,
    int timeout_ms, uint8_t *buffer, size_t size, struct card_message *reply)
{
	int saved = errno;
	size_t len = card_write_end(w);
	enum card_outcome rc = CARD_NONSENSE;
	if (len > 0)
		rc = call(client, w, len, flags, now_ms() + timeout_ms, buffer, size, reply);
	if (rc != CARD_ANSWERED) {
		reply->n = 0;
		card_client_close(client);
	}
	errno = saved;
	return rc;
}
