/* Reading one mapping of a parsed document: known keys are asked for, the rest is an error. */
#include "fas/base/yaml.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/text.h"

#define DURATION_TEXT_MAX 24

static const char *const kind_names[] = {
    [YAML_SCALAR] = "a single value", [YAML_LIST] = "a list", [YAML_MAP] = "a mapping"};

enum fas_code
yaml_open(struct yaml_reader *r, const struct yaml_node *map, const char *what, struct fas_err *e)
{
	*r = (struct yaml_reader){.what = what, .e = e};
	if (map->kind != YAML_MAP)
		return yaml_fail(
		    map, e, "yaml_type", "%s is %s, want a mapping", what, kind_names[map->kind]);
	r->map = map;
	return FAS_OK;
}

const struct yaml_node *
yaml_want_any(struct yaml_reader *r, const char *key)
{
	if (!r->map)
		return NULL;
	if (r->n_asked == YAML_KEYS_MAX) {
		(void)fas_fail(r->e, FAS_E_INTERNAL, "internal", "a mapping with more than %d keys",
		    YAML_KEYS_MAX);
		return NULL;
	}
	r->asked[r->n_asked++] = key;
	for (size_t i = 0; i < r->map->n; i++) {
		if (strcmp(r->map->items[i]->key, key) == 0)
			return r->map->items[i];
	}
	return NULL;
}

const struct yaml_node *
yaml_want(struct yaml_reader *r, const char *key, enum yaml_kind kind)
{
	const struct yaml_node *node = yaml_want_any(r, key);
	if (!node || node->kind == kind)
		return node;
	(void)yaml_fail(node, r->e, "yaml_type", "\"%s\" in %s is %s, want %s", key, r->what,
	    kind_names[node->kind], kind_names[kind]);
	return NULL;
}

/* A needed key is missing; perhaps it is there with a slip of the pen. */
static void
missing(struct yaml_reader *r, const char *key)
{
	const char *near = NULL;
	if (!r->map)
		return;
	for (size_t i = 0; !near && i < r->map->n; i++)
		near = nearest_word(key, &r->map->items[i]->key, 1);
	(void)yaml_fail_key(r->map, r->e, "yaml_missing_key",
	    "key \"%s\" is missing in %s%s%.64s%s", key, r->what, near ? " (is \"" : "",
	    near ? near : "", near ? "\" meant?)" : "");
}

const struct yaml_node *
yaml_need(struct yaml_reader *r, const char *key, enum yaml_kind kind)
{
	bool clean = r->e->code == FAS_OK;
	const struct yaml_node *node = yaml_want(r, key, kind);
	if (!node && clean && r->e->code == FAS_OK)
		missing(r, key);
	return node;
}

/* Is this scalar a text to go on with?  Says what is wrong otherwise. */
static bool
check_text(struct yaml_reader *r, const char *key, const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR)
		(void)yaml_fail(node, r->e, "yaml_type", "\"%s\" in %s holds %s, want texts", key,
		    r->what, kind_names[node->kind]);
	else if (!*node->text)
		(void)yaml_fail(node, r->e, "yaml_value", "\"%s\" in %s is empty", key, r->what);
	else if (utf8_has_invisible(node->text))
		(void)yaml_fail(node, r->e, "yaml_value",
		    "\"%s\" in %s holds control or invisible characters", key, r->what);
	else
		return true;
	return false;
}

const char *
yaml_need_text(struct yaml_reader *r, const char *key)
{
	const struct yaml_node *node = yaml_need(r, key, YAML_SCALAR);
	return node && check_text(r, key, node) ? node->text : NULL;
}

const char *
yaml_want_text(struct yaml_reader *r, const char *key, const char *fallback)
{
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	return node && check_text(r, key, node) ? node->text : fallback;
}

