/* Documents that are made to hurt the parser, or to be read in two ways; every bound has its test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/saml/xml.h"
#include "saml_world.h"

#define XML "saml_xml"
#define RESPONSE "<samlp:Response"
#define SUBJECT "<saml:Subject>"

/*
 * In place of anchor: head, n times item (each "#" in it the number), tail.
 */
static char *
flood(char *xml, const char *anchor, const char *head, size_t n, const char *item, const char *tail)
{
	OWN(buf) struct buf b;
	buf_init(&b, 4 * 1024 * 1024);
	buf_text(&b, head);
	for (size_t i = 0; i < n; i++) {
		for (const char *c = item; *c; c++) {
			if (*c == '#')
				buf_printf(&b, "%zu", i);
			else
				buf_append(&b, c, 1);
		}
	}
	buf_text(&b, tail);
	assert_false(b.failed);
	return world_replace(xml, anchor, buf_str(&b));
}

static char *
too_many_elements(char *xml)
{
	return flood(xml, SUBJECT, "", XML_ELEMENTS_MAX, "<a/>", SUBJECT);
}

static char *
too_deep(char *xml)
{
	return flood(xml, SUBJECT, "", XML_DEPTH_MAX, "<a>", SUBJECT);
}

static char *
very_deep(char *xml)
{
	return flood(xml, SUBJECT, "", 60000, "<a>", SUBJECT);
}

static char *
too_many_attributes(char *xml)
{
	return flood(xml, SUBJECT, "<saml:Subject", XML_ATTRS_MAX + 1, " a#=''", ">");
}

static char *
attribute_bomb(char *xml)
{
	return flood(xml, SUBJECT, "<saml:Subject", 20000, " a#=''", ">");
}

static char *
too_many_namespaces_of_one_element(char *xml)
{
	return flood(
	    xml, SUBJECT, "<saml:Subject", XML_NS_PER_ELEMENT_MAX + 1, " xmlns:n#='urn:x'", ">");
}

static char *
too_many_namespaces_in_scope(char *xml)
{
	return flood(xml, SUBJECT, "", XML_NS_IN_SCOPE_MAX / 3,
	    "<a xmlns:n#='u:n' xmlns:m#='u:m' xmlns:o#='u:o'>", SUBJECT);
}

static char *
namespace_bomb(char *xml)
{
	return flood(xml, SUBJECT, "", 2000, "<a xmlns:n#='urn:n#'>", SUBJECT);
}

static char *
too_many_namespaces(char *xml)
{
	return flood(xml, SUBJECT, "", XML_NS_TOTAL_MAX / 4,
	    "<a xmlns='u:x' xmlns:b='u:b' xmlns:c='u:c' xmlns:d='u:d'/>", SUBJECT);
}

static char *
long_namespace(char *xml)
{
	return flood(xml, SUBJECT, "<saml:Subject xmlns:x='urn:", XML_NS_URI_MAX, "x", "'>");
}

static char *
long_tag(char *xml)
{
	return flood(xml, SUBJECT, "<saml:Subject x='", XML_TAG_MAX, "x", "'>");
}

static char *
long_text(char *xml)
{
	return flood(xml, ">alice<", ">", XML_TEXT_MAX + 1, "x", "<");
}

/* Every bound kept, and the document full to its edge: read, and refused for what it says. */
static char *
fat_document(char *xml)
{
	return flood(xml, "<samlp:Status>", "<samlp:Extensions>", 2000,
	    "<a x#='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' y=''>b</a>",
	    "</samlp:Extensions><samlp:Status>");
}

static char *
entity_bomb(char *xml)
{
	return world_replace(xml, RESPONSE,
	    "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
	    "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d "
	    "\"&c;&c;&c;&c;&c;&c;&c;&c;\">]>" RESPONSE " a=\"&d;\"");
}

#define DECLARED(text)                                                                             \
	{                                                                                          \
		{                                                                                  \
			RESPONSE, text RESPONSE                                                    \
		}                                                                                  \
	}

