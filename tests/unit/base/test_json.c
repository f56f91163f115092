#include "tests/unit/base/base_fixture.h"

#include "fas/base/json.h"

static enum fas_code
open_text(struct json_reader *r, const char *text, struct fas_err *e)
{
	return json_open(r, text, strlen(text), e);
}

static void
known_members_are_read(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	size_t len = 0;
	(void)state;
	assert_good(
	    open_text(&r,
		"{\"t\":\"x\",\"l\":\"a\\nb\",\"i\":-5,\"b\":true,\"o\":{},\"d\":\"Zm9v\"}", &e),
	    &e);
	assert_string_equal(json_need_text(&r, "t", 1, 5), "x");
	assert_string_equal(json_need_lines(&r, "l", 1, 5), "a\nb");
	assert_int_equal(json_need_int(&r, "i", -5, 5), -5);
	assert_true(json_want_bool(&r, "b", false));
	assert_non_null(json_need_value(&r, "o", JSON_OBJECT));
	OWN(bytes) uint8_t *data = json_need_base64(&r, "d", 10, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "foo", 3);
	assert_good(json_finish(&r), &e);
}

static void
absent_members_have_their_fallback(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	assert_good(open_text(&r, "{}", &e), &e);
	assert_null(json_want_text(&r, "t", 1, 5));
	assert_null(json_want_lines(&r, "l", 1, 5));
	assert_int_equal(json_want_int(&r, "i", 1, 5, 3), 3);
	assert_true(json_want_bool(&r, "b", true));
	assert_null(json_want_value(&r, "v", JSON_ARRAY));
	assert_good(json_finish(&r), &e);
}

static void
malformed_objects_are_refused(void **state)
{
	static const char *const bad[] = {"", "x", "[]", "1", "\"a\"", "{", "{\"a\":1,}", "{} {}",
	    "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":2}}", "{\"a\":\"\\u0000\"}",
	    "{\"\\u0000\":1}", "{\"a\":\"\xff\"}", "{\"a\":01}", "{'a':1}",
	    "{\"a\":99999999999999999999}", "{\"a\":NaN}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		OWN(json_reader) struct json_reader r;
		assert_failed(open_text(&r, bad[i], &e), &e, FAS_E_INPUT, "json_malformed");
	}
}

static void
deep_nesting_is_refused_and_does_no_harm(void **state)
{
	static char text[200000];
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	memset(text, '[', sizeof(text) - 1);
	memcpy(text, "{\"a\":", 5);
	assert_failed(open_text(&r, text, &e), &e, FAS_E_INPUT, "json_malformed");
}

static void
message_does_not_quote_the_text(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	assert_failed(
	    open_text(&r, "{\"ticket\" \"s3cret\"}", &e), &e, FAS_E_INPUT, "json_malformed");
	assert_null(strstr(e.message, "s3cret"));
	assert_non_null(strstr(e.message, "1:11"));
}

/* One object, one call that finds it wrong. */
static void
expect(const char *text, const char *reason, void (*call)(struct json_reader *))
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	assert_good(open_text(&r, text, &e), &e);
	call(&r);
	assert_failed(json_finish(&r), &e, FAS_E_INPUT, reason);
}

static void
need_text(struct json_reader *r)
{
	assert_null(json_need_text(r, "m", 2, 4));
}

static void
need_int(struct json_reader *r)
{
	assert_int_equal(json_need_int(r, "m", 2, 4), 0);
}

static void
want_bool(struct json_reader *r)
{
	(void)json_want_bool(r, "m", false);
}

static void
need_array(struct json_reader *r)
{
	assert_null(json_need_value(r, "m", JSON_ARRAY));
}

static void
need_base64(struct json_reader *r)
{
	size_t len = 1;
	assert_null(json_need_base64(r, "m", 3, &len));
}

static void
ask_nothing(struct json_reader *r)
{
	(void)json_want_text(r, "member", 1, 9);
}

