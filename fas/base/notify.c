#include "fas/base/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fas/base/own.h"

/* NOTIFY_SOCKET; false when nobody is to be told. */
static bool
find_manager(struct sockaddr_un *address, socklen_t *len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;
	if (n < 2 || n >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, n);
	if (path[0] == '@') /* the abstract namespace */
		address->sun_path[0] = 0;
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

void
notify_manager_fds(const char *state, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct sockaddr_un address;
	socklen_t len = 0;
	if (n > NOTIFY_FDS_MAX || !find_manager(&address, &len))
		return;
	struct iovec text = {.iov_base = (void *)(uintptr_t)state, .iov_len = strlen(state)};
	struct msghdr message = {
	    .msg_name = &address, .msg_namelen = len, .msg_iov = &text, .msg_iovlen = 1};
	if (n > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(n * sizeof(int))};
		memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	}
	OWN(fd) int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s >= 0)
		(void)!sendmsg(s, &message, MSG_NOSIGNAL);
}

void
notify_manager(const char *state)
{
	notify_manager_fds(state, NULL, 0);
}
