/* What is JSON and what is not, and how it is written; jansson is asked for a second opinion. */
#include "tests/unit/base/base_fixture.h"

#include "fas/base/json.h"
#include "fas/base/json_parse.h"

#define MUTATIONS 200000
#define MUTANT_MAX 256

static void
texts_are_unescaped(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
	    {"\"\"", ""},
	    {"\"plain\"", "plain"},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	    {"\"\\u0041\\u00e4\\u20AC\\uD83D\\ude00\"", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
	    {"\"\\\\\"", "\\"},
	    {"\"\xc3\xa4\\n\x7f\"", "\xc3\xa4\n\x7f"},
	    {"\"a\\u0000001\"", NULL},
	    {"\"\\uD83D\"", NULL},
	    {"\"\\uD83Dx\"", NULL},
	    {"\"\\uD83D\\u0041\"", NULL},
	    {"\"\\uDE00\"", NULL},
	    {"\"\\u12\"", NULL},
	    {"\"\\u12g4\"", NULL},
	    {"\"\\x\"", NULL},
	    {"\"\\\"", NULL},
	    {"\"\n\"", NULL},
	    {"\"\xc3\"", NULL},
	    {"\"\xc0\x80\"", NULL},
	    {"\"\xed\xa0\x80\"", NULL},
	    {"\"\\\xff\"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct fas_err e = {0};
		char text[128];
		(void)snprintf(text, sizeof(text), "{\"t\":%s}", rows[i].json);
		OWN(json) json_t *object = NULL;
		if (json_parse(text, strlen(text), &object, &e) == FAS_OK) {
			assert_non_null(rows[i].want);
			assert_string_equal(
			    json_string_value(json_object_get(object, "t")), rows[i].want);
		} else {
			assert_null(rows[i].want);
		}
	}
}

static void
numbers_have_their_bounds(void **state)
{
	static const struct {
		const char *json;
		bool good;
		int64_t want;
	} rows[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"00", false, 0},
	    {"-", false, 0},
	    {"+1", false, 0},
	    {".5", false, 0},
	    {"1.", false, 0},
	    {"1e", false, 0},
	    {"1e+", false, 0},
	    {"1e999", false, 0},
	    {"1-1", false, 0},
	    {"0x10", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct fas_err e = {0};
		char text[128];
		(void)snprintf(text, sizeof(text), "{\"n\":%s}", rows[i].json);
		OWN(json) json_t *object = NULL;
		enum fas_code rc = json_parse(text, strlen(text), &object, &e);
		assert_int_equal(rc == FAS_OK, rows[i].good);
		if (rows[i].good)
			assert_int_equal(
			    json_integer_value(json_object_get(object, "n")), rows[i].want);
	}
}

static void
finding_says_where(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
	    {"", "1:1: want an object"},
	    {"{\"a\":1\n \"b\":2}", "2:2: want ',' or '}'"},
	    {"{\"a\":[1 2]}", "1:9: want ',' or ']'"},
	    {"{\n\n\"a\":tru}", "3:5: want a value"},
	    {"{\"a\":1,\"a\":2}", "1:8: a key that was there before"},
	    {"{\"a\":1,\"\\u0061\":2}", "1:8: a key that was there before"},
	    {"{} {}", "1:4: something behind the object"},
	    {"{\"a\":\"x", "1:8: a text that does not end"},
	    {"{\"a\":1,}", "1:8: want a text in quotes"},
	    {"{\"a\":[1,]}", "1:9: want a value"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct fas_err e = {0};
		json_t *object = NULL;
		assert_failed(json_parse(rows[i].text, strlen(rows[i].text), &object, &e), &e,
		    FAS_E_INPUT, "json_malformed");
		assert_null(object);
		if (!strstr(e.message, rows[i].where))
			fail_msg("\"%s\" lacks \"%s\"", e.message, rows[i].where);
	}
}

static void
levels_are_counted(void **state)
{
	char text[4 * JSON_DEPTH_MAX + 8];
	(void)state;
	for (size_t levels = JSON_DEPTH_MAX; levels <= JSON_DEPTH_MAX + 1; levels++) {
		struct fas_err e = {0};
		OWN(json) json_t *object = NULL;
		size_t arrays = levels - 1;
		memcpy(text, "{\"a\":", 5);
		memset(text + 5, '[', arrays);
		memset(text + 5 + arrays, ']', arrays);
		text[5 + 2 * arrays] = '}';
		enum fas_code rc = json_parse(text, 6 + 2 * arrays, &object, &e);
		assert_int_equal(rc, levels <= JSON_DEPTH_MAX ? FAS_OK : FAS_E_INPUT);
	}
}

static void
compare_texts(json_t *value, size_t flags)
{
	OWN(text) char *ours = json_text(value, flags);
	OWN(text) char *theirs = json_dumps(value, flags);
	assert_non_null(ours);
	assert_string_equal(ours, theirs);
}

/* Does jansson see it as we do?  It also takes an array for a document. */
static void
compare(const char *text, size_t len)
{
	struct fas_err e = {0};
	OWN(json) json_t *ours = NULL;
	OWN(json) json_t *theirs = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_parse(text, len, &ours, &e) == FAS_OK;
	if (good != json_is_object(theirs) || (good && !json_equal(ours, theirs)))
		fail_msg("\"%.*s\": ours %s", (int)len, text, good ? "takes it" : e.message);
	if (good) {
		compare_texts(ours, JSON_COMPACT);
		compare_texts(ours, JSON_COMPACT | JSON_SORT_KEYS);
	}
}

static void
jansson_agrees_on_every_mutant(void **state)
{
	static const char *const seeds[] = {"{\"ticket\":\"abc\",\"csr\":\"-----BEGIN\\nMIIB\\/"
					    "+=\",\"n\":-12,\"b\":[true,false,null]}",
	    "{\"a\":{\"b\":[{},[],\"\\u00e4\\uD83D\\uDE00\",1.5e-3,0]},\"\xc3\xa4\":"
	    "\"\xe2\x82\xac\"}",
	    " { \"a\" : [ 1 , 2 ] , \"c\" : { \"d\" : \"\" } } "};
	static const char parts[] = "{}[]\",:\\u0123456789abtrfnle-+.eE \n\x01\x7f\xc3\xa4\xff";
	uint32_t dice = 20260101;
	(void)state;
	for (size_t i = 0; i < MUTATIONS; i++) {
		char text[MUTANT_MAX];
		const char *seed = seeds[i % NELEMS(seeds)];
		size_t len = strlen(seed);
		memcpy(text, seed, len);
		for (size_t changes = 1 + i % 3; changes > 0; changes--) {
			dice = dice * 1664525 + 1013904223;
			size_t at = (dice >> 8) % len, part = (dice >> 20) % (sizeof(parts) - 1);
			if (dice & 0x40) { /* left out, put in, or another in its place */
				memmove(text + at, text + at + 1, --len - at);
			} else if (dice & 0x80 && len < sizeof(text)) {
				memmove(text + at + 1, text + at, len++ - at);
				text[at] = parts[part];
			} else {
				text[at] = parts[part];
			}
		}
		compare(text, len);
	}
}

static void
every_octet_is_written_as_jansson_does(void **state)
{
	char all[0x180];
	size_t n = 0;
	(void)state;
	for (unsigned c = 1; c < 0x80; c++)
		all[n++] = (char)c;
	for (unsigned c = 0x80; c < 0x100; c++) { /* U+0080 to U+00FF */
		all[n++] = (char)(0xc0 | c >> 6);
		all[n++] = (char)(0x80 | (c & 0x3f));
	}
	OWN(json)
	json_t *value =
	    json_pack("{s:s%, s:I, s:I, s:f, s:[n, b, {}, []]}", "text", all, n, "least",
		(json_int_t)INT64_MIN, "most", (json_int_t)INT64_MAX, "real", 1e30, "list", true);
	compare_texts(value, JSON_COMPACT);
	compare_texts(value, JSON_COMPACT | JSON_SORT_KEYS);
}

static void
value_nested_too_deep_is_not_written(void **state)
{
	OWN(json) json_t *value = json_array();
	(void)state;
	for (size_t levels = 1; levels <= JSON_DEPTH_MAX; levels++) {
		OWN(text) char *text = json_text(value, JSON_COMPACT);
		assert_non_null(text);
		value = json_pack("[o]", value);
	}
	assert_null(json_text(value, JSON_COMPACT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_unescaped),
	    cmocka_unit_test(numbers_have_their_bounds),
	    cmocka_unit_test(finding_says_where),
	    cmocka_unit_test(levels_are_counted),
	    cmocka_unit_test(jansson_agrees_on_every_mutant),
	    cmocka_unit_test(every_octet_is_written_as_jansson_does),
	    cmocka_unit_test(value_nested_too_deep_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
