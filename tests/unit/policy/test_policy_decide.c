/* Verdicts: each reason, first match wins, and nothing unknown ever allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "tests/unit/policy/policy_fixture.h"

static void
member_of_a_named_group_is_allowed(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule("    users: { groups: ['CORP\\VDI'] }\n" LOGON, &f, "policy_allow");
}

static void
empty_policy_denies(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	OWN(policy) struct policy *policy = load("rules: []\n");
	expect(policy, &f, "policy_no_rule", NULL);
}

static void
any_other_fact_does_not_match(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy = load(fixture_rule(
	    "    users: { groups: ['CORP\\VDI'], upn_suffixes: [corp.example.com] }\n" LOGON));
	struct policy_facts f = alice_asks();
	expect(policy, &f, "policy_allow", "eng");
	f.idp = "OKTA";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.storefront = "sf2.corp.example.com";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.host = "vdi.corp.example.com";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.host = "evil-vdi.corp.example.com";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.front_end = FRONT_END_HOST;
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.upn = "alice@corp.example.com.evil.org";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.upn = "alice@VDI.CORP.example.com";
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.n_groups = 1;
	expect(policy, &f, "policy_no_rule", NULL);
}

static void
host_names_and_suffixes_are_compared_without_case(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy =
	    load(fixture_rule("    users: { upn_suffixes: [corp.example.com] }\n" LOGON));
	struct policy_facts f = alice_asks();
	f.storefront = "SF1.Corp.Example.COM";
	f.host = "VDA1.VDI.corp.example.com";
	f.upn = "alice@CORP.EXAMPLE.COM";
	expect(policy, &f, "policy_allow", "eng");
}

static void
lists_of_users_all_have_to_match(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule("    users: { groups: ['CORP\\VDI'], sids: [S-1-5-21-1-2-3-1104] }\n" LOGON, &f,
	    "policy_allow");
	expect_rule("    users: { groups: ['CORP\\VDI'], sids: [S-1-5-21-1-2-3-1105] }\n" LOGON, &f,
	    "policy_no_rule");
	expect_rule("    users: { groups: ['CORP\\Guests'], sids: [S-1-5-21-1-2-3-1104] }\n" LOGON,
	    &f, "policy_no_rule");
}

static void
first_rule_that_matches_wins(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy =
	    load("rules:\n"
		 "  - name: others\n    identity_providers: [adfs]\n    storefronts: ['*']\n"
		 "    hosts: ['*']\n    users: { sids: ['*'] }\n" LOGON ANY_RULE("second")
		     ANY_RULE("third"));
	struct policy_facts f = alice_asks();
	expect(policy, &f, "policy_allow", "second");
}

static void
denying_rule_ends_the_search(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy =
	    load("rules:\n  - name: no\n    deny: true\n    identity_providers: ['*']\n"
		 "    storefronts: ['*']\n    hosts: ['*']\n"
		 "    users: { groups: ['CORP\\VDI'] }\n" ANY_RULE("yes"));
	struct policy_facts f = alice_asks();
	expect(policy, &f, "policy_denied_by_rule", "no");
	f.n_groups = 1;
	expect(policy, &f, "policy_allow", "yes");
}

static void
deny_lists_end_the_search(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	static const char *const lists[] = {
	    "{ groups: ['CORP\\VDI'] }",
	    "{ sids: [S-1-5-21-1-2-3-1104] }",
	    "{ upns: [ALICE@corp.example.com] }",
	};
	for (size_t i = 0; i < NELEMS(lists); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
		    "    users: { sids: ['*'] }\n" LOGON "    deny: %s\n", lists[i]);
		expect_rule(text, &f, "policy_denied_by_rule");
	}
	expect_rule("    users: { sids: ['*'] }\n" LOGON
		    "    deny: { groups: ['CORP\\Guests'], upns: [bob@corp.example.com] }\n",
	    &f, "policy_allow");
}

static void
unknown_upn_cannot_pass_a_deny_list_of_upns(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	f.upn = NULL;
	expect_rule("    users: { sids: ['*'] }\n" LOGON
		    "    deny: { upns: [bob@corp.example.com] }\n",
	    &f, "policy_denied_by_rule");
}

static void
privileged_account_is_denied_unless_named(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	f.privileged = true;
	expect_rule("    users: { sids: [S-1-5-21-1-2-3-1104] }\n" LOGON, &f, "policy_privileged");
	expect_rule("    users: { sids: ['*'], privileged: [S-1-5-21-1-2-3-1105] }\n" LOGON, &f,
	    "policy_privileged");
	expect_rule("    users: { sids: ['*'], privileged: [S-1-5-21-1-2-3-1104] }\n" LOGON, &f,
	    "policy_allow");
	expect_rule(
	    "    users: { sids: ['*'], privileged: ['CORP\\VDI'] }\n" LOGON, &f, "policy_allow");
}

static void
naming_a_privileged_account_does_not_make_it_a_user_of_the_rule(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	f.privileged = true;
	expect_rule(
	    "    users: { groups: ['CORP\\Guests'], privileged: [S-1-5-21-1-2-3-1104] }\n" LOGON,
	    &f, "policy_no_rule");
}

static void
missing_claim_is_denied(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	static const char users[] = "    users: { sids: ['*'] }\n" LOGON;
	char text[256];
	(void)snprintf(text, sizeof(text), "%s    match: { require: [sid, upn, guid] }\n", users);
	expect_rule(text, &f, "policy_claims");
	f.claimed_guid = true;
	expect_rule(text, &f, "policy_allow");
	f.claimed_sid = false;
	expect_rule(users, &f, "policy_claims");
	(void)snprintf(text, sizeof(text), "%s    match: { require: upn, also: [sid] }\n", users);
	expect_rule(text, &f, "policy_allow");
}

static void
expired_password_warns_or_denies(void **state)
{
	struct policy_verdict v;
	(void)state;
	struct policy_facts f = alice_asks();
	f.password_expired = true;
	OWN(policy)
	struct policy *policy = load(fixture_rule("    users: { sids: ['*'] }\n" LOGON));
	policy_decide(policy, &f, &v);
	assert_int_equal(v.outcome, VERDICT_ALLOW);
	assert_string_equal(v.warning, "password_expired");
	f.password_expired = false;
	policy_decide(policy, &f, &v);
	assert_null(v.warning);
	f.password_expired = true;
	expect_rule("    users: { sids: ['*'] }\n    expired_password: deny\n" LOGON, &f,
	    "policy_password_expired");
}

static void
host_front_end_needs_a_rule_that_says_so(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	f.front_end = FRONT_END_HOST;
	f.storefront = NULL;
	OWN(policy) struct policy *usual = load("rules:\n" ANY_RULE("any"));
	expect(usual, &f, "policy_no_rule", NULL);
	OWN(policy)
	struct policy *direct = load("rules:\n  - name: direct\n    front_end: host\n"
				     "    identity_providers: ['*']\n    hosts: ['*']\n"
				     "    users: { sids: ['*'] }\n" LOGON);
	expect(direct, &f, "policy_allow", "direct");
	f = alice_asks();
	expect(direct, &f, "policy_no_rule", NULL);
}

static void
zeroed_facts_are_denied_under_the_widest_rules(void **state)
{
	(void)state;
	static const struct sid nobody = {0};
	OWN(policy)
	struct policy *policy =
	    load("rules:\n" ANY_RULE("a") "  - name: b\n    front_end: host\n"
					  "    identity_providers: ['*']\n    hosts: ['*']\n"
					  "    users: { sids: ['*'] }\n" LOGON);
	struct policy_facts f = {0};
	expect(policy, &f, "policy_no_rule", NULL);
	f.front_end = FRONT_END_HOST;
	expect(policy, &f, "policy_no_rule", NULL);
	f = alice_asks();
	f.sid = &nobody;
	expect(policy, &f, "policy_no_rule", NULL);
	expect_rule("    users: { groups: ['CORP\\VDI'] }\n" LOGON, &f, "policy_no_rule");
}

/* Take any one fact away from a request that is allowed: never is it allowed by that. */
static void
each_fact_that_is_taken_away_denies(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy = load(
	    fixture_rule("    users: { groups: ['CORP\\VDI'], upn_suffixes: [corp.example.com] }\n"
			 "    match: { require: [sid, upn] }\n" LOGON));
	for (unsigned gone = 1; gone < 256; gone++) {
		struct policy_verdict v;
		struct policy_facts f = alice_asks();
		f.idp = gone & 1 ? NULL : f.idp;
		f.storefront = gone & 2 ? NULL : f.storefront;
		f.host = gone & 4 ? NULL : f.host;
		f.upn = gone & 8 ? NULL : f.upn;
		f.sid = gone & 16 ? NULL : f.sid;
		f.groups = gone & 32 ? NULL : f.groups;
		f.claimed_sid = !(gone & 64);
		f.claimed_upn = !(gone & 128);
		policy_decide(policy, &f, &v);
		assert_int_equal(v.outcome, VERDICT_DENY);
		assert_non_null(v.reason);
	}
}

