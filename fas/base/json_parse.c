#include "fas/base/json_parse.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define NUMBER_MAX 64 /* octets of one number */

struct parser {
	const char *begin, *at, *end;
	json_t *open[JSON_DEPTH_MAX]; /* borrowed from the first, the root */
	size_t depth;
	bool fresh;          /* the innermost container holds nothing yet */
	const char *finding; /* what is wrong at `at`; NULL with no_memory */
	bool no_memory;
};

/* A text as it stands, or unescaped in memory of its own. */
struct text {
	const char *bytes;
	size_t len;
	char *owned;
};

static void
text_done(struct text *text)
{
	free(text->owned);
}

DEFINE_OWN_IN_PLACE(json_piece, struct text, text_done);

static bool
wrong(struct parser *p, const char *finding)
{
	p->finding = finding;
	return false;
}

static bool
no_memory(struct parser *p)
{
	p->no_memory = true;
	return false;
}

static size_t
left(const struct parser *p)
{
	return (size_t)(p->end - p->at);
}

static bool
is_at(const struct parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

static bool
take(struct parser *p, char c)
{
	bool is = is_at(p, c);
	p->at += is;
	return is;
}

static void
skip_space(struct parser *p)
{
	while (
	    p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

/* ---- texts ---- */

/* Printable ASCII but '"' and '\\', a bit for each: what a text mostly is. */
static bool
is_plain(unsigned char c)
{
	static const uint32_t plain[8] = {
	    0, ~(1U << ('"' - 32)), ~(1U << ('\\' - 64)), 0xffffffff, 0, 0, 0, 0};
	return plain[c >> 5] >> (c & 31) & 1;
}

static size_t
put_utf8(uint32_t point, char *out)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(lead[n] | point);
	return n;
}

/* The four digits behind "\u". */
static bool
take_unit(struct parser *p, uint32_t *out)
{
	char hex[5] = {0};
	uint8_t bytes[2];
	memcpy(hex, p->at, left(p) < 4 ? left(p) : 4);
	if (!hex_decode(hex, bytes, 2))
		return wrong(p, "\\u without four hexadecimal digits");
	*out = (uint32_t)bytes[0] << 8 | bytes[1];
	p->at += 4;
	return true;
}

/* Behind "\u": one unit, or the two of a surrogate pair. */
static bool
take_point(struct parser *p, uint32_t *out)
{
	uint32_t low = 0;
	if (!take_unit(p, out))
		return false;
	if (*out == 0)
		return wrong(p, "NUL in a text");
	if (*out < 0xd800 || *out > 0xdfff)
		return true;
	if (*out > 0xdbff || !take(p, '\\') || !take(p, 'u'))
		return wrong(p, "half a surrogate pair");
	if (!take_unit(p, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return wrong(p, "half a surrogate pair");
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Behind a backslash; out gets at most as many octets as the escape has. */
static bool
take_escape(struct parser *p, char *out, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t point = 0;
	const char *found = p->at < p->end && *p->at ? strchr(from, *p->at) : NULL;
	if (found) {
		p->at++;
		*out = to[found - from];
		*n = 1;
		return true;
	}
	if (!take(p, 'u'))
		return wrong(p, "an escape that there is not");
	if (!take_point(p, &point))
		return false;
	*n = put_utf8(point, out);
	return true;
}

/* The len octets from p->at on, which hold a backslash, with what is meant in their place. */
static bool
unescape(struct parser *p, size_t len, struct text *out)
{
	const char *end = p->at + len;
	out->bytes = out->owned = malloc(len);
	if (!out->owned)
		return no_memory(p);
	while (p->at < end) {
		const char *escape = memchr(p->at, '\\', (size_t)(end - p->at));
		size_t n = (size_t)((escape ? escape : end) - p->at);
		memcpy(out->owned + out->len, p->at, n);
		out->len += n;
		p->at += n;
		if (!escape)
			break;
		p->at++;
		if (!take_escape(p, out->owned + out->len, &n))
			return false;
		out->len += n;
	}
	return true;
}

/* p->at goes to the closing quote; or what is wrong there. */
static bool
find_quote(struct parser *p, bool *escapes, bool *wide)
{
	for (; p->at < p->end && *p->at != '"'; p->at++) {
		unsigned char c = (unsigned char)*p->at;
		if (is_plain(c))
			continue;
		if (c < 0x20)
			return wrong(p, "a control character in a text");
		*wide |= c >= 0x80;
		if (c == '\\') {
			*escapes = true;
			p->at += left(p) > 1;
		}
	}
	return p->at < p->end || wrong(p, "a text that does not end");
}

static bool
take_text(struct parser *p, struct text *out)
{
	bool escapes = false, wide = false;
	if (!take(p, '"'))
		return wrong(p, "want a text in quotes");
	const char *begin = p->at;
	if (!find_quote(p, &escapes, &wide))
		return false;
	const char *quote = p->at;
	*out = (struct text){.bytes = begin, .len = (size_t)(quote - begin)};
	p->at = begin;
	if (wide && !utf8_is_valid(begin, out->len))
		return wrong(p, "a text that is not UTF-8");
	if (escapes) {
		size_t len = out->len;
		out->len = 0;
		if (!unescape(p, len, out))
			return false;
	}
	p->at = quote + 1;
	return true;
}

/* ---- numbers and names ---- */

static size_t
digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* RFC 8259 6.  *whole: no fraction, no exponent. */
static bool
is_number(const char *text, bool *whole)
{
	text += *text == '-';
	size_t n = digits(text);
	if (n == 0 || (n > 1 && *text == '0'))
		return false;
	text += n;
	*whole = !*text;
	if (*text == '.') {
		if ((n = digits(++text)) == 0)
			return false;
		text += n;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		if ((n = digits(text)) == 0)
			return false;
		text += n;
	}
	return !*text;
}

static json_t *
make_integer(struct parser *p, const char *text)
{
	bool negative = text[0] == '-';
	uint64_t magnitude;
	if (!parse_uint(text + negative, 0, (uint64_t)INT64_MAX + negative, &magnitude)) {
		p->finding = "an integer of more than 64 bits";
		return NULL;
	}
	return json_integer(negative ? (json_int_t)(0 - magnitude) : (json_int_t)magnitude);
}

static json_t *
make_real(struct parser *p, const char *text)
{
	double value = strtod(text, NULL);
	if (!isfinite(value)) {
		p->finding = "a number beyond all bounds";
		return NULL;
	}
	return json_real(value);
}

static json_t *
take_number(struct parser *p)
{
	char text[NUMBER_MAX + 1] = {0};
	bool whole = false;
	size_t n = 0;
	while (n < left(p) && n < NUMBER_MAX && p->at[n] && strchr("+-.0123456789eE", p->at[n]))
		n++;
	memcpy(text, p->at, n);
	text[n] = 0;
	if (n == NUMBER_MAX || !is_number(text, &whole)) {
		p->finding = "want a value";
		return NULL;
	}
	json_t *number = whole ? make_integer(p, text) : make_real(p, text);
	if (number)
		p->at += n;
	return number;
}

static bool
take_name(struct parser *p, const char *name)
{
	size_t n = strlen(name);
	bool is = left(p) >= n && memcmp(p->at, name, n) == 0;
	p->at += is ? n : 0;
	return is;
}

/* ---- values ---- */

static json_t *
take_string(struct parser *p)
{
	OWN(json_piece) struct text text = {0};
	return take_text(p, &text) ? json_stringn_nocheck(text.bytes, text.len) : NULL;
}

/* A new value, a container still empty; or NULL, and the finding unless memory is wanting. */
static json_t *
take_value(struct parser *p)
{
	skip_space(p);
	if (is_at(p, '"'))
		return take_string(p);
	if (take(p, '{'))
		return json_object();
	if (take(p, '['))
		return json_array();
	if (take_name(p, "true"))
		return json_true();
	if (take_name(p, "false"))
		return json_false();
	if (take_name(p, "null"))
		return json_null();
	return take_number(p);
}

static bool
enter(struct parser *p, json_t *value)
{
	p->fresh = json_is_object(value) || json_is_array(value);
	if (p->fresh && p->depth == JSON_DEPTH_MAX)
		return wrong(p, "too many levels");
	if (p->fresh)
		p->open[p->depth++] = value;
	return true;
}

static bool
take_element(struct parser *p, json_t *array)
{
	json_t *value = take_value(p);
	if (!value || json_array_append_new(array, value) != 0)
		return p->finding ? false : no_memory(p);
	return enter(p, value);
}

static bool
take_member(struct parser *p, json_t *object)
{
	OWN(json_piece) struct text key = {0};
	skip_space(p);
	const char *begin = p->at;
	if (!take_text(p, &key))
		return false;
	if (json_object_getn(object, key.bytes, key.len)) {
		p->at = begin;
		return wrong(p, "a key that was there before");
	}
	skip_space(p);
	if (!take(p, ':'))
		return wrong(p, "want ':' behind a key");
	json_t *value = take_value(p);
	if (!value || json_object_setn_new_nocheck(object, key.bytes, key.len, value) != 0)
		return p->finding ? false : no_memory(p);
	return enter(p, value);
}

/* The next member or element of the innermost container, or its end. */
static bool
step(struct parser *p)
{
	json_t *container = p->open[p->depth - 1];
	bool object = json_is_object(container);
	skip_space(p);
	if (take(p, object ? '}' : ']')) {
		p->depth--;
		p->fresh = false;
		return true;
	}
	if (!p->fresh && !take(p, ','))
		return wrong(p, object ? "want ',' or '}'" : "want ',' or ']'");
	return object ? take_member(p, container) : take_element(p, container);
}

static bool
parse(struct parser *p, json_t **root)
{
	skip_space(p);
	if (!take(p, '{'))
		return wrong(p, "want an object");
	*root = json_object();
	if (!*root)
		return no_memory(p);
	(void)enter(p, *root);
	while (p->depth > 0) {
		if (!step(p))
			return false;
	}
	skip_space(p);
	return p->at == p->end || wrong(p, "something behind the object");
}

static enum fas_code
refuse(const struct parser *p, struct fas_err *e)
{
	size_t line = 1, column = 1;
	if (p->no_memory)
		return fas_fail_nomem(e);
	for (const char *at = p->begin; at < p->at; at++) {
		column = *at == '\n' ? 1 : column + 1;
		line += *at == '\n';
	}
	return fas_fail(
	    e, FAS_E_INPUT, "json_malformed", "RFC 8259: %zu:%zu: %s", line, column, p->finding);
}

enum fas_code
json_parse(const char *bytes, size_t len, json_t **out, struct fas_err *e)
{
	struct parser p = {.begin = bytes, .at = bytes, .end = bytes + len};
	OWN(json) json_t *root = NULL;
	*out = NULL;
	if (!parse(&p, &root))
		return refuse(&p, e);
	*out = TAKE(root);
	return FAS_OK;
}
