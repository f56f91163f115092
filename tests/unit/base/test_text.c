#include "tests/unit/base/base_fixture.h"

#include "fas/base/text.h"

static void
base64_of_rfc4648_goes_both_ways(void **state)
{
	/* RFC 4648 10 */
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(pairs); i++) {
		OWN(text) char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		OWN(bytes) uint8_t *data = NULL;
		size_t len = 0;
		assert_string_equal(text, pairs[i][1]);
		assert_good(base64_decode(text, strlen(text), false, &data, &len, NULL), NULL);
		assert_string_equal((char *)data, pairs[i][0]);
		assert_int_equal(len, strlen(pairs[i][0]));
	}
}

static void
base64_of_all_bytes_survives(void **state)
{
	uint8_t in[256];
	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (size_t n = 0; n <= sizeof(in); n++) {
		OWN(text) char *text = base64_encode(in, n);
		OWN(bytes) uint8_t *data = NULL;
		size_t len = 0;
		assert_good(base64_decode(text, strlen(text), true, &data, &len, NULL), NULL);
		assert_int_equal(len, n);
		assert_memory_equal(data, in, n);
	}
}

static void
loose_base64_is_refused(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "====", "=",
	    "Zg==Zg==", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "Zm9-", "Zm9_", "Z=g=", "=Zg=", "Zm9v="};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		OWN(bytes) uint8_t *data = NULL;
		size_t len = 0;
		assert_failed(base64_decode(bad[i], strlen(bad[i]), false, &data, &len, &e), &e,
		    FAS_E_INPUT, "base64_malformed");
		assert_null(data);
	}
	struct fas_err e = {0};
	OWN(bytes) uint8_t *data = NULL;
	size_t len = 0;
	assert_failed(
	    base64_decode("Zm\0v", 4, true, &data, &len, &e), &e, FAS_E_INPUT, "base64_malformed");
}

static void
white_space_is_skipped_only_where_allowed(void **state)
{
	OWN(bytes) uint8_t *data = NULL;
	size_t len = 0;
	(void)state;
	assert_good(base64_decode(" Zm\r\n9v\t", 8, true, &data, &len, NULL), NULL);
	assert_string_equal((char *)data, "foo");
}

static void
hex_goes_both_ways(void **state)
{
	char text[9];
	uint8_t out[4];
	(void)state;
	assert_string_equal(hex_encode("\x00\xff\x1a\xA0", 4, text), "00ff1aa0");
	assert_true(hex_decode("00FF1aA0", out, 4));
	assert_memory_equal(out, "\x00\xff\x1a\xa0", 4);
	assert_false(hex_decode("00ff1aa", out, 4));
	assert_false(hex_decode("00ff1aa00", out, 4));
	assert_false(hex_decode("00ff1ag0", out, 4));
	assert_false(hex_decode("", out, 1));
}

static void
numbers_are_parsed_strictly(void **state)
{
	static const char *const bad[] = {"", "00", "01", "-1", "+1", " 1", "1 ", "1x", "0x1",
	    "18446744073709551616", "99999999999999999999", "1e3"};
	uint64_t value = 7;
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_false(parse_uint(bad[i], 0, UINT64_MAX, &value));
	assert_int_equal(value, 7);
	assert_true(parse_uint("18446744073709551615", 0, UINT64_MAX, &value));
	assert_true(value == UINT64_MAX);
	assert_true(parse_uint("0", 0, 9, &value));
	assert_false(parse_uint("10", 0, 9, &value));
	assert_false(parse_uint("4", 5, 9, &value));
}

