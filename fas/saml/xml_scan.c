/* The look at the bytes, before any parser: encoding and bounds. */
#include "fas/saml/xml.h"

#include <stdbool.h>
#include <string.h>

#include "fas/base/text.h"

const struct xml_bounds xml_message_bounds = {XML_ELEMENTS_MAX, XML_NS_TOTAL_MAX};
const struct xml_bounds xml_metadata_bounds = {64 * XML_ELEMENTS_MAX, 64 * XML_NS_TOTAL_MAX};

struct scan {
	const struct xml_bounds *bounds;
	const char *at;
	const char *end;
	size_t depth;
	size_t elements;
	size_t ns_total;
	size_t ns_in_scope;
	size_t ns_at[XML_DEPTH_MAX + 1]; /* declared by the open element of each depth */
	struct fas_err *e;
};

/* name="value" as it stands in a tag; borrowed, not terminated. */
struct attribute {
	const char *name, *value;
	size_t name_len, value_len;
};

static enum fas_code
refuse(struct scan *s, const char *finding)
{
	return fas_fail(s->e, FAS_E_INPUT, "saml_xml", "XML 1.0: %s", finding);
}

static enum fas_code
refuse_bound(struct scan *s, const char *what, size_t max)
{
	return fas_fail(s->e, FAS_E_INPUT, "saml_xml", "more than %zu %s", max, what);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_space(struct scan *s)
{
	while (s->at < s->end && is_space(*s->at))
		s->at++;
}

/* Take characters of a name: up to white space, '=' or the tag's end. */
static size_t
take_name(struct scan *s)
{
	const char *begin = s->at;
	while (s->at < s->end && !is_space(*s->at) && !memchr("=/>?<\"'", *s->at, 7))
		s->at++;
	return (size_t)(s->at - begin);
}

/* One name="value"; s->at goes behind it. */
static enum fas_code
scan_attribute(struct scan *s, struct attribute *out)
{
	out->name = s->at;
	out->name_len = take_name(s);
	skip_space(s);
	if (out->name_len == 0 || s->at == s->end || *s->at != '=')
		return refuse(s, "a tag is malformed");
	s->at++;
	skip_space(s);
	if (s->at == s->end || (*s->at != '"' && *s->at != '\''))
		return refuse(s, "an attribute's value has no quotes");
	const char *close = memchr(s->at + 1, *s->at, (size_t)(s->end - s->at - 1));
	if (!close)
		return refuse(s, "an attribute's value does not end");
	out->value = s->at + 1;
	out->value_len = (size_t)(close - out->value);
	s->at = close + 1;
	return FAS_OK;
}

static bool
is_namespace(const struct attribute *a)
{
	return a->name_len >= 5 && memcmp(a->name, "xmlns", 5) == 0 &&
	       (a->name_len == 5 || a->name[5] == ':');
}

static bool
name_is(const struct attribute *a, const char *name)
{
	return a->name_len == strlen(name) && memcmp(a->name, name, a->name_len) == 0;
}

static bool
value_is_nocase(const struct attribute *a, const char *want)
{
	char text[16] = {0};
	if (a->value_len >= sizeof(text))
		return false;
	memcpy(text, a->value, a->value_len);
	return ascii_equal_nocase(text, want);
}

static enum fas_code
scan_namespace(struct scan *s, const struct attribute *a)
{
	if (a->value_len > XML_NS_URI_MAX)
		return refuse_bound(s, "octets of a namespace's name", XML_NS_URI_MAX);
	if (a->value_len > 0 && !memchr(a->value, ':', a->value_len))
		return refuse(s, "a namespace's name is relative (Canonical XML 1.3)");
	if (++s->ns_at[s->depth] > XML_NS_PER_ELEMENT_MAX)
		return refuse_bound(
		    s, "namespaces declared by one element", XML_NS_PER_ELEMENT_MAX);
	if (++s->ns_in_scope > XML_NS_IN_SCOPE_MAX)
		return refuse_bound(s, "namespaces in scope", XML_NS_IN_SCOPE_MAX);
	if (++s->ns_total > s->bounds->ns_total)
		return refuse_bound(s, "namespaces declared", s->bounds->ns_total);
	return FAS_OK;
}

/* The attributes of one start tag, up to '>' or "/>". */
static enum fas_code
scan_attributes(struct scan *s)
{
	size_t attrs = 0;
	for (skip_space(s); s->at < s->end && *s->at != '>' && *s->at != '/'; skip_space(s)) {
		struct attribute a = {0};
		enum fas_code rc = scan_attribute(s, &a);
		if (rc != FAS_OK)
			return rc;
		if (is_namespace(&a))
			rc = scan_namespace(s, &a);
		else if (++attrs > XML_ATTRS_MAX)
			return refuse_bound(s, "attributes of one element", XML_ATTRS_MAX);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static void
leave_element(struct scan *s)
{
	s->ns_in_scope -= s->ns_at[s->depth];
	s->depth--;
}

static enum fas_code
scan_start_tag(struct scan *s)
{
	const char *begin = s->at;
	if (++s->elements > s->bounds->elements)
		return refuse_bound(s, "elements", s->bounds->elements);
	if (++s->depth > XML_DEPTH_MAX)
		return refuse_bound(s, "levels of elements", XML_DEPTH_MAX);
	s->ns_at[s->depth] = 0;
	if (take_name(s) == 0)
		return refuse(s, "an element has no name");
	enum fas_code rc = scan_attributes(s);
	if (rc != FAS_OK)
		return rc;
	if (s->end - s->at >= 2 && s->at[0] == '/' && s->at[1] == '>') {
		leave_element(s);
		s->at++;
	}
	if (s->at == s->end || *s->at != '>')
		return refuse(s, "a tag does not end");
	s->at++;
	if ((size_t)(s->at - begin) > XML_TAG_MAX)
		return refuse_bound(s, "octets of one tag", XML_TAG_MAX);
	return FAS_OK;
}

static enum fas_code
scan_end_tag(struct scan *s)
{
	const char *close = memchr(s->at, '>', (size_t)(s->end - s->at));
	if (!close || s->depth == 0)
		return refuse(s, "an end tag without its element");
	leave_element(s);
	s->at = close + 1;
	return FAS_OK;
}

/* At '<'. */
static enum fas_code
scan_markup(struct scan *s)
{
	s->at++;
	if (s->at == s->end)
		return refuse(s, "the document is cut short");
	if (*s->at == '!')
		return refuse(
		    s, "comments, CDATA sections and document types are not accepted in SAML");
	if (*s->at == '?')
		return refuse(s, "processing instructions are not accepted in SAML");
	return *s->at == '/' ? scan_end_tag(s) : scan_start_tag(s);
}

/* <?xml version="1.0" encoding="UTF-8"?>, at the very beginning or not at all. */
static enum fas_code
scan_declaration(struct scan *s)
{
	if (s->end - s->at < 6 || memcmp(s->at, "<?xml", 5) != 0 || !is_space(s->at[5]))
		return FAS_OK;
	s->at += 5;
	for (skip_space(s); s->at < s->end && *s->at != '?'; skip_space(s)) {
		struct attribute a = {0};
		enum fas_code rc = scan_attribute(s, &a);
		if (rc != FAS_OK)
			return rc;
		if (name_is(&a, "version") && !value_is_nocase(&a, "1.0"))
			return refuse(s, "the declared version is not 1.0");
		if (name_is(&a, "encoding") && !value_is_nocase(&a, "UTF-8"))
			return refuse(s, "the declared encoding is not UTF-8");
	}
	if (s->end - s->at < 2 || s->at[1] != '>')
		return refuse(s, "the declaration does not end");
	s->at += 2;
	return FAS_OK;
}

enum fas_code
xml_scan(const uint8_t *bytes, size_t len, const struct xml_bounds *bounds, struct fas_err *e)
{
	const char *text = (const char *)bytes;
	struct scan s = {.bounds = bounds, .at = text, .end = text + len, .e = e};
	if (!utf8_is_valid(text, len))
		return refuse(&s, "the document is not well-formed UTF-8, or holds NUL");
	enum fas_code rc = scan_declaration(&s);
	while (rc == FAS_OK && s.at < s.end) {
		const char *tag = memchr(s.at, '<', (size_t)(s.end - s.at));
		size_t run = (size_t)((tag ? tag : s.end) - s.at);
		if (run > XML_TEXT_MAX)
			return refuse_bound(&s, "octets of text", XML_TEXT_MAX);
		if (s.elements == 0 && run > 0 && !is_space(*s.at))
			return refuse(&s, "the document does not begin with an element");
		s.at += run;
		if (tag)
			rc = scan_markup(&s);
	}
	return rc;
}
