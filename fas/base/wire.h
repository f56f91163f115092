/*
 * Messages between our own processes over unix sockets: a 4-byte big-endian length, then one JSON
 * object.
 *
 * A request has a member "op"; a reply is an object of results, or {"error": {"code", "reason",
 * "message"}}, which carries a struct fas_err across.  The other end is known by the kernel's word
 * (wire_peer), never by the message.
 */
#ifndef FAS_BASE_WIRE_H
#define FAS_BASE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "fas/base/err.h"

#define WIRE_MESSAGE_MAX (1024 * 1024)

struct wire_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	uid_t login_uid; /* /proc/PID/loginuid; (uid_t)-1 when there is none: for the record only */
};

/* A listening socket at path with this mode; an old socket there is replaced.  Close it with
 * close(). */
MUST_CHECK enum fas_code wire_listen(const char *path, mode_t mode, int *fd, struct fas_err *e);
/* FAS_E_UNAVAILABLE "peer_away" when nobody listens there. */
MUST_CHECK enum fas_code wire_connect(const char *path, int *fd, struct fas_err *e);
MUST_CHECK enum fas_code wire_peer(int fd, struct wire_peer *out, struct fas_err *e);

/* timeout_ms bounds the whole message.  FAS_E_TIMEOUT "peer_timeout"; FAS_E_UNAVAILABLE
 * "peer_away". */
MUST_CHECK enum fas_code wire_send(int fd, json_t *message, int timeout_ms, struct fas_err *e);
/*
 * timeout_ms < 0 waits for the first byte without limit (an idle server connection), then 5 s for
 * the rest. A clean end before the first byte is FAS_E_NOTFOUND "peer_closed".  max_bytes <=
 * WIRE_MESSAGE_MAX. FAS_E_INPUT "wire_malformed": length 0 or above max_bytes, no JSON object,
 * duplicate members.
 */
MUST_CHECK enum fas_code wire_receive(
    int fd, size_t max_bytes, int timeout_ms, json_t **out, struct fas_err *e);

/* {"error": {...}} of e; a new reference. */
json_t *wire_error(const struct fas_err *e);
/* If reply is an error, put it into e and return its code. */
MUST_CHECK enum fas_code wire_check(const json_t *reply, struct fas_err *e);

/*
 * An open file goes to the peer behind a message (unix(7), SCM_RIGHTS): one octet that carries it.  The sender keeps its
 * own descriptor.  What is received is closed on exec.  FAS_E_INPUT "wire_malformed": an octet without a file.
 */
MUST_CHECK enum fas_code wire_send_file(int fd, int file, int timeout_ms, struct fas_err *e);
MUST_CHECK enum fas_code wire_receive_file(int fd, int *file, int timeout_ms, struct fas_err *e);

/*
 * Tell a peer that is not going to be answered why.  What it sends meanwhile is thrown away unread, up to a bound and
 * for half a second: closing with its bytes unread would tear the reason away from it.
 */
void wire_refuse(int fd, const struct fas_err *why);

/* Connect, send, receive, close, check: for commands that ask once. */
MUST_CHECK enum fas_code wire_ask(
    const char *path, json_t *request, int timeout_ms, json_t **reply, struct fas_err *e);

#endif
