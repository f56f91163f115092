#include "fas/saml/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

#define ANY "any"

/* ---- reading ---- */

static enum fas_code
copy_text(const char *text, char **out, struct fas_err *e)
{
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
load_pattern(
    const struct yaml_node *map, const char *text, struct transform *out, struct fas_err *e)
{
	out->kind = TRANSFORM_CAPTURE;
	if (!(out->pattern = malloc(sizeof(*out->pattern))))
		return fas_fail_nomem(e);
	const char *why = pattern_parse(text, out->pattern);
	return why ? yaml_fail(map, e, "yaml_value", "capture \"%s\": %s", text, why) : FAS_OK;
}

static enum fas_code
load_transform_map(const struct yaml_node *map, struct transform *out, struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, map, "transform", e);
	if (rc != FAS_OK)
		return rc;
	const char *prefix = yaml_want_text(&r, "strip_prefix", NULL);
	const char *suffix = yaml_want_text(&r, "strip_suffix", NULL);
	const char *capture = yaml_want_text(&r, "capture", NULL);
	if ((rc = yaml_finish(&r)) != FAS_OK)
		return rc;
	if (!prefix + !suffix + !capture != 2)
		return yaml_fail(map, e, "yaml_value",
		    "a transform is lower, or one of strip_prefix, strip_suffix, capture");
	if (capture)
		return load_pattern(map, capture, out, e);
	out->kind = prefix ? TRANSFORM_PREFIX : TRANSFORM_SUFFIX;
	return copy_text(prefix ? prefix : suffix, &out->text, e);
}

static enum fas_code
load_transform(const struct yaml_node *node, struct transform *out, struct fas_err *e)
{
	if (node->kind == YAML_MAP)
		return load_transform_map(node, out, e);
	if (node->kind != YAML_SCALAR || strcmp(node->text, "lower") != 0)
		return yaml_fail(node, e, "yaml_value",
		    "a transform is lower, or one of strip_prefix, strip_suffix, capture");
	out->kind = TRANSFORM_LOWER;
	return FAS_OK;
}

static enum fas_code
load_transforms(const struct yaml_node *list, struct mapping *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (list && list->n > MAPPING_TRANSFORMS_MAX)
		return yaml_fail(list, e, "yaml_value", "transform: %zu steps, want at most %d",
		    list->n, MAPPING_TRANSFORMS_MAX);
	for (; list && out->n < list->n && rc == FAS_OK; out->n++)
		rc = load_transform(list->items[out->n], &out->transforms[out->n], e);
	return rc;
}

static enum fas_code
load_map(const struct yaml_node *map, struct mapping *out, struct fas_err *e)
{
	static const char *const keys[] = {"name", "friendly_name", "name_id"};
	struct yaml_reader r;
	const char *source = NULL;
	size_t sources = 0;
	enum fas_code rc = yaml_open(&r, map, "claim", e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < NELEMS(keys); i++) {
		const char *text = yaml_want_text(&r, keys[i], NULL);
		if (!text)
			continue;
		source = text;
		out->source = (enum mapping_source)i;
		sources++;
	}
	const struct yaml_node *transforms = yaml_want(&r, "transform", YAML_LIST);
	if ((rc = yaml_finish(&r)) != FAS_OK)
		return rc;
	if (sources != 1)
		return yaml_fail(
		    map, e, "yaml_value", "a claim is one of name, friendly_name and name_id");
	rc = copy_text(source, &out->name, e);
	return rc == FAS_OK ? load_transforms(transforms, out, e) : rc;
}

enum fas_code
mapping_default(const char *name, struct mapping *out, struct fas_err *e)
{
	*out = (struct mapping){.source = MAPPING_NAME};
	return copy_text(name, &out->name, e);
}

enum fas_code
mapping_load(const struct yaml_node *node, struct mapping *out, struct fas_err *e)
{
	*out = (struct mapping){.source = MAPPING_NAME};
	if (node->kind == YAML_MAP)
		return load_map(node, out, e);
	if (node->kind != YAML_SCALAR || !*node->text)
		return yaml_fail(node, e, "yaml_type",
		    "%s: want the name of an attribute, or a mapping", node->key);
	return copy_text(node->text, &out->name, e);
}

void
mapping_done(struct mapping *mapping)
{
	for (size_t i = 0; i < NELEMS(mapping->transforms); i++) {
		free(mapping->transforms[i].text);
		free(mapping->transforms[i].pattern);
	}
	free(mapping->name);
	*mapping = (struct mapping){0};
}

/* ---- looking ---- */

bool
mapping_same_source(const struct mapping *a, const struct mapping *b)
{
	return a->source == b->source && strcmp(a->name, b->name) == 0;
}

bool
mapping_is_attribute(const struct mapping *mapping, const char *name, const char *friendly)
{
	const char *text = mapping->source == MAPPING_NAME            ? name
			   : mapping->source == MAPPING_FRIENDLY_NAME ? friendly
								      : NULL;
	return text && strcmp(text, mapping->name) == 0;
}

bool
mapping_is_name_id(const struct mapping *mapping, const char *format)
{
	return mapping->source == MAPPING_NAME_ID &&
	       (strcmp(mapping->name, ANY) == 0 || (format && strcmp(format, mapping->name) == 0));
}

/* ---- values ---- */

static void
lower(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

/* What of text stays, in its place; NULL or why nothing does. */
static const char *
step(const struct transform *t, char *text)
{
	const char *end = t->text ? t->text : ""; /* at the begin, or behind */
	size_t len = strlen(text), part = strlen(end), at = 0, kept = len - part;
	if (t->kind == TRANSFORM_LOWER) {
		lower(text);
		return NULL;
	}
	if (part > len)
		return "is shorter than what is to be stripped";
	if (t->kind == TRANSFORM_PREFIX && strncmp(text, end, at = part) != 0)
		return "lacks the prefix";
	if (t->kind == TRANSFORM_SUFFIX && strcmp(text + kept, end) != 0)
		return "lacks the suffix";
	if (t->kind == TRANSFORM_CAPTURE && !pattern_take(t->pattern, text, &at, &kept))
		return "does not match the pattern";
	memmove(text, text + at, kept);
	text[kept] = 0;
	return utf8_is_valid(text, kept) ? NULL : "is cut within a character";
}

enum fas_code
mapping_apply(const struct mapping *mapping, const char *value, char **out, struct fas_err *e)
{
	const char *why = strlen(value) > MAPPING_VALUE_MAX ? "is longer than 1024 octets" : NULL;
	OWN(text) char *text = why ? NULL : strdup(value);
	if (!why && !text)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < mapping->n && !why; i++)
		why = step(&mapping->transforms[i], text);
	if (!why && !*text)
		why = "is empty";
	if (why)
		return fas_fail(e, FAS_E_AUTH, "saml_claims",
		    "SAML core 2.7.3.1: the value of %.64s %s", mapping->name, why);
	*out = TAKE(text);
	return FAS_OK;
}
