/* Values that would be read otherwise than they were signed, or mean two things. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define CLAIMS "saml_claims"
#define VALUE(v) "<saml:AttributeValue>" v "</saml:AttributeValue>"
#define ATTRIBUTE(name, v) "<saml:Attribute Name=\"" name "\">" VALUE(v) "</saml:Attribute>"
#define END "</saml:AttributeStatement>"
#define X100                                                                                       \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxx"

static void
has_metacharacters(const struct saml_assertion *a)
{
	assert_string_equal(a->upn, "a*(l)|ice\\2a@corp.example.com");
}

/* No claim is left when all three are renamed. */
#define WITHOUT_OTHERS                                                                             \
	{"Name=\"cip_upn\"", "Name=\"u\""},                                                        \
	{                                                                                          \
		"Name=\"cip_oid\"", "Name=\"o\""                                                   \
	}

static const struct row rows[] = {
    {.name = "comment_in_name_id_is_refused",
	.reason = "saml_xml",
	.after = {{">alice<", ">al<!---->ice<"}}},
    {.name = "comment_in_a_claim_is_refused",
	.reason = "saml_xml",
	.after = {{UPN, "alice@corp.example.com<!---->"}}},
    {.name = "comment_in_the_issuer_is_refused",
	.reason = "saml_xml",
	.after = {{ENTITY("main"), "https://idp.example<!---->/main"}}},
    {.name = "comment_that_the_provider_signed_is_refused",
	.reason = "saml_xml",
	.before = {{UPN, "alice@corp.example.com<!---->.evil.example"}}},
    {.name = "comment_around_the_document_is_refused",
	.reason = "saml_xml",
	.after = {{"<samlp:Response", "<!-- x --><samlp:Response"}}},
    {.name = "cdata_in_a_claim_is_refused",
	.reason = "saml_xml",
	.after = {{UPN, "<![CDATA[alice@corp.example.com]]>"}}},
    {.name = "cdata_in_name_id_is_refused",
	.reason = "saml_xml",
	.before = {{">alice<", ">al<![CDATA[ice]]><"}}},
    {.name = "processing_instruction_in_a_claim_is_refused",
	.reason = "saml_xml",
	.before = {{UPN, "alice@corp<?x?>.example.com"}}},
    {.name = "processing_instruction_in_the_issuer_is_refused",
	.reason = "saml_xml",
	.after = {{ENTITY("main"), "https://idp.example<?x?>/main"}}},
    {.name = "element_in_a_claim_is_refused",
	.reason = CLAIMS,
	.before = {{UPN, "alice@corp.example.com<saml:NameID>x</saml:NameID>"}}},
    {.name = "element_in_name_id_is_refused",
	.reason = CLAIMS,
	.before = {{">alice<", ">al<saml:x/>ice<"}}},
    {.name = "element_in_the_issuer_is_refused",
	.reason = "saml_issuer",
	.before = {{"<saml:Assertion ID=\"_a1\" Version=\"2.0\" IssueInstant=\"" NOW
		    "\"><saml:Issuer>" ENTITY("main"),
	    "<saml:Assertion ID=\"_a1\" Version=\"2.0\" IssueInstant=\"" NOW
	    "\"><saml:Issuer>" ENTITY("main") "<saml:x/>"}}},
    {.name = "nul_as_character_reference_is_refused",
	.reason = "saml_xml",
	.after = {{UPN, "alice@corp.example.com&#0;.evil"}}},
    {.name = "new_line_in_a_upn_is_refused", .reason = CLAIMS, .before = {{UPN, UPN "\n"}}},
    {.name = "new_line_as_reference_in_a_upn_is_refused",
	.reason = CLAIMS,
	.before = {{UPN, "alice@corp.example.com&#10;"}}},
    {.name = "new_line_in_a_sid_is_refused", .reason = CLAIMS, .before = {{SID, "\n" SID}}},
    {.name = "blank_around_a_sid_is_refused", .reason = CLAIMS, .before = {{SID, " " SID}}},
    {.name = "new_line_in_name_id_is_refused",
	.reason = CLAIMS,
	.before = {{">alice<", ">ali&#10;ce<"}}},
    {.name = "zero_width_space_in_a_upn_is_refused",
	.reason = CLAIMS,
	.before = {{"alice@", "ali\xe2\x80\x8b"
			      "ce@"}}},
    {.name = "right_to_left_override_in_a_upn_is_refused",
	.reason = CLAIMS,
	.before = {{"alice@", "\xe2\x80\xae"
			      "ecila@"}}},
    {.name = "byte_order_mark_in_a_upn_is_refused",
	.reason = CLAIMS,
	.before = {{"alice@", "\xef\xbb\xbf"
			      "alice@"}}},
    {.name = "ldap_metacharacters_reach_the_directory_unchanged",
	.before = {{UPN, "a*(l)|ice\\2a@corp.example.com"}},
	.check = has_metacharacters},
    {.name = "ldap_metacharacters_in_a_sid_are_refused",
	.reason = CLAIMS,
	.before = {{SID, SID ")(cn=*"}}},
    {.name = "upn_with_two_ats_is_refused", .reason = CLAIMS, .before = {{"alice@", "alice@x@"}}},
    {.name = "malformed_guid_is_refused",
	.reason = CLAIMS,
	.before = {{GUID, "6f9619ff-8b86-d011-b42d-00c04fc964f"}}},
    {.name = "malformed_sid_beside_a_good_upn_is_refused",
	.reason = CLAIMS,
	.before = {{SID, "S-1-5-21-"}}},
    {.name = "empty_claim_is_refused", .reason = CLAIMS, .before = {{SID, ""}}},
    {.name = "claim_without_value_is_refused", .reason = CLAIMS, .before = {{VALUE(SID), ""}}},
    {.name = "two_values_that_differ_are_refused",
	.reason = CLAIMS,
	.before = {{VALUE(SID), VALUE(SID) VALUE(EVIL_SID)}}},
    {.name = "two_attributes_of_one_name_that_differ_are_refused",
	.reason = CLAIMS,
	.before = {{END, ATTRIBUTE("cip_sid", EVIL_SID) END}}},
    {.name = "two_statements_that_differ_are_refused",
	.reason = CLAIMS,
	.before = {{END,
	    END "<saml:AttributeStatement>" ATTRIBUTE("cip_upn", "bob@corp.example.com") END}}},
    {.name = "values_that_differ_in_case_are_refused",
	.reason = CLAIMS,
	.before = {{VALUE(UPN), VALUE(UPN) VALUE("Alice@corp.example.com")}}},
    {.name = "name_in_other_letters_is_no_claim",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "Name=\"CIP_SID\""}, WITHOUT_OTHERS}},
    {.name = "name_with_a_look_alike_letter_is_no_claim",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "Name=\"\xd1\x81ip_sid\""}, WITHOUT_OTHERS}},
    {.name = "name_with_a_blank_is_no_claim",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "Name=\"cip_sid \""}, WITHOUT_OTHERS}},
    {.name = "friendly_name_is_no_claim",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "Name=\"x\" FriendlyName=\"cip_sid\""}, WITHOUT_OTHERS}},
    {.name = "name_of_a_foreign_namespace_is_no_claim",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "xmlns:x=\"urn:x\" x:Name=\"cip_sid\""}, WITHOUT_OTHERS}},
    {.name = "default_names_are_no_claims_where_others_are_configured",
	.reason = CLAIMS,
	.idp = "named"},
    {.name = "assertion_without_attributes_is_refused",
	.reason = CLAIMS,
	.before = {{"Name=\"cip_sid\"", "Name=\"s\""}, WITHOUT_OTHERS}},
    {.name = "endless_name_id_is_refused",
	.reason = CLAIMS,
	.before = {{">alice<", ">" X100 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100 "<"}}},
};

int
main(void)
{
	int failed = world_run("saml_text", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_text_sealed", rows, NELEMS(rows));
}
