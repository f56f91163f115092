#include "fas/plan.h"

#include <stdio.h>
#include <string.h>

#include "fas/act.h"
#include "fas/base/json.h"
#include "fas/base/oid.h"
#include "fas/base/text.h"
#include "fas/logout.h"
#include "fas/terms.h"

#define SPKI_MAX 1024
#define LIFE_MIN_S 60 /* of any certificate: the signer makes none for less */
/* Of one in-session key; the signer's limits may say less. */
#define SIGNATURES_MAX 10000

void
plan_done(struct plan *plan)
{
	free(plan->authority);
	free(plan->profile);
	free(plan->spki);
	free(plan->key_type);
	free(plan->mail);
	for (size_t i = 0; i < plan->n_policies; i++)
		free(plan->policies[i]);
	dn_done(&plan->subject);
	session_done(&plan->session);
	*plan = (struct plan){0};
}

/* user@REALM where the UPN's suffix is the realm; else the whole UPN, which kinit takes as an enterprise name (-E). */
static char *
make_principal(const struct account *account)
{
	const char *suffix = upn_suffix(account->upn);
	char *principal = NULL;
	if (!ascii_equal_nocase(suffix, account->realm))
		return strdup(account->upn);
	int user = (int)(strlen(account->upn) - strlen(suffix));
	return asprintf(&principal, "%.*s%s", user, account->upn, account->realm) < 0 ? NULL
										      : principal;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum fas_code
fill_session(struct session *s, const struct judgement *j, const struct facts *facts,
    const struct ticket *ticket, int64_t now_s, struct fas_err *e)
{
	const struct account *account = j->account;
	const struct policy_grant *grant = &j->verdict.grant;
	correlation_id_new(s->id); /* the same shape */
	s->ticket = ticket->id;
	s->revoke_at_end = grant->logoff == LOGOFF_REVOKE;
	s->lease_s = grant->lease_s;
	s->created_s = now_s;
	s->expires_s = now_s + grant->session_max_s;
	if (facts->session_not_on_or_after_s)
		s->expires_s = earlier(s->expires_s, facts->session_not_on_or_after_s);
	s->lease_until_s = earlier(now_s + grant->lease_s, s->expires_s);
	memcpy(s->correlation_id, ticket->correlation_id, sizeof(s->correlation_id));
	memcpy(s->host, ticket->redeemer, sizeof(s->host));
	memcpy(s->sam_account_name, account->sam_account_name, sizeof(s->sam_account_name));
	(void)sid_format(&account->sid, s->sid);
	s->upn = strdup(account->upn);
	s->realm = strdup(account->realm);
	s->principal = make_principal(account);
	s->rule = strdup(grant->rule);
	memcpy(s->policy, j->policy_id, sizeof(s->policy));
	if (!s->upn || !s->realm || !s->principal || !s->rule)
		return fas_fail_nomem(e);
	return terms_format(&grant->in_session, &s->in_session, e);
}

static enum fas_code
copy_subject(const struct dn *from, struct dn *to, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < from->n; i++)
		rc = dn_add(to, from->rdns[i].type, from->rdns[i].value, e);
	return rc;
}

enum fas_code
plan_use_host_key(struct plan *plan, const struct host_key *key, struct fas_err *e)
{
	uint8_t *spki = malloc(key->spki_len);
	if (!spki)
		return fas_fail_nomem(e);
	memcpy(spki, key->spki, key->spki_len);
	free(plan->spki);
	free(plan->key_type);
	plan->spki = spki;
	plan->spki_len = key->spki_len;
	plan->key_type = NULL;
	return FAS_OK;
}

/* What the authentication context is worth now: a later certificate of the session asks again. */
static enum fas_code
copy_policies(struct plan *out, const struct policy_grant *grant, struct fas_err *e)
{
	for (size_t i = 0; i < grant->n_policies; i++) {
		if (!(out->policies[i] = strdup(grant->policies[i])))
			return fas_fail_nomem(e);
		out->n_policies++;
	}
	return FAS_OK;
}

