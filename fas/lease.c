#include "fas/lease.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/revoke.h"
#include "fas/standing.h"

#define NEXT_MAX_S 45 /* so that what has changed takes effect within a minute */

void
lease_answer_done(struct lease_answer *answer)
{
	free(answer->in_session);
	*answer = (struct lease_answer){0};
}

/* What one session_lease works with. */
struct lease {
	struct session_work work;
	struct standing standing;
	bool known;     /* account and policy have said yes, now or within STANDING_EACH_S */
	bool withdrawn; /* something is to be revoked at once */
	int64_t lease_until_s;
};

static void
lease_done(struct lease *l)
{
	session_work_done(&l->work);
	standing_done(&l->standing);
}

DEFINE_OWN_IN_PLACE(lease, struct lease, lease_done);

static enum fas_code
load_standing(struct db *db, void *arg, struct fas_err *e)
{
	struct lease *l = arg;
	return standing_find(db, l->work.session.id, &l->standing, e);
}

/* Not more often than each 30 s, unless another policy is in force. */
static bool
is_due(const struct lease *l)
{
	const struct standing *s = &l->standing;
	return !standing_is_current(l->work.service, s) ||
	       l->work.now_s - s->tried_s >= STANDING_EACH_S;
}

/* A directory that is away ends no session. */
static enum fas_code
judge(struct lease *l, struct fas_err *e)
{
	struct fas_err why = {0};
	struct session_work *w = &l->work;
	l->known = l->standing.judged_s == l->standing.tried_s;
	if (!is_due(l))
		return FAS_OK;
	enum fas_code rc = standing_ask(
	    w->service, &w->session, &l->standing, STANDING_ONCE_MORE, w->now_s, NULL, &why);
	l->known = rc == FAS_OK;
	if (rc == FAS_E_DENIED) {
		(void)fas_fail(e, rc, why.reason, "%s", why.message);
		return standing_end(w, e);
	}
	if (rc != FAS_OK)
		log_error("account_unknown", &why, "session", w->session.id, NULL);
	return FAS_OK;
}

static enum fas_code
write_lease(struct db *db, void *arg, struct fas_err *e)
{
	struct lease *l = arg;
	const struct session *s = &l->work.session;
	enum fas_code rc = session_extend(db, s->id, l->lease_until_s, e);
	if (rc == FAS_OK && l->standing.tried_s == l->work.now_s)
		rc = standing_put(db, s, &l->standing, &l->withdrawn, e);
	return rc;
}

static enum fas_code
extend(struct lease *l, struct fas_err *e)
{
	struct session_work *w = &l->work;
	const struct session *s = &w->session;
	l->lease_until_s =
	    w->now_s + s->lease_s < s->expires_s ? w->now_s + s->lease_s : s->expires_s;
	enum fas_code rc = db_write(w->service->db, write_lease, l, e);
	if (rc == FAS_OK && l->withdrawn)
		revoke_due(w->service, w->now_s);
	return rc;
}

static void
answer(struct lease *l, struct lease_answer *out)
{
	int64_t lease_s = l->lease_until_s - l->work.now_s;
	*out = (struct lease_answer){
	    .session_expires_s = l->work.session.expires_s,
	    .lease_s = lease_s,
	    .next_s = lease_s / 2 < NEXT_MAX_S ? (lease_s + 1) / 2 : NEXT_MAX_S,
	    .account_known = l->known,
	};
	out->in_session = TAKE(l->standing.in_session);
}

enum fas_code
session_lease(struct service *service, struct request *request, const char *id,
    struct lease_answer *out, struct fas_err *e)
{
	OWN(lease) struct lease l = {.work = {.service = service, .id = id, .also = load_standing}};
	struct session_work *w = &l.work;
	w->also_arg = &l;
	*out = (struct lease_answer){0};
	trail_begin(&w->trail, "lease_refused", request);
	enum fas_code rc = clock_checked(service->clock_skew_s, &w->now_s, e);
	if (rc == FAS_OK)
		rc = session_work_load(w, request, e);
	if (rc == FAS_OK)
		rc = session_check_live(&w->session, w->now_s, e);
	if (rc == FAS_OK)
		rc = judge(&l, e);
	if (rc == FAS_OK)
		rc = extend(&l, e);
	if (rc == FAS_OK)
		answer(&l, out);
	/* The host of a held session asks again and again: that it is held is on record once. */
	if (rc == FAS_OK || strcmp(e->reason, "over") == 0 ||
	    strcmp(e->reason, "session_held") == 0)
		return rc;
	return trail_refuse(&w->trail, service, e);
}
