/* What the login asks of the agent (pam_fas.so, the command line): root's, but for UNLOCK. */
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "fas/agent/call.h"
#include "fas/agent/keeper.h"
#include "fas/agent/logon.h"
#include "fas/agent/refusal.h"
#include "fas/agent/status.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define LOGON_US (120LL * 1000000) /* longer than redemption and PKINIT may take */
#define PENDING_US (60LL * 1000000)
#define UNLOCK_PAUSE_US 1000000
#define PKCS11_MAX (PATH_MAX + 128)

/* ---- LOGON, UNLOCK ---- */

/* One of them under way. */
struct entry {
	struct call *call;
	struct daemon *d;
	struct session *session; /* with a reference */
	struct session *old;     /* UNLOCK: the running one, with a reference */
	char user[LOCAL_NAME_MAX];
	char pkcs11[PKCS11_MAX];
	struct logon l;
};

static void
entry_done(struct entry *n)
{
	session_unref(&n->d->sessions, n->session);
	session_unref(&n->d->sessions, n->old);
	logon_done(&n->l);
}

DEFINE_OWN_IN_PLACE(entry, struct entry, entry_done);

static void
on_child(void *arg, pid_t pid)
{
	struct entry *n = arg;
	session_set_child(&n->d->sessions, n->session, pid);
}

static enum fas_code
take_ticket(const struct call *call, struct secret *out, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(&call->m, CARD_TAG_TICKET, &len);
	if (len > TICKET_BYTES_MAX)
		return fas_fail(
		    e, FAS_E_DENIED, "ticket_malformed", "this is too long for a ticket");
	return secret_copy(out, data, len, e);
}

/* Refusals of the service name their own correlation id; what never got there has one of ours. */
static void
name_refusal(struct call *call, const struct fas_err *e)
{
	if (!call->correlation[0] && !refusal_correlation(e, call->correlation))
		correlation_id_new(call->correlation);
}

static enum fas_code
redeem(struct entry *n, struct fas_err *e)
{
	OWN(secret) struct secret ticket = {0};
	if (take_ticket(n->call, &ticket, e) != FAS_OK ||
	    spare_take(&n->d->spare, &n->l.key, e) != FAS_OK)
		return e->code;
	enum fas_code rc = logon_redeem(&n->l, &ticket, e);
	if (rc == FAS_OK)
		(void)snprintf(n->call->correlation, sizeof(n->call->correlation), "%s",
		    n->l.facts.correlation_id);
	return rc;
}

/* The session is in the table from here on: whatever comes, the keeper ends it. */
static enum fas_code
enter(struct entry *n, struct fas_err *e)
{
	const struct logon_answer *facts = &n->l.facts;
	OWN(card_key) struct card_key *key = NULL;
	const struct card_key_parts parts = {.purpose = CARD_PURPOSE_LOGON,
	    .key = facts->key ? NULL : n->l.key,
	    .name = facts->key,
	    .certificate_pem = facts->certificate,
	    .chain_pem = facts->chain};
	if (card_key_new(&parts, &key, e) != FAS_OK)
		return e->code;
	const struct session_start start = {.file = &n->l.session,
	    .user = &n->l.user,
	    .rule = &n->l.facts.rule,
	    .logon = key,
	    .alias = n->old ? n->old->file.id : NULL,
	    .pending_until_us = clock_monotonic_us() + LOGON_US};
	if (sessions_add(&n->d->sessions, &start, &n->session, e) != FAS_OK || !facts->key)
		return e->code;
	char id[2 * CARD_KEY_ID_BYTES + 1];
	(void)snprintf(n->pkcs11, sizeof(n->pkcs11), "PKCS11:module_name=%s:slotid=%u:certid=%s",
	    n->d->config.pkcs11, n->session->card_id, hex_encode(key->id, sizeof(key->id), id));
	n->l.pkcs11 = n->pkcs11;
	return FAS_OK;
}

static void
note_ticket(struct entry *n)
{
	struct session *s = n->session;
	sessions_lock(&n->d->sessions);
	int64_t start = json_integer_value(json_object_get(n->l.tgt, "start"));
	s->tgt_end_s = json_integer_value(json_object_get(n->l.tgt, "end"));
	s->tgt_renew_till_s = json_integer_value(json_object_get(n->l.tgt, "renew_till"));
	s->tgt_due_s = keeper_tgt_due(start, s->tgt_end_s, s->tgt_renew_till_s);
	s->child = 0;
	s->pending_until_us = clock_monotonic_us() + PENDING_US;
	s->lease_due_us = clock_monotonic_us() + keeper_lease_us(n->l.facts.lease_s);
	sessions_unlock(&n->d->sessions);
}