static const struct row rows[] = {
    {.name = "doctype_is_refused",
	.reason = XML,
	.says = "document types",
	.after = DECLARED("<!DOCTYPE samlp:Response>")},
    {.name = "doctype_with_internal_subset_is_refused",
	.reason = XML,
	.after = DECLARED("<!DOCTYPE r [<!ATTLIST saml:Assertion ID ID #IMPLIED>]>")},
    {.name = "external_entity_is_refused",
	.reason = XML,
	.after = DECLARED("<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>")},
    {.name = "external_doctype_is_refused",
	.reason = XML,
	.after = DECLARED("<!DOCTYPE r SYSTEM \"http://127.0.0.1:9/x.dtd\">")},
    {.name = "entity_bomb_in_an_attribute_is_refused", .reason = XML, .spoil = entity_bomb},
    {.name = "undeclared_entity_is_refused", .reason = XML, .after = {{">alice<", ">&alice;<"}}},
    {.name = "xinclude_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>",
	    "<x:include xmlns:x=\"http://www.w3.org/2001/XInclude\" href=\"/etc/hostname\" "
	    "parse=\"text\"/><samlp:Status>"}}},
    {.name = "stylesheet_is_refused",
	.reason = XML,
	.after = DECLARED("<?xml-stylesheet href=\"http://127.0.0.1:9/x\"?>")},
    {.name = "late_declaration_is_refused",
	.reason = XML,
	.after = DECLARED(" <?xml version=\"1.0\"?>")},
    {.name = "utf_7_is_refused",
	.reason = XML,
	.after = DECLARED("<?xml version=\"1.0\" encoding=\"UTF-7\"?>")},
    {.name = "latin_1_is_refused",
	.reason = XML,
	.after = DECLARED("<?xml version=\"1.0\" encoding='ISO-8859-1'?>")},
    {.name = "declared_utf_16_is_refused",
	.reason = XML,
	.after = DECLARED("<?xml version=\"1.0\" encoding=\"UTF-16\"?>")},
    {.name = "xml_1_1_is_refused", .reason = XML, .after = DECLARED("<?xml version=\"1.1\"?>")},
    {.name = "byte_order_mark_is_refused", .reason = XML, .after = DECLARED("\xef\xbb\xbf")},
    {.name = "overlong_utf_8_is_refused", .reason = XML, .after = {{">alice<", ">al\xc0\xafice<"}}},
    {.name = "utf_8_surrogate_is_refused",
	.reason = XML,
	.after = {{">alice<", ">al\xed\xa0\x80ice<"}}},
    {.name = "cut_utf_8_is_refused", .reason = XML, .after = {{">alice<", ">alice\xe2\x80<"}}},
    {.name = "text_before_the_root_is_refused", .reason = XML, .after = DECLARED("x")},
    {.name = "text_behind_the_root_is_refused",
	.reason = XML,
	.after = {{"</samlp:Response>", "</samlp:Response>x"}}},
    {.name = "duplicate_attribute_is_refused",
	.reason = XML,
	.after = {{"ID=\"_a1\"", "ID=\"_a1\" ID=\"_a2\""}}},
    {.name = "attribute_that_is_one_by_namespace_is_refused",
	.reason = XML,
	.after = {{RESPONSE, RESPONSE " xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:x=\"1\" b:x=\"2\""}}},
    {.name = "undeclared_prefix_is_refused",
	.reason = XML,
	.after = {{"<samlp:Status>", "<samlp:Status y:x=\"1\">"}}},
    {.name = "attribute_without_quotes_is_refused",
	.reason = XML,
	.after = {{"Version=\"2.0\"", "Version=2.0"}}},
    {.name = "open_element_is_refused", .reason = XML, .after = {{"</samlp:Response>", ""}}},
    {.name = "crossed_elements_are_refused",
	.reason = XML,
	.after = {{"</saml:Assertion></samlp:Response>", "</samlp:Response></saml:Assertion>"}}},
    {.name = "too_many_elements_are_refused",
	.reason = XML,
	.says = "2048 elements",
	.spoil = too_many_elements},
    {.name = "too_many_levels_are_refused", .reason = XML, .says = "levels", .spoil = too_deep},
    {.name = "very_many_levels_are_refused", .reason = XML, .says = "levels", .spoil = very_deep},
    {.name = "too_many_attributes_are_refused",
	.reason = XML,
	.says = "attributes",
	.spoil = too_many_attributes},
    {.name = "attribute_bomb_is_refused",
	.reason = XML,
	.says = "attributes",
	.spoil = attribute_bomb},
    {.name = "too_many_namespaces_of_one_element_are_refused",
	.reason = XML,
	.says = "declared by one",
	.spoil = too_many_namespaces_of_one_element},
    {.name = "too_many_namespaces_in_scope_are_refused",
	.reason = XML,
	.says = "in scope",
	.spoil = too_many_namespaces_in_scope},
    {.name = "namespace_bomb_is_refused", .reason = XML, .says = "levels", .spoil = namespace_bomb},
    {.name = "too_many_namespaces_are_refused",
	.reason = XML,
	.says = "4096 namespaces declared",
	.spoil = too_many_namespaces},
    {.name = "long_namespace_is_refused",
	.reason = XML,
	.says = "namespace's name",
	.spoil = long_namespace},
    {.name = "long_tag_is_refused", .reason = XML, .says = "one tag", .spoil = long_tag},
    {.name = "long_text_is_refused", .reason = XML, .says = "octets of text", .spoil = long_text},
    {.name = "document_within_all_bounds_is_read",
	.sign = SAML_SIGN_ASSERTION,
	.spoil = fat_document},
};

