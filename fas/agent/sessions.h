/*
 * The sessions of this host, each with its card, under one lock.
 *
 * A session is pending from its redemption until its login opens it, open until something ends it, and ended until the
 * service has been told.  What is marked "set once" is read without the lock; everything else of a session only by the
 * functions here, or between sessions_lock and sessions_unlock.
 */
#ifndef FAS_AGENT_SESSIONS_H
#define FAS_AGENT_SESSIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fas/agent/card_key.h"
#include "fas/agent/rule.h"
#include "fas/agent/session_file.h"

#define SESSIONS_MAX 1024
#define SESSION_UIDS_MAX 1024
#define SESSION_WHY_MAX 48
#define CONSENTS_MAX 32

struct uses;

enum session_state { SESSION_PENDING, SESSION_OPEN, SESSION_ENDED };

/* What a person has said, or is being asked (permit.c). */
struct consent {
	char *program; /* "" = every program of the session */
	enum { CONSENT_ASKING, CONSENT_GIVEN, CONSENT_REFUSED } state;
	int64_t until_us;
};

struct session {
	/* set once */
	struct session_file file; /* expires_s and lease_s: of the redemption */
	struct local_user user;
	uint32_t card_id; /* the slot; never used again */
	char label[CARD_LABEL_MAX + 1];
	char card_serial[CARD_SERIAL_MAX + 1];

	/* under the lock */
	unsigned refs;
	enum session_state state;
	char why[SESSION_WHY_MAX]; /* it ended */
	bool working;              /* the keeper's job is at it */
	bool fetching;             /* its in-session certificate is being asked for */
	pid_t child;               /* while it is pending: the logon's own child sees the card */
	int leader;                /* pidfd of the login; -1 = none */
	struct card_key *logon, *in_session;
	struct session_rule rule;
	uint64_t generation;
	int64_t expires_s;
	int64_t pending_until_us;
	int64_t lease_due_us; /* the next lease; when ended: the next try to tell the service */
	bool keep_cache;      /* another session has taken over its credential cache */
	char alias[AGENT_SESSION_ID_MAX]; /* the id by which its login knows it, "" = its own */
	int64_t tgt_end_s, tgt_renew_till_s, tgt_due_s;
	int64_t unlock_after_us; /* its user may try so again */
	int64_t fetch_after_us;  /* a fetch has failed: not again before */
	int64_t rate_since_us;   /* signatures within the rule's period */
	int64_t rate_used;
	struct uses *uses; /* not yet reported (uses.c); NULL = none ever */
	struct consent consents[CONSENTS_MAX];
	size_t n_consents;
};

struct session_uid {
	uid_t uid;
	uint64_t generation;
};

struct sessions {
	pthread_mutex_t lock;
	pthread_cond_t
	    settled; /* a session is no longer `fetching` or `working`, or a person has answered */
	int wake;    /* eventfd: something has changed; borrowed */
	uint32_t next_card_id;
	uint64_t generation; /* the highest that was given */
	size_t n;
	struct session *list[SESSIONS_MAX];
	size_t n_uids;
	struct session_uid uids[SESSION_UIDS_MAX];
};

void sessions_init(struct sessions *t, int wake);
/* All sessions are let go; nobody else holds one. */
void sessions_done(struct sessions *t);
void sessions_lock(struct sessions *t);
void sessions_unlock(struct sessions *t);
/* Let the daemon's loop look again. */
void sessions_wake(struct sessions *t);

/* What a session begins with; the rule is taken over. */
struct session_start {
	const struct session_file *file;
	const struct local_user *user;
	struct session_rule *rule;
	struct card_key *logon; /* a reference is taken; may be NULL */
	const char *alias;      /* NULL = its own id */
	int64_t pending_until_us;
};
/*
 * A pending session with a reference for the caller.  FAS_E_LIMIT "sessions_full"; FAS_E_CONFLICT "ticket_used": there is
 * one of that id, because the service answers a host's repeat with what it has answered before.
 */
MUST_CHECK enum fas_code sessions_add(
    struct sessions *t, const struct session_start *start, struct session **out, struct fas_err *e);
/* Ended and told: out of the table. */
void sessions_remove(struct sessions *t, struct session *s);
void session_unref(struct sessions *t, struct session *s);

/* By id or alias, with a reference; NULL when there is none, or when it has ended. */
struct session *sessions_find(struct sessions *t, const char *id);
/* The newest open one of a uid, with a reference; NULL when there is none. */
struct session *sessions_find_uid(struct sessions *t, uid_t uid);
/*
 * The card as this caller may see it: open and of its uid; a logon's own child sees its pending one and no other, so that
 * it finds it among however many its user has.
 */
struct session *sessions_find_card(struct sessions *t, uint32_t card_id, uid_t uid, pid_t pid);
/* All, with references; at most SESSIONS_MAX. */
size_t sessions_all(struct sessions *t, struct session **out);
/* Under the lock. */
bool sessions_show(const struct sessions *t, const struct session *s, uid_t uid, pid_t pid);

/* The generation of a uid's cards.  session_touch raises it, and the session's own; under the lock. */
uint64_t sessions_generation(struct sessions *t, uid_t uid);
void session_touch(struct sessions *t, struct session *s);

/* The child that works for a pending session, 0 = none any more. */
void session_set_child(struct sessions *t, struct session *s, pid_t pid);
/* leader: a pidfd that is taken over, -1 = none.  FAS_E_CONFLICT "session_state" unless it is pending. */
MUST_CHECK enum fas_code session_open(
    struct sessions *t, struct session *s, int leader, struct fas_err *e);
/*
 * Its card is gone and its keys are wiped when this returns; the keeper tells the service.  why: of the first who ends
 * it.  true: it was this call that ended it.
 */
bool session_end(struct sessions *t, struct session *s, const char *why);
/* With a reference; NULL when there is none, or when the session has ended. */
struct card_key *session_key(struct sessions *t, struct session *s, const uint8_t *id);
/*
 * The right to ask for the session's in-session certificate, one at a time: false when it has ended, or when another has
 * just asked (its answer has been waited for).
 */
bool session_begin_fetch(struct sessions *t, struct session *s);
/* retry_us: on failure, when to ask again at the earliest. */
void session_end_fetch(struct sessions *t, struct session *s, bool good, int64_t retry_us);
/* What the service said last; taken over.  An in-session key that is no longer allowed is gone. */
void session_set_rule(struct sessions *t, struct session *s, struct session_rule *rule);
/* The right to do what is due for a session: waits for whoever has it.  session_end_work gives it back. */
void session_begin_work(struct sessions *t, struct session *s);
void session_end_work(struct sessions *t, struct session *s);
/* Put a new in-session key in the place of the old one; NULL takes it away.  The reference is taken over. */
void session_set_key(struct sessions *t, struct session *s, struct card_key *key);

#endif
