/* explain tells what decide does. */
#include <stdio.h>

#include "fas/base/own.h"
#include "tests/unit/policy/policy_fixture.h"

struct told {
	char text[1024];
	size_t n;
};

static void
write_down(const char *rule, bool matched, const char *because, void *arg)
{
	struct told *told = arg;
	int put = snprintf(told->text + told->n, sizeof(told->text) - told->n, "%s%c%s\n", rule,
	    matched ? '+' : '-', because);
	told->n += (size_t)put;
}

static void
explain_tells_each_rule_in_order(void **state)
{
	struct told told = {.n = 0};
	(void)state;
	OWN(policy)
	struct policy *policy =
	    load("rules:\n"
		 "  - name: a\n    identity_providers: [adfs]\n    storefronts: ['*']\n"
		 "    hosts: ['*']\n    users: { sids: ['*'] }\n" LOGON
		 "  - name: b\n    identity_providers: ['*']\n    storefronts: ['*']\n"
		 "    hosts: [h.example.com]\n    users: { sids: ['*'] }\n" LOGON
		 "  - name: c\n    identity_providers: ['*']\n    storefronts: ['*']\n"
		 "    hosts: ['*']\n    users: { groups: ['CORP\\Guests'] }\n" LOGON ANY_RULE("d")
		     ANY_RULE("e"));
	struct policy_facts f = alice_asks();
	f.password_expired = true;
	policy_explain(policy, &f, write_down, &told);
	assert_string_equal(told.text,
	    "a-identity_providers: no match for okta\n"
	    "b-hosts: no match for vda1.vdi.corp.example.com\n"
	    "c-users.groups: no match for the account's groups\n"
	    "d+policy_allow, warning password_expired\n"
	    "e+policy_allow, warning password_expired (but an earlier rule has decided)\n");
}

static void
explain_speaks_of_unknown_facts(void **state)
{
	struct told told = {.n = 0};
	(void)state;
	OWN(policy) struct policy *policy = load("rules:\n" ANY_RULE("a"));
	struct policy_facts f = alice_asks();
	f.storefront = NULL;
	policy_explain(policy, &f, write_down, &told);
	f.sid = NULL;
	policy_explain(policy, &f, write_down, &told);
	assert_string_equal(
	    told.text, "a-storefronts: no match for (unknown)\na-the account is not known\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(explain_tells_each_rule_in_order),
	    cmocka_unit_test(explain_speaks_of_unknown_facts),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
