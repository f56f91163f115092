#include "ldap/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>

#include "fas/base/clock.h"
#include "fas/base/own.h"

#define WAIT_MAX_US (INT64_C(3600) * 1000000)

int
milliseconds_until(int64_t deadline_us)
{
	int64_t left_us = deadline_us - clock_monotonic_us();
	if (left_us < 1)
		left_us = 1;
	if (left_us > WAIT_MAX_US)
		left_us = WAIT_MAX_US;
	return (int)((left_us + 999) / 1000);
}

/* Wait for a connect that is under way; errno tells why not. */
static bool
connect_finishes(int fd, int64_t deadline_us)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);
	if (poll(&p, 1, milliseconds_until(deadline_us)) != 1) {
		errno = ETIMEDOUT;
		return false;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return false;
	errno = error;
	return error == 0;
}

static bool
set_socket_options(int fd)
{
	int on = 1;
	return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static int
connect_one(const struct address *to, int64_t deadline_us)
{
	OWN(fd) int fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to->addr, to->len) != 0 &&
	    (errno != EINPROGRESS || !connect_finishes(fd, deadline_us)))
		return -1;
	if (!set_socket_options(fd))
		return -1;
	int connected = fd;
	fd = -1;
	return connected;
}

int
connect_addresses(const struct address *addresses, size_t n, int64_t deadline_us)
{
	errno = EHOSTUNREACH;
	for (size_t i = 0; i < n; i++) {
		int64_t now_us = clock_monotonic_us();
		int64_t part_us = (deadline_us - now_us) / (int64_t)(n - i);
		int fd = connect_one(&addresses[i], now_us + part_us);
		if (fd >= 0)
			return fd;
	}
	return -1;
}
