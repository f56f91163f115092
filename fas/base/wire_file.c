/* An open file as part of a reply: what is too large for a message, and is read by whoever asked. */
#include "fas/base/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "fas/base/clock.h"

/* Room for one descriptor: more than one is cut off by the kernel, and closed. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static enum fas_code
await(int fd, short events, int timeout_ms, struct fas_err *e)
{
	int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
	for (;;) {
		int64_t left_us = until_us - clock_monotonic_us();
		struct pollfd p = {.fd = fd, .events = events};
		if (left_us <= 0)
			return fas_fail(e, FAS_E_TIMEOUT, "peer_timeout", "no answer in time");
		int ready = poll(&p, 1, (int)(left_us / 1000) + 1);
		if (ready > 0)
			return FAS_OK;
		if (ready < 0 && errno != EINTR)
			return fas_fail_errno(e, "poll");
	}
}

enum fas_code
wire_send_file(int fd, int file, int timeout_ms, struct fas_err *e)
{
	union control control;
	char octet = 0;
	struct iovec data = {.iov_base = &octet, .iov_len = 1};
	struct msghdr message = {.msg_iov = &data,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	memset(&control, 0, sizeof(control));
	control.header = (struct cmsghdr){
	    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(file))};
	memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	enum fas_code rc = await(fd, POLLOUT, timeout_ms, e);
	if (rc != FAS_OK)
		return rc;
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != 1)
		return fas_fail(e, FAS_E_UNAVAILABLE, "peer_away", "send: %s", strerror(errno));
	return FAS_OK;
}

enum fas_code
wire_receive_file(int fd, int *file, int timeout_ms, struct fas_err *e)
{
	union control control;
	char octet = 0;
	struct iovec data = {.iov_base = &octet, .iov_len = 1};
	struct msghdr message = {.msg_iov = &data,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	enum fas_code rc = await(fd, POLLIN, timeout_ms, e);
	if (rc != FAS_OK)
		return rc;
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "peer_away", "the peer closed before the file came");
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(*file)))
		return fas_fail(
		    e, FAS_E_INPUT, "wire_malformed", "a message that should carry a file");
	memcpy(file, CMSG_DATA(header), sizeof(*file));
	return FAS_OK;
}
