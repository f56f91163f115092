/* Pages: whatever comes from elsewhere is text, wherever it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/front/page.h"

#define EVIL "\"'><script>alert(1)</script>&amp;"

static struct texts *texts;

static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	return texts_load(NULL, &texts, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	texts_free(texts);
	return 0;
}

static const char *
count(const char *text, const char *what, size_t *n)
{
	*n = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		(*n)++;
	return text;
}

static void
markup_in_a_value_stays_text(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 1000);
	page_escape(&out, "a<b>&\"c\"'d'");
	assert_string_equal(buf_str(&out), "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;");
	buf_done(&out);
}

/* Every way in which a foreign text gets onto a page. */
static void
no_part_of_a_page_lets_markup_through(void **state)
{
	size_t tags, quotes;
	struct http_response response;
	OWN(page) struct page page = {0};
	(void)state;
	page_begin(&page, texts_at(texts, 0), EVIL, EVIL, TEXT_DISCOVER_TITLE);
	page_naming(&page, TEXT_GOING_LEAD, EVIL);
	page_link(&page, EVIL, TEXT_NEXT);
	page_list_begin(&page);
	page_list_link(&page, EVIL, EVIL);
	page_list_end(&page);
	page_form_begin(&page, EVIL);
	page_hidden(&page, EVIL, EVIL);
	page_email(&page, EVIL, EVIL, true);
	page_form_end(&page, TEXT_NEXT);
	page_facts_begin(&page);
	page_fact(&page, TEXT_CODE_LABEL, EVIL);
	page_facts_end(&page);
	http_response_init(&response, "00");
	page_send(&page, &response, 200);
	(void)count(buf_str(&response.body), "<script", &tags);
	(void)count(buf_str(&response.body), "&quot;&#39;&gt;&lt;script&gt;", &quotes);
	assert_int_equal(tags, 0);
	assert_int_equal(quotes, 12);
	http_response_done(&response);
}

static void
a_page_says_its_language_and_fits_a_phone(void **state)
{
	static const char *const parts[] = {"<!doctype html>", "<html lang=\"de\">",
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
	    "<title>Anmelden</title>", "<main>\n<h1>Anmelden</h1>", "<label for=\"email\">",
	    "id=\"email\"", "href=\"https://login.example.com/saml/style.css\"", "</html>"};
	struct http_response response;
	OWN(page) struct page page = {0};
	(void)state;
	page_begin(&page, texts_choose(texts, "de"), "https://login.example.com", NULL,
	    TEXT_DISCOVER_TITLE);
	page_form_begin(&page, "x");
	page_email(&page, "email", "", false);
	page_form_end(&page, TEXT_NEXT);
	http_response_init(&response, "00");
	page_send(&page, &response, 200);
	for (size_t i = 0; i < NELEMS(parts); i++) {
		if (!strstr(buf_str(&response.body), parts[i]))
			fail_msg("no %s in %s", parts[i], buf_str(&response.body));
	}
	assert_null(strstr(buf_str(&response.body), "style="));
	assert_null(strstr(buf_str(&response.body), "http-equiv"));
	assert_true(http_has_header(&response, "Content-Language"));
	assert_string_equal(response.content_type, "text/html; charset=utf-8");
	http_response_done(&response);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(markup_in_a_value_stays_text),
	    cmocka_unit_test(no_part_of_a_page_lets_markup_through),
	    cmocka_unit_test(a_page_says_its_language_and_fits_a_phone),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
