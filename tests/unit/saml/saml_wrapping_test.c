/* Signature wrapping: what is signed stays valid, what is read would be something else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define SIGNATURE_OPEN "<ds:Signature "
#define SIGNATURE_CLOSE "</ds:Signature>"

/* ---- XSW 1 to 8, for a signature on either element, the false one's ID new or the same ---- */

struct wrapping {
	int kind;
	enum saml_sign_what what;
	bool same_id;
};

struct parts {
	char *whole;   /* the signed document */
	char *element; /* the signed element, with its signature */
	char *bare;    /* without */
	char *signature;
	char *evil;      /* the false one, without signature */
	const char *end; /* its end tag */
};

static char *
without(const char *text, const char *part)
{
	return world_replace(strdup(text), part, "");
}

static char *
join(const char *a, const char *b, const char *c)
{
	char *out = NULL;
	assert_true(asprintf(&out, "%s%s%s", a, b, c) >= 0);
	return out;
}

/* part put in front of what stands at anchor, the last in text. */
static char *
put_before_last(char *text, const char *anchor, const char *part)
{
	char *last = NULL;
	for (char *at = text; (at = strstr(at, anchor)); at++)
		last = at;
	assert_non_null(last);
	char *head = strndup(text, (size_t)(last - text));
	char *out = join(head, part, last);
	free(head);
	free(text);
	return out;
}

static struct parts
take_apart(const struct wrapping *w)
{
	struct row row = {.sign = w->what};
	bool response = w->what == SAML_SIGN_RESPONSE;
	struct parts p = {.whole = world_response(&row),
	    .end = response ? "</samlp:Response>" : "</saml:Assertion>"};
	p.element =
	    response ? strdup(p.whole) : world_cut(p.whole, "<saml:Assertion", "</saml:Assertion>");
	p.signature = world_cut(p.whole, SIGNATURE_OPEN, SIGNATURE_CLOSE);
	p.bare = without(p.element, p.signature);
	p.evil = world_replace(strdup(p.bare), SID, EVIL_SID);
	if (!w->same_id)
		p.evil =
		    world_replace(p.evil, response ? "ID=\"_r1\"" : "ID=\"_a1\"", "ID=\"_evil\"");
	return p;
}

static void
parts_done(struct parts *p)
{
	free(p->whole);
	free(p->element);
	free(p->bare);
	free(p->signature);
	free(p->evil);
}

/* The false element that takes the signature over, with something in it (at anchor) or beside it. */
static char *
evil_with_signature(const struct parts *p, const char *anchor, const char *hidden)
{
	char *signature = world_replace(strdup(p->signature), anchor, hidden);
	char *with = join("</saml:Issuer>", signature, "");
	char *out = world_replace(strdup(p->evil), "</saml:Issuer>", with);
	free(with);
	free(signature);
	return out;
}

/* One of the eight, as the text that replaces the signed element. */
static char *
wrap(const struct wrapping *w, const struct parts *p)
{
	char *extensions =
	    join("<samlp:Extensions>", p->element, "</samlp:Extensions><samlp:Status>");
	char *object = join("<ds:Object>", p->bare, "</ds:Object></ds:Signature>");
	char *after = join(p->bare, SIGNATURE_CLOSE, "");
	char *before = join(p->bare, "<ds:KeyInfo>", "");
	char *beside = join("</saml:Issuer>", p->bare, p->signature);
	char *out = NULL;
	if (w->kind == 1)
		out = evil_with_signature(p, SIGNATURE_CLOSE, after);
	else if (w->kind == 2)
		out = world_replace(strdup(p->evil), "</saml:Issuer>", beside);
	else if (w->kind == 3)
		out = w->what == SAML_SIGN_RESPONSE
			  ? world_replace(strdup(p->evil), "</saml:Issuer>", beside)
			  : join(p->evil, p->element, "");
	else if (w->kind == 4)
		out = put_before_last(strdup(p->evil), p->end, p->element);
	else if (w->kind == 5)
		out = evil_with_signature(p, SIGNATURE_CLOSE, SIGNATURE_CLOSE);
	else if (w->kind == 6)
		out = evil_with_signature(p, "<ds:KeyInfo>", before);
	else if (w->kind == 7)
		out = w->what == SAML_SIGN_RESPONSE
			  ? world_replace(strdup(p->evil), "<samlp:Status>", extensions)
			  : strdup(p->evil);
	else
		out = evil_with_signature(p, SIGNATURE_CLOSE, object);
	free(extensions);
	free(object);
	free(after);
	free(before);
	free(beside);
	return out;
}

