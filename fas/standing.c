#include "fas/standing.h"

#include <string.h>

#include "fas/terms.h"

void
standing_done(struct standing *standing)
{
	free(standing->facts);
	free(standing->in_session);
	free(standing->profile);
	*standing = (struct standing){0};
}

bool
standing_is_current(struct service *service, const struct standing *standing)
{
	return service_policy_is(service, standing->policy);
}

/* By its SID alone: the claims were compared at the logon, and a name may change during a session. */
static enum fas_code
read_account(struct service *service, const struct session *session,
    enum standing_question question, int64_t now_s, struct account **out, struct fas_err *e)
{
	struct sid sid;
	enum fas_code rc = sid_parse(session->sid, &sid, e);
	if (rc != FAS_OK)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a session of no account");
	const struct directory_claims claims = {.sid = &sid};
	if (question == STANDING_FOR_CERTIFICATE)
		rc = directory_find(service->directory, &claims, now_s, out, e);
	else
		rc = directory_reread(service->directory, &sid, now_s, out, e);
	return rc == FAS_OK ? account_check(*out, e) : rc;
}

/* A group that the directory does not know says neither yes nor no: no session ends for that. */
static enum fas_code
ask_policy(const struct session *session, const struct standing *standing, struct judgement *j,
    struct fas_err *e)
{
	OWN(facts) struct facts facts = {0};
	struct fas_err why = {0};
	enum fas_code rc = facts_parse(standing->facts, &facts, &why);
	if (rc == FAS_OK)
		rc = facts_decide(&facts, session->host, j, &why);
	if (rc == FAS_E_DENIED && strcmp(why.reason, "policy_group_unresolved") == 0)
		rc = FAS_E_UNAVAILABLE;
	return rc == FAS_OK ? rc : fas_fail(e, rc, why.reason, "%s", why.message);
}

static enum fas_code
put_grant(struct standing *standing, const struct judgement *j, struct fas_err *e)
{
	const struct policy_in_session *grant = &j->verdict.grant.in_session;
	char *text = NULL, *profile = NULL;
	enum fas_code rc = terms_format(grant, &text, e);
	if (rc == FAS_OK && text && !(profile = strdup(grant->profile)))
		rc = fas_fail_nomem(e);
	if (rc != FAS_OK) {
		free(text);
		return rc;
	}
	free(standing->in_session);
	free(standing->profile);
	standing->in_session = text;
	standing->profile = profile;
	return FAS_OK;
}

static enum fas_code
ask(struct service *service, const struct session *session, struct standing *standing,
    enum standing_question question, int64_t now_s, struct judgement *j, struct fas_err *e)
{
	j->policy = service_policy_named(service, j->policy_id);
	if (!j->policy)
		return fas_fail(e, FAS_E_UNAVAILABLE, "policy_missing", "no policy is loaded yet");
	enum fas_code rc = read_account(service, session, question, now_s, &j->account, e);
	if (rc == FAS_OK && standing->facts)
		rc = ask_policy(session, standing, j, e);
	return rc == FAS_OK ? put_grant(standing, j, e) : rc;
}

enum fas_code
standing_ask(struct service *service, const struct session *session, struct standing *standing,
    enum standing_question question, int64_t now_s, struct judgement *judgement, struct fas_err *e)
{
	OWN(judgement) struct judgement own = {0};
	struct judgement *j = judgement ? judgement : &own;
	enum fas_code rc = ask(service, session, standing, question, now_s, j, e);
	standing->tried_s = now_s;
	/* What another policy has said is of no use, and this one has not spoken. */
	if (rc != FAS_OK && strcmp(standing->policy, j->policy_id) != 0)
		standing->policy[0] = 0;
	if (rc != FAS_OK)
		return rc;
	memcpy(standing->policy, j->policy_id, sizeof(standing->policy));
	standing->judged_s = now_s;
	standing->asked = true;
	return FAS_OK;
}

enum fas_code
standing_end(struct session_work *w, struct fas_err *e)
{
	const struct fas_err why = *e;
	struct fas_err failed = {0};
	enum fas_code rc = session_work_end(w, why.reason, why.message, &failed);
	fas_err_clear(e);
	if (rc != FAS_OK)
		return fas_fail(e, rc, failed.reason, "%s", failed.message);
	return fas_fail(e, FAS_E_DENIED, "over", "the session has ended: %s", why.message);
}
