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
