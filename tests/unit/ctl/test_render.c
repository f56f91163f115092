#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/ctl/render.h"

static const struct render_column columns[] = {
    {"NAME", "name", RENDER_TEXT},
    {"ENDS", "end", RENDER_TIME},
    {"GONE", "gone", RENDER_FLAG},
    {"EMPTY", "empty", RENDER_TEXT},
    {"LIST", "in.list", RENDER_TEXT},
};

static char *
table_of(const char *json, const char *none)
{
	char *text = NULL;
	size_t len = 0;
	OWN(json) json_t *rows = json_loads(json, 0, NULL);
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	render_table(out, rows, columns, NELEMS(columns), none);
	(void)fclose(out);
	return text;
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
	(void)state;
	OWN(text)
	char *text =
	    table_of("[{\"name\":\"a\",\"end\":0,\"gone\":true,\"in\":{\"list\":[\"x\",2]}},"
		     "{\"name\":\"long name\",\"end\":\"soon\",\"gone\":false}]",
		"");
	assert_string_equal(text, "NAME       ENDS                  GONE  LIST\n"
				  "a          1970-01-01T00:00:00Z  yes   x, 2\n"
				  "long name  soon                  -     \n");
}

static void
width_counts_letters_not_bytes(void **state)
{
	(void)state;
	OWN(text)
	char *text = table_of(
	    "[{\"name\":\"J\\u00fcrg\",\"end\":\"x\"},{\"name\":\"Jurg\",\"end\":\"x\"}]", "");
	assert_string_equal(text, "NAME  ENDS\nJ\xc3\xbcrg  x\nJurg  x\n");
}

static void
no_row_gives_the_line_for_it(void **state)
{
	(void)state;
	OWN(text) char *text = table_of("[]", "Nothing here.");
	assert_string_equal(text, "Nothing here.\n");
}

static void
what_could_move_the_cursor_is_replaced(void **state)
{
	(void)state;
	OWN(text)
	char *text = table_of("[{\"name\":\"a\\u001b[2Jb\\u202ec\"}]", "");
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "a?[2Jb"));
}

static void
absent_fields_are_left_out(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	OWN(json) json_t *object = json_loads("{\"name\":\"n\",\"in\":{\"list\":[1]}}", 0, NULL);
	FILE *out = open_memstream(&text, &len);
	render_fields(out, object, columns, NELEMS(columns));
	(void)fclose(out);
	assert_string_equal(text, "NAME  n\nLIST  1\n");
	free(text);
}

static void
a_dotted_path_ends_at_what_is_no_object(void **state)
{
	(void)state;
	OWN(json) json_t *object = json_loads("{\"a\":{\"b\":3},\"c\":4}", 0, NULL);
	assert_int_equal(json_integer_value(render_member(object, "a.b")), 3);
	assert_null(render_member(object, "a.x"));
	assert_null(render_member(object, "c.b"));
	assert_null(render_member(NULL, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
	    cmocka_unit_test(width_counts_letters_not_bytes),
	    cmocka_unit_test(no_row_gives_the_line_for_it),
	    cmocka_unit_test(what_could_move_the_cursor_is_replaced),
	    cmocka_unit_test(absent_fields_are_left_out),
	    cmocka_unit_test(a_dotted_path_ends_at_what_is_no_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
