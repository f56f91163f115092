#include "fas/agent/keeper.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "fas/agent/cache_tasks.h"
#include "fas/agent/chores.h"
#include "fas/agent/in_session.h"
#include "fas/agent/lease.h"
#include "fas/agent/logon.h"
#include "fas/agent/uses.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

#define LEASE_LONGEST_S 45
#define LEASE_RETRY_US (5LL * 1000000)
#define TELL_RETRY_US (15LL * 1000000)
#define TGT_RETRY_S 60

int64_t
keeper_tgt_due(int64_t start_s, int64_t end_s, int64_t renew_till_s)
{
	return renew_till_s > end_s && end_s > start_s ? start_s + (end_s - start_s) * 2 / 3 : 0;
}

int64_t
keeper_lease_us(int64_t lease_s)
{
	int64_t third = lease_s / 3 < 1 ? 1 : lease_s / 3;
	return (third < LEASE_LONGEST_S ? third : LEASE_LONGEST_S) * 1000000;
}

/* ---- the end ---- */

/* Without a reference left to the cache where another session has taken it over. */
static enum fas_code
tell(struct daemon *d, struct session *s, struct fas_err *e)
{
	struct session_file file = s->file;
	sessions_lock(&d->sessions);
	if (s->keep_cache)
		file.ccache[0] = 0;
	sessions_unlock(&d->sessions);
	return logoff_session(&d->up, &file, e);
}

static void
tell_end(struct daemon *d, struct session *s)
{
	struct fas_err e = {0};
	enum fas_code rc = tell(d, s, &e);
	bool later = rc == FAS_E_UNAVAILABLE || rc == FAS_E_LIMIT || rc == FAS_E_TIMEOUT;
	if (rc != FAS_OK)
		log_error("session_end_untold", &e, "session", s->file.id, NULL);
	if (later && clock_now() < s->file.expires_s) {
		sessions_lock(&d->sessions);
		s->lease_due_us = clock_monotonic_us() + TELL_RETRY_US;
		sessions_unlock(&d->sessions);
		return;
	}
	/* Past its cap the service has ended it by itself. */
	if (rc != FAS_OK && session_file_remove(d->config.state, s->file.id, &e) != FAS_OK)
		log_error("session_file", &e, "session", s->file.id, NULL);
	/* Behind the end, which is the more urgent: the service takes what an ended session has signed. */
	uses_report_rest(&d->up, &d->sessions, s);
	sessions_remove(&d->sessions, s);
}

bool
keeper_end_now(struct daemon *d, struct session *s, const char *why)
{
	session_begin_work(&d->sessions, s);
	bool first = session_end(&d->sessions, s, why);
	if (first)
		tell_end(d, s);
	session_end_work(&d->sessions, s);
	return first;
}

/* ---- leases ---- */

static void
lease_kept(struct daemon *d, struct session *s, struct lease *lease)
{
	int64_t next_us = lease->next_s * 1000000, longest_us = keeper_lease_us(lease->lease_s);
	sessions_lock(&d->sessions);
	s->expires_s = lease->expires_s;
	s->lease_due_us = clock_monotonic_us() + (next_us < longest_us ? next_us : longest_us);
	sessions_unlock(&d->sessions);
	if (lease->has_rule)
		session_set_rule(&d->sessions, s, &lease->rule);
}

static bool
says_it_has_ended(const struct fas_err *e)
{
	return strcmp(e->reason, "session_ended") == 0 || strcmp(e->reason, "session_unknown") == 0;
}

static void
keep_lease(struct daemon *d, struct session *s)
{
	struct fas_err e = {0};
	OWN(lease) struct lease lease = {0};
	if (lease_keep(&d->up, &s->file, &lease, &e) == FAS_OK) {
		lease_kept(d, s, &lease);
		return;
	}
	log_error("lease_not_kept", &e, "session", s->file.id, NULL);
	if (says_it_has_ended(&e)) {
		(void)session_end(&d->sessions, s, e.reason);
		return;
	}
	/* On hold: its programs have nothing within the session until it is released. */
	if (strcmp(e.reason, "session_held") == 0) {
		OWN(rule) struct session_rule nothing = {0};
		session_set_rule(&d->sessions, s, &nothing);
	}
	sessions_lock(&d->sessions);
	s->lease_due_us = clock_monotonic_us() + LEASE_RETRY_US;
	sessions_unlock(&d->sessions);
}

