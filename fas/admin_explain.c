#include "fas/admin_explain.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/terms.h"

struct subject {
	struct sid sid;
	char upn[UPN_MAX + HOSTNAME_MAX + 2];
	struct directory_claims claims; /* borrows the members above */
};

static const char *
member_text(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++) {
		if (map->items[i]->key && strcmp(map->items[i]->key, key) == 0)
			return map->items[i]->text;
	}
	return NULL;
}

/* The DNS name of the domain that is called so, by NetBIOS or DNS name. */
static const char *
find_domain(const struct config *config, const char *called, size_t len)
{
	char name[HOSTNAME_MAX + 1];
	(void)snprintf(
	    name, sizeof(name), "%.*s", (int)(len < HOSTNAME_MAX ? len : HOSTNAME_MAX), called);
	for (size_t i = 0; i < config->domains->n; i++) {
		const struct yaml_node *domain = config->domains->items[i];
		const char *dns = member_text(domain, "name"),
			   *netbios = member_text(domain, "netbios");
		if (dns && (ascii_equal_nocase(dns, name) ||
			       (netbios && ascii_equal_nocase(netbios, name))))
			return dns;
	}
	return NULL;
}

static enum fas_code
read_subject(const struct config *config, const char *user, struct subject *out, struct fas_err *e)
{
	const char *backslash = strchr(user, '\\');
	*out = (struct subject){0};
	if (strncmp(user, "S-1-", 4) == 0) {
		out->claims.sid = &out->sid;
		return sid_parse(user, &out->sid, e);
	}
	out->claims.upn = out->upn;
	if (!backslash) {
		(void)snprintf(out->upn, sizeof(out->upn), "%s", user);
		return upn_check(out->upn, e);
	}
	const char *domain = find_domain(config, user, (size_t)(backslash - user));
	if (!domain)
		return fas_fail(e, FAS_E_INPUT, "domain_unknown",
		    "no configured domain is called \"%.*s\"", (int)(backslash - user), user);
	(void)snprintf(out->upn, sizeof(out->upn), "%s@%s", backslash + 1, domain);
	return upn_check(out->upn, e);
}

static json_t *
account_json(const struct account *account)
{
	char sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:I}",
	    "sid", sid_format(&account->sid, sid), "guid", guid_format(&account->guid, guid), "upn",
	    account->upn, "upn_is_implicit", account->upn_is_implicit, "sam_account_name",
	    account->sam_account_name, "domain", account->domain, "dn", account->dn_text,
	    "disabled", account->disabled, "locked", account->locked, "expired", account->expired,
	    "password_expired", account->password_expired, "smartcard_required",
	    account->smartcard_required, "privileged", account->privileged, "groups",
	    (json_int_t)account->n_groups);
}

static void
add_rule(const char *rule, bool matched, const char *because, void *arg)
{
	(void)json_array_append_new(arg,
	    json_pack("{s:s, s:b, s:s}", "rule", rule, "matched", matched, "because", because));
}

/* As if the assertion had carried every claim, and all of them agreed. */
static struct policy_facts
facts_of(const struct explain_question *question, const struct account *account)
{
	return (struct policy_facts){
	    .idp = question->idp,
	    .front_end = question->storefront ? FRONT_END_STOREFRONT : FRONT_END_HOST,
	    .storefront = question->storefront,
	    .host = question->host,
	    .upn = account->upn,
	    .sid = &account->sid,
	    .groups = account->groups,
	    .n_groups = account->n_groups,
	    .claimed_sid = true,
	    .claimed_upn = true,
	    .claimed_guid = true,
	    .claimed_email = true,
	    .claimed_forest = true,
	    .claimed_domain = true,
	    .authn_context = question->authn_context,
	    .privileged = account->privileged,
	    .password_expired = account->password_expired,
	};
}

static json_t *
policies_json(const struct policy_grant *grant)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < grant->n_policies; i++)
		(void)json_array_append_new(list, json_string(grant->policies[i]));
	return list;
}

/* What the rule would grant in certificates and keys. */
static json_t *
grant_json(const struct policy_grant *grant)
{
	bool service = grant->custody == CUSTODY_SERVICE;
	json_t *object = json_pack("{s:s, s:s, s:I, s:s, s:o, s:o}", "authority", grant->authority,
	    "profile", grant->profile, "validity_s", (json_int_t)grant->validity_s, "custody",
	    service ? "service" : "host", "in_session",
	    grant->in_session.allow ? terms_json(&grant->in_session) : json_null(),
	    "issuance_policies", policies_json(grant));
	if (object && service) {
		(void)json_object_set_new(object, "pool_empty",
		    json_string(grant->pool_empty == POOL_EMPTY_WAIT ? "wait" : "host"));
		(void)json_object_set_new(object, "signatures", json_integer(grant->signatures));
		(void)json_object_set_new(
		    object, "signature_window_s", json_integer(grant->signature_window_s));
	}
	return object;
}

/* The account's own state comes before any rule, as in a logon. */
static json_t *
verdict_json(
    const struct policy *policy, const struct policy_facts *facts, const struct account *account)
{
	struct fas_err state = {0};
	struct policy_verdict verdict = {0};
	json_t *rules = json_array();
	policy_decide(policy, facts, &verdict);
	policy_explain(policy, facts, add_rule, rules);
	bool usable = account_check(account, &state) == FAS_OK;
	bool allow = usable && verdict.outcome == VERDICT_ALLOW;
	return json_pack("{s:s, s:s, s:s?, s:s?, s:o?, s:o, s:o, s:s}", "verdict",
	    allow ? "allow" : "deny", "reason", usable ? verdict.reason : fas_err_reason(&state),
	    "rule", verdict.rule, "warning", verdict.warning, "grant",
	    allow ? grant_json(&verdict.grant) : NULL, "account", account_json(account), "rules",
	    rules, "policy", policy_digest(policy));
}

enum fas_code
admin_explain(const struct config *config, struct service *service,
    const struct explain_question *question, json_t **reply, struct fas_err *e)
{
	struct subject subject;
	OWN(account) struct account *account = NULL;
	OWN(policy) struct policy *policy = service_policy(service);
	if (!policy)
		return fas_fail(e, FAS_E_UNAVAILABLE, "policy_none", "no policy is loaded");
	enum fas_code rc = read_subject(config, question->user, &subject, e);
	if (rc == FAS_OK)
		rc = directory_find(service->directory, &subject.claims, clock_now(), &account, e);
	if (rc != FAS_OK)
		return rc;
	const struct policy_facts facts = facts_of(question, account);
	*reply = verdict_json(policy, &facts, account);
	return FAS_OK;
}