static void
durations_need_a_unit_and_a_range(void **state)
{
	int64_t s = 0;
	(void)state;
	assert_true(parse_duration("15m", 0, 1000000, &s));
	assert_int_equal(s, 900);
	assert_true(parse_duration("2h", 0, 1000000, &s));
	assert_int_equal(s, 7200);
	assert_true(parse_duration("1d", 0, 1000000, &s));
	assert_int_equal(s, 86400);
	static const char *const bad[] = {
	    "15", "m", "", "15M", "1.5h", "-1s", "15mm", "015m", "15 m", "99999999999999s"};
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_false(parse_duration(bad[i], 0, INT64_MAX, &s));
	assert_false(parse_duration("59s", 60, 3600, &s));
	assert_false(parse_duration("61m", 60, 3600, &s));
	assert_true(parse_duration("4294967295d", 0, INT64_MAX, &s));
	assert_true(s == INT64_C(4294967295) * 86400);
}

static void
malformed_utf8_is_found(void **state)
{
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
	    "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe",
	    "\xff", "a\xe2\x82", "\xe2\x82x"};
	static const char *const good[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe2\x82\xac",
	    "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
	for (size_t i = 0; i < NELEMS(good); i++)
		assert_true(utf8_is_valid(good[i], strlen(good[i])));
	assert_false(utf8_is_valid("a\0b", 3));
}

static void
invisible_characters_are_found(void **state)
{
	static const char *const bad[] = {"a\tb", "\x7f", "\xc2\x9b", "\xc2\xad", "\xe2\x80\x8b",
	    "\xe2\x80\xae", "\xe2\x80\xa8", "\xe2\x81\xa6", "\xef\xbb\xbf", "\xe3\x85\xa4",
	    "\xef\xb8\x8f", "\xf3\xa0\x80\x81", "\xff"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_true(utf8_has_invisible(bad[i]));
	assert_false(utf8_has_invisible("J\xc3\xbcrgen \xe2\x82\xac"));
}

static void
ascii_is_compared_without_case_and_the_rest_exactly(void **state)
{
	(void)state;
	assert_true(ascii_equal_nocase("aBc-1", "AbC-1"));
	assert_false(ascii_equal_nocase("abc", "abcd"));
	assert_false(ascii_equal_nocase("abcd", "abc"));
	assert_false(ascii_equal_nocase("\xc3\xa4", "\xc3\x84"));
	assert_false(ascii_equal_nocase("@", "`"));
	assert_false(ascii_equal_nocase("[", "{"));
}

static void
time_is_rfc3339(void **state)
{
	char text[TIME_TEXT_MAX];
	(void)state;
	assert_string_equal(time_format(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(time_format(1795401350, text), "2026-11-23T02:35:50Z");
	assert_string_equal(time_format(INT64_MAX, text), "");
}

static void
nearest_word_is_found_within_two_slips(void **state)
{
	static const char *const known[] = {"validity", "key", "custody", "a"};
	char longest[200];
	(void)state;
	assert_string_equal(nearest_word("validty", known, 4), "validity");
	assert_string_equal(nearest_word("custdoy", known, 4), "custody");
	assert_string_equal(nearest_word("kye", known, 2) ? "near" : "far", "far");
	assert_null(nearest_word("banana", known, 4));
	assert_null(nearest_word("", known, 4));
	assert_null(nearest_word("b", known, 4));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_null(nearest_word(longest, known, 4));
	assert_null(nearest_word("validty", known, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_of_rfc4648_goes_both_ways),
	    cmocka_unit_test(base64_of_all_bytes_survives),
	    cmocka_unit_test(loose_base64_is_refused),
	    cmocka_unit_test(white_space_is_skipped_only_where_allowed),
	    cmocka_unit_test(hex_goes_both_ways),
	    cmocka_unit_test(numbers_are_parsed_strictly),
	    cmocka_unit_test(durations_need_a_unit_and_a_range),
	    cmocka_unit_test(malformed_utf8_is_found),
	    cmocka_unit_test(invisible_characters_are_found),
	    cmocka_unit_test(ascii_is_compared_without_case_and_the_rest_exactly),
	    cmocka_unit_test(time_is_rfc3339),
	    cmocka_unit_test(nearest_word_is_found_within_two_slips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
