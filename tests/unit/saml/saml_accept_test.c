/* What real providers send, in all its variety, is accepted. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define ASSERTION_TAG "<saml:Assertion ID=\"_a1\""
#define XSI                                                                                        \
	" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" "                                          \
	"xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
#define AUTHN_END "</saml:AuthnStatement>"
#define SECOND_AUTHN                                                                               \
	AUTHN_END "<saml:AuthnStatement AuthnInstant=\"" BEFORE                                    \
		  "\" SessionNotOnOrAfter=\"2026-01-01T07:00:00Z\"><saml:AuthnContext/>" AUTHN_END

static void
has_response_id(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->response_id, "_r1");
	assert_string_equal(a->idp, "main");
	assert_string_equal(a->issuer, ENTITY("main"));
	assert_string_equal(a->name_id, "alice");
}

static void
has_no_response_id(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_null(a->response_id);
	assert_int_equal(a->authn_instant_s, NOW_S);
	assert_int_equal(a->session_not_on_or_after_s, 0);
	assert_string_equal(
	    a->authn_context, "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
	/* the earliest of Conditions, SubjectConfirmationData and max_age, and the skew */
	assert_int_equal(a->expires_s, NOW_S + 300 + 60);
}

static void
ends_at_seven(const struct saml_assertion *a)
{
	assert_int_equal(a->authn_instant_s, NOW_S);
	assert_int_equal(a->session_not_on_or_after_s, NOW_S + 7 * 3600);
}

static void
expires_with_conditions(const struct saml_assertion *a)
{
	assert_int_equal(a->expires_s, NOW_S + 60 + 60);
}

static void
expires_with_the_longer_confirmation(const struct saml_assertion *a)
{
	assert_int_equal(a->expires_s, NOW_S + 120 + 60);
}

static void
expires_by_age(const struct saml_assertion *a)
{
	assert_int_equal(a->expires_s, NOW_S + 30 + 1);
}

static void
has_upn_alone(const struct saml_assertion *a)
{
	assert_true(!a->has_sid && a->has_upn && !a->has_guid);
	assert_string_equal(a->upn, UPN);
}

static void
has_entity_text(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->name_id, "a&b<c>\"d\"");
}

static void
has_no_name_id(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_null(a->name_id);
}

/* Line breaks between the elements of the unsigned envelope. */
static char *
pretty_print(char *xml)
{
	xml = world_replace(xml, "<saml:Issuer>", "\r\n  <saml:Issuer>");
	xml = world_replace(xml, "<samlp:Status>", "\n\t<samlp:Status>\n  ");
	xml = world_replace(xml, "</samlp:Status>", "\n</samlp:Status>\n\n");
	return world_replace(xml, "</samlp:Response>", "\n</samlp:Response>\n");
}

static char *
rename_all(char *text, const char *from, const char *to)
{
	while (strstr(text, from))
		text = world_replace(text, from, to);
	return text;
}

static char *
rename_prefixes(char *xml)
{
	static const char *const renames[][2] = {{"samlp:", "ns0:"}, {":samlp=", ":ns0="},
	    {"saml:", "ns1:"}, {":saml=", ":ns1="}, {"ds:", "x:"}, {":ds=", ":x="}};
	for (size_t i = 0; i < NELEMS(renames); i++)
		xml = rename_all(xml, renames[i][0], renames[i][1]);
	return xml;
}

/* The default namespace for all that is an assertion's. */
static char *
default_namespace(char *xml)
{
	xml = rename_all(rename_all(xml, "<saml:", "<"), "</saml:", "</");
	return world_replace(xml, "xmlns:saml=", "xmlns=");
}

/* A variant of the template that is signed afterwards, for changes that a list of edits cannot say. */
static void
signed_after(char *(*change)(char *xml), enum saml_sign_what what)
{
	struct row row = {.sign = what};
	struct saml_sign_spec spec = world_spec(&row);
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	char *xml = change(saml_sign_template(&spec));
	char *finished = saml_sign_finish(xml, world.keys[KEY_MAIN]);
	free(xml);
	assert_non_null(finished);
	if (world_verify(&row, finished, strlen(finished), &a, &e) != FAS_OK)
		fail_msg("refused as %s: %s", e.reason, e.message);
	world_is_alice(a);
	saml_assertion_free(a);
	free(finished);
}

static char *
sign_again_renamed(char *xml)
{
	free(xml);
	signed_after(rename_prefixes, SAML_SIGN_ASSERTION);
	signed_after(rename_prefixes, SAML_SIGN_BOTH);
	return world_response(&(struct row){0});
}

static char *
sign_again_default(char *xml)
{
	free(xml);
	signed_after(default_namespace, SAML_SIGN_ASSERTION);
	signed_after(default_namespace, SAML_SIGN_BOTH);
	return world_response(&(struct row){0});
}

static char *
sign_again_pretty(char *xml)
{
	free(xml);
	signed_after(pretty_print, SAML_SIGN_BOTH);
	return world_response(&(struct row){0});
}

