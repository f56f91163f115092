#include "fas/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/json_format.h"
#include "fas/base/json_parse.h"
#include "fas/base/text.h"

/*
 * jansson's json_dumps drops bytes for which it finds no memory, and goes on; json_pack leaves out an optional member.  So
 * its allocations are watched, and what was made while one of them failed is not used.
 */
static _Thread_local bool starved;

static void *
json_memory(size_t size)
{
	void *memory = malloc(size);
	starved |= memory == NULL;
	return memory;
}

__attribute__((constructor)) static void
watch_memory(void)
{
	json_set_alloc_funcs(json_memory, free);
}

bool
json_starved(void)
{
	bool was = starved;
	starved = false;
	return was;
}

char *
json_text(json_t *value, size_t flags)
{
	char *text = NULL;
	if (value && (flags & JSON_COMPACT))
		text = json_format(value, flags & JSON_SORT_KEYS);
	else if (value)
		text = json_dumps(value, flags);
	if (!json_starved())
		return text;
	free(text);
	return NULL;
}

enum fas_code
json_open(struct json_reader *r, const char *bytes, size_t len, struct fas_err *e)
{
	*r = (struct json_reader){.e = e};
	enum fas_code rc = json_parse(bytes, len, &r->object, e);
	(void)json_starved();
	return rc;
}

enum fas_code
json_open_object(struct json_reader *r, json_t *object, struct fas_err *e)
{
	*r = (struct json_reader){.e = e};
	if (!json_is_object(object))
		return fas_fail(e, FAS_E_INPUT, "json_malformed", "not a JSON object");
	r->object = json_incref(object);
	return FAS_OK;
}

void
json_close(struct json_reader *r)
{
	json_decref(r->object);
	r->object = NULL;
}

static json_t *
take(struct json_reader *r, const char *name)
{
	if (r->n_taken == JSON_MEMBERS_MAX) {
		fas_fail(r->e, FAS_E_INTERNAL, "internal", "a message with more than %d members",
		    JSON_MEMBERS_MAX);
		return NULL;
	}
	r->taken[r->n_taken++] = name;
	return json_object_get(r->object, name);
}

static void
missing(struct json_reader *r, const char *name)
{
	fas_fail(r->e, FAS_E_INPUT, "member_missing", "member \"%s\" is missing", name);
}

static void
invalid(struct json_reader *r, const char *name, const char *want)
{
	fas_fail(r->e, FAS_E_INPUT, "member_invalid", "member \"%s\" is not %s", name, want);
}

static bool
has_controls(const char *text, bool lines)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c >= 0x20 && c != 0x7f)
			continue;
		if (!lines || (c != '\n' && c != '\r' && c != '\t'))
			return true;
	}
	return false;
}

static const char *
read_text(struct json_reader *r, const char *name, size_t min, size_t max, bool lines, bool needed)
{
	json_t *value = take(r, name);
	if (!value) {
		if (needed)
			missing(r, name);
		return NULL;
	}
	if (!json_is_string(value)) {
		invalid(r, name, "a string");
		return NULL;
	}
	size_t len = json_string_length(value);
	if (len < min || len > max) {
		fas_fail(r->e, FAS_E_INPUT, "member_invalid",
		    "member \"%s\" has %zu bytes, want %zu to %zu", name, len, min, max);
		return NULL;
	}
	const char *text = json_string_value(value);
	if (strlen(text) != len || has_controls(text, lines)) {
		invalid(r, name, "free of control characters");
		return NULL;
	}
	return text;
}

const char *
json_need_text(struct json_reader *r, const char *name, size_t min, size_t max)
{
	return read_text(r, name, min, max, false, true);
}

const char *
json_want_text(struct json_reader *r, const char *name, size_t min, size_t max)
{
	return read_text(r, name, min, max, false, false);
}

const char *
json_need_lines(struct json_reader *r, const char *name, size_t min, size_t max)
{
	return read_text(r, name, min, max, true, true);
}

const char *
json_want_lines(struct json_reader *r, const char *name, size_t min, size_t max)
{
	return read_text(r, name, min, max, true, false);
}

static int64_t
read_int(struct json_reader *r, const char *name, json_t *value, int64_t min, int64_t max)
{
	if (!json_is_integer(value)) {
		invalid(r, name, "an integer");
		return 0;
	}
	int64_t number = json_integer_value(value);
	if (number >= min && number <= max)
		return number;
	fas_fail(r->e, FAS_E_INPUT, "member_invalid", "member \"%s\" is %lld, want %lld to %lld",
	    name, (long long)number, (long long)min, (long long)max);
	return 0;
}

int64_t
json_need_int(struct json_reader *r, const char *name, int64_t min, int64_t max)
{
	json_t *value = take(r, name);
	if (value)
		return read_int(r, name, value, min, max);
	missing(r, name);
	return 0;
}

int64_t
json_want_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t fallback)
{
	json_t *value = take(r, name);
	return value ? read_int(r, name, value, min, max) : fallback;
}

bool
json_want_bool(struct json_reader *r, const char *name, bool fallback)
{
	json_t *value = take(r, name);
	if (!value)
		return fallback;
	if (!json_is_boolean(value))
		invalid(r, name, "true or false");
	return json_is_true(value);
}

json_t *
json_want_value(struct json_reader *r, const char *name, json_type type)
{
	json_t *value = take(r, name);
	if (value && json_typeof(value) != type) {
		invalid(r, name, "of the right type");
		return NULL;
	}
	return value;
}

json_t *
json_need_value(struct json_reader *r, const char *name, json_type type)
{
	json_t *value = json_want_value(r, name, type);
	if (!value)
		missing(r, name);
	return value;
}

uint8_t *
json_need_base64(struct json_reader *r, const char *name, size_t max, size_t *len)
{
	uint8_t *data = NULL;
	const char *text = json_need_lines(r, name, 1, max / 3 * 4 + 4);
	*len = 0;
	if (!text || base64_decode(text, strlen(text), false, &data, len, r->e) != FAS_OK)
		return NULL;
	if (*len > 0 && *len <= max)
		return data;
	free(data);
	invalid(r, name, "base64 of an allowed length");
	return NULL;
}

static bool
was_taken(const struct json_reader *r, const char *name)
{
	for (size_t i = 0; i < r->n_taken; i++) {
		if (strcmp(r->taken[i], name) == 0)
			return true;
	}
	return false;
}

enum fas_code
json_finish(struct json_reader *r)
{
	const char *name;
	json_t *value;
	if (r->e->code != FAS_OK)
		return r->e->code;
	json_object_foreach(r->object, name, value)
	{
		if (was_taken(r, name))
			continue;
		const char *near = nearest_word(name, r->taken, r->n_taken);
		return fas_fail(r->e, FAS_E_INPUT, "member_unknown",
		    "unknown member \"%.64s\"%s%s%s", name, near ? " (did you mean \"" : "",
		    near ? near : "", near ? "\"?)" : "");
	}
	return FAS_OK;
}
