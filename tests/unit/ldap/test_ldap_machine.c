/* Machine accounts: which entries are one, under which name, and in which state. */
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "ldap/machine.h"
#include "tests/unit/ldap/ldap_fixture.h"

static void
fake_vda(struct fake *fake)
{
	fake_alice(fake);
	(void)snprintf(
	    fake->dn, sizeof(fake->dn), "CN=VDA1,OU=Pool 1,OU=VDI,DC=corp,DC=example,DC=com");
	fake_add_bytes(fake, "objectClass", "computer", 8);
	fake_remove(fake, "userPrincipalName");
	fake_set(fake, "sAMAccountName", "VDA1$");
	fake_set(fake, "sAMAccountType", "805306369");
	fake_set(fake, "userAccountControl", "4096");
	fake_set(fake, "dNSHostName", "vda1.vdi.corp.example.com");
}

static void
expect(const struct fake *fake, enum fas_code code, const char *reason)
{
	OWN(machine) struct machine machine = {0};
	struct fas_err e = {0};
	enum fas_code rc = machine_build(&fake->entry, &fake_domain, FAKE_NOW, &machine, &e);
	if (rc == FAS_OK)
		rc = machine_check(&machine, &e);
	assert_string_equal(e.reason, reason);
	assert_int_equal(rc, code);
}

static void
a_computer_is_read_with_its_name_and_groups(void **state)
{
	struct fake fake;
	struct fas_err e = {0};
	OWN(machine) struct machine machine = {0};
	(void)state;
	fake_vda(&fake);
	assert_int_equal(machine_build(&fake.entry, &fake_domain, FAKE_NOW, &machine, &e), FAS_OK);
	assert_string_equal(machine.dns_name, "vda1.vdi.corp.example.com");
	assert_string_equal(machine.account->sam_account_name, "VDA1$");
	assert_int_equal(machine.account->n_groups, 3);
	expect(&fake, FAS_OK, "");
}

static void
what_is_no_workstation_or_server_is_refused(void **state)
{
	static const struct {
		const char *attribute, *value;
	} wrong[] = {{"objectClass", "user"}, {"sAMAccountType", "805306368"},
	    {"userAccountControl", "512"}, {"userAccountControl", "532480"},
	    {"userAccountControl", "2048"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct fake fake;
		fake_vda(&fake);
		fake_set(&fake, wrong[i].attribute, wrong[i].value);
		expect(&fake, FAS_E_DENIED, "machine_kind");
	}
}

static void
a_managed_service_account_is_no_machine(void **state)
{
	static const char gmsa[] = "msDS-GroupManagedServiceAccount";
	struct fake fake;
	(void)state;
	fake_vda(&fake);
	fake_add_bytes(&fake, "objectClass", gmsa, sizeof(gmsa) - 1);
	expect(&fake, FAS_E_DENIED, "machine_kind");
}

static void
a_name_must_be_a_full_host_name_of_the_account_itself(void **state)
{
	static const struct {
		const char *sam, *dns;
		bool good;
	} names[] = {
	    {"VDA1$", "VDA1.corp.example.com", true},
	    {"VDA1$", "vda2.corp.example.com", false},
	    {"VDA1$", "vda11.corp.example.com", false},
	    {"VDA1$", "vda.corp.example.com", false},
	    {"VDA1$", "vda1", false},
	    {"VDA1$", "vda1.corp_.example.com", false},
	    {"VDA1", "vda1.corp.example.com", false},
	    {"$", "vda1.corp.example.com", false},
	    {"ABCDEFGHIJKLMNO$", "abcdefghijklmnopq.corp.example.com", true},
	    {"ABCDEFGHIJKLMN$", "abcdefghijklmno.corp.example.com", false},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(names); i++) {
		struct fake fake;
		fake_vda(&fake);
		fake_set(&fake, "sAMAccountName", names[i].sam);
		fake_set(&fake, "dNSHostName", names[i].dns);
		expect(&fake, names[i].good ? FAS_OK : FAS_E_DENIED,
		    names[i].good ? "" : "machine_name");
	}
}

static void
a_machine_without_a_name_is_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_vda(&fake);
	fake_remove(&fake, "dNSHostName");
	expect(&fake, FAS_E_DENIED, "machine_name");
}

static void
each_state_that_stops_an_account_stops_a_machine(void **state)
{
	struct fake fake;
	(void)state;
	fake_vda(&fake);
	fake_set(&fake, "userAccountControl", "4098");
	expect(&fake, FAS_E_DENIED, "machine_disabled");
	fake_vda(&fake);
	fake_set(&fake, "accountExpires", "132000000000000000");
	expect(&fake, FAS_E_DENIED, "machine_expired");
	fake_vda(&fake);
	fake_set(&fake, "msDS-User-Account-Control-Computed", "16");
	expect(&fake, FAS_E_DENIED, "machine_locked");
}

static void
an_attribute_that_decides_and_is_not_there_is_no_permission(void **state)
{
	static const char *const needed[] = {
	    "userAccountControl", "msDS-User-Account-Control-Computed", "tokenGroups", "objectSid"};
	(void)state;
	for (size_t i = 0; i < NELEMS(needed); i++) {
		struct fake fake;
		fake_vda(&fake);
		fake_remove(&fake, needed[i]);
		expect(&fake, FAS_E_UNAVAILABLE, "directory_incomplete");
	}
}

static void
a_container_holds_what_lies_below_it_and_nothing_else(void **state)
{
	struct fake fake;
	struct fas_err e = {0};
	OWN(machine) struct machine machine = {0};
	(void)state;
	fake_vda(&fake);
	assert_int_equal(machine_build(&fake.entry, &fake_domain, FAKE_NOW, &machine, &e), FAS_OK);
	assert_true(machine_is_below(&machine, "ou=vdi,DC=corp,DC=example,DC=com"));
	assert_false(machine_is_below(&machine, "OU=Pool 2,OU=VDI,DC=corp,DC=example,DC=com"));
	assert_false(machine_is_below(&machine, "OU=VDI,DC=example,DC=com"));
	assert_false(machine_is_below(&machine, "OU=VDI"));
	assert_false(machine_is_below(&machine, ""));
	assert_false(machine_is_below(&machine, "no name"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_computer_is_read_with_its_name_and_groups),
	    cmocka_unit_test(what_is_no_workstation_or_server_is_refused),
	    cmocka_unit_test(a_managed_service_account_is_no_machine),
	    cmocka_unit_test(a_name_must_be_a_full_host_name_of_the_account_itself),
	    cmocka_unit_test(a_machine_without_a_name_is_refused),
	    cmocka_unit_test(each_state_that_stops_an_account_stops_a_machine),
	    cmocka_unit_test(an_attribute_that_decides_and_is_not_there_is_no_permission),
	    cmocka_unit_test(a_container_holds_what_lies_below_it_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
