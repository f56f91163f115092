/* Cookies: one of ours, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/front/browser.h"

static void
a_cookie_is_found_among_others(void **state)
{
	static const char *const headers[] = {"__Host-a=v1", "x=y; __Host-a=v1", "__Host-a=v1; x=y",
	    "__Host-ab=2; __Host-a=v1;x=\"q; q\"", " \t__Host-a=v1"};
	char value[COOKIE_VALUE_MAX];
	(void)state;
	for (size_t i = 0; i < NELEMS(headers); i++) {
		assert_true(cookie_get(headers[i], "__Host-a", value));
		assert_string_equal(value, "v1");
	}
}

static void
what_this_service_would_not_have_set_is_none(void **state)
{
	static const char *const headers[] = {"", "a", "__Host-a", "__Host-a=", "__Host-a=x y",
	    "__Host-a=\"x\"", "__Host-a=x%41", "__host-a=x", "x__Host-a=x", "__Host-a =x",
	    "__Host-a=1; __Host-a=2", "__Host-a=1; __Host-a=1", "__Host-a=1; __Host-a=\"",
	    "=__Host-a=x"};
	char value[COOKIE_VALUE_MAX];
	(void)state;
	for (size_t i = 0; i < NELEMS(headers); i++) {
		if (cookie_get(headers[i], "__Host-a", value) || value[0])
			fail_msg("%s: %s", headers[i], value);
	}
}

static void
a_value_has_an_end(void **state)
{
	char header[256] = "__Host-a=", value[COOKIE_VALUE_MAX];
	(void)state;
	memset(header + 9, 'x', COOKIE_VALUE_MAX - 1);
	header[9 + COOKIE_VALUE_MAX - 1] = 0;
	assert_true(cookie_get(header, "__Host-a", value));
	assert_int_equal(strlen(value), COOKIE_VALUE_MAX - 1);
	header[9 + COOKIE_VALUE_MAX - 1] = 'x';
	header[9 + COOKIE_VALUE_MAX] = 0;
	assert_false(cookie_get(header, "__Host-a", value));
}

static const char *
last_header(const struct http_response *response)
{
	assert_true(response->n_headers > 0);
	assert_string_equal(response->headers[response->n_headers - 1].name, "Set-Cookie");
	return response->headers[response->n_headers - 1].value;
}

static void
cookies_are_kept_from_scripts_and_from_the_clear(void **state)
{
	struct http_response response;
	(void)state;
	http_response_init(&response, "00");
	cookie_set(&response, "__Host-a", "v", COOKIE_CROSS_SITE, 0);
	assert_string_equal(
	    last_header(&response), "__Host-a=v; Path=/; Secure; HttpOnly; SameSite=None");
	cookie_set(&response, "__Host-b", "w", COOKIE_LAX, 60);
	assert_string_equal(last_header(&response),
	    "__Host-b=w; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
	/* A provider may be called so, and no cookie. */
	cookie_set(&response, "__Host-c", "Example GmbH; Domain=example.com", COOKIE_LAX, 60);
	cookie_set(&response, "__Host-c", "", COOKIE_LAX, 60);
	assert_int_equal(response.n_headers, 2);
	http_response_done(&response);
}

static struct browser
browser_with(const char *cookies)
{
	struct browser browser;
	struct fas_err e = {0};
	const struct http_request http = {.cookies = cookies};
	assert_int_equal(browser_read(&http, &browser, &e), FAS_OK);
	return browser;
}

static void
a_browser_without_a_cookie_gets_its_own_and_keeps_it(void **state)
{
	char header[128];
	struct http_response response;
	(void)state;
	struct browser fresh = browser_with("");
	struct browser other = browser_with("__Host-fas-browser=0123");
	assert_false(fresh.shown || other.shown);
	assert_memory_not_equal(fresh.hash, other.hash, sizeof(fresh.hash));
	http_response_init(&response, "00");
	browser_keep(&fresh, &response);
	assert_non_null(strstr(last_header(&response), "SameSite=None"));
	(void)snprintf(header, sizeof(header), BROWSER_COOKIE "=%s", fresh.id);
	struct browser again = browser_with(header);
	assert_true(again.shown);
	assert_memory_equal(again.hash, fresh.hash, sizeof(fresh.hash));
	browser_keep(&again, &response);
	assert_int_equal(response.n_headers, 1);
	http_response_done(&response);
}

static void
a_form_belongs_to_the_browser_that_was_shown_it(void **state)
{
	char token[BROWSER_TOKEN_MAX], others[BROWSER_TOKEN_MAX];
	struct fas_err e = {0}, wrong = {0}, none = {0};
	(void)state;
	struct browser a = browser_with("__Host-fas-browser=0123456789abcdef0123456789abcdef");
	struct browser b = browser_with("__Host-fas-browser=0123456789abcdef0123456789abcdee");
	struct browser fresh = browser_with("");
	assert_int_equal(browser_token(&a, token, &e), FAS_OK);
	assert_int_equal(browser_token(&fresh, others, &e), FAS_OK);
	assert_int_equal(browser_check_token(&a, token, &e), FAS_OK);
	assert_int_equal(browser_check_token(&b, token, &wrong), FAS_E_AUTH);
	assert_string_equal(wrong.reason, "sign_in_form");
	assert_int_equal(browser_check_token(&fresh, others, &none), FAS_E_AUTH);
	fas_err_clear(&wrong);
	assert_int_equal(browser_check_token(&a, "", &wrong), FAS_E_AUTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cookie_is_found_among_others),
	    cmocka_unit_test(what_this_service_would_not_have_set_is_none),
	    cmocka_unit_test(a_value_has_an_end),
	    cmocka_unit_test(cookies_are_kept_from_scripts_and_from_the_clear),
	    cmocka_unit_test(a_browser_without_a_cookie_gets_its_own_and_keeps_it),
	    cmocka_unit_test(a_form_belongs_to_the_browser_that_was_shown_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
