/* libyaml's events to a tree that keeps every place; yaml_reader.c reads that tree. */
#include "fas/base/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "fas/base/file.h"
#include "fas/base/text.h"

#undef yaml_fail
#undef yaml_fail_key

#define MESSAGE_MAX 400

/* What the tree is made of; the public part comes first, so that one is the other. */
struct node {
	struct yaml_node pub;
	const struct yaml_node **items;
	size_t room;
	char *key, *text;
	struct node *next; /* all nodes of the document, for yaml_doc_free */
};

struct yaml_doc {
	char *name;
	struct node *all;
	struct node *root;
	size_t n_nodes;
};

/* One open mapping or list, and the key whose value comes next. */
struct level {
	struct node *node;
	char *key;
	size_t key_line, key_column;
};

struct builder {
	struct yaml_doc *doc;
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
	size_t documents;
	struct fas_err *e;
};

static enum fas_code
fail_at(const char *file, size_t line, size_t column, struct fas_err *e, const char *reason,
    const char *message)
{
	return fas_fail(
	    e, FAS_E_CONFIG, reason, "%s:%zu:%zu: error: %s", file, line, column, message);
}

enum fas_code
yaml_fail(const struct yaml_node *at, struct fas_err *e, const char *reason, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return fail_at(at->file, at->line, at->column, e, reason, message);
}

enum fas_code
yaml_fail_key(
    const struct yaml_node *at, struct fas_err *e, const char *reason, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (!at->key)
		return fail_at(at->file, at->line, at->column, e, reason, message);
	return fail_at(at->file, at->key_line, at->key_column, e, reason, message);
}

static enum fas_code
malformed(struct builder *b, const yaml_mark_t *mark, const char *message)
{
	return fail_at(
	    b->doc->name, mark->line + 1, mark->column + 1, b->e, "yaml_malformed", message);
}

static struct level *
top(struct builder *b)
{
	return b->depth ? &b->levels[b->depth - 1] : NULL;
}

static struct node *
new_node(struct builder *b, enum yaml_kind kind, const yaml_mark_t *mark)
{
	if (b->doc->n_nodes == YAML_NODES_MAX) {
		(void)malformed(b, mark, "more than 100000 values");
		return NULL;
	}
	struct node *node = calloc(1, sizeof(*node));
	if (!node) {
		(void)fas_fail_nomem(b->e);
		return NULL;
	}
	node->pub.kind = kind;
	node->pub.file = b->doc->name;
	node->pub.line = mark->line + 1;
	node->pub.column = mark->column + 1;
	node->next = b->doc->all;
	b->doc->all = node;
	b->doc->n_nodes++;
	return node;
}

static enum fas_code
append_item(struct builder *b, struct node *parent, const struct node *child)
{
	if (parent->pub.n == parent->room) {
		size_t room = parent->room ? 2 * parent->room : 8;
		const struct yaml_node **grown = realloc(parent->items, room * sizeof(*grown));
		if (!grown)
			return fas_fail_nomem(b->e);
		parent->items = grown;
		parent->room = room;
		parent->pub.items = grown;
	}
	parent->items[parent->pub.n++] = &child->pub;
	return FAS_OK;
}

/* Put node where the document stands: the root, the next item, or the value of the pending key. */
static enum fas_code
attach(struct builder *b, struct node *node, const yaml_mark_t *mark)
{
	struct level *level = top(b);
	if (!level) {
		b->doc->root = node;
		return FAS_OK;
	}
	if (level->node->pub.kind == YAML_MAP) {
		if (!level->key)
			return malformed(b, mark, "a key must be plain text");
		node->key = TAKE(level->key);
		node->pub.key = node->key;
		node->pub.key_line = level->key_line;
		node->pub.key_column = level->key_column;
	}
	return append_item(b, level->node, node);
}

