#include "fas/agent/sessions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/agent/uses.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

void
sessions_init(struct sessions *t, int wake)
{
	*t = (struct sessions){.wake = wake, .next_card_id = 1};
	/* Another one than before a restart: a waiting client is not to mistake the new cards for the old. */
	t->generation = (uint64_t)clock_now_ms() * 1000;
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->settled, NULL);
}

static void
session_free(struct session *s)
{
	card_key_unref(s->logon);
	card_key_unref(s->in_session);
	rule_done(&s->rule);
	for (size_t i = 0; i < s->n_consents; i++)
		free(s->consents[i].program);
	uses_free(s->uses);
	own_fd(&s->leader);
	free(s);
}

void
sessions_done(struct sessions *t)
{
	for (size_t i = 0; i < t->n; i++)
		session_free(t->list[i]);
	(void)pthread_cond_destroy(&t->settled);
	(void)pthread_mutex_destroy(&t->lock);
}

void
sessions_lock(struct sessions *t)
{
	(void)pthread_mutex_lock(&t->lock);
}

void
sessions_unlock(struct sessions *t)
{
	(void)pthread_mutex_unlock(&t->lock);
}

void
sessions_wake(struct sessions *t)
{
	const uint64_t one = 1;
	if (t->wake >= 0)
		(void)!write(t->wake, &one, sizeof(one));
}

/* ---- generations; under the lock ---- */

static struct session_uid *
find_uid(struct sessions *t, uid_t uid)
{
	for (size_t i = 0; i < t->n_uids; i++) {
		if (t->uids[i].uid == uid)
			return &t->uids[i];
	}
	return NULL;
}

uint64_t
sessions_generation(struct sessions *t, uid_t uid)
{
	const struct session_uid *found = find_uid(t, uid);
	return found ? found->generation : 1;
}

void
session_touch(struct sessions *t, struct session *s)
{
	struct session_uid *found = find_uid(t, s->user.uid);
	s->generation = ++t->generation;
	if (!found && t->n_uids < SESSION_UIDS_MAX) {
		found = &t->uids[t->n_uids++];
		found->uid = s->user.uid;
	}
	if (found)
		found->generation = t->generation;
	sessions_wake(t);
}

/* ---- the table ---- */

/* "alice@CORP" of alice@CORP.EXAMPLE.COM, cut to what a label holds. */
static void
make_label(const char *principal, char out[CARD_LABEL_MAX + 1])
{
	const char *at = strrchr(principal, '@');
	int name = at ? (int)(at - principal) : (int)strlen(principal);
	int domain = at ? (int)strcspn(at, ".") : 0;
	if (name > CARD_LABEL_MAX)
		name = CARD_LABEL_MAX;
	(void)snprintf(out, CARD_LABEL_MAX + 1, "%.*s%.*s", name, principal, domain, at ? at : "");
	/* Not in the middle of a character. */
	for (size_t len = strlen(out); len > 0 && !utf8_is_valid(out, len); len--)
		out[len - 1] = 0;
}

static struct session *
make(const struct session_start *start)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->file = *start->file;
	s->user = *start->user;
	s->rule = *start->rule;
	*start->rule = (struct session_rule){0};
	s->logon = card_key_ref(start->logon);
	s->leader = -1;
	s->refs = 2;
	s->expires_s = start->file->expires_s;
	s->pending_until_us = start->pending_until_us;
	(void)snprintf(s->alias, sizeof(s->alias), "%s", start->alias ? start->alias : "");
	make_label(s->file.principal, s->label);
	(void)snprintf(s->card_serial, sizeof(s->card_serial), "%s", s->file.id);
	return s;
}

/* Under the lock. */
static bool
is_known(const struct sessions *t, const char *id)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->list[i]->file.id, id) == 0)
			return true;
	}
	return false;
}

