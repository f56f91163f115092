/* Groups in a verdict: resolved or not, and many of them. */
#include <stdlib.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "tests/unit/policy/policy_fixture.h"

static void
group_may_be_named_by_its_sid(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule("    users: { groups: [S-1-5-21-1-2-3-2000] }\n" LOGON, &f, "policy_allow");
	expect_rule("    users: { groups: [S-1-5-21-1-2-3-2001] }\n" LOGON, &f, "policy_no_rule");
}

static void
unresolved_group_ends_the_search_when_the_match_hangs_on_it(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy =
	    load("rules:\n  - name: gone\n    identity_providers: [okta]\n    storefronts: ['*']\n"
		 "    hosts: ['*']\n    users: { groups: ['CORP\\Gone'] }\n" LOGON ANY_RULE("any"));
	struct policy_facts f = alice_asks();
	expect(policy, &f, "policy_group_unresolved", "gone");
	/* Another fact says no already: the group does not matter. */
	f.idp = "adfs";
	expect(policy, &f, "policy_allow", "any");
}

static void
unresolved_group_does_not_matter_beside_one_that_holds(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule(
	    "    users: { groups: ['CORP\\Gone', 'CORP\\VDI'] }\n" LOGON, &f, "policy_allow");
	expect_rule("    users: { groups: ['CORP\\Gone', 'CORP\\Guests'] }\n" LOGON, &f,
	    "policy_group_unresolved");
}

static void
unresolved_group_of_a_deny_list_denies(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	expect_rule("    users: { sids: ['*'] }\n" LOGON "    deny: { groups: ['CORP\\Gone'] }\n",
	    &f, "policy_group_unresolved");
	expect_rule("    users: { sids: ['*'] }\n" LOGON
		    "    deny: { groups: ['CORP\\Gone', 'CORP\\VDI'] }\n",
	    &f, "policy_denied_by_rule");
}

static void
unresolved_group_of_privileged_accounts_denies_only_them(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	static const char rule[] = "    users: { sids: ['*'], privileged: ['CORP\\Gone'] }\n" LOGON;
	expect_rule(rule, &f, "policy_allow");
	f.privileged = true;
	expect_rule(rule, &f, "policy_group_unresolved");
}

static void
unknown_groups_of_the_account_are_not_no_groups(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	f.groups = NULL;
	f.n_groups = 0;
	expect_rule("    users: { sids: ['*'] }\n" LOGON "    deny: { groups: ['CORP\\Guests'] }\n",
	    &f, "policy_group_unresolved");
}

static void
resolved_group_can_be_resolved_anew(void **state)
{
	(void)state;
	struct policy_facts f = alice_asks();
	OWN(policy)
	struct policy *policy = load(fixture_rule("    users: { groups: ['CORP\\VDI'] }\n" LOGON));
	policy_group_set(policy, 0, &guests);
	expect(policy, &f, "policy_no_rule", NULL);
	policy_group_set(policy, 0, &vdi);
	expect(policy, &f, "policy_allow", "eng");
	policy_group_set(policy, 0, NULL);
	expect(policy, &f, "policy_group_unresolved", "eng");
}

static void
ten_thousand_groups_and_a_thousand_rules_take_no_time(void **state)
{
	(void)state;
	OWN(buf) struct buf text;
	buf_init(&text, 1024 * 1024);
	buf_text(&text, "rules:\n");
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&text,
		    "  - name: r%u\n    identity_providers: [okta]\n    storefronts: ['*']\n    "
		    "hosts: "
		    "['*']\n    users: { groups: [S-1-5-21-9-9-9-%u, S-1-5-21-9-9-9-%u] }\n" LOGON,
		    i, 20000 + 2 * i, 20001 + 2 * i);
	OWN(policy) struct policy *policy = load(buf_str(&text));
	struct sid *groups = calloc(10000, sizeof(*groups));
	assert_non_null(groups);
	for (uint32_t i = 0; i < 10000; i++)
		groups[i] =
		    (struct sid){.count = 5, .authority = 5, .sub = {21, 9, 9, 9, 19999 - i}};
	struct policy_facts f = alice_asks();
	f.groups = groups;
	f.n_groups = 10000;
	int64_t start = clock_monotonic_us();
	for (int i = 0; i < 10; i++)
		expect(policy, &f, "policy_no_rule", NULL);
	int64_t each_us = (clock_monotonic_us() - start) / 10;
	print_message(
	    "one decision of 1,000 rules for 10,000 groups: %lld us\n", (long long)each_us);
	/* Linear comparison takes over 100 ms; the bound leaves room for sanitizers and busy machines. */
	assert_true(each_us < 50000);
	free(groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(group_may_be_named_by_its_sid),
	    cmocka_unit_test(unresolved_group_ends_the_search_when_the_match_hangs_on_it),
	    cmocka_unit_test(unresolved_group_does_not_matter_beside_one_that_holds),
	    cmocka_unit_test(unresolved_group_of_a_deny_list_denies),
	    cmocka_unit_test(unresolved_group_of_privileged_accounts_denies_only_them),
	    cmocka_unit_test(unknown_groups_of_the_account_are_not_no_groups),
	    cmocka_unit_test(resolved_group_can_be_resolved_anew),
	    cmocka_unit_test(ten_thousand_groups_and_a_thousand_rules_take_no_time),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
