#include "tests/unit/base/base_fixture.h"

#include "fas/base/dn.h"
#include "fas/base/json.h"

DEFINE_OWN_IN_PLACE(dn, struct dn, dn_done);

static void
name_crosses_as_json(void **state)
{
	struct fas_err e = {0};
	OWN(dn) struct dn dn = {0}, back = {0};
	(void)state;
	assert_good(dn_add(&dn, "DC", "com", &e), &e);
	assert_good(dn_add(&dn, "OU", "a,b=c+\"d", &e), &e);
	assert_good(dn_add(&dn, "CN", "J\xc3\xbcrgen", &e), &e);
	OWN(json) json_t *json = dn_to_json(&dn);
	assert_good(dn_from_json(json, &back, &e), &e);
	assert_int_equal(back.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(back.rdns[i].type, dn.rdns[i].type);
		assert_string_equal(back.rdns[i].value, dn.rdns[i].value);
	}
}

static void
refuse(const char *type, const char *value)
{
	struct fas_err e = {0};
	OWN(dn) struct dn dn = {0};
	assert_failed(dn_add(&dn, type, value, &e), &e, FAS_E_INPUT, "dn_malformed");
	assert_int_equal(dn.n, 0);
}

static void
odd_parts_are_refused(void **state)
{
	char longest[DN_VALUE_MAX + 1];
	(void)state;
	refuse("", "x");
	refuse("CN", "");
	refuse("CN=a,CN", "x");
	refuse("C N", "x");
	refuse("CN\n", "x");
	refuse("CN", "\xff");
	refuse("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", "x");
	memset(longest, 'a', sizeof(longest));
	longest[DN_VALUE_MAX] = 0;
	refuse("CN", longest);
	longest[DN_VALUE_MAX - 1] = 0;
	OWN(dn) struct dn dn = {0};
	assert_good(dn_add(&dn, "CN", longest, NULL), NULL);
	assert_good(dn_add(&dn, "2.5.4.3", "oid", NULL), NULL);
}

static void
thirty_three_parts_are_too_many(void **state)
{
	struct fas_err e = {0};
	OWN(dn) struct dn dn = {0};
	(void)state;
	for (size_t i = 0; i < DN_RDNS_MAX; i++)
		assert_good(dn_add(&dn, "OU", "x", &e), &e);
	assert_failed(dn_add(&dn, "OU", "x", &e), &e, FAS_E_INPUT, "dn_malformed");
}

static void
json_of_another_shape_is_refused(void **state)
{
	static const char *const bad[] = {"[]", "{}", "\"CN=a\"", "[\"CN\",\"a\"]", "[[\"CN\"]]",
	    "[[\"CN\",\"a\",\"b\"]]", "[[\"CN\",1]]", "[[1,\"a\"]]", "[[\"CN\",\"a\"],[]]",
	    "[[\"CN\",\"a\\u0000b\"]]", "[[\"CN\",null]]", "[{\"CN\":\"a\"}]"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		OWN(dn) struct dn dn = {0};
		OWN(json)
		json_t *json = json_loads(bad[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(json);
		assert_failed(dn_from_json(json, &dn, &e), &e, FAS_E_INPUT, "dn_malformed");
		assert_null(dn.rdns);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(name_crosses_as_json),
	    cmocka_unit_test(odd_parts_are_refused),
	    cmocka_unit_test(thirty_three_parts_are_too_many),
	    cmocka_unit_test(json_of_another_shape_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