static void
each_wrong_member_is_named(void **state)
{
	static const struct {
		const char *text, *reason;
		void (*call)(struct json_reader *);
	} rows[] = {
	    {"{}", "member_missing", need_text},
	    {"{\"m\":1}", "member_invalid", need_text},
	    {"{\"m\":null}", "member_invalid", need_text},
	    {"{\"m\":\"a\"}", "member_invalid", need_text},
	    {"{\"m\":\"abcde\"}", "member_invalid", need_text},
	    {"{\"m\":\"a\\nb\"}", "member_invalid", need_text},
	    {"{\"m\":\"a\\u007f\"}", "member_invalid", need_text},
	    {"{}", "member_missing", need_int},
	    {"{\"m\":\"3\"}", "member_invalid", need_int},
	    {"{\"m\":3.0}", "member_invalid", need_int},
	    {"{\"m\":1}", "member_invalid", need_int},
	    {"{\"m\":5}", "member_invalid", need_int},
	    {"{\"m\":1}", "member_invalid", want_bool},
	    {"{\"m\":\"true\"}", "member_invalid", want_bool},
	    {"{}", "member_missing", need_array},
	    {"{\"m\":{}}", "member_invalid", need_array},
	    {"{}", "member_missing", need_base64},
	    {"{\"m\":\"Zg\"}", "base64_malformed", need_base64},
	    {"{\"m\":\"Zm9vYg==\"}", "member_invalid", need_base64},
	    {"{\"m\":1}", "member_unknown", ask_nothing},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++)
		expect(rows[i].text, rows[i].reason, rows[i].call);
}

static void
first_error_is_reported(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	assert_good(open_text(&r, "{\"a\":1}", &e), &e);
	(void)json_need_text(&r, "a", 1, 2);
	(void)json_need_text(&r, "b", 1, 2);
	assert_failed(json_finish(&r), &e, FAS_E_INPUT, "member_invalid");
	assert_non_null(strstr(e.message, "\"a\""));
}

static void
slip_in_a_member_hints(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	assert_good(open_text(&r, "{\"saml_reponse\":1}", &e), &e);
	(void)json_want_text(&r, "saml_response", 1, 2);
	assert_failed(json_finish(&r), &e, FAS_E_INPUT, "member_unknown");
	assert_non_null(strstr(e.message, "did you mean \"saml_response\"?"));
}

static void
more_members_than_the_reader_holds_are_our_own_mistake(void **state)
{
	static char names[JSON_MEMBERS_MAX + 1][8];
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r;
	(void)state;
	assert_good(open_text(&r, "{}", &e), &e);
	for (size_t i = 0; i < NELEMS(names); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "m%zu", i);
		(void)json_want_text(&r, names[i], 1, 2);
	}
	assert_failed(json_finish(&r), &e, FAS_E_INTERNAL, "internal");
}

static void
nested_object_has_a_reader_of_its_own(void **state)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r, inner, no;
	(void)state;
	assert_good(open_text(&r, "{\"o\":{\"a\":1}}", &e), &e);
	assert_good(json_open_object(&inner, json_need_value(&r, "o", JSON_OBJECT), &e), &e);
	assert_int_equal(json_need_int(&inner, "a", 0, 9), 1);
	assert_good(json_finish(&inner), &e);
	assert_failed(json_open_object(&no, NULL, &e), &e, FAS_E_INPUT, "json_malformed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_members_are_read),
	    cmocka_unit_test(absent_members_have_their_fallback),
	    cmocka_unit_test(malformed_objects_are_refused),
	    cmocka_unit_test(deep_nesting_is_refused_and_does_no_harm),
	    cmocka_unit_test(message_does_not_quote_the_text),
	    cmocka_unit_test(each_wrong_member_is_named),
	    cmocka_unit_test(first_error_is_reported),
	    cmocka_unit_test(slip_in_a_member_hints),
	    cmocka_unit_test(more_members_than_the_reader_holds_are_our_own_mistake),
	    cmocka_unit_test(nested_object_has_a_reader_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
