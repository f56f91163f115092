/* Claims against the account, and which accounts are privileged. */
#include "ldap/privileged.h"
#include "tests/unit/ldap/ldap_fixture.h"

static struct account *
build(const struct fake *fake)
{
	struct account *account = NULL;
	struct fas_err e = {0};
	if (account_build(&fake->entry, &fake_domain, FAKE_NOW, &account, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return account;
}

/* ---- matching ---- */

static void
expect_match(const struct fake *fake, const struct directory_claims *claims, const char *reason)
{
	OWN(account) struct account *account = build(fake);
	struct fas_err e = {0};
	enum fas_code rc = account_match(account, claims, &e);
	assert_int_equal(rc, reason ? FAS_E_DENIED : FAS_OK);
	assert_string_equal(e.reason, reason ? reason : "");
}

static void
every_claim_that_is_present_has_to_agree(void **state)
{
	struct fake fake;
	struct sid right, wrong;
	struct guid same, other;
	static const struct sid no_sid;
	static const struct guid no_guid;
	const char *upn = "ALICE@corp.EXAMPLE.com", *bob = "bob@corp.example.com";
	(void)state;
	fake_alice(&fake);
	assert_int_equal(sid_parse(FAKE_SID, &right, NULL), FAS_OK);
	assert_int_equal(sid_parse("S-1-5-21-1-2-3-1104", &wrong, NULL), FAS_OK);
	assert_int_equal(
	    guid_from_bytes((const uint8_t *)"0123456789abcdef", 16, &same, NULL), FAS_OK);
	assert_int_equal(
	    guid_from_bytes((const uint8_t *)"0123456789abcdeF", 16, &other, NULL), FAS_OK);
	const struct {
		const struct sid *sid;
		const char *upn;
		const struct guid *guid;
		const char *reason;
	} rows[] = {
	    {&right, NULL, NULL, NULL},
	    {NULL, upn, NULL, NULL},
	    {NULL, NULL, &same, NULL},
	    {&right, upn, &same, NULL},
	    {&wrong, upn, &same, "claim_sid_mismatch"},
	    {&right, bob, &same, "claim_upn_mismatch"},
	    {&right, upn, &other, "claim_guid_mismatch"},
	    {&right, "alice@corp.example.com.", NULL, "claim_upn_mismatch"},
	    {&no_sid, upn, NULL, "claim_sid_mismatch"},
	    {NULL, upn, &no_guid, "claim_guid_mismatch"},
	};
	for (size_t i = 0; i < NELEMS(rows); i++) {
		const struct directory_claims claims = {
		    .sid = rows[i].sid, .upn = rows[i].upn, .guid = rows[i].guid};
		expect_match(&fake, &claims, rows[i].reason);
	}
}

/* Nobody is found by them, and each has to agree; what the account has not agrees with nothing. */
static void
email_forest_and_domain_have_to_agree(void **state)
{
	struct fake fake;
	(void)state;
	const struct {
		const char *email, *forest, *domain, *reason;
	} rows[] = {
	    {"Alice@mail.EXAMPLE.com", NULL, NULL, NULL},
	    {"bob@mail.example.com", NULL, NULL, "claim_email_mismatch"},
	    {NULL, "CORP.example.com", NULL, NULL},
	    {NULL, "example.com", NULL, "claim_forest_mismatch"},
	    {NULL, NULL, "Corp.Example.Com", NULL},
	    {NULL, NULL, "corp", NULL},
	    {NULL, NULL, "lab", "claim_domain_mismatch"},
	    {"", NULL, NULL, "claim_email_mismatch"},
	};
	for (size_t i = 0; i < NELEMS(rows); i++) {
		const struct directory_claims claims = {
		    .email = rows[i].email, .forest = rows[i].forest, .domain = rows[i].domain};
		fake_alice(&fake);
		fake_set(&fake, "mail", "alice@mail.example.com");
		expect_match(&fake, &claims, rows[i].reason);
	}
	const struct directory_claims claims = {.email = "alice@mail.example.com"};
	fake_alice(&fake);
	fake_remove(&fake, "mail");
	expect_match(&fake, &claims, "claim_email_mismatch");
}

static void
implicit_name_agrees_only_without_an_explicit_one(void **state)
{
	struct fake fake;
	const struct directory_claims claims = {.upn = "Alice@corp.example.com"};
	(void)state;
	fake_alice(&fake);
	fake_remove(&fake, "userPrincipalName");
	expect_match(&fake, &claims, NULL);
	fake_set(&fake, "userPrincipalName", "a.smith@corp.example.com");
	expect_match(&fake, &claims, "claim_upn_mismatch");
}

/* ---- privileged ---- */

static bool
is_privileged(const struct fake *fake, const char *special)
{
	OWN(account) struct account *account = build(fake);
	struct sid sid = {0};
	if (special)
		assert_int_equal(sid_parse(special, &sid, NULL), FAS_OK);
	return account_is_privileged(account, &sid, 1);
}

static void
ordinary_account_is_not_privileged(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	assert_false(is_privileged(&fake, NULL));
	assert_false(is_privileged(&fake, "S-1-5-21-1-2-3-1200"));
}

static void
members_of_powerful_groups_are_privileged(void **state)
{
	static const char *const groups[] = {"S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-517",
	    "S-1-5-21-7-8-9-518", "S-1-5-21-7-8-9-519", "S-1-5-21-1-2-3-520", "S-1-5-21-1-2-3-526",
	    "S-1-5-21-7-8-9-527", "S-1-5-32-544", "S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-550",
	    "S-1-5-32-551"};
	struct fake fake;
	(void)state;
	for (size_t i = 0; i < NELEMS(groups); i++) {
		fake_alice(&fake);
		fake_add_sid(&fake, "tokenGroups", groups[i]);
		assert_true(is_privileged(&fake, NULL));
	}
}

static void
similar_sids_are_not_taken_for_powerful_groups(void **state)
{
	static const char *const groups[] = {"S-1-5-21-1-2-3-514", "S-1-5-32-512", "S-1-5-32-546",
	    "S-1-5-21-1-2-3-4-512", "S-1-4-21-1-2-3-512", "S-1-5-21-1-2-3-544"};
	struct fake fake;
	(void)state;
	for (size_t i = 0; i < NELEMS(groups); i++) {
		fake_alice(&fake);
		fake_add_sid(&fake, "tokenGroups", groups[i]);
		assert_false(is_privileged(&fake, NULL));
	}
}

static void
admin_count_low_rid_and_special_sids_are_privileged(void **state)
{
	struct fake fake;
	(void)state;
	fake_alice(&fake);
	fake_set(&fake, "adminCount", "1");
	assert_true(is_privileged(&fake, NULL));
	fake_set(&fake, "adminCount", "0");
	assert_false(is_privileged(&fake, NULL));
	assert_true(is_privileged(&fake, "S-1-5-21-1-2-3-1500")); /* a group: DnsAdmins */
	assert_true(is_privileged(&fake, FAKE_SID));              /* itself: fasd's own */
	fake_remove(&fake, "objectSid");
	fake_add_sid(&fake, "objectSid", "S-1-5-21-1-2-3-999");
	assert_true(is_privileged(&fake, NULL));
	fake_remove(&fake, "objectSid");
	fake_add_sid(&fake, "objectSid", "S-1-5-21-1-2-3-1000");
	assert_false(is_privileged(&fake, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_claim_that_is_present_has_to_agree),
	    cmocka_unit_test(email_forest_and_domain_have_to_agree),
	    cmocka_unit_test(implicit_name_agrees_only_without_an_explicit_one),
	    cmocka_unit_test(ordinary_account_is_not_privileged),
	    cmocka_unit_test(members_of_powerful_groups_are_privileged),
	    cmocka_unit_test(similar_sids_are_not_taken_for_powerful_groups),
	    cmocka_unit_test(admin_count_low_rid_and_special_sids_are_privileged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
