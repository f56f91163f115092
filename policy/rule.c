/* One rule of the file to struct rule.  What is left out has its safe meaning, or is an error. */
#include "policy/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

#define WHAT_MAX (RULE_NAME_MAX + 16)

#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S 86400

void
rule_done(struct rule *rule)
{
	struct names *const names[] = {&rule->idps, &rule->storefronts, &rule->hosts,
	    &rule->upn_suffixes, &rule->deny_upns, &rule->programs, &rule->contexts};
	struct group_list *const groups[] = {&rule->groups, &rule->privileged, &rule->deny_groups};
	for (size_t i = 0; i < NELEMS(names); i++)
		free(names[i]->items);
	for (size_t i = 0; i < NELEMS(groups); i++)
		free(groups[i]->items);
	free(rule->sids.items);
	free(rule->deny_sids.items);
	free(rule->context_policies);
	*rule = (struct rule){0};
}

/* The reader's error, if any, stands in the rule's own error: rule_load returns that. */
static bool
is_finished(struct yaml_reader *part)
{
	return yaml_finish(part) == FAS_OK;
}

/* The name stands in records, metrics and commands: plain characters only. */
static bool
name_is_valid(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strlen(name);
	return n <= RULE_NAME_MAX && name[0] != '.' && name[0] != '-' && strspn(name, letters) == n;
}

static void
read_name(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	const struct yaml_node *node = yaml_need(r, "name", YAML_SCALAR);
	if (!node)
		return;
	out->name = node->text;
	if (*node->text && name_is_valid(node->text))
		return;
	(void)yaml_fail(node, rr->e, "policy_rule_name",
	    "\"%.64s\" is no rule name: want up to %d letters, digits, '.', '_' and '-'",
	    node->text, RULE_NAME_MAX);
}

static bool
has_list(const struct names *names)
{
	return names->any || names->n > 0;
}

static void
need_list(
    struct rule_reader *rr, const struct yaml_reader *r, const char *key, const struct names *names)
{
	if (!has_list(names))
		(void)yaml_fail(r->map, rr->e, "policy_missing_key",
		    "key \"%s\" is missing in %s: say which, or [\"*\"] for any", key, r->what);
}

static void
read_request(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	static const char *const front_ends[] = {"storefront", "host"};
	out->front_end = (enum policy_front_end)yaml_want_word(
	    r, "front_end", front_ends, NELEMS(front_ends), FRONT_END_STOREFRONT);
	read_names(rr, r, "identity_providers", check_idp, true, &out->idps);
	read_names(rr, r, "storefronts", check_host_pattern, true, &out->storefronts);
	read_names(rr, r, "hosts", check_host_pattern, true, &out->hosts);
}

/* Everything is said explicitly, also "any": nothing matches because it was forgotten. */
static void
check_request(struct rule_reader *rr, const struct yaml_reader *r, const struct rule *out)
{
	need_list(rr, r, "identity_providers", &out->idps);
	need_list(rr, r, "hosts", &out->hosts);
	if (out->front_end == FRONT_END_STOREFRONT)
		need_list(rr, r, "storefronts", &out->storefronts);
	else if (has_list(&out->storefronts))
		(void)yaml_fail(r->map, rr->e, "policy_contradiction",
		    "\"storefronts\" has no meaning with \"front_end: host\" in %s", r->what);
}

static void
read_users(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct yaml_reader part;
	const struct yaml_node *node = yaml_need(r, "users", YAML_MAP);
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	read_groups(rr, &part, "groups", &out->groups);
	read_names(rr, &part, "upn_suffixes", check_upn_suffix, false, &out->upn_suffixes);
	read_sids(rr, &part, "sids", true, &out->sids);
	read_groups(rr, &part, "privileged", &out->privileged);
	bool named = out->groups.n || out->upn_suffixes.n || out->sids.n || out->sids.any;
	if (is_finished(&part) && !named)
		(void)yaml_fail(node, rr->e, "policy_missing_key",
		    "\"users\" in %s names nobody: want groups, upn_suffixes or sids "
		    "(sids: [\"*\"] for any)",
		    r->what);
}