static bool
parse_int(const char *text, int64_t *out)
{
	uint64_t value;
	bool negative = *text == '-';
	if (!parse_uint(text + negative, 0, INT64_MAX, &value))
		return false;
	*out = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

int64_t
yaml_want_int(struct yaml_reader *r, const char *key, int64_t min, int64_t max, int64_t fallback)
{
	int64_t value = 0;
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	if (!node)
		return fallback;
	if (node->plain && parse_int(node->text, &value) && value >= min && value <= max)
		return value;
	(void)yaml_fail(node, r->e, "yaml_value",
	    "\"%s\" in %s is \"%.40s\", want a number from "
	    "%lld to %lld",
	    key, r->what, node->text, (long long)min, (long long)max);
	return fallback;
}

bool
yaml_want_bool(struct yaml_reader *r, const char *key, bool fallback)
{
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	if (!node)
		return fallback;
	if (node->plain && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
		return node->text[0] == 't';
	(void)yaml_fail(node, r->e, "yaml_value", "\"%s\" in %s is \"%.40s\", want true or false",
	    key, r->what, node->text);
	return fallback;
}

/* In the largest unit that divides it. */
static const char *
format_duration(int64_t seconds, char out[DURATION_TEXT_MAX])
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;
	while (i + 1 < NELEMS(units) && (seconds == 0 || seconds % units[i].seconds != 0))
		i++;
	(void)snprintf(out, DURATION_TEXT_MAX, "%lld%c", (long long)(seconds / units[i].seconds),
	    units[i].unit);
	return out;
}

int64_t
yaml_want_duration(
    struct yaml_reader *r, const char *key, int64_t min_s, int64_t max_s, int64_t fallback_s)
{
	int64_t value = 0;
	char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	if (!node)
		return fallback_s;
	if (node->plain && parse_duration(node->text, min_s, max_s, &value))
		return value;
	(void)yaml_fail(node, r->e, "yaml_value",
	    "\"%s\" in %s is \"%.40s\", want a duration from %s to %s (digits and s, m, h or d)",
	    key, r->what, node->text, format_duration(min_s, least), format_duration(max_s, most));
	return fallback_s;
}

/* "a, b or c", cut when it does not fit. */
static void
list_words(const char *const *words, size_t n, char *out, size_t size)
{
	size_t used = 0;
	out[0] = 0;
	for (size_t i = 0; i < n && used < size; i++) {
		const char *between = i == 0 ? "" : i + 1 == n ? " or " : ", ";
		int put = snprintf(out + used, size - used, "%s%s", between, words[i]);
		used += put > 0 ? (size_t)put : 0;
	}
}

size_t
yaml_want_word(
    struct yaml_reader *r, const char *key, const char *const *words, size_t n, size_t fallback)
{
	char wanted[160];
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	if (!node)
		return fallback;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(node->text, words[i]) == 0)
			return i;
	}
	const char *near = nearest_word(node->text, words, n);
	list_words(words, n, wanted, sizeof(wanted));
	(void)yaml_fail(node, r->e, "yaml_value", "\"%s\" in %s is \"%.40s\", want %s%s%s%s", key,
	    r->what, node->text, wanted, near ? " (did you mean \"" : "", near ? near : "",
	    near ? "\"?)" : "");
	return fallback;
}

static const struct yaml_node *
check_texts(struct yaml_reader *r, const char *key, const struct yaml_node *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		if (!check_text(r, key, list->items[i]))
			return NULL;
	}
	return list;
}

const struct yaml_node *
yaml_want_texts(struct yaml_reader *r, const char *key)
{
	return check_texts(r, key, yaml_want(r, key, YAML_LIST));
}

const struct yaml_node *
yaml_need_texts(struct yaml_reader *r, const char *key)
{
	return check_texts(r, key, yaml_need(r, key, YAML_LIST));
}

static bool
was_asked(const struct yaml_reader *r, const char *key)
{
	for (size_t i = 0; i < r->n_asked; i++) {
		if (strcmp(r->asked[i], key) == 0)
			return true;
	}
	return false;
}

enum fas_code
yaml_finish(struct yaml_reader *r)
{
	if (r->e->code != FAS_OK)
		return r->e->code;
	for (size_t i = 0; r->map && i < r->map->n; i++) {
		const struct yaml_node *item = r->map->items[i];
		if (was_asked(r, item->key))
			continue;
		const char *near = nearest_word(item->key, r->asked, r->n_asked);
		return yaml_fail_key(item, r->e, "yaml_unknown_key",
		    "unknown key \"%.64s\" in %s%s%s%s", item->key, r->what,
		    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
	return FAS_OK;
}