static enum fas_code
check_properties(struct builder *b, const void *anchor, const void *tag, const yaml_mark_t *mark)
{
	if (anchor)
		return malformed(b, mark, "anchors (&name) are not accepted");
	if (tag)
		return malformed(b, mark, "tags (!name) are not accepted");
	return FAS_OK;
}

static enum fas_code
open_level(struct builder *b, enum yaml_kind kind, const void *anchor, const void *tag,
    const yaml_mark_t *mark)
{
	enum fas_code rc = check_properties(b, anchor, tag, mark);
	if (rc != FAS_OK)
		return rc;
	if (b->depth == YAML_DEPTH_MAX)
		return malformed(b, mark, "more than 16 levels");
	struct node *node = new_node(b, kind, mark);
	if (!node)
		return b->e->code;
	if ((rc = attach(b, node, mark)) != FAS_OK)
		return rc;
	b->levels[b->depth++] = (struct level){.node = node};
	return FAS_OK;
}

static enum fas_code
on_map_start(struct builder *b, const yaml_event_t *event)
{
	return open_level(b, YAML_MAP, event->data.mapping_start.anchor,
	    event->data.mapping_start.tag, &event->start_mark);
}

static enum fas_code
on_list_start(struct builder *b, const yaml_event_t *event)
{
	return open_level(b, YAML_LIST, event->data.sequence_start.anchor,
	    event->data.sequence_start.tag, &event->start_mark);
}

static enum fas_code
on_level_end(struct builder *b, const yaml_event_t *event)
{
	(void)event;
	b->depth--;
	return FAS_OK;
}

static enum fas_code
take_key(struct builder *b, struct level *level, const char *text, const yaml_mark_t *mark)
{
	const struct yaml_node *map = &level->node->pub;
	char message[MESSAGE_MAX];
	if (!*text || utf8_has_invisible(text))
		return malformed(b, mark, "a key must be plain text");
	if (strcmp(text, "<<") == 0)
		return malformed(b, mark, "merge keys (<<) are not accepted");
	if (map->n == YAML_MEMBERS_MAX)
		return malformed(b, mark, "more than 1024 keys in one mapping");
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->items[i]->key, text) != 0)
			continue;
		(void)snprintf(message, sizeof(message),
		    "key \"%.64s\" is there twice (first in line %zu)", text,
		    map->items[i]->key_line);
		return malformed(b, mark, message);
	}
	level->key = strdup(text);
	level->key_line = mark->line + 1;
	level->key_column = mark->column + 1;
	return level->key ? FAS_OK : fas_fail_nomem(b->e);
}

static enum fas_code
on_scalar(struct builder *b, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	const char *text = (const char *)event->data.scalar.value;
	struct level *level = top(b);
	enum fas_code rc =
	    check_properties(b, event->data.scalar.anchor, event->data.scalar.tag, mark);
	if (rc != FAS_OK)
		return rc;
	if (strlen(text) != event->data.scalar.length)
		return malformed(b, mark, "a text holds a NUL");
	if (level && level->node->pub.kind == YAML_MAP && !level->key)
		return take_key(b, level, text, mark);
	struct node *node = new_node(b, YAML_SCALAR, mark);
	if (!node)
		return b->e->code;
	node->pub.plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->pub.text = node->text = strdup(text);
	return node->text ? attach(b, node, mark) : fas_fail_nomem(b->e);
}

static enum fas_code
on_alias(struct builder *b, const yaml_event_t *event)
{
	return malformed(b, &event->start_mark,
	    "aliases (*name) are not accepted: quote a text "
	    "that begins with *");
}

static enum fas_code
on_document(struct builder *b, const yaml_event_t *event)
{
	if (b->documents++ > 0)
		return malformed(b, &event->start_mark, "more than one document in the file");
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		return malformed(b, &event->start_mark, "tags (%TAG) are not accepted");
	return FAS_OK;
}

