#include "fas/base/json_format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/json_parse.h"

#define TEXT_MAX ((size_t)64 << 20)

struct member {
	const char *key; /* borrowed; NULL in an array */
	json_t *value;   /* borrowed */
};

/* A container whose members up to `at` are written. */
struct level {
	struct member *members;
	size_t n, at;
	char end;
};

struct formatter {
	struct buf text;
	struct level levels[JSON_DEPTH_MAX];
	size_t depth;
	bool sorted, failed;
};

static void
formatter_done(struct formatter *f)
{
	while (f->depth > 0)
		free(f->levels[--f->depth].members);
	buf_done(&f->text);
}

DEFINE_OWN_IN_PLACE(formatter, struct formatter, formatter_done);

static void
put_escape(struct buf *text, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = strchr(from, c);
	if (found && c)
		buf_printf(text, "\\%c", to[found - from]);
	else
		buf_printf(text, "\\u%04X", (unsigned)c);
}

void
json_format_text(struct buf *text, const char *s, size_t len)
{
	const char *end = s + len;
	buf_append(text, "\"", 1);
	while (s < end) {
		const char *run = s;
		while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			s++;
		buf_append(text, run, (size_t)(s - run));
		if (s < end)
			put_escape(text, *s++);
	}
	buf_append(text, "\"", 1);
}

/* Never made here; so its many ways are left to who knows them. */
static void
put_real(struct formatter *f, const json_t *value)
{
	OWN(text) char *text = json_dumps(value, JSON_ENCODE_ANY);
	if (text)
		buf_text(&f->text, text);
	else
		f->failed = true;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static void
list_members(struct level *level, json_t *container)
{
	const char *key;
	json_t *value;
	size_t i;
	if (json_is_array(container)) {
		json_array_foreach(container, i, value) level->members[level->n++] =
		    (struct member){NULL, value};
		return;
	}
	json_object_foreach(container, key, value) level->members[level->n++] =
	    (struct member){key, value};
}

static void
enter(struct formatter *f, json_t *container)
{
	bool array = json_is_array(container);
	size_t n = array ? json_array_size(container) : json_object_size(container);
	struct level level = {.end = array ? ']' : '}'};
	level.members = f->depth < JSON_DEPTH_MAX ? calloc(n + 1, sizeof(*level.members)) : NULL;
	if (!level.members) {
		f->failed = true;
		return;
	}
	list_members(&level, container);
	if (!array && f->sorted)
		qsort(level.members, level.n, sizeof(*level.members), compare_keys);
	buf_append(&f->text, array ? "[" : "{", 1);
	f->levels[f->depth++] = level;
}

static void
put_value(struct formatter *f, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		enter(f, value);
		return;
	case JSON_STRING:
		json_format_text(&f->text, json_string_value(value), json_string_length(value));
		return;
	case JSON_INTEGER:
		buf_printf(&f->text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	case JSON_REAL:
		put_real(f, value);
		return;
	case JSON_TRUE:
		buf_text(&f->text, "true");
		return;
	case JSON_FALSE:
		buf_text(&f->text, "false");
		return;
	case JSON_NULL:
		buf_text(&f->text, "null");
		return;
	}
}

/* The next member of the innermost container, or its end. */
static void
step(struct formatter *f)
{
	struct level *level = &f->levels[f->depth - 1];
	if (level->at == level->n) {
		buf_append(&f->text, &level->end, 1);
		free(level->members);
		f->depth--;
		return;
	}
	const struct member *member = &level->members[level->at++];
	if (level->at > 1)
		buf_append(&f->text, ",", 1);
	if (member->key) {
		json_format_text(&f->text, member->key, strlen(member->key));
		buf_append(&f->text, ":", 1);
	}
	put_value(f, member->value);
}

char *
json_format(json_t *value, bool sorted)
{
	OWN(formatter) struct formatter f = {.sorted = sorted};
	buf_init(&f.text, TEXT_MAX);
	put_value(&f, value);
	while (f.depth > 0 && !f.failed && !f.text.failed)
		step(&f);
	return f.failed ? NULL : buf_take(&f.text, NULL);
}
