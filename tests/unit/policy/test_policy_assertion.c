/* What a rule asks of the assertion: claims, and how the provider knew the user. */
#include <stdio.h>
#include <string.h>

#include "fas/base/own.h"
#include "tests/unit/policy/policy_fixture.h"

#define MFA "https://refeds.org/profile/mfa"
#define PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
#define OID_MFA "1.3.6.1.4.1.99999.1.402"
#define OID_MORE "1.3.6.1.4.1.99999.1.403"
#define WHO "    users: { sids: ['*'] }\n"

static struct policy_facts
with_claims(bool sid, bool upn, bool email)
{
	struct policy_facts f = alice_asks();
	f.claimed_sid = sid;
	f.claimed_upn = upn;
	f.claimed_guid = false;
	f.claimed_email = email;
	return f;
}

static void
one_of_the_claims_is_enough_where_the_rule_says_any(void **state)
{
	static const char any[] = WHO "    match: { require_any: [sid, email] }\n" LOGON;
	(void)state;
	struct policy_facts f = with_claims(true, false, false);
	expect_rule(any, &f, "policy_allow");
	f = with_claims(false, true, true);
	expect_rule(any, &f, "policy_allow");
	f = with_claims(false, true, false);
	expect_rule(any, &f, "policy_claims");
}

static void
both_lists_have_to_be_satisfied(void **state)
{
	static const char both[] =
	    WHO "    match: { require: [upn], require_any: [sid, email] }\n" LOGON;
	(void)state;
	struct policy_facts f = with_claims(true, true, false);
	expect_rule(both, &f, "policy_allow");
	f = with_claims(true, false, true);
	expect_rule(both, &f, "policy_claims");
	f = with_claims(false, true, false);
	expect_rule(both, &f, "policy_claims");
}

/* With require_any alone nothing else is asked for; with neither, the SID is. */
static void
without_a_list_the_sid_is_asked_for(void **state)
{
	(void)state;
	struct policy_facts f = with_claims(false, true, true);
	expect_rule(WHO LOGON, &f, "policy_claims");
	expect_rule(WHO "    match: { also: [email] }\n" LOGON, &f, "policy_claims");
	expect_rule(WHO "    match: { require_any: [upn] }\n" LOGON, &f, "policy_allow");
}

static void
each_claim_can_be_asked_for(void **state)
{
	static const struct {
		const char *word;
		size_t at;
	} claims[] = {{"sid", offsetof(struct policy_facts, claimed_sid)},
	    {"upn", offsetof(struct policy_facts, claimed_upn)},
	    {"guid", offsetof(struct policy_facts, claimed_guid)},
	    {"email", offsetof(struct policy_facts, claimed_email)},
	    {"forest", offsetof(struct policy_facts, claimed_forest)},
	    {"domain", offsetof(struct policy_facts, claimed_domain)}};
	(void)state;
	for (size_t i = 0; i < NELEMS(claims); i++) {
		char text[128];
		struct policy_facts f = with_claims(false, false, false);
		(void)snprintf(
		    text, sizeof(text), WHO "    match: { require: %s }\n" LOGON, claims[i].word);
		expect_rule(text, &f, "policy_claims");
		*(bool *)((char *)&f + claims[i].at) = true;
		expect_rule(text, &f, "policy_allow");
	}
}

/* ---- authentication ---- */

static void
a_rule_for_some_contexts_denies_every_other(void **state)
{
	static const char rule[] =
	    WHO "    authentication: { contexts: ['" MFA "', 'urn:x:card'] }\n" LOGON;
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule(rule, &f, "policy_authentication");
	f.authn_context = PASSWORD;
	expect_rule(rule, &f, "policy_authentication");
	f.authn_context = MFA "/";
	expect_rule(rule, &f, "policy_authentication");
	f.authn_context = "urn:x:card";
	expect_rule(rule, &f, "policy_allow");
	f.authn_context = MFA;
	expect_rule(rule, &f, "policy_allow");
}

