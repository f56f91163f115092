/* RFC 4515: no value can end its own assertion. */
#include <string.h>

#include "ldap/filter.h"
#include "ldap/lookup.h"
#include "tests/unit/ldap/ldap_fixture.h"

static void
expect_escaped(const void *value, size_t len, const char *want)
{
	OWN(buf) struct buf filter;
	buf_init(&filter, FILTER_MAX);
	filter_value(&filter, value, len);
	assert_string_equal(buf_str(&filter), want);
}

static void
plain_text_stays_as_it_is(void **state)
{
	(void)state;
	expect_escaped("alice smith@corp-1.example.com", 30, "alice smith@corp-1.example.com");
}

static void
metacharacters_are_escaped(void **state)
{
	(void)state;
	expect_escaped("*", 1, "\\2a");
	expect_escaped("(", 1, "\\28");
	expect_escaped(")", 1, "\\29");
	expect_escaped("\\", 1, "\\5c");
	expect_escaped("a)(objectClass=*", 16, "a\\29\\28objectClass=\\2a");
}

static void
nul_is_escaped_and_does_not_end_the_value(void **state)
{
	(void)state;
	expect_escaped("a\0b", 3, "a\\00b");
}

static void
control_and_high_bytes_are_escaped(void **state)
{
	(void)state;
	expect_escaped("\n\x7f", 2, "\\0a\\7f");
	expect_escaped("\xc3\xbc", 2, "\\c3\\bc");
}

static void
sid_is_written_byte_by_byte(void **state)
{
	struct sid sid;
	OWN(buf) struct buf filter;
	(void)state;
	buf_init(&filter, FILTER_MAX);
	assert_int_equal(sid_parse("S-1-5-32-544", &sid, NULL), FAS_OK);
	filter_sid(&filter, "objectSid", &sid);
	assert_string_equal(buf_str(&filter),
	    "(objectSid=\\01\\02\\00\\00\\00\\00\\00\\05\\20\\00\\00\\00\\20\\02\\00\\00)");
}

static void
overlong_filter_is_refused_as_a_whole(void **state)
{
	static const char many[FILTER_MAX] = {0};
	OWN(buf) struct buf filter;
	struct fas_err e = {0};
	(void)state;
	buf_init(&filter, FILTER_MAX);
	filter_value(&filter, many, sizeof(many));
	assert_int_equal(buf_check(&filter, &e), FAS_E_LIMIT);
}

static void
expect_lookup(const char *upn, const char *want)
{
	OWN(buf) struct buf filter;
	buf_init(&filter, FILTER_MAX);
	lookup_filter(&filter, &fake_domain, upn);
	assert_string_equal(buf_str(&filter), want);
}

static void
upn_of_this_domain_is_sought_as_implicit_name_too(void **state)
{
	(void)state;
	expect_lookup("al*@CORP.example.com",
	    "(|(userPrincipalName=al\\2a@CORP.example.com)(sAMAccountName=al\\2a))");
	expect_lookup("alice@corp", "(|(userPrincipalName=alice@corp)(sAMAccountName=alice))");
}

static void
upn_of_a_foreign_suffix_is_sought_as_such_only(void **state)
{
	(void)state;
	expect_lookup("frank@partner.example.net", "(userPrincipalName=frank@partner.example.net)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_text_stays_as_it_is),
	    cmocka_unit_test(metacharacters_are_escaped),
	    cmocka_unit_test(nul_is_escaped_and_does_not_end_the_value),
	    cmocka_unit_test(control_and_high_bytes_are_escaped),
	    cmocka_unit_test(sid_is_written_byte_by_byte),
	    cmocka_unit_test(overlong_filter_is_refused_as_a_whole),
	    cmocka_unit_test(upn_of_this_domain_is_sought_as_implicit_name_too),
	    cmocka_unit_test(upn_of_a_foreign_suffix_is_sought_as_such_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
