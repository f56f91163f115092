#include "tests/fuzz/saml_edit.h"

#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define ELEMENTS 256
#define EDIT_DEPTH 64

void
saml_text_set(struct saml_text *text, const char *xml)
{
	text->len = strnlen(xml, SAML_TEXT_MAX);
	memcpy(text->data, xml, text->len);
	text->data[text->len] = 0;
}

/* Replace n bytes at `at`; nothing happens when it does not fit. */
static void
splice(struct saml_text *t, size_t at, size_t n, const char *what, size_t len)
{
	if (at > t->len || n > t->len - at || t->len - n + len > SAML_TEXT_MAX)
		return;
	memmove(t->data + at + len, t->data + at + n, t->len - at - n);
	memcpy(t->data + at, what, len);
	t->len += len - n;
	t->data[t->len] = 0;
}

/* Words that mean something to some parser; the last ones are whole parts of a message. */
static const char *const words[] = {"<!---->", "<!--x-->", "<![CDATA[x]]>", "<?x?>", " ", "\n",
    "&#10;", "&amp;", "&#x41;", "&lt;", "<x/>", "ID=\"_a1\"", "ID='_r1'", "Id='_a1'",
    "xml:id='_a1'", "xmlns:id='_a1'", "_a1", "_r1", "#_a1", "#_r1", "", "#xpointer(/)", "<", ">",
    "\"", "'", "xmlns=''", "xmlns='urn:x'", "xmlns:ds='urn:x'", "xmlns:saml='urn:x'",
    "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'", "xsi:type='x'", "xsi:nil='true'",
    EVIL_SID, SID, UPN, "evil@corp.example.com", GUID, "cip_sid", "cip_upn", "cip_oid",
    "<ds:Object/>", "<saml:Advice/>", "<samlp:Extensions/>", "\xef\xbb\xbf", "\xe2\x80\x8b",
    "\xc0\x80", "\xff\xfe<", "sha1", "sha256", "sha512", "md5", "hmac-sha1",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2000/09/xmldsig#base64", "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/2000/09/xmldsig#",
    "http://www.w3.org/2001/04/xmlenc#", "urn:oasis:names:tc:SAML:2.0:assertion",
    "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:status:Success",
    "urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:cm:bearer",
    "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches", "1.1", "2.0", NOW, BEFORE, AFTER,
    "2036-01-01T00:00:00Z", "2026-01-01T00:00:00.999999999Z", "2025-12-31T24:00:00Z", ACS, AUDIENCE,
    ENTITY("main"), ENTITY("other"), ENTITY("p256"), "<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>", "<?xml version='1.0' encoding='UTF-16'?>",
    "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='x'/>",
    "<saml:Assertion ID='_b' Version='2.0' IssueInstant='" NOW "'><saml:Issuer>x</saml:Issuer>"
    "</saml:Assertion>",
    "<saml:EncryptedAssertion/>", "<saml:OneTimeUse/>", "<saml:ProxyRestriction Count='0'/>",
    "<saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience></saml:AudienceRestriction>",
    "<saml:Attribute Name='cip_sid'><saml:AttributeValue>" EVIL_SID
    "</saml:AttributeValue></saml:Attribute>",
    "<saml:AttributeValue>" EVIL_SID "</saml:AttributeValue>", "<saml:NameID>evil</saml:NameID>",
    "Signature", "SignedInfo", "Reference", "Assertion", "Response", "Advice", "Extensions",
    "Object", "NameID", "Subject", "saml:", "samlp:", "ds:", "URI", "Destination", "InResponseTo",
    "NotBefore", "NotOnOrAfter", "SessionNotOnOrAfter", "PrefixList", "Algorithm", "Name", "AAAA",
    "_q1"};

/* Byte offsets: [begin, head) is the start tag, [tail, end) the end tag; an empty element has tail == head == end. */
struct element {
	size_t begin, head, tail, end;
};

struct map {
	size_t n;
	struct element v[ELEMENTS];
};

static size_t
tag_end(const struct saml_text *t, size_t at)
{
	const char *close = memchr(t->data + at, '>', t->len - at);
	return close ? (size_t)(close - t->data) + 1 : t->len;
}

/* Elements as they seem to nest; broken text gives a broken map, never a crash. */
static void
map_text(const struct saml_text *t, struct map *m)
{
	size_t open[EDIT_DEPTH], depth = 0;
	m->n = 0;
	for (size_t at = 0; at < t->len; at++) {
		if (t->data[at] != '<' || at + 1 >= t->len || strchr("!?", t->data[at + 1]))
			continue;
		size_t end = tag_end(t, at);
		if (t->data[at + 1] == '/') {
			if (depth > 0) {
				struct element *e = &m->v[open[--depth]];
				e->tail = at;
				e->end = end;
			}
			continue;
		}
		if (m->n == ELEMENTS)
			return;
		m->v[m->n] = (struct element){at, end, end, end};
		if (end >= 2 && t->data[end - 2] != '/' && depth < EDIT_DEPTH)
			open[depth++] = m->n;
		m->n++;
	}
}

/* One edit, read: two elements, a word, and small numbers. */
struct edit_args {
	struct map map;
	const struct element *a, *b;
	const char *word;
	size_t choice, place;
};

/* Before, after, first or last child of b. */
static size_t
place_at(const struct edit_args *x)
{
	const size_t places[] = {x->b->begin, x->b->end, x->b->head, x->b->tail};
	return places[x->choice % NELEMS(places)];
}

