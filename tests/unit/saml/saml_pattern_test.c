/* Patterns: what they mean, what is none, and that no text makes one slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fas/base/macros.h"
#include "fas/saml/pattern.h"
#include "saml_world.h"

static const struct {
	const char *pattern, *text, *want; /* want NULL: it does not match */
} cases[] = {
    {"(.*)", "alice", "alice"},
    {"(.*)", "", ""},
    {"(.+)", "", NULL},
    {"(a)", "a", "a"},
    {"(a)", "aa", NULL},
    {"(a)", "b", NULL},
    {"(a?)b", "b", ""},
    {"(a?)b", "ab", "a"},
    {"(a?)b", "aab", NULL},
    {"^(.+)@corp\\.example\\.com$", "alice@corp.example.com", "alice"},
    {"(.+)@corp\\.example\\.com", "alice@corpXexample.com", NULL},
    {"(.+)@corp\\.example\\.com", "alice@corp.example.com.evil", NULL},
    {"[^\\\\]+\\\\(.*)", "CORP\\alice", "alice"},
    {"CN=([^,]+),.*", "CN=Alice Smith,OU=People,DC=x", "Alice Smith"},
    {"(.*)@.*", "a@b@c", "a@b"},
    {"([^@]*)@.*", "a@b@c", "a"},
    {"x*(x*)", "xxx", ""},
    {"x?(x*)", "xxx", "xx"},
    {".*([0-9]+)", "a123", "3"},
    {"[^0-9]*([0-9]+)", "a123", "123"},
    {"([a-c-]+)", "a-c", "a-c"},
    {"([]]+)", "]", NULL},
    {"([\\]]+)", "]]", "]]"},
    {"([a^]+)", "^a", "^a"},
    {"([+*?.]+)", "+*?.", "+*?."},
    {"(\\*)", "*", "*"},
    {"smtp:?(.*)", "smtp:a", "a"},
    {"(gr\xc3\xbc\xc3\x9f)", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"()x", "x", ""},
};

static void
patterns_take_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct pattern p;
		size_t at = 0, len = 0;
		const char *why = pattern_parse(cases[i].pattern, &p);
		if (strcmp(cases[i].pattern, "([]]+)") == 0) {
			assert_non_null(why);
			continue;
		}
		if (why)
			fail_msg("%s: %s", cases[i].pattern, why);
		bool ok = pattern_take(&p, cases[i].text, &at, &len);
		if (ok != (cases[i].want != NULL))
			fail_msg("%s on %s: %d", cases[i].pattern, cases[i].text, ok);
		if (ok && (len != strlen(cases[i].want) ||
			      memcmp(cases[i].text + at, cases[i].want, len) != 0))
			fail_msg("%s on %s took %.*s", cases[i].pattern, cases[i].text, (int)len,
			    cases[i].text + at);
	}
}

static void
what_is_no_pattern_is_refused(void **state)
{
	static const char *const texts[] = {"", "a", "(a", "a)", "(a)(b)", "((a))", ")a(", "(*)",
	    "(+)", "(a**)", "(a+?)", "(a{2})", "(a|b)", "([a)", "([)", "([])", "([z-a])", "(a\\)",
	    "\\", "(\\d)", "(a^)", "($)", "([\xc3\xbc])", "(a)*"};
	char long_one[PATTERN_ELEMENTS_MAX + 8];
	struct pattern p;
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++) {
		if (!pattern_parse(texts[i], &p))
			fail_msg("%s is taken for a pattern", texts[i]);
	}
	memset(long_one, 'a', sizeof(long_one));
	long_one[0] = '(';
	long_one[PATTERN_ELEMENTS_MAX + 2] = ')';
	long_one[PATTERN_ELEMENTS_MAX + 3] = 0;
	assert_non_null(pattern_parse(long_one, &p));
}

/* What takes an engine that goes back longer than the universe lasts. */
static void
no_text_makes_a_pattern_slow(void **state)
{
	char pattern[PATTERN_ELEMENTS_MAX * 3 + 8] = "(", text[PATTERN_TEXT_MAX + 1];
	struct pattern p;
	size_t at, len;
	struct timespec begun, ended;
	(void)state;
	for (size_t i = 0; i < PATTERN_ELEMENTS_MAX - 1; i++)
		strcat(pattern, ".*");
	strcat(pattern, "b)");
	assert_null(pattern_parse(pattern, &p));
	memset(text, 'a', PATTERN_TEXT_MAX);
	text[PATTERN_TEXT_MAX] = 0;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
	assert_false(pattern_take(&p, text, &at, &len));
	text[PATTERN_TEXT_MAX - 1] = 'b';
	assert_true(pattern_take(&p, text, &at, &len));
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
	assert_true(ended.tv_sec - begun.tv_sec < 2);
}

static void
longer_text_than_a_claim_may_have_does_not_match(void **state)
{
	char text[PATTERN_TEXT_MAX + 2];
	struct pattern p;
	size_t at, len;
	(void)state;
	memset(text, 'a', sizeof(text));
	text[PATTERN_TEXT_MAX + 1] = 0;
	assert_null(pattern_parse("(a*)", &p));
	assert_false(pattern_take(&p, text, &at, &len));
	text[PATTERN_TEXT_MAX] = 0;
	assert_true(pattern_take(&p, text, &at, &len));
	assert_int_equal(len, PATTERN_TEXT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(patterns_take_what_they_say),
	    cmocka_unit_test(what_is_no_pattern_is_refused),
	    cmocka_unit_test(no_text_makes_a_pattern_slow),
	    cmocka_unit_test(longer_text_than_a_claim_may_have_does_not_match),
	};
	return cmocka_run_group_tests_name("saml_pattern", tests, NULL, NULL);
}
