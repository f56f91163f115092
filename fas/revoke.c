#include "fas/revoke.h"

#include <stdio.h>

#include "fas/base/log.h"

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
	enum fas_code rc = signer_revoke(service->signer, session->correlation_id, NULL,
	    session->id, "cessationOfOperation", &n, e);
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