static void
without_contexts_none_is_asked_for(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule(WHO LOGON, &f, "policy_allow");
	expect_rule(WHO "    authentication: { policies: { '" MFA "': " OID_MFA " } }\n" LOGON, &f,
	    "policy_allow");
}

static void
a_context_is_worth_what_the_rule_says(void **state)
{
	struct policy_verdict v;
	(void)state;
	OWN(policy)
	struct policy *policy = load(
	    fixture_rule(WHO "    authentication:\n      policies:\n        '" MFA "': " OID_MFA
			     "\n        urn:x:card: [" OID_MFA ", " OID_MORE "]\n" LOGON));
	struct policy_facts f = alice_asks();
	policy_decide(policy, &f, &v);
	assert_int_equal(v.outcome, VERDICT_ALLOW);
	assert_int_equal(v.grant.n_policies, 0);
	f.authn_context = PASSWORD;
	policy_decide(policy, &f, &v);
	assert_int_equal(v.grant.n_policies, 0);
	f.authn_context = MFA;
	policy_decide(policy, &f, &v);
	assert_int_equal(v.grant.n_policies, 1);
	assert_string_equal(v.grant.policies[0], OID_MFA);
	f.authn_context = "urn:x:card";
	policy_decide(policy, &f, &v);
	assert_int_equal(v.grant.n_policies, 2);
	assert_string_equal(v.grant.policies[1], OID_MORE);
}

/* A stranger learns of the person before what he could mend; the password's turn comes last. */
static void
a_context_that_is_not_enough_comes_behind_the_claims(void **state)
{
	static const char rule[] =
	    WHO "    expired_password: deny\n    authentication: { contexts: ['" MFA "'] }\n" LOGON;
	(void)state;
	struct policy_facts f = with_claims(false, true, false);
	f.password_expired = true;
	expect_rule(rule, &f, "policy_claims");
	f.claimed_sid = true;
	expect_rule(rule, &f, "policy_authentication");
	f.authn_context = MFA;
	expect_rule(rule, &f, "policy_password_expired");
}

static void
write_down(const char *rule, bool matched, const char *because, void *arg)
{
	(void)rule;
	(void)matched;
	(void)snprintf(arg, 1024, "%s", because);
}

static void
explain_names_the_context_and_what_it_is_worth(void **state)
{
	char told[1024] = "";
	(void)state;
	OWN(policy)
	struct policy *policy = load(fixture_rule(
	    WHO "    authentication:\n      contexts: ['" MFA "']\n      policies: { '" MFA
		"': [" OID_MFA ", " OID_MORE "] }\n" LOGON));
	struct policy_facts f = alice_asks();
	policy_explain(policy, &f, write_down, told);
	assert_string_equal(
	    told, "policy_authentication: no match for an assertion without a context");
	f.authn_context = PASSWORD;
	policy_explain(policy, &f, write_down, told);
	assert_string_equal(told, "policy_authentication: no match for " PASSWORD);
	f.authn_context = MFA;
	policy_explain(policy, &f, write_down, told);
	assert_string_equal(told, "policy_allow, issuance policies " OID_MFA " " OID_MORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_of_the_claims_is_enough_where_the_rule_says_any),
	    cmocka_unit_test(both_lists_have_to_be_satisfied),
	    cmocka_unit_test(without_a_list_the_sid_is_asked_for),
	    cmocka_unit_test(each_claim_can_be_asked_for),
	    cmocka_unit_test(a_rule_for_some_contexts_denies_every_other),
	    cmocka_unit_test(without_contexts_none_is_asked_for),
	    cmocka_unit_test(a_context_is_worth_what_the_rule_says),
	    cmocka_unit_test(a_context_that_is_not_enough_comes_behind_the_claims),
	    cmocka_unit_test(explain_names_the_context_and_what_it_is_worth),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
