/* The same decision, told rule by rule: it asks decide.c's own functions, so that it cannot say otherwise. */
#include "policy/rule.h"

#include <stdio.h>
#include <string.h>

#define BECAUSE_MAX 640
#define CONTEXT_MAX 320

static const char *
front_end_name(const struct policy_facts *facts)
{
	return facts->front_end == FRONT_END_HOST ? "host" : "storefront";
}

/* The fact that the list which says no was compared with. */
static const char *
fact_of(const char *which, const struct policy_facts *facts, char sid_text[SID_TEXT_MAX])
{
	const struct {
		const char *which;
		const char *value;
	} table[] = {
	    {"front_end", front_end_name(facts)},
	    {"identity_providers", facts->idp},
	    {"storefronts", facts->storefront},
	    {"hosts", facts->host},
	    {"users.sids", facts->sid ? sid_format(facts->sid, sid_text) : NULL},
	    {"users.upn_suffixes", facts->upn},
	    {"users.groups", "the account's groups"},
	};
	for (size_t i = 0; i < NELEMS(table); i++) {
		if (strcmp(table[i].which, which) == 0)
			return table[i].value ? table[i].value : "(unknown)";
	}
	return "(unknown)";
}

/* Which context was not enough, or what it is worth; "" where neither is so. */
static const char *
said_of_context(
    const struct policy_verdict *verdict, const struct policy_facts *facts, char out[CONTEXT_MAX])
{
	size_t used = 0;
	out[0] = 0;
	if (strcmp(verdict->reason, "policy_authentication") == 0)
		(void)snprintf(out, CONTEXT_MAX, ": no match for %.128s",
		    facts->authn_context ? facts->authn_context : "an assertion without a context");
	for (size_t i = 0; i < verdict->grant.n_policies; i++) {
		int put = snprintf(out + used, CONTEXT_MAX - used, "%s%s",
		    i == 0 ? ", issuance policies " : " ", verdict->grant.policies[i]);
		if (put < 0 || (size_t)put >= CONTEXT_MAX - used)
			break;
		used += (size_t)put;
	}
	return out;
}

static void
explain_rule(const struct policy *policy, const struct rule *rule, const struct policy_facts *facts,
    const struct membership *membership, bool *decided, policy_explain_visit *visit, void *arg)
{
	char because[BECAUSE_MAX], sid_text[SID_TEXT_MAX], context[CONTEXT_MAX];
	const char *which = NULL;
	struct policy_verdict verdict;
	enum answer matches = rule_matches(rule, policy, facts, membership, &which);
	if (matches == ANSWER_NO) {
		(void)snprintf(because, sizeof(because), "%s: no match for %.256s", which,
		    fact_of(which, facts, sid_text));
		visit(rule->name, false, because, arg);
		return;
	}
	rule_decide(rule, policy, facts, membership, matches, &verdict);
	(void)snprintf(because, sizeof(because), "%s%s%s%s%s", verdict.reason,
	    verdict.warning ? ", warning " : "", verdict.warning ? verdict.warning : "",
	    said_of_context(&verdict, facts, context),
	    *decided ? " (but an earlier rule has decided)" : "");
	*decided = true;
	visit(rule->name, true, because, arg);
}

void
policy_explain(const struct policy *policy, const struct policy_facts *facts,
    policy_explain_visit *visit, void *arg)
{
	static const struct sid no_sid = {0};
	struct policy_facts known = *facts;
	struct membership membership;
	bool decided = false;
	bool account = facts->sid && sid_is_set(facts->sid);
	known.sid = account ? facts->sid : &no_sid;
	groups_match(policy, &known, &membership);
	for (size_t i = 0; i < policy->n_rules; i++) {
		if (account)
			explain_rule(
			    policy, &policy->rules[i], &known, &membership, &decided, visit, arg);
		else
			visit(policy->rules[i].name, false, "the account is not known", arg);
	}
}
