/* The parser, told what not to do, and the few ways to look at what it made. */
#include "fas/saml/xml.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <libxml/parser.h>

/* Nothing that fetches, expands, repairs or lifts libxml2's own limits: no NOENT, DTDLOAD, DTDATTR, XINCLUDE, RECOVER,
 * HUGE. */
#define PARSE_OPTIONS                                                                              \
	(XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT)

DEFINE_OWN(parser, xmlParserCtxt *, xmlFreeParserCtxt);

bool
xml_is(const xmlNode *node, const char *ns, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
	       strcmp((const char *)node->name, name) == 0 &&
	       strcmp((const char *)node->ns->href, ns) == 0;
}

bool
xml_has_local_name(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static xmlNode *
element_from(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *
xml_first(const xmlNode *parent)
{
	return element_from(parent->children);
}

xmlNode *
xml_next(const xmlNode *child)
{
	return element_from(child->next);
}

xmlNode *
xml_child(const xmlNode *parent, const char *ns, const char *name)
{
	xmlNode *child = xml_first(parent);
	while (child && !xml_is(child, ns, name))
		child = xml_next(child);
	return child;
}

xmlNode *
xml_again(const xmlNode *child)
{
	xmlNode *next = xml_next(child);
	while (next && !xml_is(next, (const char *)child->ns->href, (const char *)child->name))
		next = xml_next(next);
	return next;
}

xmlNode *
xml_walk(const xmlNode *at, const xmlNode *root)
{
	xmlNode *next = xml_first(at);
	while (!next && at != root) {
		next = xml_next(at);
		at = at->parent;
	}
	return next;
}

const char *
xml_attr(const xmlNode *node, const char *name)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		if (!a->ns && strcmp((const char *)a->name, name) == 0)
			return a->children ? (const char *)a->children->content : "";
	}
	return NULL;
}

const char *
xml_text(const xmlNode *node)
{
	if (!node)
		return NULL;
	if (!node->children)
		return "";
	if (node->children->next || node->children->type != XML_TEXT_NODE)
		return NULL;
	return (const char *)node->children->content;
}

static bool
is_plain_value(const xmlNode *text)
{
	return !text || (text->type == XML_TEXT_NODE && !text->next && text->content);
}

/* Only elements and text below an element, and only plain values in its attributes. */
static bool
is_plain(const xmlNode *element)
{
	for (const xmlNode *child = element->children; child; child = child->next) {
		if (child->type != XML_ELEMENT_NODE && child->type != XML_TEXT_NODE)
			return false;
	}
	for (const xmlAttr *a = element->properties; a; a = a->next) {
		if (!is_plain_value(a->children))
			return false;
	}
	return true;
}

/* What xml_scan has promised, asked of the tree once more: the two must agree on what they read. */
static enum fas_code
check_tree(xmlDoc *doc, struct fas_err *e)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	bool plain = root && !root->prev && !root->next && !doc->intSubset && !doc->extSubset;
	for (const xmlNode *at = root; plain && at; at = xml_walk(at, root))
		plain = is_plain(at);
	if (!plain)
		return fas_fail(e, FAS_E_INPUT, "saml_xml",
		    "XML 1.0: only elements, attributes and text are accepted in SAML");
	return FAS_OK;
}

enum fas_code
xml_parse_within(const struct xml_bounds *bounds, const uint8_t *bytes, size_t len,
    size_t max_bytes, xmlDoc **out, struct fas_err *e)
{
	if (len == 0 || len > max_bytes || len > INT_MAX)
		return fas_fail(e, FAS_E_INPUT, "saml_xml", "document of %zu bytes, want 1 to %zu",
		    len, max_bytes);
	enum fas_code rc = xml_scan(bytes, len, bounds, e);
	if (rc != FAS_OK)
		return rc;
	OWN(parser) xmlParserCtxt *parser = xmlNewParserCtxt();
	if (!parser)
		return fas_fail_nomem(e);
	OWN(xml)
	xmlDoc *doc =
	    xmlCtxtReadMemory(parser, (const char *)bytes, (int)len, NULL, "UTF-8", PARSE_OPTIONS);
	if (!doc || !parser->wellFormed || !parser->nsWellFormed)
		return fas_fail(
		    e, FAS_E_INPUT, "saml_xml", "XML 1.0: not well-formed (%d)", parser->errNo);
	if ((rc = check_tree(doc, e)) != FAS_OK)
		return rc;
	*out = TAKE(doc);
	return FAS_OK;
}

enum fas_code
xml_parse(const uint8_t *bytes, size_t len, size_t max_bytes, xmlDoc **out, struct fas_err *e)
{
	return xml_parse_within(&xml_message_bounds, bytes, len, max_bytes, out, e);
}
