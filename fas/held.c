#include "fas/held.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fas/base/macros.h"
#include "fas/base/notify.h"
#include "fas/base/text.h"
#include "fas/http/listen.h"

#define FIRST 3 /* sd_listen_fds(3) */
#define HELD_MAX NOTIFY_FDS_MAX
#define NAME "FDNAME=listener"

static int held[HELD_MAX]; /* -1: taken */
static size_t n_held;

void
held_init(void)
{
	uint64_t pid = 0, n = 0;
	const char *whose = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	bool ours = whose && count && parse_uint(whose, 1, INT32_MAX, &pid) &&
		    pid == (uint64_t)getpid() && parse_uint(count, 1, HELD_MAX, &n);
	for (n_held = 0; ours && n_held < n; n_held++) {
		int fd = FIRST + (int)n_held;
		bool usable =
		    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
		held[n_held] = usable ? fd : -1;
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

static bool
is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct sockaddr_in v4[2];
	struct sockaddr_in6 v6[2];
	if (a->ss_family != b->ss_family)
		return false;
	memcpy(&v4[0], a, sizeof(v4[0]));
	memcpy(&v4[1], b, sizeof(v4[1]));
	memcpy(&v6[0], a, sizeof(v6[0]));
	memcpy(&v6[1], b, sizeof(v6[1]));
	if (a->ss_family == AF_INET)
		return v4[0].sin_port == v4[1].sin_port &&
		       v4[0].sin_addr.s_addr == v4[1].sin_addr.s_addr;
	return a->ss_family == AF_INET6 && v6[0].sin6_port == v6[1].sin6_port &&
	       memcmp(&v6[0].sin6_addr, &v6[1].sin6_addr, sizeof(v6[0].sin6_addr)) == 0;
}

/* One that listens no more was shut down by a life that was killed before it had it listen again (http_server_stop). */
static bool
listens_at(int fd, const struct sockaddr_storage *address)
{
	struct sockaddr_storage bound = {0};
	socklen_t len = sizeof(bound);
	struct fas_err e = {0};
	return fd >= 0 && getsockname(fd, (struct sockaddr *)&bound, &len) == 0 &&
	       is_same(&bound, address) && http_listen_again(fd, &e) == FAS_OK;
}

enum fas_code
held_listen(const char *address, int *fd, struct fas_err *e)
{
	struct sockaddr_storage wanted;
	socklen_t len;
	bool known = http_address_parse(address, &wanted, &len);
	for (size_t i = 0; known && i < n_held; i++) {
		if (listens_at(held[i], &wanted)) {
			*fd = held[i];
			held[i] = -1;
			return FAS_OK;
		}
	}
	return http_listen(address, fd, e);
}

void
held_give_up(void)
{
	notify_manager("FDSTOREREMOVE=1\n" NAME);
	for (size_t i = 0; i < n_held; i++) {
		if (held[i] >= 0)
			(void)close(held[i]);
	}
	n_held = 0;
}

void
held_keep(const int *fds, size_t n)
{
	held_give_up();
	if (n > 0)
		notify_manager_fds("FDSTORE=1\n" NAME, fds, n < HELD_MAX ? n : HELD_MAX);
}
