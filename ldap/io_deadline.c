#include "ldap/io_deadline.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "fas/base/clock.h"

#define LEVEL (LBER_SBIOD_LEVEL_PROVIDER + 5) /* above the socket, below TLS (20) and SASL (30) */

static int
layer_setup(Sockbuf_IO_Desc *layer, void *deadline)
{
	layer->sbiod_pvt = deadline;
	return 0;
}

static int
layer_remove(Sockbuf_IO_Desc *layer)
{
	layer->sbiod_pvt = NULL;
	return 0;
}

static int
layer_control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
	return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

/* ETIMEDOUT, unlike EAGAIN, is an error to every layer above. */
static bool
wait_for(const struct io_deadline *deadline, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left_us = deadline->at_us - clock_monotonic_us();
	int ready = poll(&p, 1, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready == 1 || (ready < 0 && errno == EINTR);
}

static int
socket_of(const Sockbuf_IO_Desc *layer)
{
	int fd = -1;
	return ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &fd) == 1 ? fd : -1;
}

/* May the call that has just failed be repeated: because the socket is ready now, or was only interrupted? */
static bool
may_repeat(const struct io_deadline *deadline, int fd, short events)
{
	if (errno == EINTR)
		return true;
	return errno == EAGAIN && wait_for(deadline, fd, events);
}

/* Tried before it is waited for: mostly it is there, and what is there may be taken even when time is up. */
static ber_slen_t
layer_read(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t len)
{
	const struct io_deadline *deadline = layer->sbiod_pvt;
	int fd = socket_of(layer);
	ssize_t got;
	do
		got = recv(fd, bytes, len, MSG_DONTWAIT);
	while (got < 0 && may_repeat(deadline, fd, POLLIN));
	return got;
}

/* All of it or an error: not every layer above goes on behind a part. */
static ber_slen_t
layer_write(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t len)
{
	const struct io_deadline *deadline = layer->sbiod_pvt;
	const uint8_t *at = bytes;
	int fd = socket_of(layer), flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	flags |= deadline->more ? MSG_MORE : 0;
	for (ber_len_t left = len; left > 0;) {
		ssize_t sent = send(fd, at, left, flags);
		if (sent < 0 && !may_repeat(deadline, fd, POLLOUT))
			return -1;
		at += sent > 0 ? sent : 0;
		left -= sent > 0 ? (ber_len_t)sent : 0;
	}
	return (ber_slen_t)len;
}

static int
layer_close(Sockbuf_IO_Desc *layer)
{
	(void)layer;
	return 0;
}

bool
io_deadline_install(Sockbuf *sb, struct io_deadline *deadline)
{
	static Sockbuf_IO io = {.sbi_setup = layer_setup,
	    .sbi_remove = layer_remove,
	    .sbi_ctrl = layer_control,
	    .sbi_read = layer_read,
	    .sbi_write = layer_write,
	    .sbi_close = layer_close};
	return ber_sockbuf_add_io(sb, &io, LEVEL, deadline) == 0 &&
	       ber_sockbuf_add_io(sb, &ber_sockbuf_io_readahead, LEVEL + 1, NULL) == 0;
}
