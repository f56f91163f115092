/* Attribute values to struct account: each flag and each boundary. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/ldap/ldap_fixture.h"

#define TICKS_OF(unix_s) (((unix_s) + INT64_C(11644473600)) * INT64_C(10000000))

static struct account *
build(const struct fake *fake)
{
	struct account *account = NULL;
	struct fas_err e = {0};
	if (account_build(&fake->entry, &fake_domain, FAKE_NOW, &account, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return account;
}

static void
expect_refused(const struct fake *fake, enum fas_code code, const char *reason)
{
	struct account *account = NULL;
	struct fas_err e = {0};
	assert_int_equal(account_build(&fake->entry, &fake_domain, FAKE_NOW, &account, &e), code);
	assert_string_equal(e.reason, reason);
	assert_null(account);
}

static void
expect_state(const struct fake *fake, const char *reason)
{
	OWN(account) struct account *account = build(fake);
	struct fas_err e = {0};
	enum fas_code rc = account_check(account, &e);
	assert_int_equal(rc, reason ? FAS_E_DENIED : FAS_OK);
	assert_string_equal(e.reason, reason ? reason : "");
}

static void
ordinary_account_is_read_whole(void **state)
{
	struct fake fake;
	char text[SID_TEXT_MAX];
	(void)state;
	fake_alice(&fake);
	OWN(account) struct account *a = build(&fake);
	assert_string_equal(a->dn_text, "CN=alice,CN=Users,DC=corp,DC=example,DC=com");
	assert_int_equal(a->dn.n, 5);
	assert_string_equal(sid_format(&a->sid, text), FAKE_SID);
	assert_memory_equal(a->guid.bytes, "0123456789abcdef", 16);
	assert_string_equal(a->upn, "alice@corp.example.com");
	assert_false(a->upn_is_implicit);
	assert_string_equal(a->sam_account_name, "alice");
	assert_string_equal(a->domain, "corp.example.com");
	assert_string_equal(a->realm, "CORP.EXAMPLE.COM");
	assert_string_equal(a->netbios, "CORP");
	assert_int_equal(a->n_groups, 3);
	assert_false(a->disabled || a->locked || a->expired || a->password_expired ||
		     a->smartcard_required || a->admin_count || a->privileged);
	expect_state(&fake, NULL);
}

static void
account_without_upn_gets_the_implicit_one(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_remove(&fake, "userPrincipalName");
	OWN(account) struct account *a = build(&fake);
	assert_string_equal(a->upn, "alice@corp.example.com");
	assert_true(a->upn_is_implicit);
}

/* No logon depends on it but where a profile wants it. */
static void
mail_is_read_and_a_strange_one_counts_as_none(void **state)
{
	struct fake fake;
	char longer[300] = "";
	(void)state;
	fake_alice(&fake);
	OWN(account) struct account *without = build(&fake);
	assert_null(without->mail);
	fake_set(&fake, "mail", "alice.lab@corp.example.com");
	OWN(account) struct account *with = build(&fake);
	assert_string_equal(with->mail, "alice.lab@corp.example.com");
	memset(longer, 'a', sizeof(longer) - 1);
	fake_set(&fake, "mail", longer);
	OWN(account) struct account *strange = build(&fake);
	assert_null(strange->mail);
	fake_set_bytes(&fake, "mail", "a\0b@corp.example.com", 20);
	OWN(account) struct account *broken = build(&fake);
	assert_null(broken->mail);
}

static void
groups_are_found_after_sorting(void **state)
{
	static const char *const members[] = {
	    FAKE_SID, "S-1-5-21-1-2-3-1500", "S-1-5-21-1-2-3-513", "S-1-5-32-545"};
	static const char *const others[] = {
	    "S-1-5-21-1-2-3-1501", "S-1-5-21-1-2-4-1500", "S-1-5-32-544", "S-1-5-21-1-2-3"};
	struct fake fake;
	struct sid sid;
	(void)state;
	fake_alice(&fake);
	OWN(account) struct account *a = build(&fake);
	for (size_t i = 0; i < NELEMS(members); i++) {
		assert_int_equal(sid_parse(members[i], &sid, NULL), FAS_OK);
		assert_true(account_is_member(a, &sid));
		assert_int_equal(sid_parse(others[i], &sid, NULL), FAS_OK);
		assert_false(account_is_member(a, &sid));
	}
	assert_false(account_is_member(a, &(struct sid){0}));
}

