/* What is signed and still not for us, not now, not from there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define CONDITIONS_TAG "<saml:Conditions NotBefore=\"" BEFORE "\" NotOnOrAfter=\"" AFTER "\">"
#define CONDITIONS(begin, end) "<saml:Conditions NotBefore=\"" begin "\" NotOnOrAfter=\"" end "\">"
#define RESTRICTION                                                                                \
	"<saml:AudienceRestriction><saml:Audience>" AUDIENCE                                       \
	"</saml:Audience></saml:AudienceRestriction>"
#define FOREIGN_RESTRICTION                                                                        \
	"<saml:AudienceRestriction><saml:Audience>urn:foreign</saml:Audience>"                     \
	"</saml:AudienceRestriction>"
#define DATA "<saml:SubjectConfirmationData NotOnOrAfter=\"" AFTER "\" Recipient=\"" ACS "\"/>"
#define CONFIRMATION                                                                               \
	"<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">" DATA         \
	"</saml:SubjectConfirmation>"
#define ASSERTION_HEAD "<saml:Assertion ID=\"_a1\" Version=\"2.0\" IssueInstant=\"" NOW "\">"
#define RESPONSE_HEAD "ID=\"_r1\" Version=\"2.0\" IssueInstant=\"" NOW "\""
#define ISSUER "<saml:Issuer>" ENTITY("main") "</saml:Issuer>"
#define AUTHN_OPEN "<saml:AuthnStatement AuthnInstant=\"" NOW "\""
#define SUCCESS "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\""

static char *
without_authn_statement(char *xml)
{
	struct row row = {0};
	struct saml_sign_spec spec = world_spec(&row);
	free(xml);
	xml = saml_sign_template(&spec);
	char *part = world_cut(xml, "<saml:AuthnStatement", "</saml:AuthnStatement>");
	xml = world_replace(xml, part, "");
	char *out = saml_sign_finish(xml, world.keys[KEY_MAIN]);
	free(part);
	free(xml);
	return out;
}

/* A failed logon as providers report it: no assertion, no signature. */
static char *
only_status(char *xml)
{
	char *assertion = world_cut(xml, "<saml:Assertion", "</saml:Assertion>");
	xml = world_replace(xml, assertion, "");
	free(assertion);
	return world_replace(xml, SUCCESS "/>",
	    "Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode "
	    "Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></samlp:StatusCode>");
}

