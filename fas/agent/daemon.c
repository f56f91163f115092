#include "fas/agent/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fas/agent/chores.h"
#include "fas/agent/keeper.h"
#include "fas/agent/link.h"
#include "fas/agent/local.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/notify.h"

#define WORKERS 8
#define QUEUE 256
#define ASKERS 16
#define ASKERS_QUEUE 16
#define EVENTS_MAX 64
#define STOP_US                                                                                    \
	(8LL * 1000000) /* for telling the service; what is left is told at the next start */
#define TICK_LEAST_MS 50

static void
run_job(void *arg)
{
	struct job *job = arg;
	job->run(job);
}

bool
daemon_push(struct workers *workers, struct job *job)
{
	if (!workers_reserve(workers))
		return false;
	workers_push(workers, job);
	return true;
}

/* ---- start ---- */

static enum fas_code
watch(struct daemon *d, int fd, enum loop_kind kind, struct fas_err *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = kind};
	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? FAS_OK
								   : fas_fail_errno(e, "epoll");
}

static enum fas_code
open_loop(struct daemon *d, struct fas_err *e)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->epoll < 0 || d->wake < 0 || d->signals < 0)
		return fas_fail_errno(e, "the loop's descriptors");
	if (watch(d, d->wake, LOOP_WAKE, e) != FAS_OK)
		return e->code;
	return watch(d, d->signals, LOOP_SIGNALS, e);
}

static void
init(struct daemon *d, const struct agent_config *config)
{
	*d = (struct daemon){.config = *config, .epoll = -1, .wake = -1, .signals = -1};
	d->up = (struct upstream){.config = &d->config, .call = link_call, .arg = d};
	servers_init(&d->servers, config);
	spare_init(&d->spare);
	sessions_init(&d->sessions, -1);
}

static void
done(struct daemon *d)
{
	workers_stop(d->askers);
	workers_stop(d->workers);
	if (d->local)
		local_stop(d->local);
	sessions_done(&d->sessions);
	spare_done(&d->spare);
	servers_done(&d->servers);
	own_fd(&d->signals);
	own_fd(&d->wake);
	own_fd(&d->epoll);
}

DEFINE_OWN(daemon, struct daemon *, done);

/* A host that has never joined would refuse every logon: better said now. */
static enum fas_code
check_identity(const struct agent_config *config, struct fas_err *e)
{
	OWN(identity) struct identity identity = {0};
	struct fas_err why = {0};
	enum fas_code rc = identity_load(config->state, &identity, &why);
	if (rc == FAS_OK || (rc == FAS_E_NOTFOUND && config->keytab[0]))
		return FAS_OK;
	return fas_fail(e, rc, why.reason, "%s", why.message);
}

static enum fas_code
start(struct daemon *d, struct fas_err *e)
{
	if (check_identity(&d->config, e) != FAS_OK || open_loop(d, e) != FAS_OK)
		return e->code;
	/* The children's PKCS#11 module finds this agent and no other. */
	if (setenv(CARD_SOCKET_VARIABLE, d->config.socket, 1) != 0)
		return fas_fail_nomem(e);
	d->sessions.wake = d->wake;
	chores_discover(d);
	atomic_store(&d->machine_due_s, chores_machine_due(d));
	if (keeper_take_leftovers(d, e) != FAS_OK || link_setup(e) != FAS_OK ||
	    workers_start(WORKERS, QUEUE, run_job, &d->workers, e) != FAS_OK ||
	    workers_start(ASKERS, ASKERS_QUEUE, run_job, &d->askers, e) != FAS_OK)
		return e->code;
	return local_start(d, &d->local, e);
}

/* ---- loop ---- */

static void
drain(int fd)
{
	uint64_t bytes[16];
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static void
on_signal(struct daemon *d)
{
	struct signalfd_siginfo info;
	while (read(d->signals, &info, sizeof(info)) == sizeof(info))
		atomic_store(&d->stopping, true);
}

static void
on_event(struct daemon *d, const struct epoll_event *event)
{
	uint64_t value = event->data.u64 & ~(uint64_t)LOOP_KIND_MASK;
	switch ((enum loop_kind)(event->data.u64 & LOOP_KIND_MASK)) {
	case LOOP_LISTENER:
		local_accept(d->local);
		break;
	case LOOP_WAKE:
		drain(d->wake);
		break;
	case LOOP_SIGNALS:
		on_signal(d);
		break;
	case LOOP_CONNECTION:
		local_event(value, event->events);
		break;
	case LOOP_LEADER:
		keeper_leader_gone(d, (uint32_t)(value >> LOOP_KIND_BITS));
		break;
	}
}

/* Many requests are one look at what is due.  Returns how long the loop may sleep. */
static int
look_at_due(struct daemon *d)
{
	int64_t now_us = clock_monotonic_us();
	if (now_us - d->tick_us < TICK_LEAST_MS * 1000)
		return TICK_LEAST_MS;
	d->tick_us = now_us;
	keeper_tick(d);
	return KEEPER_TICK_MS;
}

static void
turn(struct daemon *d)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(d->epoll, events, EVENTS_MAX, look_at_due(d));
	for (int i = 0; i < n; i++)
		on_event(d, &events[i]);
	local_look_again(d->local);
}

/* ---- end ---- */

/* Also those that a logon under way has just begun.  How many are still to be told. */
static size_t
end_all(struct daemon *d)
{
	struct session *list[SESSIONS_MAX];
	size_t n = sessions_all(&d->sessions, list);
	for (size_t i = 0; i < n; i++) {
		(void)session_end(&d->sessions, list[i], "agent_stopped");
		session_unref(&d->sessions, list[i]);
	}
	return n;
}

/* Every card is gone at once; the service is told as far as it answers within the bound. */
static void
wind_up(struct daemon *d)
{
	int64_t until_us = clock_monotonic_us() + STOP_US;
	local_quiesce(d->local);
	while (end_all(d) > 0 && clock_monotonic_us() < until_us)
		turn(d);
}

enum fas_code
daemon_run(const struct agent_config *config, void (*ready)(void), struct fas_err *e)
{
	static struct daemon daemon; /* large, and a program has one */
	init(&daemon, config);
	OWN(daemon) struct daemon *d = &daemon;
	enum fas_code rc = start(d, e);
	if (rc != FAS_OK)
		return rc;
	ready();
	while (!atomic_load(&d->stopping))
		turn(d);
	notify_manager("STOPPING=1");
	wind_up(d);
	return FAS_OK;
}
