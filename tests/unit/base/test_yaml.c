#include "tests/unit/base/base_fixture.h"

#include "fas/base/buf.h"
#include "fas/base/file.h"
#include "fas/base/yaml.h"

static struct yaml_doc *
parse(const char *text)
{
	struct fas_err e = {0};
	struct yaml_doc *doc = NULL;
	assert_good(yaml_parse("f.yaml", text, strlen(text), &doc, &e), &e);
	return doc;
}

static void
refuse(const char *text, size_t len, const char *message)
{
	struct fas_err e = {0};
	struct yaml_doc *doc = NULL;
	assert_failed(
	    yaml_parse("f.yaml", text, len, &doc, &e), &e, FAS_E_CONFIG, "yaml_malformed");
	assert_null(doc);
	if (strncmp(e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", want \"%s\"", e.message, message);
}

static void
every_node_keeps_its_place(void **state)
{
	(void)state;
	OWN(yaml) struct yaml_doc *doc = parse("# head\na: 1\nb:\n  - x\n  - {c: 'y'}\n");
	const struct yaml_node *root = yaml_root(doc);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->n, 2);
	const struct yaml_node *a = root->items[0], *b = root->items[1];
	assert_string_equal(a->key, "a");
	assert_string_equal(a->text, "1");
	assert_true(a->plain);
	assert_int_equal(a->line, 2);
	assert_int_equal(a->column, 4);
	assert_int_equal(a->key_column, 1);
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->items[0]->line, 4);
	assert_int_equal(b->items[0]->column, 5);
	assert_null(b->items[0]->key);
	const struct yaml_node *c = b->items[1]->items[0];
	assert_string_equal(c->text, "y");
	assert_false(c->plain);
	assert_int_equal(c->line, 5);
	assert_int_equal(c->key_column, 6);
	assert_string_equal(c->file, "f.yaml");
}

static void
what_could_say_something_else_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
	    {"a: &x 1", "f.yaml:1:4: error: anchors"},
	    {"&x [a]", "f.yaml:1:1: error: anchors"},
	    {"&x {a: b}", "f.yaml:1:1: error: anchors"},
	    {"a: *x", "f.yaml:1:4: error: aliases"},
	    {"a: !!str b", "f.yaml:1:4: error: tags"},
	    {"a: ! b", "f.yaml:1:4: error: tags"},
	    {"!!map {a: b}", "f.yaml:1:1: error: tags"},
	    {"%TAG !e! tag:x,2000:\n---\na: b", "f.yaml:1:1: error: tags"},
	    {"<<: {a: b}", "f.yaml:1:1: error: merge keys"},
	    {"a: 1\n---\nb: 2", "f.yaml:2:1: error: more than one document"},
	    {"a: 1\nb: 2\na: 3", "f.yaml:3:1: error: key \"a\" is there twice (first in line 1)"},
	    {"{a: 1, 'a': 2}", "f.yaml:1:8: error: key \"a\" is there twice"},
	    {"? [a]\n: b", "f.yaml:1:3: error: a key must be plain text"},
	    {"? {a: b}\n: b", "f.yaml:1:3: error: a key must be plain text"},
	    {"'': b", "f.yaml:1:1: error: a key must be plain text"},
	    {"\"a\\u200b\": b", "f.yaml:1:1: error: a key must be plain text"},
	    {"a: \"x\\0y\"", "f.yaml:1:4: error: a text holds a NUL"},
	    {"", "f.yaml:1:1: error: the file is empty"},
	    {"# nothing\n", "f.yaml:1:1: error: the file is empty"},
	    {"a: b: c", "f.yaml:1:5: error: mapping values are not allowed in this context"},
	    {"\ta: b", "f.yaml:1:1: error: while scanning for the next token"},
	    {"a: [1, 2", "f.yaml:2:1: error: while parsing a flow sequence"},
	    {"a: \x01", "f.yaml:"},
	    {"a: \xff", "f.yaml:1:1: error: not UTF-8"},
	    {"\xff\xfe"
	     "a\0:\0 \0b\0",
		"f.yaml:1:1: error: not UTF-8"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++)
		refuse(rows[i].text, strlen(rows[i].text), rows[i].message);
	refuse("a: \0b", 5, "f.yaml:1:1: error: not UTF-8, or it holds a NUL");
}