static const struct row rows[] = {
    {.name = "assertion_signed_alone_is_accepted", .check = has_no_response_id},
    {.name = "response_signed_alone_is_accepted",
	.sign = SAML_SIGN_RESPONSE,
	.check = has_response_id},
    {.name = "both_signed_are_accepted", .sign = SAML_SIGN_BOTH, .check = has_response_id},
    {.name = "rsa_sha384_with_sha512_digest_is_accepted",
	.algorithm = "rsa-sha384",
	.digest = "sha512"},
    {.name = "rsa_sha512_with_sha384_digest_is_accepted",
	.algorithm = "rsa-sha512",
	.digest = "sha384"},
    {.name = "ecdsa_p256_is_accepted",
	.idp = "p256",
	.key = KEY_P256,
	.algorithm = "ecdsa-sha256",
	.sign = SAML_SIGN_BOTH},
    {.name = "ecdsa_p384_is_accepted",
	.idp = "p384",
	.key = KEY_P384,
	.algorithm = "ecdsa-sha384",
	.digest = "sha384"},
    {.name = "ecdsa_p521_is_accepted",
	.idp = "p521",
	.key = KEY_P521,
	.algorithm = "ecdsa-sha512",
	.digest = "sha512"},
    {.name = "sha1_is_accepted_under_the_insecure_switch",
	.idp = "old",
	.algorithm = "rsa-sha1",
	.digest = "sha1",
	.sign = SAML_SIGN_RESPONSE},
    {.name = "third_certificate_of_a_provider_is_tried", .idp = "two"},
    {.name = "second_certificate_of_a_provider_is_tried", .idp = "two", .key = KEY_OTHER},
    {.name = "certificate_of_another_kind_of_a_provider_is_tried",
	.idp = "two",
	.key = KEY_P256,
	.algorithm = "ecdsa-sha256"},
    {.name = "other_prefixes_are_accepted", .spoil = sign_again_renamed},
    {.name = "default_namespace_is_accepted", .spoil = sign_again_default},
    {.name = "pretty_printed_unsigned_envelope_is_accepted", .spoil = pretty_print},
    {.name = "pretty_printed_signed_envelope_is_accepted", .spoil = sign_again_pretty},
    {.name = "xml_declaration_is_accepted",
	.after = {{"<samlp:Response",
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<samlp:Response"}}},
    {.name = "inclusive_namespaces_prefix_list_is_accepted",
	.prefix_list = "xs saml #default",
	.sign = SAML_SIGN_BOTH,
	.before = {{"<samlp:Response", "<samlp:Response" XSI}}},
    {.name = "extra_attributes_are_accepted",
	.before = {{"</saml:AttributeStatement>",
	    "<saml:Attribute Name=\"mail\"><saml:AttributeValue>a@b</saml:AttributeValue>"
	    "<saml:AttributeValue/></saml:Attribute><saml:Attribute Name=\"photo\" "
	    "FriendlyName=\"cip_sid\"/></saml:AttributeStatement>"}}},
    {.name = "structured_value_of_a_foreign_attribute_is_ignored",
	.before = {{"</saml:AttributeStatement>",
	    "<saml:Attribute Name=\"eduPersonTargetedID\"><saml:AttributeValue><saml:NameID>x"
	    "</saml:NameID></saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"}}},
    {.name = "xsi_type_on_values_is_accepted",
	.before = {{ASSERTION_TAG, ASSERTION_TAG XSI},
	    {"<saml:AttributeValue>", "<saml:AttributeValue xsi:type=\"xs:string\">"}}},
    {.name = "several_authn_statements_are_accepted",
	.before = {{AUTHN_END, SECOND_AUTHN}},
	.check = ends_at_seven},
    {.name = "fractional_seconds_are_accepted",
	.before = {{"NotBefore=\"" BEFORE, "NotBefore=\"2025-12-31T23:59:30.123Z"},
	    {"AuthnInstant=\"" NOW, "AuthnInstant=\"2026-01-01T00:00:00.9999999Z"}}},
    {.name = "signature_without_key_info_is_accepted",
	.before = {{"<ds:KeyInfo><ds:X509Data>",
	    "<ds:KeyInfo><ds:KeyName>x</ds:KeyName><ds:X509Data>"}}},
    {.name = "response_without_destination_is_accepted_when_unsigned",
	.before = {{" Destination=\"" ACS "\"", ""}}},
    {.name = "second_recipient_is_accepted",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{"Destination=\"" ACS, "Destination=\"https://fas.example/mobile"},
	    {"Recipient=\"" ACS, "Recipient=\"https://fas.example/mobile"}}},
    {.name = "second_audience_is_accepted",
	.before = {{"<saml:Audience>" AUDIENCE, "<saml:Audience>urn:second"}}},
    {.name = "several_audiences_with_ours_are_accepted",
	.before = {{"<saml:Audience>",
	    "<saml:Audience>urn:foreign</saml:Audience><saml:Audience>"}}},
    {.name = "one_time_use_is_accepted",
	.before = {{"</saml:Conditions>",
	    "<saml:OneTimeUse/><saml:ProxyRestriction Count=\"1\"/></saml:Conditions>"}}},
    {.name = "conditions_without_times_are_accepted",
	.before = {{"<saml:Conditions NotBefore=\"" BEFORE "\" NotOnOrAfter=\"" AFTER "\">",
	    "<saml:Conditions>"}}},
    {.name = "answer_to_the_request_is_accepted",
	.idp = "asked",
	.asked = "_q1",
	.answers = "_q1",
	.sign = SAML_SIGN_BOTH},
    {.name = "unsolicited_response_is_accepted_where_allowed"},
    {.name = "empty_in_response_to_is_taken_for_none", .answers = ""},
    {.name = "replay_memory_ends_with_the_conditions",
	.before = {{"NotBefore=\"" BEFORE "\" NotOnOrAfter=\"" AFTER,
	    "NotBefore=\"" BEFORE "\" NotOnOrAfter=\"2026-01-01T00:01:00Z"}},
	.check = expires_with_conditions},
    {.name = "replay_memory_ends_with_the_longer_confirmation",
	.before = {{"NotOnOrAfter=\"" AFTER, "NotOnOrAfter=\"2026-01-01T00:01:00Z"},
	    {"</saml:SubjectConfirmation>",
		"</saml:SubjectConfirmation><saml:SubjectConfirmation "
		"Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData "
		"NotOnOrAfter=\"2026-01-01T00:02:00Z\" Recipient=\"" ACS
		"\"/></saml:SubjectConfirmation>"}},
	.check = expires_with_the_longer_confirmation},
    {.name = "replay_memory_ends_with_the_longer_confirmation_also_when_it_is_the_first",
	.before = {{"NotOnOrAfter=\"" AFTER, "NotOnOrAfter=\"2026-01-01T00:02:00Z"},
	    {"</saml:SubjectConfirmation>",
		"</saml:SubjectConfirmation><saml:SubjectConfirmation "
		"Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData "
		"NotOnOrAfter=\"2026-01-01T00:01:00Z\" Recipient=\"" ACS
		"\"/></saml:SubjectConfirmation>"}},
	.check = expires_with_the_longer_confirmation},
    {.name = "replay_memory_ends_by_age", .idp = "strict", .check = expires_by_age},
    {.name = "foreign_confirmation_beside_a_bearer_is_accepted",
	.before = {{"<saml:SubjectConfirmation ",
	    "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:sender-vouches\"/>"
	    "<saml:SubjectConfirmation "}}},
    {.name = "expiry_is_accepted_one_second_before_the_end_of_the_skew", .later_s = 359},
    {.name = "not_before_is_accepted_at_the_edge_of_the_skew",
	.before = {{"NotBefore=\"" BEFORE, "NotBefore=\"2026-01-01T00:01:00Z"}}},
    {.name = "response_from_the_future_is_accepted_at_the_edge_of_the_skew", .later_s = -60},
    {.name = "upn_alone_is_accepted",
	.before = {{"Name=\"cip_sid\"", "Name=\"CIP_SID\""}, {"Name=\"cip_oid\"", "Name=\"oid\""}},
	.check = has_upn_alone},
    {.name = "configured_claim_names_are_read",
	.idp = "named",
	.before = {{"cip_sid", "urn:sid"}, {"cip_upn", "urn:upn"}, {"cip_oid", "urn:guid"}}},
    {.name = "base64_object_guid_is_accepted", .before = {{GUID, "/xmWb4aLEdC0LQDAT8lk/w=="}}},
    {.name = "identical_values_are_one_value",
	.before = {{"</saml:AttributeStatement>",
	    "</saml:AttributeStatement><saml:AttributeStatement><saml:Attribute Name=\"cip_sid\">"
	    "<saml:AttributeValue>" SID "</saml:AttributeValue><saml:AttributeValue>" SID
	    "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"}}},
    {.name = "character_references_are_read_whole",
	.before = {{">alice<", ">a&amp;b&lt;c&#62;&quot;d&#x22;<"}},
	.check = has_entity_text},
    {.name = "assertion_without_name_id_is_accepted",
	.before = {{"<saml:NameID>alice</saml:NameID>", ""}},
	.check = has_no_name_id},
    {.name = "advice_without_assertions_is_ignored",
	.before = {{"</saml:Conditions>",
	    "</saml:Conditions><saml:Advice><saml:AssertionIDRef>_x</saml:AssertionIDRef>"
	    "</saml:Advice>"}}},
    {.name = "extensions_without_assertions_are_ignored",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{"<samlp:Status>", "<samlp:Extensions><x:a xmlns:x=\"urn:x\" "
				      "ID=\"_x\"/></samlp:Extensions><samlp:Status>"}}},
};

int
main(void)
{
	int failed = world_run("saml_accept", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_accept_sealed", rows, NELEMS(rows));
}