static const struct row rows[] = {
    /* Version, Issuer, Status */
    {.name = "assertion_of_another_version_is_refused",
	.reason = "saml_version",
	.before = {{"ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\" Version=\"1.1\""}}},
    {.name = "assertion_without_version_is_refused",
	.reason = "saml_version",
	.before = {{"ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\""}}},
    {.name = "response_of_another_version_is_refused",
	.reason = "saml_version",
	.after = {{"ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\" Version=\"2.1\""}}},
    {.name = "unknown_issuer_is_refused",
	.reason = "saml_issuer",
	.before = {{ASSERTION_HEAD ISSUER, ASSERTION_HEAD "<saml:Issuer>urn:x</saml:Issuer>"}}},
    {.name = "issuer_with_a_blank_is_refused",
	.reason = "saml_issuer",
	.before = {{ASSERTION_HEAD "<saml:Issuer>", ASSERTION_HEAD "<saml:Issuer> "}}},
    {.name = "issuer_in_other_letters_is_refused",
	.reason = "saml_issuer",
	.before = {{ASSERTION_HEAD "<saml:Issuer>https", ASSERTION_HEAD "<saml:Issuer>HTTPS"}}},
    {.name = "issuers_of_response_and_assertion_that_differ_are_refused",
	.reason = "saml_issuer",
	.after = {{ISSUER, "<saml:Issuer>" ENTITY("other") "</saml:Issuer>"}}},
    {.name = "response_of_another_known_provider_is_refused",
	.reason = "saml_issuer",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{ISSUER, "<saml:Issuer>" ENTITY("other") "</saml:Issuer>"}}},
    {.name = "signed_response_without_issuer_is_refused",
	.reason = "saml_issuer",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{ISSUER, ""}}},
    {.name = "issuer_of_another_format_is_refused",
	.reason = "saml_issuer",
	.after = {{"<saml:Issuer>",
	    "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">"}}},
    {.name = "assertion_without_issuer_is_refused",
	.reason = "saml_structure",
	.before = {{ASSERTION_HEAD ISSUER, ASSERTION_HEAD}}},
    {.name = "status_that_is_not_success_is_refused",
	.reason = "saml_status",
	.after = {{SUCCESS, "Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\""}}},
    {.name = "signed_status_that_is_not_success_is_refused",
	.reason = "saml_status",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{SUCCESS, "Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\""}}},
    {.name = "success_below_another_status_is_refused",
	.reason = "saml_status",
	.after = {{SUCCESS "/>", "Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\">"
				 "<samlp:StatusCode " SUCCESS "/></samlp:StatusCode>"}}},
    {.name = "two_status_codes_are_refused",
	.reason = "saml_status",
	.after = {{"</samlp:Status>", "<samlp:StatusCode Value=\"x\"/></samlp:Status>"}}},
    {.name = "status_without_value_is_refused",
	.reason = "saml_status",
	.after = {{" " SUCCESS, ""}}},
    {.name = "response_without_status_is_refused",
	.reason = "saml_structure",
	.before = {{"<samlp:Status><samlp:StatusCode " SUCCESS "/></samlp:Status>", ""}}},
    {.name = "failed_logon_without_assertion_says_so",
	.reason = "saml_status",
	.spoil = only_status},

    /* Destination, Recipient, InResponseTo */
    {.name = "signed_response_without_destination_is_refused",
	.reason = "saml_destination",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{" Destination=\"" ACS "\"", ""}}},
    {.name = "signed_response_for_another_destination_is_refused",
	.reason = "saml_destination",
	.sign = SAML_SIGN_RESPONSE,
	.before = {{"Destination=\"" ACS, "Destination=\"https://other.example/acs"}}},
    {.name = "unsigned_response_for_another_destination_is_refused",
	.reason = "saml_destination",
	.after = {{"Destination=\"" ACS, "Destination=\"https://other.example/acs"}}},
    {.name = "destination_with_something_behind_is_refused",
	.reason = "saml_destination",
	.after = {{"Destination=\"" ACS, "Destination=\"" ACS "/../evil"}}},
    {.name = "destination_with_ours_as_a_prefix_is_refused",
	.reason = "saml_destination",
	.after = {{"Destination=\"" ACS "\"", "Destination=\"" ACS "?x\""}}},
    {.name = "other_recipient_is_refused",
	.reason = "saml_recipient",
	.before = {{"Recipient=\"" ACS, "Recipient=\"https://other.example/acs"}}},
    {.name = "missing_recipient_is_refused",
	.reason = "saml_recipient",
	.before = {{" Recipient=\"" ACS "\"", ""}}},
    {.name = "unsolicited_response_is_refused_where_not_allowed",
	.reason = "saml_unsolicited",
	.idp = "asked"},
    {.name = "empty_in_response_to_is_unsolicited",
	.reason = "saml_unsolicited",
	.idp = "asked",
	.answers = ""},
    {.name = "answer_to_another_request_is_refused",
	.reason = "saml_in_response_to",
	.asked = "_q1",
	.answers = "_q2"},
    {.name = "answer_to_nobodys_request_is_refused",
	.reason = "saml_in_response_to",
	.answers = "_q1"},
    {.name = "unsolicited_response_is_no_answer", .reason = "saml_in_response_to", .asked = "_q1"},
    {.name = "answer_only_in_the_response_is_refused",
	.reason = "saml_in_response_to",
	.asked = "_q1",
	.after = {{RESPONSE_HEAD, RESPONSE_HEAD " InResponseTo=\"_q1\""}}},
    {.name = "answer_only_in_the_confirmation_is_refused",
	.reason = "saml_in_response_to",
	.asked = "_q1",
	.answers = "_q1",
	.after = {{" InResponseTo=\"_q1\"", ""}}},
    {.name = "other_answer_in_the_confirmation_is_refused",
	.reason = "saml_in_response_to",
	.asked = "_q1",
	.answers = "_q2",
	.after = {{"InResponseTo=\"_q2\"", "InResponseTo=\"_q1\""}}},

    /* Conditions */
    {.name = "assertion_without_conditions_is_refused",
	.reason = "saml_conditions",
	.before = {{CONDITIONS_TAG RESTRICTION "</saml:Conditions>", ""}}},
    {.name = "unknown_condition_is_refused",
	.reason = "saml_conditions",
	.before = {{"</saml:Conditions>", "<saml:Condition/></saml:Conditions>"}}},
    {.name = "foreign_condition_is_refused",
	.reason = "saml_conditions",
	.before = {{"</saml:Conditions>", "<x:c xmlns:x=\"urn:x\"/></saml:Conditions>"}}},
    {.name = "two_one_time_uses_are_refused",
	.reason = "saml_conditions",
	.before = {{"</saml:Conditions>",
	    "<saml:OneTimeUse/><saml:OneTimeUse/></saml:Conditions>"}}},
    {.name = "conditions_without_audience_are_refused",
	.reason = "saml_audience",
	.before = {{RESTRICTION, ""}}},
    {.name = "empty_audience_restriction_is_refused",
	.reason = "saml_audience",
	.before = {{RESTRICTION, "<saml:AudienceRestriction/>"}}},
    {.name = "other_audience_is_refused",
	.reason = "saml_audience",
	.before = {{RESTRICTION, FOREIGN_RESTRICTION}}},
    {.name = "audience_with_ours_as_a_prefix_is_refused",
	.reason = "saml_audience",
	.before = {{AUDIENCE "<", AUDIENCE ".evil.example<"}}},
    {.name = "second_restriction_without_us_is_refused",
	.reason = "saml_audience",
	.before = {{RESTRICTION, RESTRICTION FOREIGN_RESTRICTION}}},
    {.name = "first_restriction_without_us_is_refused",
	.reason = "saml_audience",
	.before = {{RESTRICTION, FOREIGN_RESTRICTION RESTRICTION}}},
    {.name = "conditions_that_begin_after_the_skew_are_refused",
	.reason = "saml_not_before",
	.before = {{CONDITIONS_TAG, CONDITIONS("2026-01-01T00:01:01Z", AFTER)}}},
    {.name = "conditions_are_refused_from_the_end_of_the_skew_on",
	.reason = "saml_expired",
	.before = {{CONDITIONS_TAG, CONDITIONS(BEFORE, "2025-12-31T23:59:00Z")}}},
    {.name = "malformed_not_before_is_refused",
	.reason = "saml_not_before",
	.before = {{CONDITIONS_TAG, CONDITIONS("2025-12-31T23:59:30", AFTER)}}},
    {.name = "offset_in_not_on_or_after_is_refused",
	.reason = "saml_expired",
	.before = {{CONDITIONS_TAG, CONDITIONS(BEFORE, "2026-01-01T05:05:00+05:00")}}},
    {.name = "no_skew_means_none",
	.reason = "saml_not_before",
	.idp = "strict",
	.before = {{CONDITIONS_TAG, CONDITIONS("2026-01-01T00:00:01Z", AFTER)}}},

    /* Subject */
    {.name = "assertion_without_subject_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"<saml:Subject><saml:NameID>alice</saml:NameID>" CONFIRMATION "</saml:Subject>",
	    ""}}},
    {.name = "subject_without_confirmation_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{CONFIRMATION, ""}}},
    {.name = "confirmation_without_data_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{DATA, ""}}},
    {.name = "holder_of_key_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"cm:bearer", "cm:holder-of-key"}}},
    {.name = "sender_vouches_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"cm:bearer", "cm:sender-vouches"}}},
    {.name = "confirmation_for_another_entity_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{DATA, "<saml:NameID>proxy</saml:NameID>" DATA}}},
    {.name = "confirmation_without_end_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"<saml:SubjectConfirmationData NotOnOrAfter=\"" AFTER "\"",
	    "<saml:SubjectConfirmationData"}}},
    {.name = "confirmation_with_not_before_is_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"<saml:SubjectConfirmationData",
	    "<saml:SubjectConfirmationData NotBefore=\"" BEFORE "\""}}},
    {.name = "confirmation_is_refused_from_the_end_of_the_skew_on",
	.reason = "saml_expired",
	.before = {{"<saml:SubjectConfirmationData NotOnOrAfter=\"" AFTER "\"",
	    "<saml:SubjectConfirmationData NotOnOrAfter=\"2025-12-31T23:59:00Z\""}}},
    {.name = "two_confirmations_of_which_none_holds_name_the_first_reason",
	.reason = "saml_recipient",
	.before = {{"Recipient=\"" ACS, "Recipient=\"urn:x"},
	    {"</saml:Subject>",
		"<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"/>"
		"</saml:Subject>"}}},
    {.name = "too_many_confirmations_are_refused",
	.reason = "saml_subject_confirmation",
	.before = {{"</saml:Subject>",
	    CONFIRMATION CONFIRMATION CONFIRMATION CONFIRMATION CONFIRMATION CONFIRMATION
		CONFIRMATION CONFIRMATION "</saml:Subject>"}}},

    /* IssueInstant */
    {.name = "old_assertion_is_refused",
	.reason = "saml_max_age",
	.before = {{ASSERTION_HEAD,
	    "<saml:Assertion ID=\"_a1\" Version=\"2.0\" IssueInstant=\"2025-12-31T23:53:59Z\">"}}},
    {.name = "old_response_is_refused",
	.reason = "saml_max_age",
	.after = {{RESPONSE_HEAD,
	    "ID=\"_r1\" Version=\"2.0\" IssueInstant=\"2025-12-31T23:53:59Z\""}}},
    {.name = "assertion_from_the_future_is_refused", .reason = "saml_max_age", .later_s = -61},
    {.name = "assertion_without_issue_instant_is_refused",
	.reason = "saml_max_age",
	.before = {{ASSERTION_HEAD, "<saml:Assertion ID=\"_a1\" Version=\"2.0\">"}}},
    {.name = "malformed_issue_instant_is_refused",
	.reason = "saml_max_age",
	.after = {{RESPONSE_HEAD, "ID=\"_r1\" Version=\"2.0\" IssueInstant=\"now\""}}},
    {.name = "age_is_refused_one_second_over_the_maximum",
	.reason = "saml_max_age",
	.idp = "strict",
	.later_s = 31},
    {.name = "age_is_refused_before_the_end_of_the_conditions",
	.reason = "saml_max_age",
	.later_s = 361},

    /* AuthnStatement */
    {.name = "assertion_without_authn_statement_is_refused",
	.reason = "saml_authn_statement",
	.spoil = without_authn_statement},
    {.name = "authn_statement_without_instant_is_refused",
	.reason = "saml_authn_statement",
	.before = {{AUTHN_OPEN, "<saml:AuthnStatement"}}},
    {.name = "authn_instant_in_the_future_is_refused",
	.reason = "saml_authn_statement",
	.before = {{AUTHN_OPEN, "<saml:AuthnStatement AuthnInstant=\"2026-01-01T00:01:01Z\""}}},
    {.name = "ended_session_is_refused",
	.reason = "saml_session_expired",
	.before = {{AUTHN_OPEN, AUTHN_OPEN " SessionNotOnOrAfter=\"" NOW "\""}}},
    {.name = "one_ended_session_of_two_is_refused",
	.reason = "saml_session_expired",
	.before = {{"</saml:AuthnStatement>",
	    "</saml:AuthnStatement>" AUTHN_OPEN " SessionNotOnOrAfter=\"" BEFORE
	    "\"><saml:AuthnContext/></saml:AuthnStatement>"}}},
    {.name = "malformed_end_of_session_is_refused",
	.reason = "saml_session_expired",
	.before = {{AUTHN_OPEN, AUTHN_OPEN " SessionNotOnOrAfter=\"never\""}}},
    {.name = "authn_statement_without_context_is_refused",
	.reason = "saml_authn_statement",
	.before = {{"</saml:AuthnStatement>",
	    "</saml:AuthnStatement>" AUTHN_OPEN "></saml:AuthnStatement>"}}},
    {.name = "element_in_the_context_class_is_refused",
	.reason = "saml_authn_statement",
	.before = {{"<saml:AuthnContextClassRef>", "<saml:AuthnContextClassRef><saml:x/>"}}},
};

int
main(void)
{
	int failed = world_run("saml_conditions", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_conditions_sealed", rows, NELEMS(rows));
}