/* The document around it; 5 and 7 put the true element elsewhere in the Response. */
static char *
build(const struct wrapping *w, const struct parts *p)
{
	char *evil = wrap(w, p);
	if (w->what == SAML_SIGN_RESPONSE)
		return w->kind == 5 ? put_before_last(evil, p->end, p->bare) : evil;
	char *out = world_replace(strdup(p->whole), p->element, evil);
	free(evil);
	if (w->kind == 5)
		out = put_before_last(out, "</samlp:Response>", p->bare);
	if (w->kind == 7) {
		char *extensions =
		    join("<samlp:Extensions>", p->element, "</samlp:Extensions><samlp:Status>");
		out = world_replace(out, "<samlp:Status>", extensions);
		free(extensions);
	}
	return out;
}

/* From the first assertion to the last, whatever stands between, encrypted; takes xml. */
static void
sealed_is_refused(char *xml)
{
	const struct row row = {0};
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	char *sealed = world_seal_assertion(xml, &row);
	assert_non_null(strstr(sealed, "EncryptedAssertion"));
	assert_int_not_equal(world_verify(&row, sealed, strlen(sealed), &a, &e), FAS_OK);
	assert_null(a);
	free(sealed);
}

static void
wrapping_is_refused(void **state)
{
	const struct wrapping *w = *state;
	struct parts p = take_apart(w);
	char *xml = build(w, &p);
	assert_non_null(strstr(xml, EVIL_SID));
	assert_non_null(strstr(xml, SID));
	world_refused(&(struct row){0}, xml, strlen(xml), "saml_structure");
	sealed_is_refused(xml);
	parts_done(&p);
}

/* ---- the rest ---- */

static char *
two_roots(char *xml)
{
	char *out = join(xml, xml, "");
	free(xml);
	return out;
}

static char *
copy_assertion_to(char *xml, const char *anchor, const char *open, const char *close)
{
	char *assertion = world_cut(xml, "<saml:Assertion", "</saml:Assertion>");
	assertion = world_replace(assertion, "ID=\"_a1\"", "ID=\"_a2\"");
	char *inner = join(open, assertion, close);
	char *out = world_replace(xml, anchor, inner);
	free(inner);
	free(assertion);
	return out;
}

static char *
second_in_advice(char *xml)
{
	return copy_assertion_to(
	    xml, "</saml:Conditions>", "</saml:Conditions><saml:Advice>", "</saml:Advice>");
}

static char *
second_in_status_detail(char *xml)
{
	return copy_assertion_to(
	    xml, "</samlp:Status>", "<samlp:StatusDetail>", "</samlp:StatusDetail></samlp:Status>");
}

static char *
second_in_attribute_value(char *xml)
{
	return copy_assertion_to(xml, "</saml:AttributeStatement>",
	    "<saml:Attribute Name=\"x\"><saml:AttributeValue>",
	    "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>");
}

static char *
second_in_key_info(char *xml)
{
	return copy_assertion_to(xml, "<ds:X509Data>", "<ds:X509Data>", "");
}

static char *
second_of_another_namespace(char *xml)
{
	return world_replace(xml, "<saml:Assertion ",
	    "<Assertion xmlns=\"urn:oasis:names:tc:SAML:1.0:assertion\"/><saml:Assertion ");
}

