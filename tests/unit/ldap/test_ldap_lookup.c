/* Who bears a UPN: the one account, or several that a KDC could take for each other. */
#include <string.h>

#include "ldap/lookup.h"
#include "tests/unit/ldap/ldap_fixture.h"

#define UPN "alice@corp.example.com"

static struct bearers
count(struct domain *domain, const struct fake *fakes, size_t n, bool more)
{
	struct entries entries = {.n = n, .more = more};
	struct bearers bearers = {0};
	domain->config = fake_domain;
	for (size_t i = 0; i < n; i++)
		entries.items[i] = fakes[i].entry;
	lookup_count(&bearers, domain, &entries, UPN);
	return bearers;
}

/* Fakes point into themselves, so they are made where they stay. */
static void
make(struct fake *fake, const char *upn, const char *sam)
{
	fake_alice(fake);
	fake_set(fake, "sAMAccountName", sam);
	if (upn)
		fake_set(fake, "userPrincipalName", upn);
	else
		fake_remove(fake, "userPrincipalName");
}

static void
explicit_name_is_found(void **state)
{
	static struct domain domain;
	struct fake fakes[1];
	(void)state;
	make(&fakes[0], "ALICE@CORP.EXAMPLE.COM", "a4711");
	struct bearers b = count(&domain, fakes, 1, false);
	assert_int_equal(b.n, 1);
	assert_ptr_equal(b.domain, &domain);
}

static void
implicit_name_is_found_where_there_is_no_other(void **state)
{
	static struct domain domain;
	struct fake fakes[1];
	(void)state;
	make(&fakes[0], NULL, "Alice");
	struct bearers b = count(&domain, fakes, 1, false);
	assert_int_equal(b.n, 1);
	assert_ptr_equal(b.domain, &domain);
}

static void
implicit_name_of_an_account_with_another_upn_is_not_its_name(void **state)
{
	static struct domain domain;
	struct fake fakes[1];
	(void)state;
	make(&fakes[0], "a.smith@corp.example.com", "alice");
	struct bearers b = count(&domain, fakes, 1, false);
	assert_int_equal(b.n, 1);
	assert_null(b.domain);
}

static void
explicit_name_equal_to_anothers_implicit_one_is_ambiguous(void **state)
{
	static struct domain domain;
	struct fake fakes[2];
	(void)state;
	make(&fakes[0], UPN, "mallory");
	make(&fakes[1], NULL, "alice");
	assert_int_equal(count(&domain, fakes, 2, false).n, 2);
}

static void
it_is_ambiguous_also_when_the_other_has_an_explicit_name(void **state)
{
	static struct domain domain;
	struct fake fakes[2];
	(void)state;
	make(&fakes[0], UPN, "mallory");
	make(&fakes[1], "a.smith@corp.example.com", "alice");
	assert_int_equal(count(&domain, fakes, 2, false).n, 2);
}

static void
computer_with_the_name_makes_it_ambiguous(void **state)
{
	static struct domain domain;
	struct fake fakes[2];
	(void)state;
	make(&fakes[0], UPN, "alice");
	make(&fakes[1], UPN, "WS1$");
	fake_add_bytes(&fakes[1], "objectClass", "computer", 8);
	assert_int_equal(count(&domain, fakes, 2, false).n, 2);
}

static void
group_of_the_same_name_does_not_count(void **state)
{
	static struct domain domain;
	struct fake fakes[2];
	(void)state;
	make(&fakes[0], UPN, "alice");
	make(&fakes[1], NULL, "alice");
	fake_set(&fakes[1], "objectClass", "group");
	struct bearers b = count(&domain, fakes, 2, false);
	assert_int_equal(b.n, 1);
	assert_non_null(b.domain);
}

static void
cut_result_is_ambiguous(void **state)
{
	static struct domain domain;
	struct fake fakes[1];
	(void)state;
	make(&fakes[0], UPN, "alice");
	assert_int_equal(count(&domain, fakes, 1, true).n, 2);
}

static void
bearers_of_two_domains_add_up(void **state)
{
	static struct domain first, second;
	struct fake fake;
	struct entries entries = {.n = 1};
	struct bearers bearers = {0};
	(void)state;
	first.config = second.config = fake_domain;
	make(&fake, UPN, "alice");
	entries.items[0] = fake.entry;
	lookup_count(&bearers, &first, &entries, UPN);
	lookup_count(&bearers, &second, &entries, UPN);
	assert_int_equal(bearers.n, 2);
	assert_ptr_equal(bearers.domain, &first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(explicit_name_is_found),
	    cmocka_unit_test(implicit_name_is_found_where_there_is_no_other),
	    cmocka_unit_test(implicit_name_of_an_account_with_another_upn_is_not_its_name),
	    cmocka_unit_test(explicit_name_equal_to_anothers_implicit_one_is_ambiguous),
	    cmocka_unit_test(it_is_ambiguous_also_when_the_other_has_an_explicit_name),
	    cmocka_unit_test(computer_with_the_name_makes_it_ambiguous),
	    cmocka_unit_test(group_of_the_same_name_does_not_count),
	    cmocka_unit_test(cut_result_is_ambiguous),
	    cmocka_unit_test(bearers_of_two_domains_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
