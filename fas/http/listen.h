/* Listening sockets that we bind ourselves, so that a daemon can be given up without giving up its port. */
#ifndef FAS_HTTP_LISTEN_H
#define FAS_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fas/base/err.h"

/* "127.0.0.1:8443" or "[::1]:8443"; numeric only.  Port 0 lets the kernel choose. */
bool http_address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);

/* Bind and listen, non-blocking.  FAS_E_CONFIG "listen_address" when it cannot be had, with the system's reason. */
MUST_CHECK enum fas_code http_listen(const char *text, int *fd, struct fas_err *e);

/*
 * A bound socket listens, whatever has been done to it: libmicrohttpd ends by shutting its socket down, which reaches all
 * who hold it; Linux lets such a socket listen anew.  FAS_E_IO when this one cannot.
 */
MUST_CHECK enum fas_code http_listen_again(int fd, struct fas_err *e);

/* The port that fd is bound to; 0 when it is no such socket. */
uint16_t http_listen_port(int fd);

/* Numeric address of a peer without its port; "" when unknown.  Returns out. */
#define HTTP_ADDRESS_MAX 48
const char *http_peer_format(const struct sockaddr *peer, char out[HTTP_ADDRESS_MAX]);

#endif
