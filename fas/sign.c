#include "fas/sign.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/revoke.h"
#include "fas/sign_store.h"
#include "fas/standing.h"
#include "fas/terms.h"

/* What one session_sign works with. */
struct sign {
	struct session_work work;
	struct request *request;
	const struct sign_request *body;
	struct standing standing;
	struct user_key user_key;
	bool found;
	struct terms terms; /* of an in-session key */
	bool withdrawn;
	bool counted;
	json_t *detail; /* of the record; owned */
};

static void
sign_done(struct sign *s)
{
	session_work_done(&s->work);
	standing_done(&s->standing);
	json_decref(s->detail);
}

DEFINE_OWN_IN_PLACE(sign, struct sign, sign_done);

/* ---- whose key ---- */

static enum fas_code
load(struct db *db, void *arg, struct fas_err *e)
{
	struct sign *s = arg;
	const char *session = s->work.session.id;
	enum fas_code rc = standing_find(db, session, &s->standing, e);
	return rc == FAS_OK ? user_key_find(db, session, s->body->key, &s->user_key, &s->found, e)
			    : rc;
}

static enum fas_code
find_key(struct sign *s, struct fas_err *e)
{
	struct session_work *w = &s->work;
	enum fas_code rc = session_check_live(&w->session, w->now_s, e);
	if (rc == FAS_OK && !s->found)
		rc = fas_fail(
		    e, FAS_E_NOTFOUND, "key_unknown", "the session has no key of this name");
	if (rc == FAS_OK)
		w->trail.record.serial = s->user_key.serial;
	return rc;
}

/* ---- how the session stands ---- */

static enum fas_code
write_standing(struct db *db, void *arg, struct fas_err *e)
{
	struct sign *s = arg;
	return standing_put(db, &s->work.session, &s->standing, &s->withdrawn, e);
}

/* The heartbeat is late, or another policy is in force: the question is put here. */
static enum fas_code
ask_again(struct sign *s, struct fas_err *e)
{
	struct fas_err why = {0};
	struct session_work *w = &s->work;
	enum fas_code rc = standing_ask(
	    w->service, &w->session, &s->standing, STANDING_ONCE_MORE, w->now_s, NULL, &why);
	if (rc == FAS_E_DENIED) {
		(void)fas_fail(e, rc, why.reason, "%s", why.message);
		return standing_end(w, e);
	}
	if (rc != FAS_OK)
		log_error("account_unknown", &why, "session", w->session.id, NULL);
	if ((rc = db_write(w->service->db, write_standing, s, e)) == FAS_OK && s->withdrawn)
		revoke_due(w->service, w->now_s);
	return rc;
}

static enum fas_code
check_standing(struct sign *s, struct fas_err *e)
{
	struct session_work *w = &s->work;
	struct standing *standing = &s->standing;
	bool current = standing_is_current(w->service, standing);
	if (current && w->now_s - standing->judged_s <= STANDING_MAX_S)
		return FAS_OK;
	bool another = !current && standing->policy[0];
	if (another || w->now_s - standing->tried_s >= STANDING_RETRY_S) {
		enum fas_code rc = ask_again(s, e);
		if (rc != FAS_OK)
			return rc;
		current = standing_is_current(w->service, standing);
	}
	if (current && w->now_s - standing->judged_s <= w->service->directory_grace_s)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "account_unknown", "the account cannot be read: %s",
	    current ? "for longer than directory_grace" : "and another policy is in force");
}

/* ---- may it sign ---- */

static enum fas_code
check_grant(struct sign *s, struct fas_err *e)
{
	const struct user_key *key = &s->user_key;
	if (!key->in_session)
		return FAS_OK;
	if (!s->standing.in_session)
		return fas_fail(e, FAS_E_DENIED, "sign_grant",
		    "the rule grants nothing within the session any more");
	enum fas_code rc = terms_parse(s->standing.in_session, &s->terms, e);
	if (rc == FAS_OK && !(s->terms.mechanisms & terms_mechanism(s->body->mechanism)))
		rc = fas_fail(
		    e, FAS_E_DENIED, "sign_mechanism", "the rule grants no %s", s->body->mechanism);
	return rc;
}

static enum fas_code
check_time(const struct sign *s, struct fas_err *e)
{
	const struct user_key *key = &s->user_key;
	int64_t now_s = s->work.now_s;
	if (now_s >= key->not_after_s || (key->revoke_at_s && now_s >= key->revoke_at_s))
		return fas_fail(e, FAS_E_DENIED, "sign_certificate",
		    "certificate %s is over, replaced or taken back", key->serial);
	if (key->sign_until_s && now_s >= key->sign_until_s)
		return fas_fail(e, FAS_E_DENIED, "sign_window",
		    "the key's time for signatures ended %lld s ago",
		    (long long)(now_s - key->sign_until_s));
	if (key->signatures_max && key->signatures >= key->signatures_max)
		return fas_fail(e, FAS_E_DENIED, "sign_count", "all %lld signatures are made",
		    (long long)key->signatures_max);
	return FAS_OK;
}