/* By event type; nothing to do for the others. */
static enum fas_code (*const handlers[])(struct builder *, const yaml_event_t *) = {
    [YAML_DOCUMENT_START_EVENT] = on_document,
    [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,
    [YAML_SEQUENCE_START_EVENT] = on_list_start,
    [YAML_SEQUENCE_END_EVENT] = on_level_end,
    [YAML_MAPPING_START_EVENT] = on_map_start,
    [YAML_MAPPING_END_EVENT] = on_level_end,
};

static enum fas_code
fail_parser(struct builder *b, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;
	char message[MESSAGE_MAX];
	if (parser->error == YAML_MEMORY_ERROR)
		return fas_fail_nomem(b->e);
	if (parser->error == YAML_READER_ERROR)
		mark = parser->mark;
	(void)snprintf(message, sizeof(message), "%s%s%s", parser->context ? parser->context : "",
	    parser->context ? ": " : "", parser->problem ? parser->problem : "malformed");
	return malformed(b, &mark, message);
}

/* Ends with the input: libyaml yields at most a few events a byte, and YAML_BYTES_MAX bounds those. */
static enum fas_code
run_events(struct builder *b, yaml_parser_t *parser)
{
	enum fas_code rc = FAS_OK;
	for (bool end = false; rc == FAS_OK && !end;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return fail_parser(b, parser);
		end = event.type == YAML_STREAM_END_EVENT;
		if ((size_t)event.type < NELEMS(handlers) && handlers[event.type])
			rc = handlers[event.type](b, &event);
		yaml_event_delete(&event);
	}
	if (rc == FAS_OK && !b->doc->root)
		rc = fail_at(b->doc->name, 1, 1, b->e, "yaml_malformed", "the file is empty");
	return rc;
}

static enum fas_code
build(struct yaml_doc *doc, const char *bytes, size_t len, struct fas_err *e)
{
	struct builder b = {.doc = doc, .e = e};
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return fas_fail_nomem(e);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
	enum fas_code rc = run_events(&b, &parser);
	yaml_parser_delete(&parser);
	for (size_t i = 0; i < NELEMS(b.levels); i++)
		free(b.levels[i].key);
	return rc;
}

enum fas_code
yaml_parse(
    const char *name, const char *bytes, size_t len, struct yaml_doc **out, struct fas_err *e)
{
	struct fas_err local = {0};
	*out = NULL;
	if (len > YAML_BYTES_MAX)
		return fail_at(name, 1, 1, e, "yaml_malformed", "larger than 1 MiB");
	if (!utf8_is_valid(bytes, len))
		return fail_at(name, 1, 1, e, "yaml_malformed", "not UTF-8, or it holds a NUL");
	OWN(yaml) struct yaml_doc *doc = calloc(1, sizeof(*doc));
	if (!doc || !(doc->name = strdup(name)))
		return fas_fail_nomem(e);
	enum fas_code rc = build(doc, bytes, len, &local);
	if (rc != FAS_OK)
		return fas_fail(e, rc, local.reason, "%s", local.message);
	*out = TAKE(doc);
	return FAS_OK;
}

enum fas_code
yaml_load(const char *path, struct yaml_doc **out, struct fas_err *e)
{
	OWN(text) char *bytes = NULL;
	size_t len = 0;
	*out = NULL;
	/* One byte more than allowed, so that the excess is reported with the place. */
	enum fas_code rc = file_read(path, YAML_BYTES_MAX + 1, &bytes, &len, e);
	return rc == FAS_OK ? yaml_parse(path, bytes, len, out, e) : rc;
}

const struct yaml_node *
yaml_root(const struct yaml_doc *doc)
{
	return &doc->root->pub;
}

void
yaml_doc_free(struct yaml_doc *doc)
{
	if (!doc)
		return;
	while (doc->all) {
		struct node *node = doc->all;
		doc->all = node->next;
		free(node->key);
		free(node->text);
		free(node->items);
		free(node);
	}
	free(doc->name);
	free(doc);
}