enum fas_code
sessions_add(
    struct sessions *t, const struct session_start *start, struct session **out, struct fas_err *e)
{
	struct session *s = make(start);
	if (!s)
		return fas_fail_nomem(e);
	sessions_lock(t);
	bool known = is_known(t, start->file->id);
	bool fits = !known && t->n < SESSIONS_MAX && t->next_card_id < UINT32_MAX;
	if (fits) {
		s->card_id = t->next_card_id++;
		t->list[t->n++] = s;
		session_touch(t, s);
	}
	sessions_unlock(t);
	if (!fits) {
		session_free(s);
		if (known)
			return fas_fail(e, FAS_E_CONFLICT, "ticket_used",
			    "the ticket's session is here already");
		return fas_fail(
		    e, FAS_E_LIMIT, "sessions_full", "this host has %d sessions", SESSIONS_MAX);
	}
	*out = s;
	return FAS_OK;
}

/* Under the lock; true: it was the last one. */
static bool
drop(struct session *s)
{
	return --s->refs == 0;
}

void
session_unref(struct sessions *t, struct session *s)
{
	if (!s)
		return;
	sessions_lock(t);
	bool last = drop(s);
	sessions_unlock(t);
	if (last)
		session_free(s);
}

void
sessions_remove(struct sessions *t, struct session *s)
{
	bool last = false;
	sessions_lock(t);
	for (size_t i = 0; i < t->n; i++) {
		if (t->list[i] != s)
			continue;
		t->list[i] = t->list[--t->n];
		last = drop(s);
		break;
	}
	sessions_unlock(t);
	if (last)
		session_free(s);
}

/* The logon that this process is the child of, or NULL. */
static const struct session *
logon_of(const struct sessions *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->list[i]->state == SESSION_PENDING && t->list[i]->child != 0 &&
		    t->list[i]->child == pid)
			return t->list[i];
	}
	return NULL;
}

bool
sessions_show(const struct sessions *t, const struct session *s, uid_t uid, pid_t pid)
{
	const struct session *own = logon_of(t, pid);
	if (s->user.uid != uid)
		return false;
	return own ? s == own : s->state == SESSION_OPEN;
}

struct session *
sessions_find(struct sessions *t, const char *id)
{
	struct session *found = NULL;
	sessions_lock(t);
	for (size_t i = 0; i < t->n && !found; i++) {
		struct session *s = t->list[i];
		if (s->state != SESSION_ENDED &&
		    (strcmp(s->file.id, id) == 0 || strcmp(s->alias, id) == 0))
			found = s;
	}
	if (found)
		found->refs++;
	sessions_unlock(t);
	return found;
}

struct session *
sessions_find_uid(struct sessions *t, uid_t uid)
{
	struct session *found = NULL;
	sessions_lock(t);
	for (size_t i = 0; i < t->n; i++) {
		struct session *s = t->list[i];
		if (s->state == SESSION_OPEN && s->user.uid == uid &&
		    (!found || s->card_id > found->card_id))
			found = s;
	}
	if (found)
		found->refs++;
	sessions_unlock(t);
	return found;
}

struct session *
sessions_find_card(struct sessions *t, uint32_t card_id, uid_t uid, pid_t pid)
{
	struct session *found = NULL;
	sessions_lock(t);
	for (size_t i = 0; i < t->n && !found; i++) {
		struct session *s = t->list[i];
		if (s->card_id == card_id && sessions_show(t, s, uid, pid))
			found = s;
	}
	if (found)
		found->refs++;
	sessions_unlock(t);
	return found;
}

size_t
sessions_all(struct sessions *t, struct session **out)
{
	sessions_lock(t);
	size_t n = t->n;
	for (size_t i = 0; i < n; i++) {
		out[i] = t->list[i];
		out[i]->refs++;
	}
	sessions_unlock(t);
	return n;
}

/* ---- one session ---- */

void
session_set_child(struct sessions *t, struct session *s, pid_t pid)
{
	sessions_lock(t);
	s->child = pid;
	sessions_unlock(t);
}