/* ---- Kerberos tickets ---- */

static void
renew_ticket(struct daemon *d, struct session *s)
{
	struct fas_err e = {0};
	struct cache_times times = {0};
	enum fas_code rc = cache_renew(&s->user, s->file.ccache, &times, &e);
	int64_t now_s = clock_now();
	sessions_lock(&d->sessions);
	if (rc == FAS_OK) {
		s->tgt_end_s = times.end_s;
		s->tgt_due_s = keeper_tgt_due(now_s, times.end_s, times.renew_till_s);
	} else {
		s->tgt_due_s = now_s + TGT_RETRY_S < s->tgt_end_s ? now_s + TGT_RETRY_S : 0;
	}
	sessions_unlock(&d->sessions);
	if (rc == FAS_OK)
		log_event(LOG_LEVEL_INFO, "ticket_renewed", "session", s->file.id, "user",
		    s->user.name, NULL);
	else
		log_error(
		    "ticket_not_renewed", &e, "session", s->file.id, "user", s->user.name, NULL);
}

/* ---- one session's turn ---- */

enum due {
	DUE_NOTHING,
	DUE_TELL,
	DUE_LEASE,
	DUE_FETCH,
	DUE_TICKET,
	DUE_USES,
};

/* Under the lock. */
static enum due
what_is_due(const struct session *s, int64_t now_s, int64_t now_us)
{
	if (s->state == SESSION_ENDED)
		return now_us >= s->lease_due_us ? DUE_TELL : DUE_NOTHING;
	if (s->lease_due_us != 0 && now_us >= s->lease_due_us)
		return DUE_LEASE;
	if (in_session_is_due(s, now_s, now_us))
		return DUE_FETCH;
	if (s->state == SESSION_OPEN && s->tgt_due_s != 0 && now_s >= s->tgt_due_s)
		return DUE_TICKET;
	return uses_are_due(s, now_us, false) ? DUE_USES : DUE_NOTHING;
}

struct turn {
	struct job job;
	struct daemon *d;
	struct session *session; /* with a reference */
	enum due due;
};

static void
run_turn(struct job *job)
{
	struct turn *turn = (struct turn *)job;
	struct daemon *d = turn->d;
	struct session *s = turn->session;
	struct fas_err ignored = {0};
	log_set_correlation(s->file.correlation_id);
	switch (turn->due) {
	case DUE_TELL:
		tell_end(d, s);
		break;
	case DUE_LEASE:
		keep_lease(d, s);
		break;
	case DUE_FETCH:
		(void)!in_session_fetch(d, s, &ignored);
		break;
	case DUE_TICKET:
		renew_ticket(d, s);
		break;
	case DUE_USES:
		(void)uses_report(&d->up, &d->sessions, s);
		break;
	case DUE_NOTHING:
		break;
	}
	log_set_correlation(NULL);
	session_end_work(&d->sessions, s);
	session_unref(&d->sessions, s);
	free(turn);
	sessions_wake(&d->sessions);
}

/* The session's reference goes with the turn; false: not now. */
static bool
give_turn(struct daemon *d, struct session *s, enum due due)
{
	struct turn *turn = malloc(sizeof(*turn));
	if (!turn)
		return false;
	*turn = (struct turn){.job = {run_turn}, .d = d, .session = s, .due = due};
	if (daemon_push(d->workers, &turn->job))
		return true;
	free(turn);
	return false;
}