/* Redeemed, and no desktop comes of it.  What a ticket has become before is not this call's to end. */
static void
give_up(struct entry *n, const struct fas_err *e)
{
	struct fas_err ignored = {0};
	if (strcmp(e->reason, "ticket_used") == 0)
		return;
	if (n->session) {
		(void)session_end(&n->d->sessions, n->session, "logon_failed");
		return;
	}
	n->l.session.ccache[0] = 0; /* none was made */
	if (n->l.session.id[0])
		(void)!logoff_session(&n->d->up, &n->l.session, &ignored);
}

static enum fas_code
log_on(struct entry *n, const char *ccache, struct fas_err *e)
{
	n->l.up = &n->d->up;
	n->l.begun = on_child;
	n->l.arg = n;
	(void)card_text(&n->call->m, CARD_TAG_USER, n->user, sizeof(n->user));
	enum fas_code rc = logon_prepare(&n->l, n->user, ccache, e);
	if (rc == FAS_OK)
		rc = redeem(n, e);
	if (rc == FAS_OK)
		rc = logon_remember(&n->l, ccache, true, e);
	if (rc == FAS_OK)
		rc = enter(n, e);
	if (rc == FAS_OK)
		rc = logon_get_tgt(&n->l, e);
	if (rc == FAS_OK)
		note_ticket(n);
	else
		give_up(n, e);
	return rc;
}

static void
record(struct entry *n, const char *event)
{
	char service[65], rhost[CARD_NAME_MAX + 1];
	(void)card_text(&n->call->m, CARD_TAG_SERVICE, service, sizeof(service));
	(void)card_text(&n->call->m, CARD_TAG_RHOST, rhost, sizeof(rhost));
	log_event(LOG_LEVEL_INFO, event, "correlation_id", n->session->file.correlation_id,
	    "session", n->session->file.id, "user", n->session->user.name, "upn",
	    n->session->file.upn, "serial", n->session->file.serial, "custody",
	    n->l.facts.key ? "service" : "host", "service", service, "rhost", rhost, NULL);
}

static void
write_logged_on(struct entry *n)
{
	char cache[PATH_MAX + 8];
	struct card_writer *w = &n->call->w;
	(void)snprintf(cache, sizeof(cache), "FILE:%s", n->session->file.ccache);
	card_write_text(w, CARD_TAG_SESSION, n->session->file.id);
	card_write_text(w, CARD_TAG_USER, n->session->user.name);
	card_write_text(w, CARD_TAG_CCACHE, cache);
	card_write_text(w, CARD_TAG_CORRELATION, n->session->file.correlation_id);
}

enum fas_code
session_op_logon(struct call *call, struct fas_err *e)
{
	OWN(entry) struct entry n = {.call = call, .d = call->d};
	enum fas_code rc = log_on(&n, NULL, e);
	if (rc != FAS_OK) {
		name_refusal(call, e);
		return rc;
	}
	record(&n, "logged_on");
	write_logged_on(&n);
	return FAS_OK;
}

/* The login's leader is the new session's as well; the old one ends without taking the cache along. */
static enum fas_code
take_over(struct entry *n, struct fas_err *e)
{
	struct sessions *t = &n->d->sessions;
	sessions_lock(t);
	int leader = n->old->leader >= 0 ? fcntl(n->old->leader, F_DUPFD_CLOEXEC, 0) : -1;
	n->old->keep_cache = true;
	sessions_unlock(t);
	enum fas_code rc = keeper_open(n->d, n->session, leader, e);
	if (rc == FAS_OK)
		(void)session_end(t, n->old, "unlocked");
	return rc;
}

/* Each try costs a key: a user's come one behind the other. */
static enum fas_code
take_turn(struct entry *n, struct fas_err *e)
{
	int64_t now_us = clock_monotonic_us();
	if (n->call->peer.uid == 0)
		return FAS_OK;
	sessions_lock(&n->d->sessions);
	bool early = now_us < n->old->unlock_after_us;
	if (!early)
		n->old->unlock_after_us = now_us + UNLOCK_PAUSE_US;
	sessions_unlock(&n->d->sessions);
	return early ? fas_fail(e, FAS_E_LIMIT, "busy", "an unlock has just been tried") : FAS_OK;
}

