#include "fas/front/form.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

void
form_done(struct form *form)
{
	free(form->text);
	*form = (struct form){0};
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)((at - digits) % 16) : -1;
}

/* One name or value in place, NUL behind it. */
static enum fas_code
decode(char *text, size_t len, struct fas_err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++, n++) {
		text[n] = text[i] == '+' ? ' ' : text[i];
		if (text[i] != '%')
			continue;
		int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
		if (high < 0 || low < 0)
			return fas_fail(e, FAS_E_INPUT, "form_malformed",
			    "RFC 3986 2.1: '%%' without two hexadecimal digits");
		text[n] = (char)(high * 16 + low);
		i += 2;
	}
	text[n] = 0;
	if (utf8_is_valid(text, n))
		return FAS_OK;
	return fas_fail(
	    e, FAS_E_INPUT, "form_malformed", "RFC 3629: a field that is not UTF-8, or holds NUL");
}

static enum fas_code
check_name(const struct form *form, const char *name, struct fas_err *e)
{
	if (strlen(name) > FORM_NAME_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "form_too_long", "a field's name of %zu octets", strlen(name));
	for (size_t i = 0; i < form->n; i++) {
		if (strcmp(form->fields[i].name, name) == 0)
			return fas_fail(e, FAS_E_INPUT, "form_repeated",
			    "field \"%s\" stands there twice", name);
	}
	return FAS_OK;
}

/* "name=value", "name", or nothing at all; piece[len] may be overwritten. */
static enum fas_code
add_field(struct form *form, char *piece, size_t len, struct fas_err *e)
{
	if (len == 0)
		return FAS_OK;
	if (form->n == FORM_FIELDS_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "form_too_long", "more than %d fields", FORM_FIELDS_MAX);
	char *equals = memchr(piece, '=', len);
	size_t name_len = equals ? (size_t)(equals - piece) : len;
	char *value = equals ? equals + 1 : piece + len;
	enum fas_code rc = decode(value, len - (size_t)(value - piece), e);
	if (rc == FAS_OK)
		rc = decode(piece, name_len, e);
	if (rc == FAS_OK)
		rc = check_name(form, piece, e);
	if (rc == FAS_OK)
		form->fields[form->n++] = (struct form_field){piece, value};
	return rc;
}

enum fas_code
form_parse(const char *text, size_t len, struct form *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	OWN(form) struct form form = {.text = malloc(len + 1)};
	*out = (struct form){0};
	if (!form.text)
		return fas_fail_nomem(e);
	if (len > 0)
		memcpy(form.text, text, len);
	form.text[len] = 0;
	for (size_t i = 0; rc == FAS_OK && i < len;) {
		char *end = memchr(form.text + i, '&', len - i);
		size_t piece = end ? (size_t)(end - form.text) - i : len - i;
		rc = add_field(&form, form.text + i, piece, e);
		i += piece + 1;
	}
	if (rc != FAS_OK)
		return rc;
	*out = form;
	form = (struct form){0};
	return FAS_OK;
}

const char *
form_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->n; i++) {
		if (strcmp(form->fields[i].name, name) == 0)
			return form->fields[i].value;
	}
	return "";
}

enum fas_code
form_want(const struct form *form, const char *name, size_t max_bytes, const char **out,
    struct fas_err *e)
{
	*out = form_get(form, name);
	if (strlen(*out) <= max_bytes)
		return FAS_OK;
	return fas_fail(
	    e, FAS_E_INPUT, "form_too_long", "%s is longer than %zu octets", name, max_bytes);
}

bool
form_append_escaped(char *out, size_t size, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
	size_t n = strlen(out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = strchr(plain, *text) != NULL;
		if (n + (is_plain ? 1 : 3) >= size)
			return false;
		if (!is_plain) {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
		}
		out[n++] = is_plain ? *text : digits[c & 15];
		out[n] = 0;
	}
	return true;
}