static void
sixteen_levels_pass_and_one_more_does_not(void **state)
{
	char text[2 * (YAML_DEPTH_MAX + 1) + 1];
	(void)state;
	memset(text, '[', YAML_DEPTH_MAX);
	memset(text + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	text[2 * YAML_DEPTH_MAX] = 0;
	OWN(yaml) struct yaml_doc *doc = parse(text);
	assert_non_null(doc);
	memset(text, '[', YAML_DEPTH_MAX + 1);
	text[YAML_DEPTH_MAX + 1] = 0;
	refuse(text, YAML_DEPTH_MAX + 1, "f.yaml:1:17: error: more than 16 levels");
}

static void
many_open_brackets_do_no_harm(void **state)
{
	static char text[YAML_BYTES_MAX];
	(void)state;
	memset(text, '[', sizeof(text));
	refuse(text, sizeof(text), "f.yaml:1:17: error: more than 16 levels");
	memset(text, '{', sizeof(text));
	refuse(text, sizeof(text), "f.yaml:");
}

static void
caps_hold(void **state)
{
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 2 * YAML_BYTES_MAX);
	buf_text(&b, "[");
	for (int i = 0; i < YAML_NODES_MAX; i++)
		buf_text(&b, "a,");
	refuse(buf_str(&b), b.len, "f.yaml:1:200000: error: more than 100000 values");
	buf_done(&b);
	for (int i = 0; i <= YAML_MEMBERS_MAX; i++)
		buf_printf(&b, "k%d: 1\n", i);
	refuse(buf_str(&b), b.len, "f.yaml:1025:1: error: more than 1024 keys in one mapping");
	buf_done(&b);
	while (b.len <= YAML_BYTES_MAX)
		buf_text(&b, "#\n");
	refuse(buf_str(&b), b.len, "f.yaml:1:1: error: larger than 1 MiB");
}

/* Read {m: ...} with one call; the reason and message of finish. */
static void
expect(
    const char *text, void (*call)(struct yaml_reader *), const char *reason, const char *message)
{
	struct fas_err e = {0};
	struct yaml_reader r;
	OWN(yaml) struct yaml_doc *doc = parse(text);
	(void)yaml_open(&r, yaml_root(doc), "the test", &e);
	call(&r);
	enum fas_code rc = yaml_finish(&r);
	if (!reason) {
		assert_good(rc, &e);
		return;
	}
	assert_failed(rc, &e, FAS_E_CONFIG, reason);
	assert_string_equal(e.message, message);
}

static void
ask_text(struct yaml_reader *r)
{
	(void)yaml_need_text(r, "member");
}

static void
ask_int(struct yaml_reader *r)
{
	(void)yaml_want_int(r, "m", -5, 5, 0);
}

static void
ask_bool(struct yaml_reader *r)
{
	(void)yaml_want_bool(r, "m", false);
}

static void
ask_duration(struct yaml_reader *r)
{
	(void)yaml_want_duration(r, "m", 90, 86400, 90);
}

static void
ask_word(struct yaml_reader *r)
{
	static const char *const words[] = {"keep", "revoke", "other"};
	(void)yaml_want_word(r, "m", words, 3, 0);
}

static void
ask_texts(struct yaml_reader *r)
{
	(void)yaml_need_texts(r, "m");
}

