/* Operation `issue`: a user's certificate, for what the limits allow and nothing else. */
#include "ca/issue.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/text.h"

/* The request, read. */
struct wish {
	const char *request_id, *authority, *profile, *sid_text, *upn, *rule, *host, *session;
	struct dn subject;
	struct sid sid;
	enum profile_kind kind;
	uint8_t *spki;
	size_t spki_len;
	int64_t validity_s;
};

static void
wish_done(struct wish *w)
{
	dn_done(&w->subject);
	free(w->spki);
}
DEFINE_OWN_IN_PLACE(wish, struct wish, wish_done);

static enum fas_code
read_wish(struct call *call, struct wish *w, struct fas_err *e)
{
	struct json_reader *in = &call->in;
	w->request_id = json_need_text(in, "request_id", 8, REQUEST_ID_LEN_MAX);
	call_correlate(call, json_need_text(in, "correlation_id", 1, 64));
	w->authority = json_need_text(in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	w->profile = json_need_text(in, "profile", 1, 32);
	json_t *subject = json_need_value(in, "subject", JSON_ARRAY);
	w->sid_text = json_need_text(in, "sid", 1, SID_TEXT_MAX - 1);
	w->upn = json_need_text(in, "upn", 1, UPN_MAX);
	w->spki = json_need_base64(in, "spki", SPKI_MAX, &w->spki_len);
	w->validity_s = json_need_int(in, "validity_s", 60, INT32_MAX);
	w->rule = json_need_text(in, "rule", 1, 128);
	w->host = json_need_text(in, "host", 1, HOSTNAME_MAX);
	w->session = json_need_text(in, "session", 1, 64);
	call->about.rule = w->rule;
	call->about.host = w->host;
	call->about.session = w->session;
	call->about.upn = w->upn;
	call->about.sid = w->sid_text;
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = dn_from_json(subject, &w->subject, e);
	if (rc == FAS_OK)
		rc = sid_parse(w->sid_text, &w->sid, e);
	if (rc == FAS_OK && !profile_parse(w->profile, &w->kind))
		rc = fas_fail(
		    e, FAS_E_INPUT, "profile_unknown", "there is no profile \"%s\"", w->profile);
	return rc;
}

static enum fas_code
check_wish(struct ca *ca, const struct wish *w, struct fas_err *e)
{
	const struct limits_facts facts = {w->kind, &w->subject, &w->sid, w->upn, w->validity_s};
	(void)pthread_rwlock_rdlock(&ca->limits_lock);
	enum fas_code rc = limits_check(ca->limits, &facts, e);
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return rc;
}

static enum fas_code
count_wish(struct ca *ca, const struct wish *w, int64_t now_s, struct fas_err *e)
{
	(void)pthread_rwlock_rdlock(&ca->limits_lock);
	enum fas_code rc = rate_take(ca->rate, &w->sid, now_s, e);
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return rc;
}

/*
 * A repeat must get its answer even when the rate is used up meanwhile; so a spent rate looks for one before it refuses.
 * (A repeat while the rate is not spent counts once more: that only errs on the careful side.)
 */
static enum fas_code
count_or_repeat(struct call *call, const struct wish *w, const struct issue *issue, bool *found,
    struct fas_err *e)
{
	struct fas_err spent = {0};
	enum fas_code rc = count_wish(call->ca, w, issue->now_s, &spent);
	if (rc == FAS_OK)
		return FAS_OK;
	rc = issue_again(call, issue->request_id, issue->request_digest, found, e);
	if (rc != FAS_OK || *found)
		return rc;
	return fas_fail(e, spent.code, spent.reason, "%s", spent.message);
}

static enum fas_code
issue_wish(struct call *call, const struct wish *w, struct issue *issue, struct fas_err *e)
{
	bool answered = false;
	struct profile_facts facts = {.kind = w->kind,
	    .spki = w->spki,
	    .spki_len = w->spki_len,
	    .subject = &w->subject,
	    .sid = &w->sid,
	    .upn = w->upn};
	issue->facts = &facts;
	enum fas_code rc = count_or_repeat(call, w, issue, &answered, e);
	if (rc != FAS_OK || answered)
		return rc;
	OWN(issuer) struct issuer *issuer = NULL;
	rc = authorities_find(&call->ca->authorities, w->authority, &issuer, e);
	issue->issuer = issuer;
	return rc == FAS_OK ? issue_once(call, issue, e) : rc;
}

enum fas_code
op_issue(struct call *call, struct fas_err *e)
{
	OWN(wish) struct wish w = {0};
	enum fas_code rc = read_wish(call, &w, e);
	if (rc != FAS_OK)
		return rc;
	struct issue issue = {.request_id = w.request_id,
	    .life_s = w.validity_s,
	    .sid = w.sid_text,
	    .event = "certificate_issued"};
	if ((rc = clock_checked(call->ca->config->clock_skew_s, &issue.now_s, e)) != FAS_OK)
		return rc;
	if ((rc = check_wish(call->ca, &w, e)) != FAS_OK)
		return rc;
	if ((rc = spki_check(w.spki, w.spki_len, issue.spki_digest, e)) != FAS_OK)
		return rc;
	if ((rc = issue_digest(call->in.object, issue.request_digest, e)) != FAS_OK)
		return rc;
	return issue_wish(call, &w, &issue, e);
}
