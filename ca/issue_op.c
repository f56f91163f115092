/* Operation `issue`: a user's certificate, for what the limits allow and nothing else. */
#include "ca/issue.h"

#include <string.h>

#include "ca/held.h"
#include "ca/pool.h"
#include "fas/base/clock.h"
#include "fas/base/oid.h"
#include "fas/base/text.h"

#define ACCOUNT_MAX 256
#define MAIL_MAX 254

/* The request, read. */
struct wish {
	const char *request_id, *authority, *profile, *sid_text, *upn, *rule, *host, *session;
	struct dn subject;
	struct sid sid;
	enum profile_kind kind;
	const struct profile_own *own;      /* NULL: the built-in profile of this kind */
	const char *account, *realm, *mail; /* for an own profile's names; or NULL */
	const char *policies[PROFILE_ASKED_POLICIES_MAX]; /* beside the profile's own */
	size_t n_policies;
	uint8_t *spki; /* whose key it is: the caller's, or of key_type and the signer's */
	size_t spki_len;
	const char *key_type;
	struct held_terms terms;
	struct held_key *held;
	int64_t validity_s;
};

static void
wish_done(struct wish *w)
{
	dn_done(&w->subject);
	free(w->spki);
	held_unref(w->held);
}
DEFINE_OWN_IN_PLACE(wish, struct wish, wish_done);

/* Either the key comes with the request, or a type and what a key of the signer's may do. */
static void
read_key(struct json_reader *in, struct wish *w)
{
	w->key_type = json_want_text(in, "key_type", 1, POOL_TYPE_MAX - 1);
	if (w->key_type) {
		w->terms.max_signatures = (uint64_t)json_need_int(in, "signatures", 1, INT32_MAX);
		w->terms.until_s = json_need_int(in, "sign_until", 1, INT64_MAX);
	} else {
		w->spki = json_need_base64(in, "spki", SPKI_MAX, &w->spki_len);
	}
}

/* One of signer.yaml's, or a built-in one. */
static enum fas_code
find_profile(const struct ca *ca, struct wish *w, struct fas_err *e)
{
	w->own = signer_config_profile(ca->config, w->profile);
	if (w->own)
		w->kind = w->own->like;
	else if (!profile_parse(w->profile, &w->kind))
		return fas_fail(
		    e, FAS_E_INPUT, "profile_unknown", "there is no profile \"%s\"", w->profile);
	if (w->own && w->own->longest_life_s && w->validity_s > w->own->longest_life_s)
		w->validity_s = w->own->longest_life_s;
	return FAS_OK;
}

/* Issuance policies: few, each once, and none that no certificate may have. */
static enum fas_code
read_policies(const json_t *list, struct wish *w, struct fas_err *e)
{
	const json_t *item;
	size_t i;
	if (json_array_size(list) > PROFILE_ASKED_POLICIES_MAX)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "\"policies\" has %zu entries, want at most %d", json_array_size(list),
		    PROFILE_ASKED_POLICIES_MAX);
	json_array_foreach(list, i, item)
	{
		const char *oid = json_string_value(item);
		for (size_t k = 0; oid && k < w->n_policies; k++)
			oid = strcmp(w->policies[k], oid) == 0 ? NULL : oid;
		if (!oid || !oid_is_open_policy(oid))
			return fas_fail(e, FAS_E_INPUT, "member_invalid",
			    "\"policies\" wants object identifiers, each once, anyPolicy not "
			    "among them");
		w->policies[w->n_policies++] = oid;
	}
	return FAS_OK;
}

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
	w->account = json_want_text(in, "account", 1, ACCOUNT_MAX);
	w->realm = json_want_text(in, "realm", 1, HOSTNAME_MAX);
	w->mail = json_want_text(in, "mail", 1, MAIL_MAX);
	const json_t *policies = json_want_value(in, "policies", JSON_ARRAY);
	read_key(in, w);
	w->validity_s = json_need_int(in, "validity_s", 60, INT32_MAX);
	w->rule = json_need_text(in, "rule", 1, 128);
	w->host = json_need_text(in, "host", 1, HOSTNAME_MAX);
	w->session = json_need_text(in, "session", 1, 64);
	call->chain_known =
	    json_want_text(in, "chain_known", CHAIN_DIGEST_MAX - 1, CHAIN_DIGEST_MAX - 1);
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
	if (rc == FAS_OK)
		rc = read_policies(policies, w, e);
	return rc == FAS_OK ? find_profile(call->ca, w, e) : rc;
}

