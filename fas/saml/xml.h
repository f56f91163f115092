/*
 * XML in the one form that a SAML message needs: elements, attributes and text, in UTF-8, within named bounds.
 *
 * Comments, CDATA sections, processing instructions and document types are refused wherever they stand.  Canonical
 * XML drops comments, so one put into a signed value does not break the signature, but cuts the value short for
 * whoever reads only the first text node (CVE-2017-11427 and its relatives); no provider sends any of the four.
 */
#ifndef FAS_SAML_XML_H
#define FAS_SAML_XML_H

#include <stddef.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define NS_SAMLP "urn:oasis:names:tc:SAML:2.0:protocol"
#define NS_SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define NS_METADATA "urn:oasis:names:tc:SAML:2.0:metadata"
#define NS_XENC "http://www.w3.org/2001/04/xmlenc#"
#define NS_EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"

/*
 * Bounds, checked on the bytes before a parser sees them: libxml2 compares every attribute of an element with every
 * other, canonicalisation every namespace in scope with every element, and a long namespace URI is written again at
 * each element that uses it.
 */
#define XML_ELEMENTS_MAX 2048
#define XML_DEPTH_MAX 32
#define XML_ATTRS_MAX 32          /* of one element, without namespace declarations */
#define XML_NS_PER_ELEMENT_MAX 16 /* declarations at one element */
#define XML_NS_IN_SCOPE_MAX 64    /* declarations at an element and those that it stands in */
#define XML_NS_TOTAL_MAX 4096     /* declarations in the document */
#define XML_NS_URI_MAX 128        /* octets */
#define XML_TAG_MAX 16384         /* octets of one tag with its attributes */
#define XML_TEXT_MAX 65536        /* octets between two tags */

/* The two bounds that differ: a message is short, metadata of a federation are not. */
struct xml_bounds {
	size_t elements, ns_total;
};
extern const struct xml_bounds xml_message_bounds;  /* the ones above */
extern const struct xml_bounds xml_metadata_bounds; /* 64 times as many */

/*
 * Check the bytes alone: UTF-8 without NUL or byte order mark, a declaration of XML 1.0 in UTF-8 or none, and the
 * bounds above.  FAS_E_INPUT "saml_xml".
 */
MUST_CHECK enum fas_code xml_scan(
    const uint8_t *bytes, size_t len, const struct xml_bounds *bounds, struct fas_err *e);

/*
 * xml_scan, then parse len bytes (at most max_bytes) without network, entities or repair.  Every node of *out is an
 * element or text; every attribute has one plain value.  *out is the caller's (xmlFreeDoc).  FAS_E_INPUT "saml_xml".
 */
MUST_CHECK enum fas_code xml_parse(
    const uint8_t *bytes, size_t len, size_t max_bytes, xmlDoc **out, struct fas_err *e);
/* The same within other bounds. */
MUST_CHECK enum fas_code xml_parse_within(const struct xml_bounds *bounds, const uint8_t *bytes,
    size_t len, size_t max_bytes, xmlDoc **out, struct fas_err *e);

/* Is this the element ns:name? */
bool xml_is(const xmlNode *node, const char *ns, const char *name);
/* Does the element have this name, in whatever namespace? */
bool xml_has_local_name(const xmlNode *node, const char *name);
/* Child elements, in order; NULL at the end. */
xmlNode *xml_first(const xmlNode *parent);
xmlNode *xml_next(const xmlNode *child);
/* The first child element of this name, and the next one behind it; NULL if there is none. */
xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *name);
xmlNode *xml_again(const xmlNode *child);
/* The element that follows in document order below root; NULL at the end. */
xmlNode *xml_walk(const xmlNode *at, const xmlNode *root);

/* The value of an attribute without namespace, borrowed; NULL when it is absent. */
const char *xml_attr(const xmlNode *node, const char *name);
/* The whole text of an element, borrowed; "" when empty, NULL when node is NULL or has child elements. */
const char *xml_text(const xmlNode *node);

DEFINE_OWN(xml, xmlDoc *, xmlFreeDoc);

#endif
