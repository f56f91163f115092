/* A policy's life: shared by threads through a count of references, freed with the last. */
#include "policy/rule.h"

#include <stdlib.h>

struct policy *
policy_ref(struct policy *policy)
{
	(void)atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
	return policy;
}

/* Release, so that all use before stands before the free; acquire, so that the freeing thread sees it. */
void
policy_unref(struct policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < policy->n_rules; i++)
		rule_done(&policy->rules[i]);
	for (size_t i = 0; i < policy->n_docs; i++)
		yaml_doc_free(policy->docs[i]);
	free(policy->rules);
	free(policy->groups);
	free(policy->named);
	free(policy);
}

const char *
policy_digest(const struct policy *policy)
{
	return policy->digest;
}

size_t
policy_rule_count(const struct policy *policy)
{
	return policy->n_rules;
}

void
policy_rule_view(const struct policy *policy, size_t rule, struct policy_rule_view *out)
{
	const struct rule *r = &policy->rules[rule];
	*out = (struct policy_rule_view){.name = r->name,
	    .deny = r->deny,
	    .allow_expired_password = r->allow_expired_password,
	    .authority = r->grant.authority,
	    .keys = r->grant.keys | (r->grant.in_session.allow ? r->grant.in_session.keys : 0U),
	    .upn_suffixes = r->upn_suffixes.items,
	    .n_upn_suffixes = r->upn_suffixes.n,
	    .n_groups = r->groups.n};
}

const struct sid *
policy_rule_group(const struct policy *policy, size_t rule, size_t k)
{
	const struct group *group = &policy->groups[policy->rules[rule].groups.items[k]];
	return group->set ? &group->sid : NULL;
}
