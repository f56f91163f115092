/* Loading a policy without memory or files: all or nothing. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/faults/faults.h"
#include "tests/unit/policy/policy_fixture.h"

static const char rules[] = "rules:\n"
			    "  - name: eng\n"
			    "    identity_providers: [okta, adfs]\n"
			    "    storefronts: [sf1.corp.example.com]\n"
			    "    hosts: ['*.vdi.corp.example.com', vda9.corp.example.com]\n"
			    "    users: { groups: [\"CORP\\\\VDI\", S-1-5-21-1-2-3-2000], "
			    "upn_suffixes: [corp.example.com],\n"
			    "             privileged: [S-1-5-21-1-2-3-500] }\n"
			    "    deny: { sids: [S-1-5-21-1-2-3-9999], upns: "
			    "[eve@corp.example.com], groups: [\"CORP\\\\No\"] }\n"
			    "    match: { require: [sid], also: [upn] }\n"
			    "    logon: { authority: main }\n"
			    "  - name: more\n"
			    "    identity_providers: ['*']\n"
			    "    storefronts: ['*']\n"
			    "    hosts: ['*']\n"
			    "    users: { sids: [S-1-5-21-1-2-3-1104] }\n"
			    "    logon: { authority: backup }\n";

static enum fas_code
run_load(void *arg, struct fas_err *e)
{
	struct policy *policy = NULL;
	enum fas_code rc = policy_load(arg, &fixture_world, &policy, e);
	assert_true((rc == FAS_OK) == (policy != NULL));
	if (policy)
		assert_int_equal(policy_rule_count(policy), 2);
	policy_unref(policy);
	return rc;
}

static void
a_policy_is_loaded_whole_or_not_at_all(void **state)
{
	const struct fault_case c = {.run = run_load};
	(void)state;
	char path[FIXTURE_PATH_MAX];
	memcpy(path, fixture_write("policy.yaml", rules), sizeof(path));
	(void)faults_each(FAULT_MEMORY, &c, path);
	(void)faults_each(FAULT_SYSTEM, &c, path);
}

static void
a_folder_of_policies_is_loaded_whole_or_not_at_all(void **state)
{
	const struct fault_case c = {.run = run_load};
	char folder[FIXTURE_PATH_MAX];
	(void)state;
	fixture_clear();
	(void)fixture_write("10.yaml", rules);
	(void)fixture_write("20.yaml", "rules: []\n");
	memcpy(folder, fixture_folder(), sizeof(folder));
	(void)faults_each(FAULT_MEMORY, &c, folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_policy_is_loaded_whole_or_not_at_all),
	    cmocka_unit_test(a_folder_of_policies_is_loaded_whole_or_not_at_all),
	};
	faults_init();
	return cmocka_run_group_tests_name(
	    "policy without memory", tests, fixture_setup, fixture_teardown);
}