static void
disabled_account_is_denied(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "userAccountControl", "514");
	expect_state(&fake, "account_disabled");
	fake_set(&fake, "userAccountControl", "-2147483134"); /* the sign bit and 0x202 */
	expect_state(&fake, "account_disabled");
}

static void
smartcard_required_is_told(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "userAccountControl", "262656");
	OWN(account) struct account *a = build(&fake);
	assert_true(a->smartcard_required);
	assert_false(a->disabled);
}

static void
locked_account_is_denied(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "msDS-User-Account-Control-Computed", "16");
	fake_set(&fake, "lockoutTime", "134398772000000000");
	expect_state(&fake, "account_locked");
}

static void
locked_bit_with_unreadable_lockout_time_is_denied(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "msDS-User-Account-Control-Computed", "16");
	expect_state(&fake, "account_locked");
}

static void
lockout_that_is_over_does_not_count(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "lockoutTime", "134398772000000000");
	expect_state(&fake, NULL);
	fake_set(&fake, "lockoutTime", "0");
	fake_set(&fake, "msDS-User-Account-Control-Computed", "16");
	expect_state(&fake, NULL);
}

static void
expired_password_is_told_but_no_refusal(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "msDS-User-Account-Control-Computed", "8388608");
	OWN(account) struct account *a = build(&fake);
	assert_true(a->password_expired);
	expect_state(&fake, NULL);
}

static void
expect_expiry(int64_t ticks, const char *reason)
{
	struct fake fake;
	char text[32];
	fake_alice(&fake);
	(void)snprintf(text, sizeof(text), "%lld", (long long)ticks);
	fake_set(&fake, "accountExpires", text);
	expect_state(&fake, reason);
}

static void
account_expires_at_its_second(void **state)
{
	(void)state;
	expect_expiry(TICKS_OF(FAKE_NOW + 1), NULL);
	expect_expiry(TICKS_OF(FAKE_NOW), "account_expired");
	expect_expiry(TICKS_OF(FAKE_NOW - 1), "account_expired");
	expect_expiry(1, "account_expired");
}

static void
both_forms_of_never_mean_never(void **state)
{
	(void)state;
	expect_expiry(0, NULL);
	expect_expiry(INT64_MAX, NULL);
	expect_expiry(INT64_MAX - 1, NULL);
}

static void
numbers_out_of_shape_are_refused(void **state)
{
	static const char *const bad[] = {
	    "", "-1", "12x", "0x10", " 1", "9223372036854775808", "007"};
	struct fake fake;
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		fake_alice(&fake);
		fake_set(&fake, "accountExpires", bad[i]);
		expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	}
}

static void
absent_attributes_that_decide_are_never_taken_for_harmless(void **state)
{
	static const char *const needed[] = {"objectSid", "objectGUID", "sAMAccountName",
	    "userAccountControl", "msDS-User-Account-Control-Computed", "accountExpires",
	    "tokenGroups"};
	struct fake fake;
	(void)state;
	for (size_t i = 0; i < NELEMS(needed); i++) {
		fake_alice(&fake);
		fake_remove(&fake, needed[i]);
		expect_refused(&fake, FAS_E_UNAVAILABLE, "directory_incomplete");
	}
}

static void
part_of_token_groups_is_not_taken_for_all(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_remove(&fake, "tokenGroups");
	fake_add_sid(&fake, "tokenGroups;range=0-1499", "S-1-5-21-1-2-3-513");
	expect_refused(&fake, FAS_E_UNAVAILABLE, "directory_incomplete");
}

static void
second_value_of_a_single_valued_attribute_is_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_add_bytes(&fake, "userPrincipalName", "bob@corp.example.com", 20);
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	fake_alice(&fake);
	fake_add_sid(&fake, "objectSid", "S-1-5-21-1-2-3-500");
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
}

static void
names_with_bad_bytes_are_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set_bytes(&fake, "sAMAccountName", "al\0ice", 6);
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	fake_alice(&fake);
	fake_set(&fake, "sAMAccountName", "al\xff");
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	fake_alice(&fake);
	fake_set(&fake, "userPrincipalName", "al\xe2\x80\xae@corp.example.com");
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
}

static void
upn_that_is_no_upn_is_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "userPrincipalName", "Administrator");
	expect_refused(&fake, FAS_E_DENIED, "upn_malformed");
	fake_set(&fake, "userPrincipalName", "a@b@corp.example.com");
	expect_refused(&fake, FAS_E_DENIED, "upn_malformed");
}

