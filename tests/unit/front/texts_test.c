/* The words: whole in each language, and in the one that the browser asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/front/assets.h"
#include "fas/front/texts.h"

static struct texts *texts;
static char path[] = "/tmp/fas-texts-XXXXXX";

static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	int fd = mkstemp(path);
	return fd >= 0 && close(fd) == 0 && texts_load("", &texts, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	texts_free(texts);
	return unlink(path);
}

static void
the_ones_that_the_service_brings_are_english_and_german(void **state)
{
	(void)state;
	assert_int_equal(texts_count(texts), 2);
	assert_string_equal(texts_at(texts, 0)->tag, "en");
	assert_string_equal(texts_at(texts, 1)->tag, "de");
	assert_null(texts_at(texts, 2));
	for (size_t i = 0; i < TEXT_COUNT; i++)
		assert_string_not_equal(texts_at(texts, 0)->text[i],
		    i == TEXT_CODE_LABEL ? "" : texts_at(texts, 1)->text[i]);
}

static void
a_browser_gets_the_language_that_it_likes_best(void **state)
{
	static const struct {
		const char *accept, *tag;
	} cases[] = {
	    {"", "en"},
	    {"de", "de"},
	    {"DE", "de"},
	    {"de-AT", "de"},
	    {"de-CH-1996, en", "de"},
	    {"en, de", "en"},
	    {"en;q=0.5, de", "de"},
	    {"en;q=0.8, de;q=0.9", "de"},
	    {"en;q=0.900,de;q=0.899", "en"},
	    {"fr, it;q=0.9", "en"},
	    {"fr, de;q=0.1", "de"},
	    {"de;q=0", "en"},
	    {"de;q=0.0, en;q=0.1", "en"},
	    {"*", "en"},
	    {"*, de;q=0.5", "de"},
	    {"den", "en"},
	    {"d", "en"},
	    {"de;q=x", "en"},
	    {"de;q=9", "en"},
	    {", ,de", "de"},
	    {"de ; q=1", "de"},
	    {";;;q=;=,,de;", "de"},
	    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, de", "de"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		const char *tag = texts_choose(texts, cases[i].accept)->tag;
		if (strcmp(tag, cases[i].tag) != 0)
			fail_msg("\"%s\": %s, want %s", cases[i].accept, tag, cases[i].tag);
	}
}

/* The file that the service brings, with one change. */
static enum fas_code
load_changed(const char *from, const char *to, struct texts **out, struct fas_err *e)
{
	struct fas_err none = {0};
	const char *all = (const char *)front_texts_yaml, *at = strstr(all, from);
	char *text = NULL;
	assert_non_null(at);
	int len = asprintf(&text, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from));
	assert_true(len > 0);
	assert_int_equal(file_write_atomic(path, text, (size_t)len, 0600, &none), FAS_OK);
	free(text);
	return texts_load(path, out, e);
}

static void
an_own_file_takes_their_place(void **state)
{
	struct fas_err e = {0};
	OWN(texts) struct texts *own = NULL;
	(void)state;
	if (load_changed("discover_title: Sign in", "discover_title: Hello", &own, &e) != FAS_OK)
		fail_msg("%s", e.message);
	assert_string_equal(texts_at(own, 0)->text[TEXT_DISCOVER_TITLE], "Hello");
}

static void
a_file_with_a_text_too_few_or_too_many_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *from, *to, *reason, *says;
	} cases[] = {
	    {"\n  again: Sign in again", "", "yaml_missing_key", "again"},
	    {"  again: Sign in again", "  again: A\n  agian: B", "yaml_unknown_key", "again"},
	    {"again: Sign in again", "again: [A]", "yaml_type", "again"},
	    {"again: Sign in again", "again: \"a\\u202eb\"", "yaml_value", "again"},
	    {"\nde:", "\n\"d e\":", "yaml_value", "language tag"},
	    {"\nde:", "\nen:", "yaml_malformed", "en"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct texts *own = NULL;
		enum fas_code rc = load_changed(cases[i].from, cases[i].to, &own, &e);
		assert_int_equal(rc, FAS_E_CONFIG);
		assert_null(own);
		if (strcmp(e.reason, cases[i].reason) != 0 || !strstr(e.message, cases[i].says))
			fail_msg("%zu: %s: %s", i, e.reason, e.message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ones_that_the_service_brings_are_english_and_german),
	    cmocka_unit_test(a_browser_gets_the_language_that_it_likes_best),
	    cmocka_unit_test(an_own_file_takes_their_place),
	    cmocka_unit_test(a_file_with_a_text_too_few_or_too_many_is_refused_at_its_place),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
