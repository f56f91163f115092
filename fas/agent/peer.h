/*
 * Who calls at the local socket: the kernel's word for uid and process, and what /proc says of the process now.  A process
 * id alone is nothing: it is the same process only while its start time is the same.
 */
#ifndef FAS_AGENT_PEER_H
#define FAS_AGENT_PEER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct peer {
	pid_t pid;
	uid_t uid;
	uint64_t started; /* /proc/PID/stat, field 22 */
};

/* The process as it is at this moment. */
struct peer_look {
	int exe; /* O_PATH descriptor of what it runs; -1 = none */
	char path
	    [PATH_MAX]; /* where that lies, as this process sees it; "" when it cannot be told */
};

/* From SO_PEERCRED.  FAS_E_AUTH "peer_unknown" when the process is gone, or was another one. */
MUST_CHECK enum fas_code peer_read(int fd, struct peer *out, struct fas_err *e);

/*
 * Before each operation: the packet's sender is the one that connected, it is still that process, and nobody traces it.
 * FAS_E_AUTH "peer_changed", "peer_gone"; FAS_E_DENIED "peer_traced".
 */
MUST_CHECK enum fas_code peer_check(
    const struct peer *peer, const struct ucred *sender, struct fas_err *e);
/* What it runs.  FAS_E_AUTH "peer_gone". */
MUST_CHECK enum fas_code peer_see(
    const struct peer *peer, struct peer_look *out, struct fas_err *e);
void peer_look_done(struct peer_look *look);

DEFINE_OWN_IN_PLACE(peer_look, struct peer_look, peer_look_done);

#endif
