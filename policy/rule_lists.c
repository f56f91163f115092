/* The lists of a rule: texts, words, SIDs and groups.  ["*"] alone means any, where that may be said at all. */
#include "policy/rule.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

static bool
fail_empty(struct rule_reader *rr, const struct yaml_node *list, const char *key)
{
	(void)yaml_fail(list, rr->e, "policy_empty_list",
	    "\"%s\" is empty: it would match nothing%s", key,
	    strncmp(key, "deny", 4) == 0 ? "" : " (say [\"*\"] for any, where that is meant)");
	return false;
}

/* Handles "*": true when the list goes on to be read item by item. */
static bool
check_any(struct rule_reader *rr, const struct yaml_node *list, const char *key, bool may_be_any,
    bool *any)
{
	if (list->n == 0)
		return fail_empty(rr, list, key);
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->items[i]->text, "*") != 0)
			continue;
		if (may_be_any && list->n == 1) {
			*any = true;
			return false;
		}
		(void)yaml_fail(list->items[i], rr->e, "policy_any",
		    may_be_any ? "\"*\" in \"%s\" stands alone or not at all"
			       : "\"*\" has no meaning in \"%s\"",
		    key);
		return false;
	}
	return true;
}

static const struct yaml_node *
open_list(
    struct rule_reader *rr, struct yaml_reader *r, const char *key, bool may_be_any, bool *any)
{
	const struct yaml_node *list = yaml_want_texts(r, key);
	return list && check_any(rr, list, key, may_be_any, any) ? list : NULL;
}

static void *
new_items(struct rule_reader *rr, size_t n, size_t size)
{
	void *items = calloc(n, size);
	if (!items)
		(void)fas_fail_nomem(rr->e);
	return items;
}

void
read_names(struct rule_reader *rr, struct yaml_reader *r, const char *key, text_check *check,
    bool may_be_any, struct names *out)
{
	const struct yaml_node *list = open_list(rr, r, key, may_be_any, &out->any);
	if (!list || !(out->items = new_items(rr, list->n, sizeof(*out->items))))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (check(list->items[i], rr->world, rr->e) != FAS_OK)
			return;
		out->items[out->n++] = list->items[i]->text;
	}
}

static enum fas_code
read_sid(struct rule_reader *rr, const struct yaml_node *at, struct sid *out)
{
	struct fas_err why = {0};
	if (sid_parse(at->text, out, &why) == FAS_OK)
		return FAS_OK;
	return yaml_fail(at, rr->e, "policy_sid", "\"%.64s\" is no SID: %s", at->text, why.message);
}

void
read_sids(struct rule_reader *rr, struct yaml_reader *r, const char *key, bool may_be_any,
    struct sids *out)
{
	const struct yaml_node *list = open_list(rr, r, key, may_be_any, &out->any);
	if (!list || !(out->items = new_items(rr, list->n, sizeof(*out->items))))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (read_sid(rr, list->items[i], &out->items[out->n]) != FAS_OK)
			return;
		out->n++;
	}
}

static enum fas_code
read_group(struct rule_reader *rr, const struct yaml_node *at, uint32_t *out)
{
	struct sid sid;
	enum fas_code rc;
	if (strncmp(at->text, "S-1-", 4) == 0) {
		rc = read_sid(rr, at, &sid);
		return rc == FAS_OK ? groups_add_sid(rr->policy, &sid, at, out, rr->e) : rc;
	}
	rc = check_group_name(at, rr->world, rr->e);
	return rc == FAS_OK ? groups_add_name(rr->policy, at, out, rr->e) : rc;
}

void
read_groups(struct rule_reader *rr, struct yaml_reader *r, const char *key, struct group_list *out)
{
	bool any = false;
	const struct yaml_node *list = open_list(rr, r, key, false, &any);
	if (!list || !(out->items = new_items(rr, list->n, sizeof(*out->items))))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (read_group(rr, list->items[i], &out->items[out->n]) != FAS_OK)
			return;
		out->n++;
	}
}

/* One of the words; n and an error when it is none. */
static size_t
read_word(struct rule_reader *rr, const struct yaml_node *at, const char *key,
    const char *const *words, size_t n)
{
	if (at->kind != YAML_SCALAR) {
		(void)yaml_fail(at, rr->e, "yaml_type", "\"%s\" holds no plain words", key);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(at->text, words[i]) == 0)
			return i;
	}
	const char *near = nearest_word(at->text, words, n);
	(void)yaml_fail(at, rr->e, "yaml_value", "unknown word \"%.64s\" in \"%s\"%s%s%s", at->text,
	    key, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return n;
}

unsigned
read_words(struct rule_reader *rr, struct yaml_reader *r, const char *key, const char *const *words,
    size_t n, unsigned fallback)
{
	const struct yaml_node *node = yaml_want_any(r, key);
	if (!node)
		return fallback;
	bool list = node->kind == YAML_LIST;
	unsigned set = 0;
	for (size_t i = 0; i < (list ? node->n : 1); i++)
		set |= 1U << read_word(rr, list ? node->items[i] : node, key, words, n);
	if (set == 0)
		(void)yaml_fail(
		    node, rr->e, "policy_empty_list", "\"%s\" in %s is empty", key, r->what);
	return set;
}
