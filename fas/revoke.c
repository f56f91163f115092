#include "fas/revoke.h"

#include <stdio.h>

#include "fas/base/log.h"
#include "fas/issued_store.h"

#define OWED_MAX 100 /* revocations in one round */

static enum fas_code
mark_revoked(struct db *db, void *arg, struct fas_err *e)
{
	const struct session *session = arg;
	return session_mark_revoked(db, session->id, e);
}

static enum fas_code
revoke_now(struct service *service, const struct session *session, struct fas_err *e)
{
	size_t n = 0;
	struct session copy = *session; /* borrowed: only the id is looked at */
	enum fas_code rc =
	    session->revoke_at_end
		? signer_revoke(service->signer, session->correlation_id, NULL, session->id,
		      "cessationOfOperation", &n, e)
		: signer_drop(service->signer, session->correlation_id, session->id, e);
	return rc == FAS_OK ? db_write(service->db, mark_revoked, &copy, e) : rc;
}

void
revoke_session(struct service *service, const struct session *session)
{
	struct fas_err e = {0};
	if (revoke_now(service, session, &e) != FAS_OK)
		log_error("revocation_owed", &e, "session", session->id, NULL);
}

struct next {
	char after[SESSION_ID_TEXT_MAX];
	struct session session;
};

static enum fas_code
find_next(struct db *db, void *arg, struct fas_err *e)
{
	struct next *next = arg;
	return session_find_to_revoke(db, next->after, &next->session, e);
}

void
revoke_owed(struct service *service)
{
	struct next next = {.after = ""};
	for (size_t i = 0; i < OWED_MAX; i++) {
		struct fas_err e = {0};
		if (db_read(service->db, find_next, &next, &e) != FAS_OK)
			return;
		enum fas_code rc = revoke_now(service, &next.session, &e);
		if (rc != FAS_OK)
			log_error("revocation_owed", &e, "session", next.session.id, NULL);
		(void)snprintf(next.after, sizeof(next.after), "%s", next.session.id);
		session_done(&next.session);
		if (rc == FAS_E_UNAVAILABLE || rc == FAS_E_TIMEOUT)
			return;
	}
}

/* ---- single certificates ---- */

struct next_due {
	int64_t now_s;
	struct due due;
};

static enum fas_code
find_due(struct db *db, void *arg, struct fas_err *e)
{
	struct next_due *next = arg;
	return due_find(db, next->due.id, next->now_s, &next->due, e);
}

static enum fas_code
mark_done(struct db *db, void *arg, struct fas_err *e)
{
	const struct next_due *next = arg;
	return due_done(db, next->due.id, e);
}

/* The signer has a record of each revocation, with our correlation id; one that it does not know needs none. */
static enum fas_code
revoke_one(struct service *service, struct next_due *next, struct fas_err *e)
{
	size_t n = 0;
	const struct due *due = &next->due;
	enum fas_code rc =
	    signer_revoke(service->signer, due->correlation_id, due->serial, NULL, due->why, &n, e);
	if (rc != FAS_OK && rc != FAS_E_NOTFOUND)
		return rc;
	fas_err_clear(e);
	return db_write(service->db, mark_done, next, e);
}

void
revoke_due(struct service *service, int64_t now_s)
{
	struct next_due next = {.now_s = now_s};
	for (size_t i = 0; i < OWED_MAX; i++) {
		struct fas_err e = {0};
		if (db_read(service->db, find_due, &next, &e) != FAS_OK)
			return;
		enum fas_code rc = revoke_one(service, &next, &e);
		if (rc != FAS_OK)
			log_error("revocation_owed", &e, "session", next.due.session, "serial",
			    next.due.serial, NULL);
		if (rc == FAS_E_UNAVAILABLE || rc == FAS_E_TIMEOUT)
			return;
	}
}