/* Random rules and facts: allowed if and only if the first rule that names the group and host allows. */
static void
random_policies_follow_first_match_wins(void **state)
{
	(void)state;
	srandom(20260101);
	for (int round = 0; round < 200; round++) {
		OWN(buf) struct buf text;
		bool deny[8];
		unsigned group[8], host[8];
		buf_init(&text, 65536);
		buf_text(&text, "rules:\n");
		for (unsigned i = 0; i < 8; i++) {
			group[i] = (unsigned)random() % 4;
			host[i] = (unsigned)random() % 3;
			deny[i] = random() % 2;
			buf_printf(&text,
			    "  - name: r%u\n    identity_providers: ['*']\n    storefronts: "
			    "['*']\n    hosts: [h%u.x]\n    users: { groups: [S-1-5-32-%u] }\n%s",
			    i, host[i], group[i], deny[i] ? "    deny: true\n" : LOGON);
		}
		OWN(policy) struct policy *policy = load(buf_str(&text));
		unsigned in = (unsigned)random() % 16, at = (unsigned)random() % 3, n = 0, i = 0;
		struct sid groups[5] = {alice};
		for (unsigned k = 0; k < 4; k++) {
			if (in >> k & 1)
				groups[n++] =
				    (struct sid){.count = 2, .authority = 5, .sub = {32, k}};
		}
		struct policy_facts f = alice_asks();
		char name[8];
		(void)snprintf(name, sizeof(name), "h%u.x", at);
		f.host = name;
		f.groups = groups;
		f.n_groups = n;
		while (i < 8 && !(host[i] == at && in >> group[i] & 1))
			i++;
		char rule[8];
		(void)snprintf(rule, sizeof(rule), "r%u", i);
		if (i == 8)
			expect(policy, &f, "policy_no_rule", NULL);
		else
			expect(
			    policy, &f, deny[i] ? "policy_denied_by_rule" : "policy_allow", rule);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(member_of_a_named_group_is_allowed),
	    cmocka_unit_test(empty_policy_denies),
	    cmocka_unit_test(any_other_fact_does_not_match),
	    cmocka_unit_test(host_names_and_suffixes_are_compared_without_case),
	    cmocka_unit_test(lists_of_users_all_have_to_match),
	    cmocka_unit_test(first_rule_that_matches_wins),
	    cmocka_unit_test(denying_rule_ends_the_search),
	    cmocka_unit_test(deny_lists_end_the_search),
	    cmocka_unit_test(unknown_upn_cannot_pass_a_deny_list_of_upns),
	    cmocka_unit_test(privileged_account_is_denied_unless_named),
	    cmocka_unit_test(naming_a_privileged_account_does_not_make_it_a_user_of_the_rule),
	    cmocka_unit_test(missing_claim_is_denied),
	    cmocka_unit_test(expired_password_warns_or_denies),
	    cmocka_unit_test(host_front_end_needs_a_rule_that_says_so),
	    cmocka_unit_test(zeroed_facts_are_denied_under_the_widest_rules),
	    cmocka_unit_test(each_fact_that_is_taken_away_denies),
	    cmocka_unit_test(random_policies_follow_first_match_wins),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
