/* What the caller knows of the response that it waits for, and what an accepted one tells besides the account. */
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define VIRTUAL "https://front.example/saml/v/mobile/metadata"
#define VIRTUAL_ACS "https://front.example/saml/v/mobile/acs"
#define CLAIM(name, value)                                                                         \
	"<saml:Attribute Name=\"" name "\"><saml:AttributeValue>" value                            \
	"</saml:AttributeValue></saml:Attribute>"
#define STATEMENT "<saml:AttributeStatement>"
#define AT_VIRTUAL                                                                                 \
	{                                                                                          \
		.entity_id = VIRTUAL, .acs_url = VIRTUAL_ACS                                       \
	}
#define TO_VIRTUAL                                                                                 \
	{                                                                                          \
		{"<saml:Audience>" AUDIENCE, "<saml:Audience>" VIRTUAL},                           \
		    {"Destination=\"" ACS, "Destination=\"" VIRTUAL_ACS},                          \
		{                                                                                  \
			"Recipient=\"" ACS, "Recipient=\"" VIRTUAL_ACS                             \
		}                                                                                  \
	}

static const char *const main_and_other[] = {"other", "main"};
static const char *const only_other[] = {"other"};

static void
says_who_and_in_which_session(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->session_index, "_s1");
	assert_string_equal(a->name_id, "alice");
	assert_string_equal(a->name_id_format, "urn:f");
	assert_string_equal(a->name_qualifier, "urn:q");
	assert_string_equal(a->sp_name_qualifier, "urn:s");
}

static void
says_no_more_than_the_account(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_null(a->name_id_format);
	assert_null(a->name_qualifier);
	assert_null(a->sp_name_qualifier);
	assert_null(a->email);
	assert_null(a->forest);
	assert_null(a->domain);
}

static void
has_the_other_claims(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->email, "alice@example.com");
	assert_string_equal(a->forest, "example.com");
	assert_string_equal(a->domain, "corp.example.com");
}

static void
has_no_session_index(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_null(a->session_index);
}

static const struct row rows[] = {
    {.name = "response_to_the_virtual_server_is_accepted_there",
	.expected = AT_VIRTUAL,
	.sign = SAML_SIGN_BOTH,
	.before = TO_VIRTUAL},
    {.name = "audience_of_the_providers_entry_is_refused_at_a_virtual_server",
	.reason = "saml_audience",
	.says = VIRTUAL,
	.expected = {.entity_id = VIRTUAL}},
    {.name = "recipient_of_the_providers_entry_is_refused_at_a_virtual_server",
	.reason = "saml_recipient",
	.says = VIRTUAL_ACS,
	.expected = {.acs_url = VIRTUAL_ACS},
	.before = {{" Destination=\"" ACS "\"", ""}}},
    {.name = "destination_of_the_providers_entry_is_refused_at_a_virtual_server",
	.reason = "saml_destination",
	.says = VIRTUAL_ACS,
	.expected = {.acs_url = VIRTUAL_ACS}},
    {.name = "response_to_a_virtual_server_is_refused_elsewhere",
	.reason = "saml_destination",
	.before = TO_VIRTUAL},
    {.name = "provider_of_the_list_may_speak",
	.expected = {.providers = main_and_other, .n_providers = 2}},
    {.name = "provider_outside_the_list_may_not_speak",
	.reason = "saml_issuer",
	.says = "may not sign in here",
	.expected = {.providers = only_other, .n_providers = 1}},

    /* ForceAuthn */
    {.name = "fresh_sign_in_is_accepted_where_it_was_demanded",
	.expected = {.force_authn = true, .asked_s = NOW_S - 5}},
    {.name = "sign_in_before_the_request_is_accepted_within_the_skew",
	.expected = {.force_authn = true, .asked_s = NOW_S + 60}},
    {.name = "sign_in_before_the_request_is_refused_where_a_fresh_one_was_demanded",
	.reason = "saml_force_authn",
	.says = "61 s before",
	.expected = {.force_authn = true, .asked_s = NOW_S + 61}},
    {.name = "sign_in_before_the_request_is_accepted_where_none_was_demanded",
	.expected = {.asked_s = NOW_S + 61}},
    {.name = "each_statement_must_be_fresh_where_that_was_demanded",
	.reason = "saml_force_authn",
	.expected = {.force_authn = true, .asked_s = NOW_S},
	.before = {{"</saml:AuthnStatement>",
	    "</saml:AuthnStatement><saml:AuthnStatement AuthnInstant=\"2025-12-31T23:58:59Z\">"
	    "<saml:AuthnContext/></saml:AuthnStatement>"}}},

    /* what is told besides */
    {.name = "name_id_and_session_index_are_read",
	.before = {{"<saml:NameID>", "<saml:NameID Format=\"urn:f\" NameQualifier=\"urn:q\" "
				     "SPNameQualifier=\"urn:s\">"}},
	.check = says_who_and_in_which_session},
    {.name = "what_is_not_said_is_absent", .check = says_no_more_than_the_account},
    {.name = "assertion_without_session_index_is_accepted",
	.before = {{" SessionIndex=\"_s1\"", ""}},
	.check = has_no_session_index},
    {.name = "session_index_with_a_line_break_is_refused",
	.reason = "saml_authn_statement",
	.before = {{"SessionIndex=\"_s1\"", "SessionIndex=\"_s&#10;1\""}}},
    {.name = "name_id_format_with_a_line_break_is_refused",
	.reason = "saml_claims",
	.before = {{"<saml:NameID>", "<saml:NameID Format=\"urn&#10;f\">"}}},
    {.name = "email_forest_and_domain_are_read",
	.before = {{STATEMENT, STATEMENT CLAIM("cip_email", "alice@example.com") CLAIM("cip_forest",
				   "example.com") CLAIM("cip_domain", "corp.example.com")}},
	.check = has_the_other_claims},
    {.name = "email_without_a_domain_is_refused",
	.reason = "saml_claims",
	.says = "cip_email",
	.before = {{STATEMENT, STATEMENT CLAIM("cip_email", "alice@")}}},
    {.name = "forest_that_is_no_name_is_refused",
	.reason = "saml_claims",
	.says = "cip_forest",
	.before = {{STATEMENT, STATEMENT CLAIM("cip_forest", "*)(objectClass=*")}}},
    {.name = "domain_that_is_no_name_is_refused",
	.reason = "saml_claims",
	.says = "cip_domain",
	.before = {{STATEMENT, STATEMENT CLAIM("cip_domain", "..")}}},
    {.name = "email_alone_names_nobody",
	.reason = "saml_claims",
	.before = {{"cip_sid", "x_sid"}, {"cip_oid", "x_oid"}, {"cip_upn", "x_upn"},
	    {STATEMENT, STATEMENT CLAIM("cip_email", "alice@example.com")}}},
};

int
main(void)
{
	int failed = world_run("saml_expectation", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_expectation_sealed", rows, NELEMS(rows));
}
