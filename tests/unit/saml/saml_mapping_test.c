/* Claims where a provider has them: by Name, FriendlyName or NameID, transformed. */
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define ATTRIBUTE(attrs, value)                                                                    \
	"<saml:Attribute " attrs "><saml:AttributeValue>" value                                    \
	"</saml:AttributeValue></saml:Attribute>"
#define STATEMENT "<saml:AttributeStatement>"
#define NO_CIP                                                                                     \
	{"cip_sid", "x_sid"}, {"cip_oid", "x_oid"},                                                \
	{                                                                                          \
		"cip_upn", "x_upn"                                                                 \
	}
#define MAIL "Name=\"urn:mail\""
#define CONTEXT "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
#define MFA "https://refeds.org/profile/mfa"

static void
has_upn_of_alice(const struct saml_assertion *a)
{
	assert_true(a->has_upn && !a->has_sid && !a->has_guid);
	assert_string_equal(a->upn, UPN);
}

static void
has_parts_of_the_mail(const struct saml_assertion *a)
{
	has_upn_of_alice(a);
	assert_string_equal(a->email, "alice@corp.example.com");
	assert_string_equal(a->domain, "corp.example.com");
}

static void
has_netbios_domain(const struct saml_assertion *a)
{
	has_upn_of_alice(a);
	assert_string_equal(a->domain, "CORP_1");
}

/* The providers: see saml_world.c. */
static const struct row rows[] = {
    {.name = "claim_by_friendly_name_is_read",
	.idp = "friendly",
	.before = {NO_CIP,
	    {STATEMENT, STATEMENT ATTRIBUTE("Name=\"urn:oid:1\" FriendlyName=\"eppn\"", UPN)}},
	.check = has_upn_of_alice},
    {.name = "name_is_no_friendly_name",
	.idp = "friendly",
	.reason = "saml_claims",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE("Name=\"eppn\"", UPN)}}},
    {.name = "two_attributes_of_one_friendly_name_that_differ_are_refused",
	.idp = "friendly",
	.reason = "saml_claims",
	.says = "differ",
	.before = {NO_CIP,
	    {STATEMENT,
		STATEMENT ATTRIBUTE("Name=\"urn:oid:1\" FriendlyName=\"eppn\"", UPN) ATTRIBUTE(
		    "Name=\"urn:oid:2\" FriendlyName=\"eppn\"", "evil@corp.example.com")}}},
    {.name = "claim_by_name_id_is_read",
	.idp = "subject",
	.before = {NO_CIP, {"<saml:NameID>alice", "<saml:NameID Format=\"urn:upn\">" UPN}},
	.check = has_upn_of_alice},
    {.name = "name_id_of_another_format_is_no_claim",
	.idp = "subject",
	.reason = "saml_claims",
	.before = {NO_CIP, {"<saml:NameID>alice", "<saml:NameID Format=\"urn:other\">" UPN}}},
    {.name = "name_id_without_format_is_no_claim_where_one_is_wanted",
	.idp = "subject",
	.reason = "saml_claims",
	.before = {NO_CIP, {"<saml:NameID>alice", "<saml:NameID>" UPN}}},
    {.name = "name_id_of_any_format_is_read",
	.idp = "any",
	.before = {NO_CIP, {"<saml:NameID>alice", "<saml:NameID>" UPN}},
	.check = has_upn_of_alice},
    {.name = "encrypted_name_id_is_read_as_a_claim",
	.idp = "any",
	.sealed = SEALED_NAME_ID,
	.before = {NO_CIP},
	.inside = {{">alice<", ">" UPN "<"}},
	.check = has_upn_of_alice},
    {.name = "parts_of_one_attribute_are_several_claims",
	.idp = "parts",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE(MAIL, "SMTP:Alice@Corp.Example.COM")}},
	.check = has_parts_of_the_mail},
    {.name = "value_without_the_prefix_is_refused",
	.idp = "parts",
	.reason = "saml_claims",
	.says = "lacks the prefix",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE(MAIL, "x400:alice")}}},
    {.name = "value_that_does_not_match_is_refused",
	.idp = "parts",
	.reason = "saml_claims",
	.says = "does not match",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE(MAIL, "SMTP:alice")}}},
    {.name = "suffix_is_stripped",
	.idp = "suffix",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE("Name=\"u\"", UPN "#EXT")}},
	.check = has_upn_of_alice},
    {.name = "value_without_the_suffix_is_refused",
	.idp = "suffix",
	.reason = "saml_claims",
	.says = "lacks the suffix",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE("Name=\"u\"", UPN)}}},
    {.name = "value_that_is_shorter_than_the_suffix_is_refused",
	.idp = "suffix",
	.reason = "saml_claims",
	.says = "shorter",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE("Name=\"u\"", "a")}}},
    {.name = "value_of_which_nothing_stays_is_refused",
	.idp = "suffix",
	.reason = "saml_claims",
	.says = "empty",
	.before = {NO_CIP, {STATEMENT, STATEMENT ATTRIBUTE("Name=\"u\"", "#EXT")}}},
    {.name = "netbios_domain_is_read",
	.before = {{"cip_sid", "x_sid"}, {"cip_oid", "x_oid"},
	    {STATEMENT, STATEMENT ATTRIBUTE("Name=\"cip_domain\"", "CORP_1")}},
	.check = has_netbios_domain},

    /* what was asked for */
    {.name = "exact_context_is_accepted", .idp = "mfa", .before = {{">" CONTEXT "<", ">" MFA "<"}}},
    {.name = "other_context_is_refused",
	.idp = "mfa",
	.reason = "saml_authn_context",
	.says = CONTEXT},
    {.name = "missing_context_is_refused",
	.idp = "mfa",
	.reason = "saml_authn_context",
	.before = {{"<saml:AuthnContextClassRef>" CONTEXT "</saml:AuthnContextClassRef>", ""}}},
    {.name = "context_of_another_strength_is_the_providers_to_compare", .idp = "minimum"},
    {.name = "missing_context_is_refused_where_a_strength_was_asked_for",
	.idp = "minimum",
	.reason = "saml_authn_context",
	.before = {{"<saml:AuthnContextClassRef>" CONTEXT "</saml:AuthnContextClassRef>", ""}}},
    {.name = "format_that_was_asked_for_is_accepted",
	.idp = "format",
	.before = {{"<saml:NameID>", "<saml:NameID Format=\"urn:f\">"}}},
    {.name = "other_format_than_was_asked_for_is_refused",
	.idp = "format",
	.reason = "saml_claims",
	.says = "Format",
	.before = {{"<saml:NameID>", "<saml:NameID Format=\"urn:g\">"}}},
    {.name = "unsolicited_sign_in_within_max_age_is_fresh", .idp = "fresh"},
    {.name = "unsolicited_sign_in_before_max_age_is_refused_where_a_fresh_one_is_wanted",
	.idp = "fresh",
	.reason = "saml_force_authn",
	.says = "max_age",
	.before = {{"AuthnInstant=\"" NOW, "AuthnInstant=\"2025-12-31T23:53:59Z"}}},
    {.name = "unsolicited_sign_in_at_the_edge_of_the_skew_is_fresh",
	.idp = "fresh",
	.before = {{"AuthnInstant=\"" NOW, "AuthnInstant=\"2025-12-31T23:54:00Z"}}},
};

int
main(void)
{
	int failed = world_run("saml_mapping", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_mapping_sealed", rows, NELEMS(rows));
}
