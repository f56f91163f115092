#include "fas/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define BACKLOG 1024
#define LITERAL_MAX 64

/* "[v6]" or "v4" in front of the last colon, without the brackets; false when the brackets do not match. */
static bool
cut_literal(const char *text, const char *colon, char out[LITERAL_MAX], bool *v6)
{
	size_t len = (size_t)(colon - text);
	*v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (*v6) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= LITERAL_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = 0;
	return true;
}

bool
http_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	char literal[LITERAL_MAX];
	uint64_t port;
	bool v6;
	const char *colon = strrchr(text, ':');
	if (!colon || !parse_uint(colon + 1, 0, 65535, &port) ||
	    !cut_literal(text, colon, literal, &v6))
		return false;
	memset(out, 0, sizeof(*out));
	if (v6) {
		struct sockaddr_in6 in6 = {
		    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
		if (inet_pton(AF_INET6, literal, &in6.sin6_addr) != 1)
			return false;
		memcpy(out, &in6, sizeof(in6));
		*len = sizeof(in6);
		return true;
	}
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, literal, &in.sin_addr) != 1)
		return false;
	memcpy(out, &in, sizeof(in));
	*len = sizeof(in);
	return true;
}

enum fas_code
http_listen(const char *text, int *fd, struct fas_err *e)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int on = 1;
	if (!http_address_parse(text, &address, &len))
		return fas_fail(e, FAS_E_CONFIG, "listen_address",
		    "\"%s\" is no address:port or [v6]:port", text);
	OWN(fd) int s = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return fas_fail(e, FAS_E_CONFIG, "listen_address", "%s: %s", text, strerror(errno));
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* [::]:443 and 0.0.0.0:443 stand side by side: each says what it means. */
	if (address.ss_family == AF_INET6)
		(void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(s, (const struct sockaddr *)&address, len) != 0 || listen(s, BACKLOG) != 0)
		return fas_fail(e, FAS_E_CONFIG, "listen_address", "%s: %s", text, strerror(errno));
	*fd = s;
	s = -1;
	return FAS_OK;
}

enum fas_code
http_listen_again(int fd, struct fas_err *e)
{
	return listen(fd, BACKLOG) == 0 ? FAS_OK : fas_fail_errno(e, "listening again");
}

uint16_t
http_listen_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = {0};
	socklen_t len = sizeof(address);
	if (getsockname(fd, &address.any, &len) != 0)
		return 0;
	return ntohs(
	    address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

const char *
http_peer_format(const struct sockaddr *peer, char out[HTTP_ADDRESS_MAX])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	out[0] = 0;
	if (peer && peer->sa_family == AF_INET) {
		memcpy(&in, peer, sizeof(in));
		(void)inet_ntop(AF_INET, &in.sin_addr, out, HTTP_ADDRESS_MAX);
	} else if (peer && peer->sa_family == AF_INET6) {
		memcpy(&in6, peer, sizeof(in6));
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, out, HTTP_ADDRESS_MAX);
	}
	return out;
}