/* The signature moves to the envelope, and names the assertion from there. */
static char *
signature_to_response(char *xml)
{
	char *signature = world_cut(xml, SIGNATURE_OPEN, SIGNATURE_CLOSE);
	char *moved = join("</saml:Issuer>", signature, "<samlp:Status>");
	xml = world_replace(xml, signature, "");
	xml = world_replace(xml, "</saml:Issuer><samlp:Status>", moved);
	free(moved);
	free(signature);
	return xml;
}

static char *
signature_to(char *xml, const char *anchor, const char *tail)
{
	char *signature = world_cut(xml, SIGNATURE_OPEN, SIGNATURE_CLOSE);
	char *moved = join(anchor, signature, tail);
	xml = world_replace(xml, signature, "");
	xml = world_replace(xml, anchor, moved);
	free(moved);
	free(signature);
	return xml;
}

static char *
signature_to_subject(char *xml)
{
	return signature_to(xml, "<saml:Subject>", "");
}

static char *
signature_to_the_end(char *xml)
{
	return signature_to(xml, "</saml:AttributeStatement>", "");
}

static char *
signature_twice(char *xml)
{
	char *signature = world_cut(xml, SIGNATURE_OPEN, SIGNATURE_CLOSE);
	char *twice = join(signature, signature, "");
	xml = world_replace(xml, signature, twice);
	free(twice);
	free(signature);
	return xml;
}

