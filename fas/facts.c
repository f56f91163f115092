#include "fas/facts.h"

#include <string.h>

#include "fas/base/json.h"

static enum fas_code
copy_text(char **out, const char *text, struct fas_err *e)
{
	if (!text)
		return FAS_OK;
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

/* Cut short it would be another: what cannot be kept whole is not taken. */
static enum fas_code
copy_statement(char **out, const char *text, const char *what, struct fas_err *e)
{
	if (text && strlen(text) > FACTS_TEXT_MAX)
		return fas_fail(e, FAS_E_AUTH, "saml_authn_statement",
		    "SAML core 2.7.2: %s of %zu octets, want at most %d", what, strlen(text),
		    FACTS_TEXT_MAX);
	return copy_text(out, text, e);
}

static enum fas_code
copy_statements(const struct saml_assertion *a, struct facts *out, struct fas_err *e)
{
	const struct {
		char **to;
		const char *from, *what;
	} texts[] = {
	    {&out->email, a->email, "the claim email"},
	    {&out->forest, a->forest, "the claim forest"},
	    {&out->domain, a->domain, "the claim domain"},
	    {&out->authn_context, a->authn_context, "AuthnContextClassRef"},
	    {&out->name_id, a->name_id, "NameID"},
	    {&out->name_id_format, a->name_id_format, "Format of NameID"},
	    {&out->name_qualifier, a->name_qualifier, "NameQualifier"},
	    {&out->sp_name_qualifier, a->sp_name_qualifier, "SPNameQualifier"},
	    {&out->session_index, a->session_index, "SessionIndex"},
	};
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < NELEMS(texts); i++)
		rc = copy_statement(texts[i].to, texts[i].from, texts[i].what, e);
	return rc;
}

enum fas_code
facts_from_assertion(const struct saml_assertion *a, const struct caller *caller, struct facts *out,
    struct fas_err *e)
{
	*out = (struct facts){
	    .has_sid = a->has_sid,
	    .has_upn = a->has_upn,
	    .has_guid = a->has_guid,
	    .sid = a->sid,
	    .guid = a->guid,
	    .session_not_on_or_after_s = a->session_not_on_or_after_s,
	    .front_end = caller->role == ROLE_STOREFRONT ? FRONT_END_STOREFRONT : FRONT_END_HOST,
	};
	enum fas_code rc = copy_text(&out->idp, a->idp, e);
	if (rc == FAS_OK && a->has_upn)
		rc = copy_text(&out->upn, a->upn, e);
	if (rc == FAS_OK && caller->role == ROLE_STOREFRONT)
		rc = copy_text(&out->storefront, caller->name, e);
	if (rc == FAS_OK)
		rc = copy_statements(a, out, e);
	if (rc != FAS_OK)
		facts_done(out);
	return rc;
}

void
facts_done(struct facts *facts)
{
	free(facts->idp);
	free(facts->storefront);
	free(facts->upn);
	free(facts->email);
	free(facts->forest);
	free(facts->domain);
	free(facts->authn_context);
	free(facts->name_id);
	free(facts->name_id_format);
	free(facts->name_qualifier);
	free(facts->sp_name_qualifier);
	free(facts->session_index);
	*facts = (struct facts){0};
}

struct directory_claims
facts_claims(const struct facts *facts)
{
	return (struct directory_claims){
	    .sid = facts->has_sid ? &facts->sid : NULL,
	    .upn = facts->has_upn ? facts->upn : NULL,
	    .guid = facts->has_guid ? &facts->guid : NULL,
	    .email = facts->email,
	    .forest = facts->forest,
	    .domain = facts->domain,
	};
}

/* False: no memory. */
static bool
add_statements(json_t *object, const struct facts *f)
{
	OWN(json)
	json_t *more = json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}",
	    "authn_context", f->authn_context, "name_id", f->name_id, "name_id_format",
	    f->name_id_format, "name_qualifier", f->name_qualifier, "sp_name_qualifier",
	    f->sp_name_qualifier, "session_index", f->session_index, "email", f->email, "forest",
	    f->forest, "domain", f->domain);
	return json_object_update(object, more) == 0;
}

char *
facts_format(const struct facts *facts)
{
	char sid[SID_TEXT_MAX], account_sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	(void)json_starved();
	OWN(json)
	json_t *object =
	    json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s, s:I}", "idp", facts->idp, "storefront",
		facts->storefront, "sid", facts->has_sid ? sid_format(&facts->sid, sid) : NULL,
		"upn", facts->has_upn ? facts->upn : NULL, "guid",
		facts->has_guid ? guid_format(&facts->guid, guid) : NULL, "account_sid",
		sid_format(&facts->account_sid, account_sid), "session_not_on_or_after",
		(json_int_t)facts->session_not_on_or_after_s);
	if (!object || !add_statements(object, facts))
		return NULL;
	return json_text(object, JSON_COMPACT);
}

static enum fas_code
parse_claims(struct json_reader *r, struct facts *out, struct fas_err *e)
{
	const char *sid = json_want_text(r, "sid", 1, SID_TEXT_MAX);
	const char *upn = json_want_text(r, "upn", 1, UPN_MAX);
	const char *guid = json_want_text(r, "guid", 1, GUID_TEXT_MAX);
	const char *account_sid = json_need_text(r, "account_sid", 1, SID_TEXT_MAX);
	enum fas_code rc = account_sid ? sid_parse(account_sid, &out->account_sid, e) : e->code;
	if (rc == FAS_OK && sid)
		rc = sid_parse(sid, &out->sid, e);
	if (rc == FAS_OK && guid)
		rc = guid_parse(guid, &out->guid, e);
	if (rc == FAS_OK)
		rc = copy_text(&out->upn, upn, e);
	out->has_sid = sid != NULL;
	out->has_upn = upn != NULL;
	out->has_guid = guid != NULL;
	return rc;
}

