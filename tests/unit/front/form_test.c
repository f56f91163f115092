/* Forms and queries: what they say, and what says two things at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/front/form.h"

static void
parse(const char *text, struct form *out)
{
	struct fas_err e = {0};
	if (form_parse(text, strlen(text), out, &e) != FAS_OK)
		fail_msg("%s: %s", text, e.message);
}

static void
assert_refused(const char *text, size_t len, const char *reason)
{
	struct fas_err e = {0};
	struct form form;
	assert_int_equal(form_parse(text, len, &form, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, reason);
	assert_int_equal(form.n, 0);
	assert_null(form.text);
}

static void
fields_are_decoded(void **state)
{
	OWN(form) struct form form = {0};
	(void)state;
	parse("a=1&b=x+y&c=%2f%2F%C3%A4&d&e=&f=1=2", &form);
	assert_int_equal(form.n, 6);
	assert_string_equal(form_get(&form, "a"), "1");
	assert_string_equal(form_get(&form, "b"), "x y");
	assert_string_equal(form_get(&form, "c"), "//\xc3\xa4");
	assert_string_equal(form_get(&form, "d"), "");
	assert_string_equal(form_get(&form, "e"), "");
	assert_string_equal(form_get(&form, "f"), "1=2");
	assert_string_equal(form_get(&form, "g"), "");
}

static void
nothing_is_no_field(void **state)
{
	static const char *const empty[] = {"", "&", "&&&"};
	(void)state;
	for (size_t i = 0; i < NELEMS(empty); i++) {
		OWN(form) struct form form = {0};
		parse(empty[i], &form);
		assert_int_equal(form.n, 0);
	}
}

static void
names_are_decoded_before_they_are_compared(void **state)
{
	static const char *const twice[] = {
	    "a=1&a=2", "a=1&b=2&a=1", "a&a", "SAMLResponse=x&SAML%52esponse=y"};
	(void)state;
	for (size_t i = 0; i < NELEMS(twice); i++)
		assert_refused(twice[i], strlen(twice[i]), "form_repeated");
}

static void
escapes_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
	    "a=%", "a=%1", "a=%zz", "a=%%41", "%=a", "a=%u0041", "a=% 41"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_refused(bad[i], strlen(bad[i]), "form_malformed");
}

static void
text_that_is_not_utf8_or_holds_nul_is_refused(void **state)
{
	static const char *const bad[] = {
	    "a=%00", "a=%ff", "a=%c0%80", "a=%ed%a0%80", "%00=a", "a=\xff"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_refused(bad[i], strlen(bad[i]), "form_malformed");
	assert_refused("a=1\0b", 5, "form_malformed");
}

static void
there_is_an_end_to_fields_and_names(void **state)
{
	char many[FORM_FIELDS_MAX * 4 + 8] = "", name[FORM_NAME_MAX + 2];
	OWN(form) struct form form = {0};
	(void)state;
	for (size_t i = 0; i < FORM_FIELDS_MAX; i++) {
		const char field[] = {'&', (char)('a' + i), '=', 0};
		strcat(many, field);
	}
	parse(many, &form);
	assert_int_equal(form.n, FORM_FIELDS_MAX);
	strcat(many, "&z=");
	assert_refused(many, strlen(many), "form_too_long");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_refused(name, strlen(name), "form_too_long");
}

static void
a_value_may_be_wanted_up_to_a_length(void **state)
{
	const char *value;
	struct fas_err e = {0};
	OWN(form) struct form form = {0};
	(void)state;
	parse("a=12345", &form);
	assert_int_equal(form_want(&form, "a", 5, &value, &e), FAS_OK);
	assert_string_equal(value, "12345");
	assert_int_equal(form_want(&form, "b", 0, &value, &e), FAS_OK);
	assert_string_equal(value, "");
	assert_int_equal(form_want(&form, "a", 4, &value, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "form_too_long");
}

static void
what_is_escaped_is_read_back(void **state)
{
	static const char text[] = "a b&c=d%/\xc3\xa4+\"<>~-._";
	char query[128] = "x=";
	OWN(form) struct form form = {0};
	(void)state;
	assert_true(form_append_escaped(query, sizeof(query), text));
	assert_null(strpbrk(query + 2, " &=\"<>+"));
	parse(query, &form);
	assert_string_equal(form_get(&form, "x"), text);
	char small[8] = "";
	assert_false(form_append_escaped(small, sizeof(small), "12345678"));
	assert_true(strlen(small) < sizeof(small));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_are_decoded),
	    cmocka_unit_test(nothing_is_no_field),
	    cmocka_unit_test(names_are_decoded_before_they_are_compared),
	    cmocka_unit_test(escapes_that_are_none_are_refused),
	    cmocka_unit_test(text_that_is_not_utf8_or_holds_nul_is_refused),
	    cmocka_unit_test(there_is_an_end_to_fields_and_names),
	    cmocka_unit_test(a_value_may_be_wanted_up_to_a_length),
	    cmocka_unit_test(what_is_escaped_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