/* The rule names one kind: the policy's reader has seen to that. */
static enum fas_code
take_from_pool(struct plan *plan, unsigned kind, enum policy_pool_empty empty, struct fas_err *e)
{
	plan->key_type = strdup(policy_key_name((enum policy_key)kind));
	plan->host_when_empty = empty == POOL_EMPTY_HOST;
	return plan->key_type ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
fill_names(struct plan *out, const struct account *account, const char *authority,
    const char *profile, struct fas_err *e)
{
	out->sid = account->sid;
	out->authority = strdup(authority);
	out->profile = strdup(profile);
	out->mail = account->mail ? strdup(account->mail) : NULL;
	if (!out->authority || !out->profile || (account->mail && !out->mail))
		return fas_fail_nomem(e);
	return copy_subject(&account->dn, &out->subject, e);
}

/* SAML core 2.7.2: the provider's session ends, and with it whatever was made for it. */
static enum fas_code
life_within_session(const struct policy_grant *grant, const struct facts *facts, int64_t now_s,
    int64_t *out_s, struct fas_err *e)
{
	int64_t end_s = facts->session_not_on_or_after_s;
	*out_s = end_s ? earlier(grant->validity_s, end_s - now_s) : grant->validity_s;
	if (*out_s >= LIFE_MIN_S || *out_s == grant->validity_s)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_session_expired",
	    "SAML core 2.7.2: SessionNotOnOrAfter is in %lld s: no certificate is worth it",
	    (long long)*out_s);
}

enum fas_code
plan_make(const struct judgement *j, const struct facts *facts, const struct ticket *ticket,
    const struct host_key *key, int64_t now_s, struct plan *out, struct fas_err *e)
{
	const struct policy_grant *grant = &j->verdict.grant;
	*out = (struct plan){
	    .signatures = grant->signatures, .sign_until_s = now_s + grant->signature_window_s};
	enum fas_code rc = life_within_session(grant, facts, now_s, &out->validity_s, e);
	if (rc == FAS_OK)
		rc = fill_names(out, j->account, grant->authority, grant->profile, e);
	if (rc == FAS_OK)
		rc = copy_policies(out, grant, e);
	if (rc == FAS_OK)
		rc = grant->custody == CUSTODY_SERVICE
			 ? take_from_pool(out, grant->keys, grant->pool_empty, e)
			 : plan_use_host_key(out, key, e);
	if (rc == FAS_OK)
		rc = fill_session(&out->session, j, facts, ticket, now_s, e);
	if (rc != FAS_OK)
		plan_done(out);
	return rc;
}

/* As far as a plan tells of it: it is there already. */
static enum fas_code
copy_session(
    const struct session *from, const struct judgement *j, struct session *to, struct fas_err *e)
{
	*to = (struct session){.revoke_at_end = from->revoke_at_end,
	    .lease_s = from->lease_s,
	    .created_s = from->created_s,
	    .expires_s = from->expires_s};
	memcpy(to->id, from->id, sizeof(to->id));
	memcpy(to->host, from->host, sizeof(to->host));
	memcpy(to->correlation_id, from->correlation_id, sizeof(to->correlation_id));
	memcpy(to->sid, from->sid, sizeof(to->sid));
	memcpy(to->sam_account_name, from->sam_account_name, sizeof(to->sam_account_name));
	to->upn = strdup(j->account->upn);
	to->realm = strdup(from->realm);
	to->principal = strdup(from->principal);
	to->rule = strdup(j->verdict.rule);
	return to->upn && to->realm && to->principal && to->rule ? FAS_OK : fas_fail_nomem(e);
}

/* Enough for the rate to the end of its life, in periods that begin when they like: the rate is what limits. */
static int64_t
signatures_of(const struct policy_in_session *grant, int64_t life_s)
{
	return earlier(grant->rate_count * (life_s / grant->rate_period_s + 2), SIGNATURES_MAX);
}