/* Facts of an earlier release have none of them. */
static enum fas_code
parse_statements(struct json_reader *r, struct facts *out, struct fas_err *e)
{
	const struct {
		const char *name;
		char **out;
	} texts[] = {
	    {"authn_context", &out->authn_context},
	    {"name_id", &out->name_id},
	    {"name_id_format", &out->name_id_format},
	    {"name_qualifier", &out->name_qualifier},
	    {"sp_name_qualifier", &out->sp_name_qualifier},
	    {"session_index", &out->session_index},
	    {"email", &out->email},
	    {"forest", &out->forest},
	    {"domain", &out->domain},
	};
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < NELEMS(texts); i++)
		rc =
		    copy_text(texts[i].out, json_want_text(r, texts[i].name, 0, FACTS_TEXT_MAX), e);
	return rc;
}

static enum fas_code
parse_all(struct json_reader *r, struct facts *out, struct fas_err *e)
{
	const char *idp = json_need_text(r, "idp", 1, 256);
	const char *storefront = json_want_text(r, "storefront", 1, HOSTNAME_MAX);
	out->session_not_on_or_after_s = json_need_int(r, "session_not_on_or_after", 0, INT64_MAX);
	out->front_end = storefront ? FRONT_END_STOREFRONT : FRONT_END_HOST;
	enum fas_code rc = parse_claims(r, out, e);
	if (rc == FAS_OK)
		rc = parse_statements(r, out, e);
	if (rc == FAS_OK)
		rc = json_finish(r);
	if (rc == FAS_OK)
		rc = copy_text(&out->idp, idp, e);
	return rc == FAS_OK ? copy_text(&out->storefront, storefront, e) : rc;
}

enum fas_code
facts_parse(const char *text, struct facts *out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader r = {0};
	*out = (struct facts){0};
	enum fas_code rc = json_open(&r, text, strlen(text), &why);
	if (rc == FAS_OK)
		rc = parse_all(&r, out, &why);
	if (rc == FAS_OK)
		return FAS_OK;
	facts_done(out);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_IO, "database_corrupt", "facts of a ticket: %s", why.message);
}

void
judgement_done(struct judgement *j)
{
	if (j->account)
		account_free(j->account);
	if (j->policy)
		policy_unref(j->policy);
	*j = (struct judgement){0};
}

enum fas_code
facts_decide(const struct facts *facts, const char *host, struct judgement *j, struct fas_err *e)
{
	/* The directory has read the groups: that there are none is knowledge too, and policy tells it by the pointer. */
	static const struct sid no_groups;
	const struct policy_facts input = {
	    .idp = facts->idp,
	    .front_end = facts->front_end,
	    .storefront = facts->storefront,
	    .host = host,
	    .upn = j->account->upn,
	    .sid = &j->account->sid,
	    .groups = j->account->groups ? j->account->groups : &no_groups,
	    .n_groups = j->account->n_groups,
	    .claimed_sid = facts->has_sid,
	    .claimed_upn = facts->has_upn,
	    .claimed_guid = facts->has_guid,
	    .claimed_email = facts->email != NULL,
	    .claimed_forest = facts->forest != NULL,
	    .claimed_domain = facts->domain != NULL,
	    .authn_context = facts->authn_context,
	    .privileged = j->account->privileged,
	    .password_expired = j->account->password_expired,
	};
	policy_decide(j->policy, &input, &j->verdict);
	if (j->verdict.outcome == VERDICT_ALLOW)
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, j->verdict.reason,
	    "policy: %s%s for %s at %s by way of %s, provider %s",
	    j->verdict.rule ? "rule " : "no rule allows this",
	    j->verdict.rule ? j->verdict.rule : "", j->account->upn, host,
	    facts->storefront ? facts->storefront : "the host itself", facts->idp);
}

static enum fas_code
check_same_account(const struct account *account, const struct sid *expected, struct fas_err *e)
{
	if (!expected || sid_equal(&account->sid, expected))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "account_changed",
	    "the claims name another account than at the start");
}

/* A ticket or a code may be redeemed later than the assertion was read. */
static enum fas_code
check_session(const struct facts *facts, int64_t now_s, struct fas_err *e)
{
	if (!facts->session_not_on_or_after_s || now_s < facts->session_not_on_or_after_s)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_session_expired",
	    "SAML core 2.7.2: SessionNotOnOrAfter was %lld s ago",
	    (long long)(now_s - facts->session_not_on_or_after_s));
}

enum fas_code
facts_find_account(struct service *service, const struct facts *facts, int64_t now_s,
    const struct sid *expected_sid, struct account **out, struct fas_err *e)
{
	const struct directory_claims claims = facts_claims(facts);
	enum fas_code rc = check_session(facts, now_s, e);
	if (rc == FAS_OK)
		rc = directory_find(service->directory, &claims, now_s, out, e);
	if (rc == FAS_OK)
		rc = check_same_account(*out, expected_sid, e);
	if (rc == FAS_OK)
		rc = account_match(*out, &claims, e);
	return rc == FAS_OK ? account_check(*out, e) : rc;
}

enum fas_code
facts_judge(struct service *service, const struct facts *facts, const char *host, int64_t now_s,
    const struct sid *expected_sid, struct judgement *out, struct fas_err *e)
{
	out->policy = service_policy_named(service, out->policy_id);
	if (!out->policy)
		return fas_fail(e, FAS_E_UNAVAILABLE, "policy_missing", "no policy is loaded yet");
	enum fas_code rc =
	    facts_find_account(service, facts, now_s, expected_sid, &out->account, e);
	return rc == FAS_OK ? facts_decide(facts, host, out, e) : rc;
}