static void
wrong_values_are_named_with_their_place(void **state)
{
	static const struct {
		const char *text;
		void (*call)(struct yaml_reader *);
		const char *reason, *message;
	} rows[] = {
	    {"[a]", ask_text, "yaml_type", "f.yaml:1:1: error: the test is a list, want a mapping"},
	    {"{}", ask_text, "yaml_missing_key",
		"f.yaml:1:1: error: key \"member\" is missing in the test"},
	    {"x: 1\nmembr: 2", ask_text, "yaml_missing_key",
		"f.yaml:1:1: error: key \"member\" is missing in the test (is \"membr\" meant?)"},
	    {"member: [a]", ask_text, "yaml_type",
		"f.yaml:1:9: error: \"member\" in the test is a list, want a single value"},
	    {"member:", ask_text, "yaml_value",
		"f.yaml:1:8: error: \"member\" in the test is empty"},
	    {"member: \"a\\u202eb\"", ask_text, "yaml_value",
		"f.yaml:1:9: error: \"member\" in the test holds control or invisible characters"},
	    {"member: a\nmembr: b", ask_text, "yaml_unknown_key",
		"f.yaml:2:1: error: unknown key \"membr\" in the test (did you mean \"member\"?)"},
	    {"m: -5", ask_int, NULL, NULL},
	    {"m: 6", ask_int, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"6\", want a number from -5 to 5"},
	    {"m: '5'", ask_int, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"5\", want a number from -5 to 5"},
	    {"m: --5", ask_int, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"--5\", want a number from -5 to 5"},
	    {"m: true", ask_bool, NULL, NULL},
	    {"m: yes", ask_bool, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"yes\", want true or false"},
	    {"m: 'true'", ask_bool, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"true\", want true or false"},
	    {"m: 15m", ask_duration, NULL, NULL},
	    {"m: 15", ask_duration, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"15\", want a duration from 90s to 1d "
		"(digits and s, m, h or d)"},
	    {"m: revoke", ask_word, NULL, NULL},
	    {"m: revok", ask_word, "yaml_value",
		"f.yaml:1:4: error: \"m\" in the test is \"revok\", want keep, revoke or other "
		"(did "
		"you mean \"revoke\"?)"},
	    {"m: [a, b]", ask_texts, NULL, NULL},
	    {"m: a", ask_texts, "yaml_type",
		"f.yaml:1:4: error: \"m\" in the test is a single value, want a list"},
	    {"m: [a, {b: c}]", ask_texts, "yaml_type",
		"f.yaml:1:8: error: \"m\" in the test holds a mapping, want texts"},
	    {"m: [a, '']", ask_texts, "yaml_value",
		"f.yaml:1:8: error: \"m\" in the test is empty"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++)
		expect(rows[i].text, rows[i].call, rows[i].reason, rows[i].message);
}

static void
values_and_fallbacks_are_returned(void **state)
{
	static const char *const words[] = {"a", "b"};
	struct fas_err e = {0};
	struct yaml_reader r;
	(void)state;
	OWN(yaml)
	struct yaml_doc *doc = parse("t: x\ni: -3\nb: true\nd: 2h\nw: b\nl: [p, q]\nm: {}\n");
	assert_good(yaml_open(&r, yaml_root(doc), "it", &e), &e);
	assert_string_equal(yaml_need_text(&r, "t"), "x");
	assert_int_equal(yaml_want_int(&r, "i", -9, 9, 0), -3);
	assert_true(yaml_want_bool(&r, "b", false));
	assert_int_equal(yaml_want_duration(&r, "d", 0, 99999, 0), 7200);
	assert_int_equal(yaml_want_word(&r, "w", words, 2, 0), 1);
	assert_int_equal(yaml_want_texts(&r, "l")->n, 2);
	assert_int_equal(yaml_need(&r, "m", YAML_MAP)->n, 0);
	assert_string_equal(yaml_want_text(&r, "no1", "fall"), "fall");
	assert_int_equal(yaml_want_int(&r, "no2", 0, 9, 4), 4);
	assert_true(yaml_want_bool(&r, "no3", true));
	assert_int_equal(yaml_want_duration(&r, "no4", 0, 9, 5), 5);
	assert_int_equal(yaml_want_word(&r, "no5", words, 2, 7), 7);
	assert_null(yaml_want_texts(&r, "no6"));
	assert_null(yaml_want_any(&r, "no7"));
	assert_good(yaml_finish(&r), &e);
}

static void
first_error_is_reported(void **state)
{
	struct fas_err e = {0};
	struct yaml_reader r;
	(void)state;
	OWN(yaml) struct yaml_doc *doc = parse("a: 9\nb: 9\nunknown: 1\n");
	assert_good(yaml_open(&r, yaml_root(doc), "it", &e), &e);
	(void)yaml_want_int(&r, "b", 0, 5, 0);
	(void)yaml_want_int(&r, "a", 0, 5, 0);
	(void)yaml_need_text(&r, "c");
	assert_failed(yaml_finish(&r), &e, FAS_E_CONFIG, "yaml_value");
	assert_non_null(strstr(e.message, "f.yaml:2:4:"));
}

static void
file_is_loaded_under_its_path(void **state)
{
	struct fas_err e = {0};
	OWN(yaml) struct yaml_doc *doc = NULL;
	(void)state;
	const char *path = fixture_path("a.yaml");
	assert_good(file_write_atomic(path, "a: 1\n", 5, 0600, &e), &e);
	assert_good(yaml_load(path, &doc, &e), &e);
	assert_string_equal(yaml_root(doc)->file, path);
	struct yaml_doc *none = NULL;
	assert_failed(
	    yaml_load(fixture_path("none.yaml"), &none, &e), &e, FAS_E_NOTFOUND, "file_missing");
}

static void
misplaced_error_of_a_list_item_falls_back_to_its_own_place(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(yaml) struct yaml_doc *doc = parse("- a\n- b\n");
	(void)yaml_fail_key(yaml_root(doc)->items[1], &e, "reason", "%s", "text");
	assert_string_equal(e.message, "f.yaml:2:3: error: text");
}

/* Every prefix and every one-byte change of a good file is read or refused, never worse. */
static void
damaged_files_do_no_harm(void **state)
{
	static const char good[] =
	    "a: [1, 'b', \"c\\u00e4\"]\nd:\n  - {e: f}\n  - |\n    g\nh: >\n  i\n";
	static const char bytes[] = "&*!|>{}[]:,-?#'\"\\\n\t %@`~\xc3\x01";
	char text[sizeof(good)];
	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++) {
			OWN(yaml) struct yaml_doc *doc = NULL;
			memcpy(text, good, sizeof(good));
			text[i] = bytes[k];
			size_t len = k + 1 == sizeof(bytes) ? i : sizeof(good) - 1;
			if (yaml_parse("f", text, len, &doc, NULL) != FAS_OK)
				assert_null(doc);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_node_keeps_its_place),
	    cmocka_unit_test(what_could_say_something_else_is_refused),
	    cmocka_unit_test(sixteen_levels_pass_and_one_more_does_not),
	    cmocka_unit_test(many_open_brackets_do_no_harm),
	    cmocka_unit_test(caps_hold),
	    cmocka_unit_test(wrong_values_are_named_with_their_place),
	    cmocka_unit_test(values_and_fallbacks_are_returned),
	    cmocka_unit_test(first_error_is_reported),
	    cmocka_unit_test(file_is_loaded_under_its_path),
	    cmocka_unit_test(misplaced_error_of_a_list_item_falls_back_to_its_own_place),
	    cmocka_unit_test(damaged_files_do_no_harm),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