static enum fas_code
check_wish(struct ca *ca, const struct wish *w, struct fas_err *e)
{
	const struct limits_facts facts = {.profile = w->kind,
	    .subject = &w->subject,
	    .sid = &w->sid,
	    .upn = w->upn,
	    .validity_s = w->validity_s,
	    .signatures = (int64_t)w->terms.max_signatures,
	    .own = w->own,
	    .realm = w->realm,
	    .mail = w->mail,
	    .policies = w->policies,
	    .n_policies = w->n_policies};
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
	    .own = w->own,
	    .account = w->account,
	    .realm = w->realm,
	    .mail = w->mail,
	    .policies = w->policies,
	    .n_policies = w->n_policies,
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
	rc = authorities_choose(&call->ca->authorities, w->authority, issue->now_s, &issuer, e);
	issue->issuer = issuer;
	return rc == FAS_OK ? issue_once(call, issue, e) : rc;
}

/* ---- a key of the signer's ---- */

/* Its certificate is on record, and the key is not here: it went with an earlier fas-signer, or with its session. */
static enum fas_code
check_not_gone(struct call *call, const struct issue *issue, struct fas_err *e)
{
	bool found = false;
	enum fas_code rc = issue_again(call, issue->request_id, issue->request_digest, &found, e);
	if (rc != FAS_OK || !found)
		return rc;
	return fas_fail(e, FAS_E_NOTFOUND, "key_gone",
	    "the certificate is on record, but its key is gone: ask for another");
}

/* An empty pool is no refusal but an answer: it says when to come again. */
static enum fas_code
answer_empty(struct call *call, int64_t wait_s, struct fas_err *e)
{
	fas_err_clear(e);
	call->reply = json_pack("{s:I}", "pool_empty", (json_int_t)wait_s);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
draw_key(
    struct call *call, struct wish *w, const struct issue *issue, bool *answered, struct fas_err *e)
{
	struct held_keys *held = call->ca->held;
	int64_t wait_s = 0;
	enum fas_code rc = FAS_OK;
	w->held = held_find_request(held, w->request_id);
	if (!w->held) {
		w->terms.session = w->session;
		w->terms.host = w->host;
		w->terms.upn = w->upn;
		w->terms.sid = w->sid_text;
		if ((rc = check_not_gone(call, issue, e)) != FAS_OK)
			return rc;
		rc = held_reserve(held, w->request_id, w->key_type, &w->terms, issue->now_s,
		    &w->held, &wait_s, e);
	}
	if (rc == FAS_E_UNAVAILABLE && wait_s > 0) {
		*answered = true;
		return answer_empty(call, wait_s, e);
	}
	if (rc != FAS_OK)
		return rc;
	const uint8_t *spki = key_spki(held_key(w->held), &w->spki_len);
	w->spki = malloc(w->spki_len);
	if (!w->spki)
		return fas_fail_nomem(e);
	memcpy(w->spki, spki, w->spki_len);
	return FAS_OK;
}

/* From here on it may sign; or, if the answer is no for good, another may have it. */
static enum fas_code
settle_key(struct call *call, const struct wish *w, enum fas_code rc, struct fas_err *e)
{
	if (rc == FAS_OK) {
		const char *serial = json_string_value(json_object_get(call->reply, "serial"));
		json_t *end = json_object_get(call->reply, "not_after");
		held_arm(call->ca->held, w->held, serial ? serial : "", json_integer_value(end));
		if (json_object_set_new(call->reply, "key", json_string(held_id(w->held))) != 0)
			return fas_fail_nomem(e);
	} else if (rc == FAS_E_DENIED || rc == FAS_E_LIMIT || rc == FAS_E_NOTFOUND) {
		held_cancel(call->ca->held, w->held);
	}
	return rc;
}

enum fas_code
op_issue(struct call *call, struct fas_err *e)
{
	bool answered = false;
	OWN(wish) struct wish w = {0};
	pool_stand_back(call->ca->pool);
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
	if ((rc = issue_digest(call->in.object, issue.request_digest, e)) != FAS_OK)
		return rc;
	if (w.key_type && ((rc = draw_key(call, &w, &issue, &answered, e)) != FAS_OK || answered))
		return rc;
	if ((rc = spki_check(w.spki, w.spki_len, issue.spki_digest, e)) != FAS_OK)
		return rc;
	rc = issue_wish(call, &w, &issue, e);
	return w.key_type ? settle_key(call, &w, rc, e) : rc;
}