enum fas_code
plan_make_in_session(const struct judgement *j, const struct session *session,
    const struct host_key *key, int64_t now_s, struct plan *out, struct fas_err *e)
{
	const struct policy_in_session *grant = &j->verdict.grant.in_session;
	int64_t life_s = earlier(grant->validity_s, session->expires_s - now_s);
	*out = (struct plan){.validity_s = life_s};
	if (life_s < LIFE_MIN_S)
		return fas_fail(e, FAS_E_DENIED, "in_session_late",
		    "the session ends in %lld s: no certificate is worth it", (long long)life_s);
	out->signatures = signatures_of(grant, life_s);
	out->sign_until_s = now_s + life_s;
	enum fas_code rc = fill_names(out, j->account, grant->authority, grant->profile, e);
	if (rc == FAS_OK)
		rc = copy_policies(out, &j->verdict.grant, e);
	if (rc == FAS_OK)
		rc = grant->custody == CUSTODY_SERVICE
			 ? take_from_pool(out, grant->keys, grant->pool_empty, e)
			 : plan_use_host_key(out, key, e);
	if (rc == FAS_OK)
		rc = copy_session(session, j, &out->session, e);
	if (rc != FAS_OK)
		plan_done(out);
	return rc;
}

/* NULL: no memory. */
static json_t *
policies_json(const struct plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < plan->n_policies; i++) {
		if (json_array_append_new(list, json_string(plan->policies[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* Members that one plan has and another has not.  False: no memory. */
static bool
add_choices(json_t *object, const struct plan *plan)
{
	const struct session *s = &plan->session;
	OWN(json)
	json_t *more = json_pack("{s:s, s:s, s:s*, s:s*}", "sid", s->sid, "policy", s->policy,
	    "in_session", s->in_session, "mail", plan->mail);
	OWN(json)
	json_t *key = plan->key_type ? json_pack("{s:s, s:I, s:I, s:b}", "key_type", plan->key_type,
					   "signatures", (json_int_t)plan->signatures,
					   "sign_until_s", (json_int_t)plan->sign_until_s,
					   "host_when_empty", (int)plan->host_when_empty)
				     : json_object();
	if (plan->n_policies > 0 &&
	    json_object_set_new(object, "policies", policies_json(plan)) != 0)
		return false;
	return json_object_update(object, more) == 0 && json_object_update(object, key) == 0;
}

char *
plan_format(const struct plan *plan)
{
	const struct session *s = &plan->session;
	OWN(text) char *spki = plan->spki ? base64_encode(plan->spki, plan->spki_len) : NULL;
	if (plan->spki && !spki)
		return NULL;
	(void)json_starved();
	OWN(json)
	json_t *object = json_pack(
	    "{s:s, s:s, s:o, s:s*, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "authority",
	    plan->authority, "profile", plan->profile, "subject", dn_to_json(&plan->subject),
	    "spki", spki, "validity_s", (json_int_t)plan->validity_s, "upn", s->upn,
	    "sam_account_name", s->sam_account_name, "realm", s->realm, "principal", s->principal,
	    "rule", s->rule, "revoke_at_end", s->revoke_at_end, "lease_s", (json_int_t)s->lease_s,
	    "created_s", (json_int_t)s->created_s, "expires_s", (json_int_t)s->expires_s);
	if (!object || !add_choices(object, plan))
		return NULL;
	return json_text(object, JSON_COMPACT);
}

static char *
take_text(struct json_reader *r, const char *name, size_t max)
{
	const char *text = json_need_text(r, name, 1, max);
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		fas_fail_nomem(r->e);
	return copy;
}

/* A plan of an earlier release has neither: then the next heartbeat asks. */
static void
read_standing(struct json_reader *r, struct session *s)
{
	const char *policy = json_want_text(r, "policy", 0, sizeof(s->policy) - 1);
	const char *in_session = json_want_text(r, "in_session", 2, TERMS_MAX);
	if (policy)
		memcpy(s->policy, policy, strlen(policy) + 1);
	if (in_session && !(s->in_session = strdup(in_session)))
		fas_fail_nomem(r->e);
}

static void
read_session(struct json_reader *r, const struct ticket *ticket, struct session *s)
{
	const char *sam = json_need_text(r, "sam_account_name", 1, sizeof(s->sam_account_name) - 1);
	const char *sid = json_need_text(r, "sid", 1, sizeof(s->sid) - 1);
	s->upn = take_text(r, "upn", UPN_MAX);
	s->realm = take_text(r, "realm", HOSTNAME_MAX);
	s->principal = take_text(r, "principal", UPN_MAX + HOSTNAME_MAX);
	s->rule = take_text(r, "rule", 256);
	read_standing(r, s);
	s->revoke_at_end = json_want_bool(r, "revoke_at_end", true);
	s->lease_s = json_need_int(r, "lease_s", 1, INT32_MAX);
	s->created_s = json_need_int(r, "created_s", 0, INT64_MAX);
	s->expires_s = json_need_int(r, "expires_s", 0, INT64_MAX);
	/* of a damaged row too the sum must not overflow */
	s->lease_until_s = earlier(s->created_s, INT64_MAX - s->lease_s) + s->lease_s;
	s->lease_until_s = earlier(s->lease_until_s, s->expires_s);
	s->ticket = ticket->id;
	memcpy(s->id, ticket->session, sizeof(s->id));
	memcpy(s->correlation_id, ticket->correlation_id, sizeof(s->correlation_id));
	memcpy(s->host, ticket->redeemer, sizeof(s->host));
	(void)snprintf(s->sam_account_name, sizeof(s->sam_account_name), "%s", sam ? sam : "");
	(void)snprintf(s->sid, sizeof(s->sid), "%s", sid ? sid : "");
}

static void
read_key(struct json_reader *r, struct plan *out)
{
	if (json_object_get(r->object, "spki")) {
		out->spki = json_need_base64(r, "spki", SPKI_MAX, &out->spki_len);
		return;
	}
	out->key_type = take_text(r, "key_type", 16);
	out->signatures = json_need_int(r, "signatures", 1, INT32_MAX);
	out->sign_until_s = json_need_int(r, "sign_until_s", 1, INT64_MAX);
	out->host_when_empty = json_want_bool(r, "host_when_empty", false);
}

/* A plan of an earlier release has none. */
static enum fas_code
read_policies(struct json_reader *r, struct plan *out, struct fas_err *e)
{
	const json_t *list = json_want_value(r, "policies", JSON_ARRAY), *item;
	size_t i;
	if (json_array_size(list) > POLICY_ISSUANCE_MAX)
		return fas_fail(e, FAS_E_INPUT, "member_invalid", "too many policies");
	json_array_foreach(list, i, item)
	{
		const char *oid = json_string_value(item);
		if (!oid || !oid_is_open_policy(oid))
			return fas_fail(e, FAS_E_INPUT, "member_invalid", "a policy that is none");
		if (!(out->policies[i] = strdup(oid)))
			return fas_fail_nomem(e);
		out->n_policies++;
	}
	return FAS_OK;
}

static enum fas_code
read_plan(struct json_reader *r, const struct ticket *ticket, struct plan *out, struct fas_err *e)
{
	out->authority = take_text(r, "authority", 256);
	out->profile = take_text(r, "profile", 256);
	read_key(r, out);
	out->validity_s = json_need_int(r, "validity_s", 1, INT32_MAX);
	if (json_object_get(r->object, "mail"))
		out->mail = take_text(r, "mail", 254);
	json_t *subject = json_need_value(r, "subject", JSON_ARRAY);
	read_session(r, ticket, &out->session);
	enum fas_code rc = read_policies(r, out, e);
	if (rc == FAS_OK)
		rc = json_finish(r);
	if (rc == FAS_OK)
		rc = dn_from_json(subject, &out->subject, e);
	return rc == FAS_OK ? sid_parse(out->session.sid, &out->sid, e) : rc;
}

enum fas_code
plan_parse(const struct ticket *ticket, struct plan *out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader r = {0};
	*out = (struct plan){0};
	enum fas_code rc = json_open(&r, ticket->issue, strlen(ticket->issue), &why);
	if (rc == FAS_OK)
		rc = read_plan(&r, ticket, out, &why);
	if (rc == FAS_OK)
		return FAS_OK;
	plan_done(out);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_IO, "database_corrupt", "plan of a ticket: %s", why.message);
}

/* Only the signer knows what its own profiles make names of; the built-in ones use none of it. */
static bool
is_builtin(const char *profile)
{
	return strcmp(profile, "smartcard-logon") == 0 || strcmp(profile, "client-auth") == 0;
}

enum fas_code
plan_issue(const struct plan *plan, const struct ticket *ticket, struct signer *signer,
    struct signer_certificate *out, struct fas_err *e)
{
	bool names = !is_builtin(plan->profile);
	const struct signer_request request = {
	    .account = names ? plan->session.sam_account_name : NULL,
	    .realm = names ? plan->session.realm : NULL,
	    .mail = names ? plan->mail : NULL,
	    .request_id = ticket->request_id,
	    .correlation_id = ticket->correlation_id,
	    .authority = plan->authority,
	    .profile = plan->profile,
	    .subject = &plan->subject,
	    .sid = &plan->sid,
	    .upn = plan->session.upn,
	    .spki = plan->spki,
	    .spki_len = plan->spki_len,
	    .key_type = plan->key_type,
	    .signatures = plan->signatures,
	    .sign_until_s = plan->sign_until_s,
	    .validity_s = plan->validity_s,
	    .policies = (const char *const *)plan->policies,
	    .n_policies = plan->n_policies,
	    .rule = plan->session.rule,
	    .host = plan->session.host,
	    .session = plan->session.id,
	};
	return signer_issue(signer, &request, out, e);
}

enum fas_code
plan_insert_certificate(struct db *db, const struct plan *plan,
    const struct signer_certificate *certificate, const struct issued_terms *terms,
    struct fas_err *e)
{
	struct issued_terms all = *terms;
	all.profile = plan->profile;
	all.signatures_max = plan->key_type ? plan->signatures : 0;
	all.sign_until_s = plan->key_type ? plan->sign_until_s : 0;
	return certificate_insert(db, plan->session.id, certificate, &all, e);
}

struct completion {
	const struct plan *plan;
	const struct ticket *ticket;
	const struct signer_certificate *certificate;
	struct audit_record *record;
	bool
	    over; /* it was revoked, put on hold or signed out of, while the signer made the certificate */
};

/*
 * Whoever revokes, or signs out, while a redemption is under way means its session too.  The certificate may be younger than the act, so
 * that the signer has not revoked it: that is owed, whatever the rule says.
 */
static enum fas_code
insert_session(struct db *db, struct completion *c, struct fas_err *e)
{
	struct fas_err why = {0};
	struct session s = c->plan->session; /* borrowed */
	bool won = false, owed = false;
	const struct act_who who = {s.upn, s.sid, s.host, s.rule, s.id};
	enum fas_code rc = act_check(db, &who, s.id, &why);
	if (rc == FAS_OK)
		rc = logout_check_ticket(db, s.ticket, s.id, &why);
	c->over = rc == FAS_E_DENIED;
	if (rc != FAS_OK && !c->over)
		return fas_fail(e, rc, why.reason, "%s", why.message);
	s.revoke_at_end = s.revoke_at_end || c->over;
	rc = session_insert(db, &s, e);
	return rc == FAS_OK && c->over
		   ? session_mark_ended(db, &s, s.created_s, why.message, &won, &owed, e)
		   : rc;
}

static enum fas_code
complete(struct db *db, void *arg, struct fas_err *e)
{
	static const struct issued_terms logon = {.purpose = "logon"};
	struct completion *c = arg;
	enum fas_code rc = insert_session(db, c, e);
	if (rc == FAS_OK)
		rc = plan_insert_certificate(db, c->plan, c->certificate, &logon, e);
	if (rc == FAS_OK)
		rc = ticket_finish(db, c->ticket->id, TICKET_DONE, e);
	return rc == FAS_OK ? audit_append(db, c->record, e) : rc;
}

enum fas_code
plan_complete(const struct plan *plan, const struct ticket *ticket,
    const struct signer_certificate *certificate, struct audit_record *record, struct db_pool *db,
    bool *won, struct fas_err *e)
{
	struct completion c = {plan, ticket, certificate, record, false};
	struct fas_err why = {0};
	enum fas_code rc = db_write(db, complete, &c, &why);
	*won = rc == FAS_OK && !c.over;
	if (rc == FAS_OK)
		audit_log(record);
	if (rc == FAS_OK || rc == FAS_E_CONFLICT)
		return FAS_OK;
	return fas_fail(e, rc, fas_err_reason(&why), "%s", why.message);
}