static bool
is_limited(const struct sign *s)
{
	const struct user_key *key = &s->user_key;
	return s->terms.rate_period_s &&
	       s->work.now_s < key->rate_start_s + s->terms.rate_period_s &&
	       key->rate_used >= s->terms.rate_count;
}

static enum fas_code
check_rate(struct sign *s, struct fas_err *e)
{
	const struct user_key *key = &s->user_key;
	if (!is_limited(s))
		return FAS_OK;
	s->request->retry_after_s = key->rate_start_s + s->terms.rate_period_s - s->work.now_s;
	return fas_fail(e, FAS_E_LIMIT, "sign_rate", "%lld signatures in %lld s are made",
	    (long long)s->terms.rate_count, (long long)s->terms.rate_period_s);
}

/* ---- sign, count, record ---- */

static enum fas_code
ask_signer(struct sign *s, struct sign_answer *out, struct fas_err *e)
{
	const struct sign_request *body = s->body;
	const struct signer_sign request = {
	    .correlation_id = s->work.session.correlation_id,
	    .session = s->work.session.id,
	    .key_id = body->key,
	    .mechanism = body->mechanism,
	    .hash = body->hash,
	    .digest = body->digest,
	    .digest_len = body->digest_len,
	};
	return signer_sign(
	    s->work.service->signer, &request, out->signature, &out->signature_len, e);
}

static enum fas_code
count_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct sign *s = arg;
	enum fas_code rc = user_key_count(db, &s->user_key, s->work.now_s, s->terms.rate_count,
	    s->terms.rate_period_s, &s->counted, e);
	if (rc != FAS_OK || !s->counted)
		return rc;
	return audit_append(db, &s->work.trail.record, e);
}

static enum fas_code
make_detail(struct sign *s, struct fas_err *e)
{
	const struct sign_request *body = s->body;
	s->detail = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s}", "key", body->key, "mechanism",
	    body->mechanism, "digest", body->hash, "program", body->program, "operation",
	    body->purpose, "purpose", s->user_key.in_session ? "in_session" : "logon");
	s->work.trail.record.detail = s->detail;
	return s->detail ? FAS_OK : fas_fail_nomem(e);
}

/*
 * The signature first, then its record and its count, durable together: what cannot be recorded, or is one too many by
 * then, does not leave.
 */
static enum fas_code
sign(struct sign *s, struct sign_answer *out, struct fas_err *e)
{
	struct audit_record *record = &s->work.trail.record;
	enum fas_code rc = ask_signer(s, out, e);
	if (rc != FAS_OK)
		return rc;
	record->event = "key_used";
	record->outcome = "done";
	record->message = s->body->program;
	rc = db_write(s->work.service->db, count_and_record, s, e);
	if (rc == FAS_OK && s->counted) {
		audit_log(record);
		return FAS_OK;
	}
	record->event = "sign_refused";
	return rc == FAS_OK ? fas_fail(e, FAS_E_DENIED, "sign_count",
				  "another request has made the last signature")
			    : rc;
}

/* ---- refusals ---- */

static enum fas_code
mark_limited(struct db *db, void *arg, struct fas_err *e)
{
	const struct sign *s = arg;
	return user_key_mark_limited(db, &s->user_key, e);
}

/* A program that runs into its rate does so again and again: one record each period tells it. */
static enum fas_code
refuse(struct sign *s, struct fas_err *e)
{
	struct fas_err store = {0};
	struct service *service = s->work.service;
	if (strcmp(e->reason, "over") == 0)
		return e->code;
	if (strcmp(e->reason, "sign_rate") == 0) {
		if (s->user_key.rate_used > s->terms.rate_count)
			return e->code;
		if (db_write(service->db, mark_limited, s, &store) != FAS_OK)
			log_error("sign_store_failed", &store, NULL);
	}
	return trail_refuse(&s->work.trail, service, e);
}

enum fas_code
session_sign(struct service *service, struct request *request, const char *id,
    const struct sign_request *body, struct sign_answer *out, struct fas_err *e)
{
	OWN(sign)
	struct sign s = {
	    .work = {.service = service, .id = id, .also = load}, .request = request, .body = body};
	*out = (struct sign_answer){0};
	s.work.also_arg = &s;
	trail_begin(&s.work.trail, "sign_refused", request);
	enum fas_code rc = clock_checked(service->clock_skew_s, &s.work.now_s, e);
	if (rc == FAS_OK)
		rc = db_pool_check(service->db, e);
	if (rc == FAS_OK)
		rc = session_work_load(&s.work, request, e);
	if (rc == FAS_OK)
		rc = find_key(&s, e);
	if (rc == FAS_OK)
		rc = make_detail(&s, e);
	if (rc == FAS_OK)
		rc = check_standing(&s, e);
	if (rc == FAS_OK)
		rc = check_grant(&s, e);
	if (rc == FAS_OK)
		rc = check_time(&s, e);
	if (rc == FAS_OK)
		rc = check_rate(&s, e);
	if (rc == FAS_OK)
		rc = sign(&s, out, e);
	return rc == FAS_OK ? FAS_OK : refuse(&s, e);
}
