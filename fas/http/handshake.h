/*
 * Handshakes that wait for their client cost nothing.
 *
 * libmicrohttpd 0.9.75 under epoll does not notice that a TLS handshake has run out of bytes: it tries again, at once and
 * for ever, so that one client that sends half a ClientHello keeps a processor busy.  Here the session reads through a
 * function of ours; when nothing is there, the connection is suspended, and one thread resumes it when bytes come.
 */
#ifndef FAS_HTTP_HANDSHAKE_H
#define FAS_HTTP_HANDSHAKE_H

#include <gnutls/gnutls.h>

#include "fas/http/internal.h"

struct handshakes;

MUST_CHECK enum fas_code handshakes_start(struct handshakes **out, struct fas_err *e);
/* No connection is suspended by us any more. */
void handshakes_stop(struct handshakes *handshakes);

/* At the start of a connection; its mhd and fd are set. */
void handshake_prepare(struct http_connection *connection, gnutls_session_t session);

/*
 * The end is near: whoever waits is cut off, and nobody is suspended again.  Called once, with the server's lock not
 * held; server->suspended goes down as they are resumed.
 */
void handshakes_cut_off(struct http_server *server);

#endif
