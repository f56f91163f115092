/* RFC 4514 text to a list of RDNs. */
#include <string.h>

#include "ldap/dn_text.h"
#include "tests/unit/ldap/ldap_fixture.h"

static void
expect_refused(const char *text)
{
	struct dn dn = {0};
	struct fas_err e = {0};
	assert_int_equal(dn_from_text(text, &dn, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "dn_malformed");
	assert_null(dn.rdns);
}

static void
root_comes_first(void **state)
{
	struct dn dn = {0};
	(void)state;
	assert_int_equal(dn_from_text("CN=alice,OU=Staff,DC=example,DC=com", &dn, NULL), FAS_OK);
	assert_int_equal(dn.n, 4);
	assert_string_equal(dn.rdns[0].type, "DC");
	assert_string_equal(dn.rdns[0].value, "com");
	assert_string_equal(dn.rdns[3].type, "CN");
	assert_string_equal(dn.rdns[3].value, "alice");
	dn_done(&dn);
}

static void
escaped_characters_are_unescaped(void **state)
{
	struct dn dn = {0};
	(void)state;
	assert_int_equal(
	    dn_from_text("CN=Smith\\, Al \\2B \\C3\\BC\\\"\\=x,DC=com", &dn, NULL), FAS_OK);
	assert_int_equal(dn.n, 2);
	assert_string_equal(dn.rdns[1].value, "Smith, Al + \xc3\xbc\"=x");
	dn_done(&dn);
}

static void
rdn_of_several_attributes_is_refused(void **state)
{
	(void)state;
	expect_refused("CN=alice+UID=1,DC=com");
}

static void
hex_value_is_refused(void **state)
{
	(void)state;
	expect_refused("CN=#04024869,DC=com");
}

static void
text_that_is_no_dn_is_refused(void **state)
{
	(void)state;
	expect_refused("");
	expect_refused("alice");
	expect_refused("CN=alice,,DC=com");
	expect_refused("CN=,DC=com");
	expect_refused("CN=a\\00b,DC=com");
	expect_refused("CN=\\ff\\fe,DC=com");
}

static void
more_than_32_parts_are_refused(void **state)
{
	char text[33 * 5 + 1] = "";
	(void)state;
	for (size_t i = 0; i < 33; i++)
		strcat(text, i ? ",DC=x" : "DC=x");
	expect_refused(text);
}

static void
below_means_same_root_without_case(void **state)
{
	struct dn alice = {0}, base = {0}, other = {0};
	(void)state;
	assert_int_equal(dn_from_text("CN=alice,dc=Corp,dc=COM", &alice, NULL), FAS_OK);
	assert_int_equal(dn_from_text("DC=corp,DC=com", &base, NULL), FAS_OK);
	assert_int_equal(dn_from_text("DC=other,DC=com", &other, NULL), FAS_OK);
	assert_true(dn_is_below(&alice, &base));
	assert_true(dn_is_below(&base, &base));
	assert_false(dn_is_below(&base, &alice));
	assert_false(dn_is_below(&alice, &other));
	assert_false(dn_is_below(&alice, &(struct dn){0}));
	dn_done(&alice);
	dn_done(&base);
	dn_done(&other);
}

static void
domain_name_becomes_its_naming_context(void **state)
{
	OWN(text) char *text = dn_text_of_domain("corp.example.com");
	(void)state;
	assert_string_equal(text, "DC=corp,DC=example,DC=com");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_comes_first),
	    cmocka_unit_test(escaped_characters_are_unescaped),
	    cmocka_unit_test(rdn_of_several_attributes_is_refused),
	    cmocka_unit_test(hex_value_is_refused),
	    cmocka_unit_test(text_that_is_no_dn_is_refused),
	    cmocka_unit_test(more_than_32_parts_are_refused),
	    cmocka_unit_test(below_means_same_root_without_case),
	    cmocka_unit_test(domain_name_becomes_its_naming_context),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