static void
edit_byte(struct saml_text *t, struct edit_args *x)
{
	char c = (char)x->choice;
	splice(t, x->place % (t->len + 1), 1, &c, 1);
}

static void
edit_insert(struct saml_text *t, struct edit_args *x)
{
	splice(t, x->place % (t->len + 1), 0, x->word, strlen(x->word));
}

static void
edit_insert_at_element(struct saml_text *t, struct edit_args *x)
{
	splice(t, place_at(x), 0, x->word, strlen(x->word));
}

static void
edit_delete_range(struct saml_text *t, struct edit_args *x)
{
	splice(t, x->place % (t->len + 1), 1 + x->choice % 64, "", 0);
}

static void
edit_copy(struct saml_text *t, struct edit_args *x)
{
	static char part[SAML_TEXT_MAX];
	size_t len = x->a->end - x->a->begin;
	memcpy(part, t->data + x->a->begin, len);
	splice(t, place_at(x), 0, part, len);
}

static void
edit_move(struct saml_text *t, struct edit_args *x)
{
	static char part[SAML_TEXT_MAX];
	size_t len = x->a->end - x->a->begin, to = place_at(x);
	if (to > x->a->begin && to < x->a->end)
		return;
	memcpy(part, t->data + x->a->begin, len);
	splice(t, x->a->begin, len, "", 0);
	splice(t, to >= x->a->end ? to - len : to, 0, part, len);
}

static void
edit_delete(struct saml_text *t, struct edit_args *x)
{
	splice(t, x->a->begin, x->a->end - x->a->begin, "", 0);
}

/* The tags go, what is between them stays. */
static void
edit_unwrap(struct saml_text *t, struct edit_args *x)
{
	splice(t, x->a->tail, x->a->end - x->a->tail, "", 0);
	splice(t, x->a->begin, x->a->head - x->a->begin, "", 0);
}

/* a inside a copy of b's tags. */
static void
edit_wrap(struct saml_text *t, struct edit_args *x)
{
	static char head[SAML_TEXT_MAX], tail[SAML_TEXT_MAX];
	size_t head_len = x->b->head - x->b->begin, tail_len = x->b->end - x->b->tail;
	memcpy(head, t->data + x->b->begin, head_len);
	memcpy(tail, t->data + x->b->tail, tail_len);
	splice(t, x->a->end, 0, tail, tail_len);
	splice(t, x->a->begin, 0, head, head_len);
}

static void
edit_text(struct saml_text *t, struct edit_args *x)
{
	if (x->a->tail >= x->a->head)
		splice(t, x->a->head, x->a->tail - x->a->head, x->word, strlen(x->word));
}

/* The value between the choice-th pair of quotes of a's start tag. */
static void
edit_attribute(struct saml_text *t, struct edit_args *x)
{
	size_t at = x->a->begin, skip = x->choice % 8;
	for (;;) {
		at += strcspn(t->data + at, "\"'>");
		if (at >= x->a->head || t->data[at] == '>')
			return;
		char quote = t->data[at++];
		const char *close = memchr(t->data + at, quote, t->len - at);
		if (!close)
			return;
		size_t len = (size_t)(close - t->data) - at;
		if (skip-- == 0) {
			splice(t, at, len, x->word, strlen(x->word));
			return;
		}
		at += len + 1;
	}
}

static void
edit_add_attribute(struct saml_text *t, struct edit_args *x)
{
	size_t name = 1 + strcspn(t->data + x->a->begin + 1, " />\n");
	splice(t, x->a->begin + name, 0, x->word, strlen(x->word));
	splice(t, x->a->begin + name, 0, " ", 1);
}

/* Local name or prefix, in both tags. */
static void
edit_rename(struct saml_text *t, struct edit_args *x)
{
	size_t from = x->choice & 1 ? 0 : strcspn(t->data + x->a->begin, ": />\n") - 1;
	size_t name = strcspn(t->data + x->a->begin + 1 + from, ": />\n");
	if (x->a->end > x->a->tail)
		splice(t, x->a->tail + 2 + from, name, x->word, strlen(x->word));
	splice(t, x->a->begin + 1 + from, name, x->word, strlen(x->word));
}

static void
edit_swap_word(struct saml_text *t, struct edit_args *x)
{
	const char *from = words[x->place % NELEMS(words)];
	char *at = from[0] ? memmem(t->data, t->len, from, strlen(from)) : NULL;
	if (at)
		splice(t, (size_t)(at - t->data), strlen(from), x->word, strlen(x->word));
}

void
saml_edit(struct saml_text *t, struct fuzz_input *in)
{
	static void (*const edits[])(struct saml_text *, struct edit_args *) = {edit_byte,
	    edit_insert, edit_insert_at_element, edit_delete_range, edit_copy, edit_move,
	    edit_delete, edit_unwrap, edit_wrap, edit_text, edit_attribute, edit_add_attribute,
	    edit_rename, edit_swap_word};
	static struct edit_args x;
	size_t kind = fuzz_below(in, NELEMS(edits));
	size_t a = fuzz_byte(in), b = fuzz_byte(in);
	x.word = words[fuzz_below(in, NELEMS(words))];
	x.choice = fuzz_byte(in);
	x.place = fuzz_byte(in);
	x.place |= (size_t)fuzz_byte(in) << 8;
	(void)fuzz_byte(in); /* spare: an edit has eight bytes */
	map_text(t, &x.map);
	if (x.map.n == 0)
		return;
	x.a = &x.map.v[a % x.map.n];
	x.b = &x.map.v[b % x.map.n];
	edits[kind](t, &x);
}
