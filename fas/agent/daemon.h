/*
 * fas-agent run: what its parts share.
 *
 *     loop       daemon.c   one thread: sockets, logins that end, signals, time
 *     workers    work.c     a few threads: whatever waits for somebody else or costs a signature's time
 *     keeper.c   what is due: leases, renewals, sessions that have ended, servers that were away
 */
#ifndef FAS_AGENT_DAEMON_H
#define FAS_AGENT_DAEMON_H

#include <stdatomic.h>

#include "fas/agent/servers.h"
#include "fas/agent/sessions.h"
#include "fas/agent/spare.h"
#include "fas/agent/upstream.h"
#include "fas/http/workers.h"

struct local;

/*
 * What an event of the loop is about, in epoll's u64: the kind in the lowest bits, and above them a pointer of ours or a
 * card's number.
 */
enum loop_kind { LOOP_LISTENER, LOOP_WAKE, LOOP_SIGNALS, LOOP_CONNECTION, LOOP_LEADER };
#define LOOP_KIND_BITS 3
#define LOOP_KIND_MASK 7U

/* Work for a thread; embedded in what it is about. */
struct job {
	void (*run)(struct job *job);
};

struct daemon {
	struct agent_config config;
	struct upstream up;
	struct servers servers;
	struct sessions sessions;
	struct spare spare;
	struct workers *workers; /* run jobs */
	struct workers *askers;  /* run jobs that wait for a person */
	struct local *local;
	atomic_uint credential; /* raised when the machine's certificate is a new one */
	atomic_bool spare_busy, machine_busy, probe_busy, discover_busy;
	_Atomic int64_t machine_due_s;
	int64_t discover_due_us;
	int64_t tick_us; /* of the keeper, the last one */
	atomic_bool stopping;
	int epoll, wake, signals;
};

/* Runs until SIGTERM or SIGINT; ready: called once when callers are served. */
MUST_CHECK enum fas_code daemon_run(
    const struct agent_config *config, void (*ready)(void), struct fas_err *e);

/* Hand over a job if there is room for it. */
bool daemon_push(struct workers *workers, struct job *job);

#endif