static void
sam_account_name_is_bounded(void **state)
{
	struct fake fake;
	char name[SAM_ACCOUNT_NAME_MAX + 1];
	(void)state;
	memset(name, 'a', sizeof(name));
	fake_alice(&fake);
	fake_set_bytes(&fake, "sAMAccountName", name, SAM_ACCOUNT_NAME_MAX);
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
}

static void
binary_ids_of_wrong_length_are_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set_bytes(&fake, "objectGUID", "0123456789abcde", 15);
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	fake_alice(&fake);
	fake_set(&fake, "objectSid", "S-1-5-21-1-2-3-1103");
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
	fake_alice(&fake);
	fake_add_bytes(&fake, "tokenGroups", "x", 1);
	expect_refused(&fake, FAS_E_DENIED, "entry_malformed");
}

static void
dn_of_several_valued_rdn_is_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake.entry.dn = "CN=alice+UID=1,DC=com";
	expect_refused(&fake, FAS_E_DENIED, "dn_malformed");
}

static void
computers_and_managed_service_accounts_are_refused(void **state)
{
	static const char *const classes[] = {
	    "computer", "msDS-GroupManagedServiceAccount", "msDS-managedServiceAccount"};
	struct fake fake;
	(void)state;
	for (size_t i = 0; i < NELEMS(classes); i++) {
		fake_alice(&fake);
		fake_add_bytes(&fake, "objectClass", classes[i], strlen(classes[i]));
		expect_refused(&fake, FAS_E_DENIED, "account_kind");
	}
}

static void
other_kinds_of_account_are_refused(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "sAMAccountType", "805306369");
	expect_refused(&fake, FAS_E_DENIED, "account_kind");
	fake_remove(&fake, "sAMAccountType");
	expect_refused(&fake, FAS_E_DENIED, "account_kind");
	fake_alice(&fake);
	fake_set(&fake, "objectClass", "group");
	expect_refused(&fake, FAS_E_DENIED, "account_kind");
}

static void
inet_org_person_is_a_user(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_add_bytes(&fake, "objectClass", "inetOrgPerson", 13);
	expect_state(&fake, NULL);
}

static void
disabled_comes_before_expired_before_locked(void **state)
{
	const struct account all = {.disabled = true, .expired = true, .locked = true};
	const struct account two = {.expired = true, .locked = true};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(account_check(&all, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "account_disabled");
	fas_err_clear(&e);
	assert_int_equal(account_check(&two, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "account_expired");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ordinary_account_is_read_whole),
	    cmocka_unit_test(account_without_upn_gets_the_implicit_one),
	    cmocka_unit_test(mail_is_read_and_a_strange_one_counts_as_none),
	    cmocka_unit_test(groups_are_found_after_sorting),
	    cmocka_unit_test(disabled_account_is_denied),
	    cmocka_unit_test(smartcard_required_is_told),
	    cmocka_unit_test(locked_account_is_denied),
	    cmocka_unit_test(locked_bit_with_unreadable_lockout_time_is_denied),
	    cmocka_unit_test(lockout_that_is_over_does_not_count),
	    cmocka_unit_test(expired_password_is_told_but_no_refusal),
	    cmocka_unit_test(account_expires_at_its_second),
	    cmocka_unit_test(both_forms_of_never_mean_never),
	    cmocka_unit_test(numbers_out_of_shape_are_refused),
	    cmocka_unit_test(absent_attributes_that_decide_are_never_taken_for_harmless),
	    cmocka_unit_test(part_of_token_groups_is_not_taken_for_all),
	    cmocka_unit_test(second_value_of_a_single_valued_attribute_is_refused),
	    cmocka_unit_test(names_with_bad_bytes_are_refused),
	    cmocka_unit_test(upn_that_is_no_upn_is_refused),
	    cmocka_unit_test(sam_account_name_is_bounded),
	    cmocka_unit_test(binary_ids_of_wrong_length_are_refused),
	    cmocka_unit_test(dn_of_several_valued_rdn_is_refused),
	    cmocka_unit_test(computers_and_managed_service_accounts_are_refused),
	    cmocka_unit_test(other_kinds_of_account_are_refused),
	    cmocka_unit_test(inet_org_person_is_a_user),
	    cmocka_unit_test(disabled_comes_before_expired_before_locked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