static const struct row rows[] = {
    {.name = "two_roots_are_refused", .reason = "saml_xml", .spoil = two_roots},
    {.name = "second_assertion_in_advice_is_refused",
	.reason = "saml_structure",
	.sign = SAML_SIGN_RESPONSE,
	.spoil = second_in_advice},
    {.name = "second_assertion_in_status_detail_is_refused",
	.reason = "saml_structure",
	.spoil = second_in_status_detail},
    {.name = "second_assertion_in_an_attribute_is_refused",
	.reason = "saml_structure",
	.sign = SAML_SIGN_RESPONSE,
	.spoil = second_in_attribute_value},
    {.name = "second_assertion_in_key_info_is_refused",
	.reason = "saml_structure",
	.spoil = second_in_key_info},
    {.name = "second_assertion_of_another_namespace_is_refused",
	.reason = "saml_structure",
	.spoil = second_of_another_namespace},
    {.name = "signature_moved_to_the_response_is_refused",
	.reason = "saml_signature",
	.spoil = signature_to_response},
    {.name = "signature_moved_into_the_subject_is_refused",
	.reason = "saml_signature",
	.spoil = signature_to_subject},
    {.name = "signature_moved_to_the_end_is_refused",
	.reason = "saml_structure",
	.spoil = signature_to_the_end},
    {.name = "two_signatures_of_one_element_are_refused",
	.reason = "saml_structure",
	.spoil = signature_twice},
    {.name = "duplicate_id_before_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "<samlp:Extensions><x:a xmlns:x=\"urn:x\" ID=\"_a1\"/>"
				     "</samlp:Extensions><samlp:Status>"}}},
    {.name = "duplicate_id_after_is_refused",
	.reason = "saml_structure",
	.after = {{"<ds:X509Data>", "<ds:KeyValue Id=\"_a1\"/><ds:X509Data>"}}},
    {.name = "duplicate_xml_id_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "<samlp:Status xml:id=\"_a1\">"}}},
    {.name = "duplicate_xml_id_with_blanks_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "<samlp:Status xml:id=\" _a1 \">"}}},
    {.name = "duplicate_assertion_id_of_saml_1_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "<samlp:Status AssertionID=\"_a1\">"}}},
    {.name = "same_id_of_response_and_assertion_is_refused",
	.reason = "saml_structure",
	.after = {{"ID=\"_r1\"", "ID=\"_a1\""}}},
    {.name = "assertion_below_extensions_alone_is_refused",
	.reason = "saml_structure",
	.after = {{"<saml:Assertion ", "<samlp:Extensions><saml:Assertion "},
	    {"</saml:Assertion>", "</saml:Assertion></samlp:Extensions>"}}},
    {.name = "response_of_an_unknown_namespace_is_refused",
	.reason = "saml_structure",
	.after = {{"xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
	    "xmlns:samlp=\"urn:oasis:names:tc:SAML:1.0:protocol\""}}},
    {.name = "response_without_assertion_is_refused",
	.reason = "saml_structure",
	.after = {{"<saml:Assertion ", "<x:x xmlns:x=\"urn:x\" "}, {"</saml:Assertion>", "</x:x>"},
	    {"<ds:Signature ", "<x:y "}, {"</ds:Signature>", "</x:y>"}}},
    {.name = "second_response_is_refused",
	.reason = "saml_structure",
	.says = "Response within",
	.after = {{"<samlp:Status>",
	    "<samlp:Extensions><samlp:Response/></samlp:Extensions><samlp:Status>"}}},
    {.name = "text_between_elements_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "text<samlp:Status>"}}},
    {.name = "foreign_child_of_the_response_is_refused",
	.reason = "saml_structure",
	.after = {{"<samlp:Status>", "<x:a xmlns:x=\"urn:x\"/><samlp:Status>"}}},
    {.name = "encrypted_assertion_beside_is_refused",
	.reason = "saml_structure",
	.after = {{"<saml:Assertion ", "<saml:EncryptedAssertion/><saml:Assertion "}}},
    {.name = "encrypted_name_id_of_nothing_is_refused",
	.reason = "saml_structure",
	.before = {{"<saml:NameID>alice</saml:NameID>", "<saml:EncryptedID/>"}}},
    {.name = "encrypted_id_elsewhere_is_refused",
	.reason = "saml_structure",
	.before = {{"<saml:SubjectConfirmationData",
	    "<saml:EncryptedID/><saml:SubjectConfirmationData"}}},
    {.name = "encrypted_attribute_is_refused",
	.reason = "saml_structure",
	.before = {{"</saml:AttributeStatement>",
	    "<saml:EncryptedAttribute/></saml:AttributeStatement>"}}},
    {.name = "encrypted_data_anywhere_is_refused",
	.reason = "saml_structure",
	.after = {{"<ds:X509Data>",
	    "<x:EncryptedKey xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\"/><ds:X509Data>"}}},
    {.name = "id_with_a_quote_is_refused",
	.reason = "saml_structure",
	.after = {{"ID=\"_a1\"", "ID=\"_a1')|id('_r1\""}, {"#_a1", "#_a1')|id('_r1"}}},
    {.name = "missing_id_is_refused", .reason = "saml_structure", .after = {{" ID=\"_r1\"", ""}}},
    {.name = "two_conditions_are_refused",
	.reason = "saml_structure",
	.before = {{"</saml:Conditions>", "</saml:Conditions><saml:Conditions/>"}}},
    {.name = "two_subjects_are_refused",
	.reason = "saml_structure",
	.before = {{"</saml:Subject>", "</saml:Subject><saml:Subject/>"}}},
    {.name = "unknown_statement_is_refused",
	.reason = "saml_structure",
	.before = {{"<saml:AuthnStatement ", "<saml:Statement/><saml:AuthnStatement "}}},
};

int
main(void)
{
	static struct wrapping wrappings[32];
	static char names[32][96];
	static struct CMUnitTest tests[32];
	for (int i = 0; i < 32; i++) {
		wrappings[i] = (struct wrapping){
		    1 + i % 8, i & 8 ? SAML_SIGN_RESPONSE : SAML_SIGN_ASSERTION, (i & 16) != 0};
		(void)snprintf(names[i], sizeof(names[i]),
		    "xsw%d_of_the_signed_%s_with_%s_id_is_refused", wrappings[i].kind,
		    i & 8 ? "response" : "assertion", i & 16 ? "its_own" : "a_new");
		tests[i] =
		    (struct CMUnitTest){names[i], wrapping_is_refused, NULL, NULL, &wrappings[i]};
	}
	int failed =
	    _cmocka_run_group_tests("saml_xsw", tests, NELEMS(tests), world_setup, world_teardown);
	failed += world_run("saml_wrapping", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_wrapping_sealed", rows, NELEMS(rows));
}