/* `deny: true`, or a mapping of lists. */
static void
read_deny(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want_any(r, "deny");
	if (!node)
		return;
	if (node->kind == YAML_SCALAR && node->plain && strcmp(node->text, "true") == 0) {
		out->deny = true;
		return;
	}
	if (node->kind != YAML_MAP) {
		(void)yaml_fail(node, rr->e, "yaml_type",
		    "\"deny\" in %s: want true, or a mapping of groups, sids and upns", r->what);
		return;
	}
	if (yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	read_groups(rr, &part, "groups", &out->deny_groups);
	read_sids(rr, &part, "sids", false, &out->deny_sids);
	read_names(rr, &part, "upns", check_upn, false, &out->deny_upns);
	(void)is_finished(&part);
}

static void
read_session(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want(r, "session", YAML_MAP);
	out->grant.session_max_s = 12 * HOUR_S;
	out->grant.lease_s = 10 * MINUTE_S;
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	out->grant.session_max_s =
	    yaml_want_duration(&part, "max", 5 * MINUTE_S, 7 * DAY_S, out->grant.session_max_s);
	out->grant.lease_s = yaml_want_duration(&part, "lease", 30, HOUR_S, out->grant.lease_s);
	if (is_finished(&part) && out->grant.lease_s > out->grant.session_max_s)
		(void)yaml_fail(node, rr->e, "policy_contradiction",
		    "\"session\" in %s has a lease that is longer than its max", r->what);
}

static void
read_grant(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	static const char *const tickets[] = {"host", "pool"};
	static const char *const verdicts[] = {"allow", "deny"};
	static const char *const ends[] = {"keep", "revoke"};
	out->grant.ticket =
	    (enum policy_ticket)yaml_want_word(r, "ticket", tickets, NELEMS(tickets), TICKET_HOST);
	out->grant.ticket_life_s = yaml_want_duration(r, "ticket_life", 10, 5 * MINUTE_S, MINUTE_S);
	out->allow_expired_password =
	    yaml_want_word(r, "expired_password", verdicts, NELEMS(verdicts), 0) == 0;
	out->grant.logoff =
	    (enum policy_logoff)yaml_want_word(r, "logoff", ends, NELEMS(ends), LOGOFF_REVOKE);
	read_match(rr, r, out);
	read_authentication(rr, r, out);
	read_session(rr, r, out);
	read_logon(rr, r, out);
	read_in_session(rr, r, out);
	out->grant.rule = out->name;
}

/* A rule that denies grants nothing: a key that only grants is a mistake in it. */
static void
refuse_grant(struct rule_reader *rr, struct yaml_reader *r)
{
	static const char *const keys[] = {"ticket", "ticket_life", "expired_password", "logoff",
	    "match", "authentication", "session", "logon", "in_session"};
	for (size_t i = 0; i < NELEMS(keys); i++) {
		const struct yaml_node *there = yaml_want_any(r, keys[i]);
		if (there)
			(void)yaml_fail_key(there, rr->e, "policy_contradiction",
			    "key \"%s\" has no meaning with \"deny: true\" in %s", keys[i],
			    r->what);
	}
}

enum fas_code
rule_load(struct policy *policy, const struct yaml_node *node, const struct policy_world *world,
    struct rule *out, struct fas_err *e)
{
	char what[WHAT_MAX] = "a rule";
	struct rule_reader rr = {.policy = policy, .world = world, .e = e};
	struct yaml_reader r;
	out->at = node;
	if (yaml_open(&r, node, what, e) != FAS_OK)
		return e->code;
	read_name(&rr, &r, out);
	if (e->code != FAS_OK)
		return e->code;
	(void)snprintf(what, sizeof(what), "rule \"%s\"", out->name);
	read_deny(&rr, &r, out);
	if (out->deny)
		refuse_grant(&rr, &r);
	else
		read_grant(&rr, &r, out);
	read_users(&rr, &r, out);
	read_request(&rr, &r, out);
	if (yaml_finish(&r) == FAS_OK)
		check_request(&rr, &r, out);
	return e->code;
}