/* Why it is over, or NULL.  Under the lock. */
static const char *
why_over(const struct session *s, int64_t now_s, int64_t now_us)
{
	if (s->state == SESSION_PENDING && now_us >= s->pending_until_us)
		return "not_opened";
	return s->state != SESSION_ENDED && now_s >= s->expires_s ? "cap" : NULL;
}

/* A key whose certificate is over is of no use to anybody. */
static void
drop_expired(struct sessions *t, struct session *s, int64_t now_s)
{
	struct card_key *logon = NULL, *in_session = NULL;
	sessions_lock(t);
	if (s->logon && now_s >= s->logon->not_after_s)
		logon = TAKE(s->logon);
	if (s->in_session && now_s >= s->in_session->not_after_s)
		in_session = TAKE(s->in_session);
	if (logon || in_session)
		session_touch(t, s);
	sessions_unlock(t);
	card_key_unref(logon);
	card_key_unref(in_session);
}

/* Takes the reference. */
static void
tend(struct daemon *d, struct session *s)
{
	int64_t now_s = clock_now(), now_us = clock_monotonic_us();
	sessions_lock(&d->sessions);
	const char *over = why_over(s, now_s, now_us);
	sessions_unlock(&d->sessions);
	drop_expired(&d->sessions, s, now_s);
	if (over)
		(void)session_end(&d->sessions, s, over);
	sessions_lock(&d->sessions);
	enum due due = s->working ? DUE_NOTHING : what_is_due(s, now_s, now_us);
	s->working = s->working || due != DUE_NOTHING;
	sessions_unlock(&d->sessions);
	if (due == DUE_NOTHING) {
		session_unref(&d->sessions, s);
		return;
	}
	if (give_turn(d, s, due))
		return;
	session_end_work(&d->sessions, s);
	session_unref(&d->sessions, s);
}

void
keeper_tick(struct daemon *d)
{
	struct session *list[SESSIONS_MAX];
	size_t n = sessions_all(&d->sessions, list);
	for (size_t i = 0; i < n; i++)
		tend(d, list[i]);
	if (!atomic_load(&d->stopping))
		chores_look(d);
}

/* ---- logins ---- */

enum fas_code
keeper_open(struct daemon *d, struct session *s, int leader, struct fas_err *e)
{
	const struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
	    .data.u64 = (uint64_t)s->card_id << LOOP_KIND_BITS | LOOP_LEADER};
	struct epoll_event copy = event;
	if (leader >= 0 && epoll_ctl(d->epoll, EPOLL_CTL_ADD, leader, &copy) != 0) {
		(void)fas_fail_errno(e, "watching a login");
		own_fd(&leader);
		return e->code;
	}
	return session_open(&d->sessions, s, leader, e);
}

void
keeper_leader_gone(struct daemon *d, uint32_t card_id)
{
	struct session *list[SESSIONS_MAX];
	size_t n = sessions_all(&d->sessions, list);
	for (size_t i = 0; i < n; i++) {
		if (list[i]->card_id == card_id)
			(void)session_end(&d->sessions, list[i], "login_ended");
		session_unref(&d->sessions, list[i]);
	}
}

/* ---- leftovers ---- */

static enum fas_code
take_leftover(const struct session_file *file, void *arg, struct fas_err *e)
{
	struct daemon *d = arg;
	struct session *s = NULL;
	struct session_rule nothing = {0};
	struct local_user user = {.uid = (uid_t)-1};
	const struct session_start start = {.file = file, .user = &user, .rule = &nothing};
	if (!file->kept)
		return FAS_OK;
	(void)snprintf(user.name, sizeof(user.name), "%s", file->user);
	enum fas_code rc = sessions_add(&d->sessions, &start, &s, e);
	if (rc != FAS_OK)
		return rc;
	(void)session_end(&d->sessions, s, "agent_restarted");
	session_unref(&d->sessions, s);
	return FAS_OK;
}

enum fas_code
keeper_take_leftovers(struct daemon *d, struct fas_err *e)
{
	return session_file_each(d->config.state, take_leftover, d, e);
}