enum fas_code
session_open(struct sessions *t, struct session *s, int leader, struct fas_err *e)
{
	sessions_lock(t);
	bool pending = s->state == SESSION_PENDING;
	if (pending) {
		s->state = SESSION_OPEN;
		s->child = 0;
		s->leader = leader;
		session_touch(t, s);
	}
	sessions_unlock(t);
	if (pending)
		return FAS_OK;
	own_fd(&leader);
	return fas_fail(
	    e, FAS_E_CONFLICT, "session_state", "the session is not waiting to be opened");
}

bool
session_end(struct sessions *t, struct session *s, const char *why)
{
	struct card_key *logon = NULL, *in_session = NULL;
	sessions_lock(t);
	bool first = s->state != SESSION_ENDED;
	if (first) {
		s->state = SESSION_ENDED;
		(void)snprintf(s->why, sizeof(s->why), "%s", why);
		logon = TAKE(s->logon);
		in_session = TAKE(s->in_session);
		s->child = 0;
		s->lease_due_us = 0;
		own_fd(&s->leader);
		s->leader = -1;
		session_touch(t, s);
	}
	sessions_unlock(t);
	card_key_unref(logon);
	card_key_unref(in_session);
	if (first)
		log_event(LOG_LEVEL_INFO, "session_ended", "correlation_id", s->file.correlation_id,
		    "session", s->file.id, "user", s->user.name, "why", why, NULL);
	return first;
}

struct card_key *
session_key(struct sessions *t, struct session *s, const uint8_t *id)
{
	struct card_key *found = NULL;
	sessions_lock(t);
	if (s->logon && memcmp(s->logon->id, id, CARD_KEY_ID_BYTES) == 0)
		found = card_key_ref(s->logon);
	else if (s->in_session && memcmp(s->in_session->id, id, CARD_KEY_ID_BYTES) == 0)
		found = card_key_ref(s->in_session);
	sessions_unlock(t);
	return found;
}

void
session_set_key(struct sessions *t, struct session *s, struct card_key *key)
{
	sessions_lock(t);
	struct card_key *old = s->in_session;
	bool ended = s->state == SESSION_ENDED;
	s->in_session = ended ? NULL : key;
	if (old || !ended)
		session_touch(t, s);
	sessions_unlock(t);
	card_key_unref(old);
	if (ended)
		card_key_unref(key);
}

bool
session_begin_fetch(struct sessions *t, struct session *s)
{
	sessions_lock(t);
	bool waited = false;
	while (s->fetching) { /* ends with the other's answer, which has a deadline */
		(void)pthread_cond_wait(&t->settled, &t->lock);
		waited = true;
	}
	bool mine = !waited && s->state != SESSION_ENDED;
	if (mine)
		s->fetching = true;
	sessions_unlock(t);
	return mine;
}

void
session_end_fetch(struct sessions *t, struct session *s, bool good, int64_t retry_us)
{
	sessions_lock(t);
	s->fetching = false;
	s->fetch_after_us = good ? 0 : retry_us;
	(void)pthread_cond_broadcast(&t->settled);
	sessions_unlock(t);
}

void
session_begin_work(struct sessions *t, struct session *s)
{
	sessions_lock(t);
	while (s->working) /* what it does has deadlines */
		(void)pthread_cond_wait(&t->settled, &t->lock);
	s->working = true;
	sessions_unlock(t);
}

void
session_end_work(struct sessions *t, struct session *s)
{
	sessions_lock(t);
	s->working = false;
	(void)pthread_cond_broadcast(&t->settled);
	sessions_unlock(t);
}

void
session_set_rule(struct sessions *t, struct session *s, struct session_rule *rule)
{
	struct card_key *old = NULL;
	sessions_lock(t);
	bool changed = !rule_equal(&s->rule, rule);
	if (changed) {
		const struct session_rule was = s->rule;
		s->rule = *rule;
		*rule = was;
		s->fetch_after_us = 0;
	}
	if (!s->rule.allowed)
		old = TAKE(s->in_session);
	if (changed || old)
		session_touch(t, s);
	sessions_unlock(t);
	card_key_unref(old);
}
