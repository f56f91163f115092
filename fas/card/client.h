/*
 * The calling end of the card protocol, for programs that are not ours: libc only, no threads, no signals (no SIGPIPE), no
 * descriptor that a child would inherit by exec.
 *
 * A client is one connection and is used by one thread at a time.  The agent knows a caller by the kernel's credentials at
 * connect, so a connection is never used by another process than the one that made it: after a fork the child's first
 * call closes its copy and connects anew.
 */
#ifndef FAS_CARD_CLIENT_H
#define FAS_CARD_CLIENT_H

#include <sys/types.h>

#include "fas/card/wire.h"

/* How long a caller waits; the agent answers within them, its own deadlines are shorter. */
#define CARD_QUICK_MS 5000
#define CARD_OBJECTS_MS 30000 /* fetch on first use */
#define CARD_SIGN_MS 150000   /* consent: a person is asked for up to 120 s */

struct card_client {
	const char *path; /* borrowed; NULL: FAS_AGENT_SOCKET, else the installed one */
	int fd;           /* -1: not connected */
	pid_t pid;
	ino_t inode; /* of the socket: the number may have become another file's */
};

/* What became of a call.  Anything but ANSWERED leaves the client unconnected. */
enum card_outcome {
	CARD_ANSWERED = 0,  /* the reply's code is a status, maybe a refusal */
	CARD_NO_AGENT = 1,  /* nobody listens, or the agent closed before it answered */
	CARD_TIMED_OUT = 2, /* no answer or connection for now: says nothing about cards */
	CARD_NONSENSE = 3 /* what came was no reply to this, or the request itself was not whole */
};

/* A flag: only on the connection as it stands, since the agent holds state of it (a hash). */
#define CARD_CALL_KEPT 1u

#define CARD_CLIENT_NONE ((struct card_client){.fd = -1})

/*
 * Send what w holds and wait for the reply, which points into buffer; this may be the request's own buffer.
 * A kept connection that the agent has closed meanwhile is made anew once, unless CARD_CALL_KEPT.
 * Interrupted system calls are resumed; errno is kept.
 */
MUST_CHECK enum card_outcome card_client_call(struct card_client *client, struct card_writer *w,
    unsigned int flags, int timeout_ms, uint8_t *buffer, size_t size, struct card_message *reply);
/* Also for a client that was never connected.  Of a parent's connection only the copy is closed. */
void card_client_close(struct card_client *client);

#endif
