/* Policy files: the strict YAML reader, loading with its cross-checks, and decisions. */
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/yaml.h"
#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"

static const char *const idps[] = {"okta", "adfs"};
static const char *const authorities[] = {"main"};
static const char *const domains[] = {"corp.example.com", "CORP"};
static const struct policy_world world = {.idps = idps,
    .n_idps = NELEMS(idps),
    .authorities = authorities,
    .n_authorities = NELEMS(authorities),
    .domains = domains,
    .n_domains = NELEMS(domains)};

static const struct sid alice = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 1104}};
static const struct sid root = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 500}};
static const struct sid groups[] = {{.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 513}},
    {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 2000}}};

#define ASK(...)                                                                                   \
	{                                                                                          \
		.idp = "okta", .host = "vda1.vdi.corp.example.com", .groups = groups,              \
		.n_groups = NELEMS(groups), __VA_ARGS__                                            \
	}
static const struct policy_facts questions[] = {
    ASK(.storefront = "sf1.corp.example.com", .upn = "alice@corp.example.com", .sid = &alice,
	.claimed_sid = true, .claimed_upn = true),
    ASK(.front_end = FRONT_END_HOST, .upn = "alice@corp.example.com", .sid = &alice,
	.claimed_guid = true),
    ASK(.storefront = "sf1.corp.example.com", .upn = "root@corp.example.com", .sid = &root,
	.privileged = true, .claimed_sid = true, .claimed_upn = true, .claimed_guid = true),
    ASK(.storefront = "sf1.corp.example.com", .upn = "bob@other.example", .sid = &alice,
	.password_expired = true),
    {.idp = "okta", .host = "vda1.vdi.corp.example.com"},
    {.front_end = FRONT_END_STOREFRONT},
};

/* Every node has its place; nesting and count keep to their bounds. */
static size_t
check_nodes(const struct yaml_node *node, int depth)
{
	size_t n = 1;
	FUZZ_CHECK(depth <= YAML_DEPTH_MAX && node->line > 0 && node->column > 0);
	FUZZ_CHECK((node->kind == YAML_SCALAR) == (node->text != NULL));
	for (size_t i = 0; i < node->n; i++) {
		FUZZ_CHECK((node->items[i]->key != NULL) == (node->kind == YAML_MAP));
		n += check_nodes(node->items[i], depth + 1);
	}
	return n;
}

static void
try_yaml(const uint8_t *data, size_t size)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	enum fas_code rc = yaml_parse("fuzz.yaml", (const char *)data, size, &doc, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (doc != NULL));
	if (doc)
		FUZZ_CHECK(check_nodes(yaml_root(doc), 1) <= YAML_NODES_MAX);
}

struct story {
	const char *decided; /* the first rule that is said to match */
	size_t rules;
};

static void
on_rule(const char *rule, bool matched, const char *because, void *arg)
{
	struct story *story = arg;
	FUZZ_CHECK(rule && because && because[0]);
	story->rules++;
	if (matched && !story->decided)
		story->decided = rule;
}

static void
check_in_session(const struct policy_in_session *s)
{
	FUZZ_CHECK(strcmp(s->authority, "main") == 0 && s->profile && s->validity_s > 0);
	FUZZ_CHECK(s->keys != 0 && (s->keys & s->first_key) && s->mechanisms != 0);
	FUZZ_CHECK(s->custody == CUSTODY_HOST || (s->keys & (s->keys - 1)) == 0);
	FUZZ_CHECK((s->consent == CONSENT_NONE) == (s->consent_timeout_s == 0));
	FUZZ_CHECK(s->rate_count > 0 && s->rate_period_s > 0);
	for (size_t i = 0; i < s->n_programs; i++)
		FUZZ_CHECK(s->programs[i][0] == '/' && !strstr(s->programs[i], "//"));
}

static void
check_grant(const struct policy_verdict *v)
{
	static const struct policy_grant none;
	const struct policy_grant *g = &v->grant;
	if (v->outcome != VERDICT_ALLOW) {
		FUZZ_CHECK(strcmp(v->reason, "policy_allow") != 0);
		FUZZ_CHECK(memcmp(g, &none, sizeof(none)) == 0);
		return;
	}
	FUZZ_CHECK(strcmp(v->reason, "policy_allow") == 0 && v->rule && g->rule);
	FUZZ_CHECK(strcmp(g->rule, v->rule) == 0 && strcmp(g->authority, "main") == 0);
	FUZZ_CHECK(g->validity_s > 0 && g->session_max_s > 0 && g->lease_s > 0);
	FUZZ_CHECK(g->ticket_life_s > 0 && g->keys != 0);
	FUZZ_CHECK(g->custody == CUSTODY_HOST || (g->keys & (g->keys - 1)) == 0);
	FUZZ_CHECK(g->signatures > 0 && g->signature_window_s > 0);
	if (g->in_session.allow)
		check_in_session(&g->in_session);
}

static void
try_question(const struct policy *policy, const struct policy_facts *facts)
{
	struct policy_verdict v, again;
	struct story story = {0};
	memset(&v, 0xff, sizeof(v));
	memset(&again, 0, sizeof(again));
	policy_decide(policy, facts, &v);
	policy_decide(policy, facts, &again);
	FUZZ_CHECK(v.outcome == again.outcome && strcmp(v.reason, again.reason) == 0);
	check_grant(&v);
	policy_explain(policy, facts, on_rule, &story);
	FUZZ_CHECK(story.rules <= policy_rule_count(policy));
	FUZZ_CHECK(
	    v.outcome != VERDICT_ALLOW || (story.decided && strcmp(story.decided, v.rule) == 0));
	/* Whoever is not known gets nothing. */
	FUZZ_CHECK(v.outcome != VERDICT_ALLOW || (facts->idp && facts->sid && facts->upn));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	OWN(policy) struct policy *policy = NULL;
	struct fas_err e = {0};
	try_yaml(data, size);
	enum fas_code rc = policy_load(fuzz_file("policy.yaml", data, size), &world, &policy, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (policy != NULL));
	if (!policy)
		return 0;
	FUZZ_CHECK(strlen(policy_digest(policy)) == 64);
	for (size_t i = 0; i < NELEMS(questions); i++)
		try_question(policy, &questions[i]);
	for (size_t i = 0; i < policy_group_count(policy); i += 2)
		policy_group_set(policy, i, &groups[i / 2 % NELEMS(groups)]);
	for (size_t i = 0; i < NELEMS(questions); i++)
		try_question(policy, &questions[i]);
	return 0;
}
