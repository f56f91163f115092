/* Which machine accounts get which role, and what is said about rules that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/machines.h"

#define GROUP "S-1-5-21-1-2-3-1500"

/* The directory, made up. */
static enum fas_code group_code;
static unsigned group_calls;

enum fas_code
directory_group(struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	(void)directory;
	group_calls++;
	if (group_code != FAS_OK)
		return fas_fail(e, group_code, "made_up", "%s", name);
	if (strcmp(name, "CORP\\VDI Hosts") != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "group_not_found", "%s", name);
	return sid_parse(GROUP, out, e);
}

enum fas_code
directory_check_dn(const char *text, struct fas_err *e)
{
	return strncmp(text, "OU=", 3) == 0 ? FAS_OK
					    : fas_fail(e, FAS_E_INPUT, "dn_malformed", "made up");
}

bool
machine_is_below(const struct machine *machine, const char *container)
{
	(void)machine;
	return strcmp(container, "OU=VDI,DC=corp") == 0;
}

bool
account_is_member(const struct account *account, const struct sid *sid)
{
	return account->n_groups == 1 && sid_equal(account->groups, sid);
}

static struct yaml_doc *doc;

static struct machines *
load(const char *text)
{
	struct machines *machines = NULL;
	struct fas_err e = {0};
	yaml_doc_free(doc);
	doc = NULL;
	assert_int_equal(yaml_parse("m.yaml", text, strlen(text), &doc, &e), FAS_OK);
	if (machines_load(yaml_root(doc), &machines, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return machines;
}

/* The role of CORP\VDA1$, vda1.vdi.corp.example.com, in one group; ROLE_NONE with its reason. */
static enum caller_role
decide(struct machines *machines, const char *reason)
{
	struct sid sid;
	struct fas_err e = {0};
	enum caller_role role = ROLE_HOST;
	static char domain[] = "corp.example.com", netbios[] = "CORP";
	assert_int_equal(sid_parse(GROUP, &sid, &e), FAS_OK);
	struct account account = {.domain = domain,
	    .netbios = netbios,
	    .sam_account_name = "VDA1$",
	    .groups = &sid,
	    .n_groups = 1};
	const struct machine machine = {&account, "vda1.vdi.corp.example.com"};
	enum fas_code rc = machines_decide(machines, NULL, &machine, &role, &e);
	assert_string_equal(e.reason, reason);
	assert_int_equal(rc == FAS_OK, reason[0] == 0);
	return role;
}

static void
expect(const char *text, enum caller_role role)
{
	OWN(machines) struct machines *machines = load(text);
	assert_int_equal(decide(machines, role == ROLE_NONE ? "machine_no_rule" : ""), role);
}

static int
set_up(void **state)
{
	(void)state;
	group_code = FAS_OK;
	group_calls = 0;
	return 0;
}

static void
an_account_is_named_with_its_domain(void **state)
{
	(void)state;
	expect("[{role: storefront, accounts: ['CORP\\VDA1$']}]", ROLE_STOREFRONT);
	expect("[{role: host, accounts: ['x\\y$', 'vda1$@Corp.Example.com']}]", ROLE_HOST);
	expect("[{role: host, accounts: ['OTHER\\VDA1$']}]", ROLE_NONE);
	expect("[{role: host, accounts: ['CORP\\VDA11$']}]", ROLE_NONE);
	expect("[{role: host, accounts: ['vda1$@other.example.com']}]", ROLE_NONE);
	expect("[{role: host, accounts: ['vda$@corp.example.com']}]", ROLE_NONE);
}

static void
a_group_a_unit_or_a_name_decides(void **state)
{
	(void)state;
	expect("[{role: host, groups: ['CORP\\VDI Hosts']}]", ROLE_HOST);
	expect("[{role: host, groups: ['CORP\\No Such Group']}]", ROLE_NONE);
	expect("[{role: host, ou: 'OU=VDI,DC=corp'}]", ROLE_HOST);
	expect("[{role: host, ou: 'OU=Other,DC=corp'}]", ROLE_NONE);
	expect(
	    "[{role: host, ou: 'OU=VDI,DC=corp', names: ['*.vdi.corp.example.com']}]", ROLE_HOST);
	expect(
	    "[{role: host, ou: 'OU=VDI,DC=corp', names: ['*.srv.corp.example.com']}]", ROLE_NONE);
}

static void
every_condition_of_a_rule_must_fit_and_the_first_rule_wins(void **state)
{
	(void)state;
	expect(
	    "[{role: host, accounts: ['CORP\\VDA1$'], groups: ['CORP\\Nobody']},"
	    " {role: storefront, groups: ['CORP\\VDI Hosts']}, {role: host, ou: 'OU=VDI,DC=corp'}]",
	    ROLE_STOREFRONT);
}

static void
without_a_rule_nobody_is_anything(void **state)
{
	(void)state;
	expect("[]", ROLE_NONE);
}

static void
a_group_is_asked_for_once_and_an_unknown_one_again(void **state)
{
	(void)state;
	OWN(machines)
	struct machines *machines = load("[{role: host, groups: ['CORP\\VDI Hosts']}]");
	assert_int_equal(decide(machines, ""), ROLE_HOST);
	assert_int_equal(decide(machines, ""), ROLE_HOST);
	assert_int_equal(group_calls, 1);
	OWN(machines) struct machines *unknown = load("[{role: host, groups: ['CORP\\Nobody']}]");
	assert_int_equal(decide(unknown, "machine_no_rule"), ROLE_NONE);
	assert_int_equal(decide(unknown, "machine_no_rule"), ROLE_NONE);
	assert_int_equal(group_calls, 3);
}

static void
a_directory_that_is_away_gives_no_role_and_no_verdict(void **state)
{
	(void)state;
	OWN(machines)
	struct machines *machines = load("[{role: host, groups: ['CORP\\VDI Hosts']}]");
	group_code = FAS_E_UNAVAILABLE;
	assert_int_equal(decide(machines, "made_up"), ROLE_NONE);
	group_code = FAS_OK;
	assert_int_equal(decide(machines, ""), ROLE_HOST);
}

static void
each_wrong_rule_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
	    {"[{role: host}]", "at least one of"},
	    {"[{role: host, names: [a.b]}]", "at least one of"},
	    {"[{accounts: ['C\\a$']}]", "role"},
	    {"[{role: hosts, ou: 'OU=a'}]", "did you mean \"host\""},
	    {"[{role: host, accounts: ['VDA1$']}]", "m.yaml:1:26: error: \"VDA1$\""},
	    {"[{role: host, accounts: ['C\\alice']}]", "no machine account"},
	    {"[{role: host, accounts: ['\\a$']}]", "no machine account"},
	    {"[{role: host, accounts: ['C\\$']}]", "no machine account"},
	    {"[{role: host, accounts: ['a$@b_c']}]", "no machine account"},
	    {"[{role: host, accounts: []}]", "want 1 to"},
	    {"[{role: host, accounts: 'C\\a$'}]", "m.yaml:1:"},
	    {"[{role: host, ou: 'VDI'}]", "no distinguished name"},
	    {"[{role: host, ou: 'OU=a', names: ['a*']}]", "no host name"},
	    {"[{role: host, ou: 'OU=a', group: [b]}]", "did you mean \"groups\""},
	    {"[x]", "m.yaml:1:2"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		OWN(yaml) struct yaml_doc *bad = NULL;
		struct machines *machines = NULL;
		struct fas_err e = {0};
		assert_int_equal(
		    yaml_parse("m.yaml", wrong[i].text, strlen(wrong[i].text), &bad, &e), FAS_OK);
		assert_int_equal(machines_load(yaml_root(bad), &machines, &e), FAS_E_CONFIG);
		assert_null(machines);
		if (!strstr(e.message, wrong[i].says))
			fail_msg("%s: %s", wrong[i].text, e.message);
	}
}

static void
only_one_plain_component_that_ends_in_a_dollar_is_a_machine(void **state)
{
	static const char *const others[] = {"alice@CORP.EXAMPLE.COM", "host/vda1@CORP.EXAMPLE.COM",
	    "HTTP/vda1$@CORP.EXAMPLE.COM", "VDA1$", "$@CORP.EXAMPLE.COM", "VDA1$@", "VDA1$x@CORP",
	    "VDA1\\$@CORP", "VDA1$@CORP@OTHER", "VDA 1$@CORP", "VDA1$@CORP/X", "VDA1$$@CORP",
	    "V\xc3\x84$@CORP", "", "@", "VDA1$@CORP\\@X"};
	char sam[SAM_ACCOUNT_NAME_MAX], realm[HOSTNAME_MAX + 1];
	(void)state;
	assert_true(machine_principal_parse("VDA-1.x$@CORP.EXAMPLE.COM", sam, realm));
	assert_string_equal(sam, "VDA-1.x$");
	assert_string_equal(realm, "CORP.EXAMPLE.COM");
	for (size_t i = 0; i < NELEMS(others); i++) {
		if (machine_principal_parse(others[i], sam, realm))
			fail_msg("%s", others[i]);
	}
}

static void
a_name_that_fills_its_room_is_refused_not_cut(void **state)
{
	char sam[SAM_ACCOUNT_NAME_MAX], realm[HOSTNAME_MAX + 1], text[700];
	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + SAM_ACCOUNT_NAME_MAX - 2, "$@X", 4);
	assert_true(machine_principal_parse(text, sam, realm));
	memset(text, 'a', sizeof(text));
	memcpy(text + SAM_ACCOUNT_NAME_MAX - 1, "$@X", 4);
	assert_false(machine_principal_parse(text, sam, realm));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(an_account_is_named_with_its_domain, set_up),
	    cmocka_unit_test_setup(a_group_a_unit_or_a_name_decides, set_up),
	    cmocka_unit_test_setup(
		every_condition_of_a_rule_must_fit_and_the_first_rule_wins, set_up),
	    cmocka_unit_test_setup(without_a_rule_nobody_is_anything, set_up),
	    cmocka_unit_test_setup(a_group_is_asked_for_once_and_an_unknown_one_again, set_up),
	    cmocka_unit_test_setup(a_directory_that_is_away_gives_no_role_and_no_verdict, set_up),
	    cmocka_unit_test(each_wrong_rule_is_named_with_its_place),
	    cmocka_unit_test(only_one_plain_component_that_ends_in_a_dollar_is_a_machine),
	    cmocka_unit_test(a_name_that_fills_its_room_is_refused_not_cut),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	yaml_doc_free(doc);
	return failed;
}
