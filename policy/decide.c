/*
 * The decision: pure, no allocation, no names resolved.  Three-valued, so that a group which the directory
 * does not know ends the search when, and only when, the outcome hangs on it.
 */
#include "policy/rule.h"

#include <string.h>

static bool
names_match(const struct names *names, const char *value, bool same(const char *, const char *))
{
	if (!value || !*value)
		return false;
	for (size_t i = 0; i < names->n; i++) {
		if (same(names->items[i], value))
			return true;
	}
	return names->any;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool
sids_match(const struct sids *sids, const struct sid *sid)
{
	for (size_t i = 0; i < sids->n; i++) {
		if (sid_equal(&sids->items[i], sid))
			return true;
	}
	return sids->any && sid_is_set(sid);
}

/* One of the groups holds the account; unknown when none does for certain and one is not resolved. */
static enum answer
groups_answer(
    const struct group_list *list, const struct policy *policy, const struct membership *membership)
{
	enum answer answer = ANSWER_NO;
	for (size_t i = 0; i < list->n; i++) {
		uint32_t number = list->items[i];
		if (membership->bits[number / 64] >> (number % 64) & 1)
			return ANSWER_YES;
		if (!membership->known || !policy->groups[number].set)
			answer = ANSWER_UNKNOWN;
	}
	return answer;
}

static bool
front_end_matches(const struct rule *rule, const struct policy_facts *facts)
{
	return rule->front_end == facts->front_end;
}

static bool
storefront_matches(const struct rule *rule, const struct policy_facts *facts)
{
	return rule->front_end == FRONT_END_HOST ||
	       names_match(&rule->storefronts, facts->storefront, hostname_matches);
}

static bool
idp_matches(const struct rule *rule, const struct policy_facts *facts)
{
	return names_match(&rule->idps, facts->idp, same_text);
}

static bool
host_matches(const struct rule *rule, const struct policy_facts *facts)
{
	return names_match(&rule->hosts, facts->host, hostname_matches);
}

static bool
sid_matches(const struct rule *rule, const struct policy_facts *facts)
{
	if (rule->sids.n == 0 && !rule->sids.any)
		return true;
	return sids_match(&rule->sids, facts->sid);
}

static bool
suffix_matches(const struct rule *rule, const struct policy_facts *facts)
{
	if (rule->upn_suffixes.n == 0)
		return true;
	return facts->upn &&
	       names_match(&rule->upn_suffixes, upn_suffix(facts->upn), hostname_equal);
}

/* What the answer never hangs on a group for; in the order in which explain names the first miss. */
static const struct {
	const char *which;
	bool (*matches)(const struct rule *, const struct policy_facts *);
} steps[] = {
    {"front_end", front_end_matches},
    {"identity_providers", idp_matches},
    {"storefronts", storefront_matches},
    {"hosts", host_matches},
    {"users.sids", sid_matches},
    {"users.upn_suffixes", suffix_matches},
};

enum answer
rule_matches(const struct rule *rule, const struct policy *policy, const struct policy_facts *facts,
    const struct membership *membership, const char **which)
{
	for (size_t i = 0; i < NELEMS(steps); i++) {
		*which = steps[i].which;
		if (!steps[i].matches(rule, facts))
			return ANSWER_NO;
	}
	*which = "users.groups";
	return rule->groups.n ? groups_answer(&rule->groups, policy, membership) : ANSWER_YES;
}

static enum answer
deny_list_answer(const struct rule *rule, const struct policy *policy,
    const struct policy_facts *facts, const struct membership *membership)
{
	if (sids_match(&rule->deny_sids, facts->sid) ||
	    names_match(&rule->deny_upns, facts->upn, upn_equal))
		return ANSWER_YES;
	/* Nobody can say that an unknown name is not on the list. */
	if (!facts->upn && rule->deny_upns.n > 0)
		return ANSWER_YES;
	return groups_answer(&rule->deny_groups, policy, membership);
}

/* Does the rule name this privileged account, by its own SID or one of its groups? */
static enum answer
privileged_answer(const struct rule *rule, const struct policy *policy,
    const struct policy_facts *facts, const struct membership *membership)
{
	for (size_t i = 0; i < rule->privileged.n; i++) {
		const struct group *group = &policy->groups[rule->privileged.items[i]];
		if (group->set && sid_equal(&group->sid, facts->sid))
			return ANSWER_YES;
	}
	return groups_answer(&rule->privileged, policy, membership);
}

static unsigned
claims_of(const struct policy_facts *facts)
{
	return (facts->claimed_sid ? CLAIM_SID : 0U) | (facts->claimed_upn ? CLAIM_UPN : 0U) |
	       (facts->claimed_guid ? CLAIM_GUID : 0U) | (facts->claimed_email ? CLAIM_EMAIL : 0U) |
	       (facts->claimed_forest ? CLAIM_FOREST : 0U) |
	       (facts->claimed_domain ? CLAIM_DOMAIN : 0U);
}

/* A rule that asks for none is not a rule that was read. */
static bool
claims_suffice(const struct rule *rule, const struct policy_facts *facts)
{
	unsigned claims = claims_of(facts);
	if (rule->require == 0 && rule->require_any == 0)
		return false;
	return (claims & rule->require) == rule->require &&
	       (rule->require_any == 0 || claims & rule->require_any);
}

static bool
context_suffices(const struct rule *rule, const struct policy_facts *facts)
{
	return rule->contexts.n == 0 ||
	       names_match(&rule->contexts, facts->authn_context, same_text);
}

static const char *
reason_by_groups(const struct rule *rule, const struct policy *policy,
    const struct policy_facts *facts, const struct membership *membership)
{
	enum answer denied = deny_list_answer(rule, policy, facts, membership);
	if (denied != ANSWER_NO)
		return denied == ANSWER_YES ? "policy_denied_by_rule" : "policy_group_unresolved";
	enum answer named =
	    facts->privileged ? privileged_answer(rule, policy, facts, membership) : ANSWER_YES;
	if (named == ANSWER_YES)
		return NULL;
	return named == ANSWER_NO ? "policy_privileged" : "policy_group_unresolved";
}

/* Why not, or NULL.  The refusals that concern the person come before those that he can mend. */
static const char *
refusal(const struct rule *rule, const struct policy *policy, const struct policy_facts *facts,
    const struct membership *membership, enum answer matches)
{
	if (matches != ANSWER_YES)
		return "policy_group_unresolved";
	if (rule->deny)
		return "policy_denied_by_rule";
	const char *reason = reason_by_groups(rule, policy, facts, membership);
	if (reason)
		return reason;
	if (!claims_suffice(rule, facts))
		return "policy_claims";
	if (!context_suffices(rule, facts))
		return "policy_authentication";
	if (facts->password_expired && !rule->allow_expired_password)
		return "policy_password_expired";
	return NULL;
}

/* What the context is worth, if the assertion says one. */
static void
grant_policies(
    const struct rule *rule, const struct policy_facts *facts, struct policy_grant *grant)
{
	for (size_t i = 0; facts->authn_context && i < rule->n_context_policies; i++) {
		const struct context_policies *p = &rule->context_policies[i];
		if (strcmp(p->context, facts->authn_context) != 0)
			continue;
		grant->policies = p->oids;
		grant->n_policies = p->n;
		return;
	}
}

void
rule_decide(const struct rule *rule, const struct policy *policy, const struct policy_facts *facts,
    const struct membership *membership, enum answer matches, struct policy_verdict *out)
{
	*out = (struct policy_verdict){.rule = rule->name};
	out->reason = refusal(rule, policy, facts, membership, matches);
	if (out->reason)
		return;
	out->outcome = VERDICT_ALLOW;
	out->reason = "policy_allow";
	out->warning = facts->password_expired ? "password_expired" : NULL;
	out->grant = rule->grant;
	grant_policies(rule, facts, &out->grant);
}

void
policy_decide(
    const struct policy *policy, const struct policy_facts *facts, struct policy_verdict *out)
{
	struct membership membership;
	*out = (struct policy_verdict){.outcome = VERDICT_DENY, .reason = "policy_no_rule"};
	/* No rule speaks of an account that is not known. */
	if (!facts->sid || !sid_is_set(facts->sid))
		return;
	groups_match(policy, facts, &membership);
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		const char *which;
		enum answer matches = rule_matches(rule, policy, facts, &membership, &which);
		if (matches == ANSWER_NO)
			continue;
		rule_decide(rule, policy, facts, &membership, matches, out);
		return;
	}
}