/* ---- bytes that are no C string ---- */

static void
refused_bytes(const void *bytes, size_t len)
{
	world_refused(&(struct row){0}, bytes, len, XML);
}

static void
document_with_nul_and_junk_behind_is_refused(void **state)
{
	struct row row = {0};
	char *xml = world_response(&row);
	size_t len = strlen(xml);
	char *longer = calloc(1, len + 16);
	(void)state;
	assert_non_null(longer);
	memcpy(longer, xml, len);
	memcpy(longer + len + 1, "<junk/>", 7);
	refused_bytes(longer, len + 1);
	refused_bytes(longer, len + 8);
	free(longer);
	free(xml);
}

static void
document_in_utf_16_is_refused(void **state)
{
	struct row row = {0};
	char *xml = world_response(&row);
	size_t len = strlen(xml);
	uint8_t *wide = calloc(2, len + 1);
	(void)state;
	assert_non_null(wide);
	wide[0] = 0xff;
	wide[1] = 0xfe;
	for (size_t i = 0; i < len; i++)
		wide[2 * i + 2] = (uint8_t)xml[i];
	refused_bytes(wide, 2 * len + 2);
	refused_bytes(wide + 2, 2 * len);
	free(wide);
	free(xml);
}

static void
every_cut_of_a_document_is_refused(void **state)
{
	struct row row = {0};
	char *xml = world_response(&row);
	(void)state;
	for (size_t len = 0; len < strlen(xml); len++)
		refused_bytes(xml, len);
	free(xml);
}

static void
document_over_the_limit_is_refused(void **state)
{
	struct row row = {0};
	char *xml = world_response(&row);
	size_t len = strlen(xml);
	char *padded = malloc(SAML_RESPONSE_MAX + 1);
	(void)state;
	assert_non_null(padded);
	memset(padded, ' ', SAML_RESPONSE_MAX + 1);
	memcpy(padded, xml, len);
	refused_bytes(padded, SAML_RESPONSE_MAX + 1);
	free(padded);
	free(xml);
}

static void
what_is_no_xml_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "<", "<>", "< ", "</", "<a", "<a ", "<a b",
	    "<a b=", "<a b=\"", "<a/", "</a>", "<?xml", "<?xml ", "<?xml version",
	    "<?xml version='1.0'?>", "PHNhbWxwOg==", "{}", "<a></b>", "<a b='<'/>", "<a/><b/>",
	    "<!", "<![CDATA[", "<a><", "&#0;"};
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++)
		refused_bytes(texts[i], strlen(texts[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(document_with_nul_and_junk_behind_is_refused),
	    cmocka_unit_test(document_in_utf_16_is_refused),
	    cmocka_unit_test(every_cut_of_a_document_is_refused),
	    cmocka_unit_test(document_over_the_limit_is_refused),
	    cmocka_unit_test(what_is_no_xml_is_refused),
	};
	int failed = cmocka_run_group_tests_name("saml_bytes", tests, world_setup, world_teardown);
	failed += world_run("saml_document", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_document_sealed", rows, NELEMS(rows));
}
