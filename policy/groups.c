/* The groups of all rules: each once, found by name while loading and by SID while deciding. */
#include "policy/rule.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

/* FNV-1a over the sub-authorities: the RID, which differs, is the last. */
static size_t
bucket_of(const struct sid *sid)
{
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < sid->count; i++)
		hash = (hash ^ sid->sub[i]) * 16777619U;
	return (hash ^ hash >> 16) % GROUP_BUCKETS;
}

void
groups_init(struct policy *policy)
{
	for (size_t i = 0; i < GROUP_BUCKETS; i++)
		policy->buckets[i] = GROUP_NONE;
}

static void
link_group(struct policy *policy, uint32_t number)
{
	struct group *group = &policy->groups[number];
	size_t bucket = bucket_of(&group->sid);
	group->next = policy->buckets[bucket];
	policy->buckets[bucket] = number;
	group->set = true;
}

static void
unlink_group(struct policy *policy, uint32_t number)
{
	uint32_t *at = &policy->buckets[bucket_of(&policy->groups[number].sid)];
	while (*at != GROUP_NONE && *at != number)
		at = &policy->groups[*at].next;
	if (*at == number)
		*at = policy->groups[number].next;
	policy->groups[number].set = false;
}

static enum fas_code
add_group(struct policy *policy, const struct yaml_node *at, uint32_t *out, struct fas_err *e)
{
	if (policy->n_groups == POLICY_GROUPS_MAX)
		return yaml_fail(at, e, "policy_too_many_groups",
		    "more than %d different groups in all rules", POLICY_GROUPS_MAX);
	struct group *grown =
	    realloc(policy->groups, (policy->n_groups + 1) * sizeof(*policy->groups));
	if (!grown)
		return fas_fail_nomem(e);
	policy->groups = grown;
	*out = (uint32_t)policy->n_groups++;
	grown[*out] = (struct group){.next = GROUP_NONE};
	return FAS_OK;
}

enum fas_code
groups_add_name(struct policy *policy, const struct yaml_node *at, uint32_t *out, struct fas_err *e)
{
	for (size_t i = 0; i < policy->n_named; i++) {
		*out = policy->named[i];
		if (ascii_equal_nocase(policy->groups[*out].name, at->text))
			return FAS_OK;
	}
	uint32_t *grown = realloc(policy->named, (policy->n_named + 1) * sizeof(*grown));
	if (!grown)
		return fas_fail_nomem(e);
	policy->named = grown;
	enum fas_code rc = add_group(policy, at, out, e);
	if (rc != FAS_OK)
		return rc;
	policy->groups[*out].name = at->text;
	policy->named[policy->n_named++] = *out;
	return FAS_OK;
}

/* Only among the groups of the file's own SIDs: a resolved name keeps its number for itself. */
enum fas_code
groups_add_sid(struct policy *policy, const struct sid *sid, const struct yaml_node *at,
    uint32_t *out, struct fas_err *e)
{
	for (uint32_t i = policy->buckets[bucket_of(sid)]; i != GROUP_NONE;
	     i = policy->groups[i].next) {
		*out = i;
		if (sid_equal(&policy->groups[i].sid, sid))
			return FAS_OK;
	}
	enum fas_code rc = add_group(policy, at, out, e);
	if (rc != FAS_OK)
		return rc;
	policy->groups[*out].sid = *sid;
	link_group(policy, *out);
	return FAS_OK;
}

size_t
policy_group_count(const struct policy *policy)
{
	return policy->n_named;
}

const char *
policy_group_name(const struct policy *policy, size_t i)
{
	return policy->groups[policy->named[i]].name;
}

bool
policy_group_is_set(const struct policy *policy, size_t i)
{
	return policy->groups[policy->named[i]].set;
}

void
policy_group_set(struct policy *policy, size_t i, const struct sid *sid)
{
	uint32_t number = policy->named[i];
	if (policy->groups[number].set)
		unlink_group(policy, number);
	if (!sid || !sid_is_set(sid))
		return;
	policy->groups[number].sid = *sid;
	link_group(policy, number);
}

/* Several names may stand for one SID: all of them are marked. */
static void
mark(const struct policy *policy, const struct sid *sid, struct membership *out)
{
	for (uint32_t i = policy->buckets[bucket_of(sid)]; i != GROUP_NONE;
	     i = policy->groups[i].next) {
		if (sid_equal(&policy->groups[i].sid, sid))
			out->bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

void
groups_match(const struct policy *policy, const struct policy_facts *facts, struct membership *out)
{
	*out = (struct membership){.known = facts->groups != NULL};
	for (size_t i = 0; facts->groups && i < facts->n_groups; i++)
		mark(policy, &facts->groups[i], out);
}
