/* The parts `match` and `authentication` of a rule: what the assertion has to say, and what that is worth. */
#include "policy/rule.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

/* ---- match ---- */

/* One claim on two lists: one of them says nothing. */
static void
check_overlap(struct rule_reader *rr, const struct yaml_reader *part, unsigned a, const char *of_a,
    unsigned b, const char *of_b)
{
	if (a & b)
		(void)yaml_fail(part->map, rr->e, "policy_contradiction",
		    "\"match\" in %s has the same claim in \"%s\" and in \"%s\"", part->what, of_a,
		    of_b);
}

void
read_match(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	/* enum claim's bits, in order */
	static const char *const words[] = {"sid", "upn", "guid", "email", "forest", "domain"};
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want(r, "match", YAML_MAP);
	out->require = CLAIM_SID;
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	out->require_any = read_words(rr, &part, "require_any", words, NELEMS(words), 0);
	out->require = read_words(
	    rr, &part, "require", words, NELEMS(words), out->require_any ? 0U : CLAIM_SID);
	unsigned also = read_words(rr, &part, "also", words, NELEMS(words), 0);
	if (yaml_finish(&part) != FAS_OK)
		return;
	check_overlap(rr, &part, out->require, "require", also, "also");
	check_overlap(rr, &part, out->require, "require", out->require_any, "require_any");
	check_overlap(rr, &part, out->require_any, "require_any", also, "also");
}

/* ---- authentication ---- */

static void
add_policy(struct rule_reader *rr, const struct yaml_node *at, struct context_policies *out)
{
	if (at->kind != YAML_SCALAR) {
		(void)yaml_fail(at, rr->e, "yaml_type", "an issuance policy: want its OID as text");
		return;
	}
	if (check_issuance_policy(at, rr->world, rr->e) != FAS_OK)
		return;
	for (size_t i = 0; i < out->n; i++) {
		if (strcmp(out->oids[i], at->text) == 0) {
			(void)yaml_fail(at, rr->e, "policy_issuance_policy",
			    "issuance policy %s stands there twice", at->text);
			return;
		}
	}
	out->oids[out->n++] = at->text;
}

/* One OID, or a list of them. */
static void
read_policies_of(struct rule_reader *rr, const struct yaml_node *at, struct context_policies *out)
{
	bool list = at->kind == YAML_LIST;
	size_t n = list ? at->n : 1;
	out->context = at->key;
	if (n == 0 || n > POLICY_ISSUANCE_MAX) {
		(void)yaml_fail(at, rr->e, "policy_issuance_policy",
		    "%zu issuance policies of one context, want 1 to %d", n, POLICY_ISSUANCE_MAX);
		return;
	}
	for (size_t i = 0; i < n && rr->e->code == FAS_OK; i++)
		add_policy(rr, list ? at->items[i] : at, out);
}

/* A context that the rule does not let in has no certificate to stand in. */
static void
check_let_in(
    struct rule_reader *rr, const struct yaml_node *at, const struct rule *rule, const char *what)
{
	const struct names *contexts = &rule->contexts;
	for (size_t i = 0; i < contexts->n; i++) {
		if (strcmp(contexts->items[i], at->key) == 0)
			return;
	}
	const char *near = nearest_word(at->key, contexts->items, contexts->n);
	if (contexts->n > 0)
		(void)yaml_fail_key(at, rr->e, "policy_contradiction",
		    "\"policies\" in %s name the context \"%.128s\", which is not among "
		    "\"contexts\"%s%.128s%s",
		    what, at->key, near ? " (did you mean \"" : "", near ? near : "",
		    near ? "\"?)" : "");
}

static void
read_context_policies(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	const struct yaml_node *map = yaml_want(r, "policies", YAML_MAP);
	if (!map || rr->e->code != FAS_OK)
		return;
	if (map->n == 0 || map->n > CONTEXTS_MAX) {
		(void)yaml_fail(map, rr->e, "policy_empty_list",
		    "\"policies\" in %s has %zu contexts, want 1 to %d", r->what, map->n,
		    CONTEXTS_MAX);
		return;
	}
	out->context_policies = calloc(map->n, sizeof(*out->context_policies));
	if (!out->context_policies) {
		(void)fas_fail_nomem(rr->e);
		return;
	}
	for (size_t i = 0; i < map->n && rr->e->code == FAS_OK; i++) {
		check_let_in(rr, map->items[i], out, r->what);
		if (rr->e->code == FAS_OK)
			read_policies_of(rr, map->items[i], &out->context_policies[i]);
		out->n_context_policies = i + 1;
	}
}

void
read_authentication(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want(r, "authentication", YAML_MAP);
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	read_names(rr, &part, "contexts", check_context, false, &out->contexts);
	if (out->contexts.n > CONTEXTS_MAX)
		(void)yaml_fail(yaml_want_any(&part, "contexts"), rr->e, "policy_context",
		    "more than %d \"contexts\" in %s", CONTEXTS_MAX, r->what);
	read_context_policies(rr, &part, out);
	if (yaml_finish(&part) == FAS_OK && out->contexts.n == 0 && out->n_context_policies == 0)
		(void)yaml_fail(node, rr->e, "policy_missing_key",
		    "\"authentication\" in %s asks for nothing: want contexts or policies",
		    r->what);
}