/* root, or the user himself: the uid that is named is the caller's. */
static enum fas_code
find_running(struct entry *n, struct fas_err *e)
{
	struct local_user user;
	char name[LOCAL_NAME_MAX];
	(void)card_text(&n->call->m, CARD_TAG_USER, name, sizeof(name));
	if (local_user_find(name, n->d->config.first_uid, &user, e) != FAS_OK)
		return e->code;
	if (n->call->peer.uid != 0 && n->call->peer.uid != user.uid)
		return fas_fail(
		    e, FAS_E_DENIED, "root_only", "a session is unlocked by its user, or by root");
	n->old = sessions_find_uid(&n->d->sessions, user.uid);
	return n->old ? take_turn(n, e)
		      : fas_fail(e, FAS_E_NOTFOUND, "session_gone", "%s has no session", name);
}

enum fas_code
session_op_unlock(struct call *call, struct fas_err *e)
{
	OWN(entry) struct entry n = {.call = call, .d = call->d, .l = {.replace = true}};
	enum fas_code rc = find_running(&n, e);
	if (rc == FAS_OK)
		rc = log_on(&n, n.old->file.ccache, e);
	if (rc == FAS_OK)
		rc = take_over(&n, e);
	if (rc != FAS_OK) {
		name_refusal(call, e);
		return rc;
	}
	record(&n, "unlocked");
	write_logged_on(&n);
	return FAS_OK;
}

/* ---- OPEN, CLOSE ---- */

static enum fas_code
find_session(struct call *call, struct session **out, struct fas_err *e)
{
	char id[AGENT_SESSION_ID_MAX];
	(void)card_text(&call->m, CARD_TAG_SESSION, id, sizeof(id));
	*out = sessions_find(&call->d->sessions, id);
	if (!*out)
		return fas_fail(
		    e, FAS_E_NOTFOUND, "session_gone", "there is no session of that id");
	(void)snprintf(
	    call->correlation, sizeof(call->correlation), "%s", (*out)->file.correlation_id);
	return FAS_OK;
}

/* 0: a session without a login, which ends by CLOSE or at its cap. */
static enum fas_code
open_leader(struct call *call, int *out, struct fas_err *e)
{
	pid_t pid = (pid_t)card_number(&call->m, CARD_TAG_PID);
	*out = -1;
	if (pid == 0)
		return FAS_OK;
	*out = (int)syscall(SYS_pidfd_open, pid, 0);
	return *out >= 0 ? FAS_OK
			 : fas_fail(e, FAS_E_NOTFOUND, "session_gone",
			       "the login's process %d is gone already", (int)pid);
}

enum fas_code
session_op_open(struct call *call, struct fas_err *e)
{
	struct session *s = NULL;
	int leader = -1;
	enum fas_code rc = find_session(call, &s, e);
	if (rc == FAS_OK)
		rc = open_leader(call, &leader, e);
	if (rc == FAS_OK)
		rc = keeper_open(call->d, s, leader, e);
	session_unref(&call->d->sessions, s);
	return rc;
}

/* The service has been told when this is answered, if it answers. */
enum fas_code
session_op_close(struct call *call, struct fas_err *e)
{
	struct session *s = NULL;
	enum fas_code rc = find_session(call, &s, e);
	if (rc == FAS_OK && !keeper_end_now(call->d, s, "logoff"))
		rc = fas_fail(e, FAS_E_NOTFOUND, "session_gone", "the session has ended already");
	session_unref(&call->d->sessions, s);
	return rc;
}

/* ---- SESSIONS, STATUS ---- */

static const char *
state_name(enum session_state state)
{
	switch (state) {
	case SESSION_PENDING:
		return "pending";
	case SESSION_OPEN:
		return "open";
	case SESSION_ENDED:
		break;
	}
	return "ended";
}

enum fas_code
session_op_sessions(struct call *call, struct fas_err *e)
{
	struct sessions *t = &call->d->sessions;
	struct card_writer *w = &call->w;
	(void)e;
	sessions_lock(t);
	for (size_t i = 0; i < t->n && i < CARD_FIELDS_MAX; i++) {
		const struct session *s = t->list[i];
		card_write_open(w, CARD_TAG_SESSION_ENTRY);
		card_write_text(w, CARD_TAG_SESSION, s->file.id);
		card_write_text(w, CARD_TAG_USER, s->user.name);
		card_write_number(w, CARD_TAG_UID, s->user.uid);
		card_write_text(w, CARD_TAG_STATE, state_name(s->state));
		card_write_number(w, CARD_TAG_EXPIRES, (uint64_t)s->expires_s);
		if (s->state == SESSION_OPEN)
			card_write_number(w, CARD_TAG_CARD_ID, s->card_id);
		card_write_close(w);
	}
	sessions_unlock(t);
	return FAS_OK;
}

enum fas_code
session_op_status(struct call *call, struct fas_err *e)
{
	return status_write(call->d, &call->w, e);
}
