/* A door: connections handed through a pair of sockets (unix(7), SCM_RIGHTS), each whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "ca/pkcs11_parts.h"

/* A control message of one descriptor, aligned as the kernel wants it. */
union one_descriptor {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

enum fas_code
door_make(int *signer, int *child, struct fas_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return fas_fail_errno(e, "socketpair");
	*signer = pair[0];
	*child = pair[1];
	return FAS_OK;
}

enum fas_code
door_pass(int door, int fd, struct fas_err *e)
{
	char knock = 'c';
	struct iovec io = {&knock, 1};
	union one_descriptor control = {0};
	struct msghdr message = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	control.header = (struct cmsghdr){
	    .cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ssize_t sent;
	do
		sent = sendmsg(door, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent == 1)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "token_away",
	    "the token's process takes no request: %s", strerror(errno));
}

/* 1: a connection; 0: nothing that is one; -1: none yet (EAGAIN), or the door is closed (errno 0). */
static int
receive(int door, int *fd)
{
	char knock = 0;
	struct iovec io = {&knock, 1};
	union one_descriptor control = {0};
	struct msghdr message = {.msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t got = recvmsg(door, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0)
		return errno == EINTR ? 0 : -1;
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (got == 0 && !header) {
		errno = 0;
		return -1;
	}
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(*fd)))
		return 0;
	memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return 1;
}

enum fas_code
door_take(int door, int timeout_ms, int *fd, struct fas_err *e)
{
	for (;;) { /* ends with the first connection, the limit or the door */
		struct pollfd p = {.fd = door, .events = POLLIN};
		int ready = poll(&p, 1, timeout_ms);
		if (ready == 0)
			return fas_fail(e, FAS_E_TIMEOUT, "door_timeout", "nobody has come");
		if (ready < 0 && errno != EINTR)
			return fas_fail_errno(e, "poll");
		int got = ready < 0 ? 0 : receive(door, fd);
		if (got > 0)
			return FAS_OK;
		if (got < 0 && errno != EAGAIN)
			return fas_fail(e, FAS_E_NOTFOUND, "door_closed", "the signer has ended");
	}
}
