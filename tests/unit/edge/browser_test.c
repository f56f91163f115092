/* A listener for people: what a browser sends beside its request, and what its answers have that a program's have not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "harness.h"

#define FORM "application/x-www-form-urlencoded"
#define LOCATION_LEN 6000

static void
get_seen(void *app, const struct http_request *request, struct http_response *response)
{
	struct buf text;
	(void)app;
	buf_init(&text, 4096);
	buf_printf(&text, "%s|%s|%s|%s", request->query, request->cookies, request->languages,
	    request->address);
	http_answer_text(response, 200, "text/plain", buf_str(&text));
	buf_done(&text);
}

static void
post_echo(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	http_answer_text(response, 200, "text/plain", buf_str(&request->body));
}

static void
get_away(void *app, const struct http_request *request, struct http_response *response)
{
	char location[LOCATION_LEN + 1] = "https://idp.example.net/?";
	(void)app;
	(void)request;
	memset(location + strlen(location), 'x', sizeof(location) - 1 - strlen(location));
	http_answer_text(response, 303, "text/html; charset=utf-8", "<p>there</p>");
	http_answer_see_other(response, location);
	http_add_header(response, "Set-Cookie", "__Host-a=1");
	http_add_header(response, "Set-Cookie", "__Host-b=2");
	http_header(response, "Content-Security-Policy", "default-src 'self'");
}

static void
get_nothing(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	(void)request;
	(void)response;
}

static void
paint(void *app, const struct http_request *request, struct http_response *response,
    const struct fas_err *why)
{
	struct buf text;
	unsigned status = response->status;
	(void)app;
	buf_init(&text, 4096);
	buf_printf(&text, "<h1>%s at %s</h1>", why->reason,
	    request->route ? request->route->name : "nowhere");
	http_answer_text(response, status, "text/html; charset=utf-8", buf_str(&text));
	buf_done(&text);
}

static const struct http_route routes[] = {
    {"GET", "/seen", "seen", 0, 0, 0, false, false, get_seen},
    {"GET", "/seen/slowly", "slowly", 0, 0, 0, true, false, get_seen},
    {"POST", "/form", "form", 0, 64, 0, true, false, post_echo},
    {"GET", "/away", "away", 0, 0, 0, false, false, get_away},
    {"GET", "/nothing", "nothing", 0, 0, 0, false, false, get_nothing},
};
static const struct http_fixed fixed[] = {
    {"Content-Security-Policy", "default-src 'none'"}, {"Referrer-Policy", "no-referrer"}};
static const struct http_browser browser = {paint, fixed, NELEMS(fixed)};
static const struct http_server_config config = {
    .routes = routes, .n_routes = NELEMS(routes), .browser = &browser};

static int
set_up(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	if (!h)
		return -1;
	harness_start(h, &config, 1, 4);
	*state = h;
	return 0;
}

static int
tear_down(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}

static long
ask(struct harness *h, struct client *c, const struct ask *what)
{
	client_init(c, h->port, NULL, NULL);
	return client_ask(c, what);
}

static void
a_query_reaches_its_handler_byte_for_byte(void **state)
{
	static const char *const paths[] = {"/seen", "/seen/slowly"};
	for (size_t i = 0; i < NELEMS(paths); i++) {
		char path[128], want[128];
		struct client c;
		(void)snprintf(path, sizeof(path), "%s?a=%%2f%%2F+x&&b&a=2&%%zz=%%00", paths[i]);
		(void)snprintf(want, sizeof(want), "%s|||127.0.0.1", strchr(path, '?') + 1);
		assert_int_equal(ask(*state, &c, &(struct ask){.path = path}), 200);
		assert_string_equal(buf_str(&c.body), want);
		client_done(&c);
	}
}

static void
a_query_is_not_the_next_requests(void **state)
{
	struct client c;
	assert_int_equal(ask(*state, &c, &(struct ask){.path = "/seen?secret=1"}), 200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/seen"}), 200);
	assert_int_equal(c.new_connections, 0);
	assert_string_equal(buf_str(&c.body), "|||127.0.0.1");
	client_done(&c);
}

static void
cookies_and_languages_reach_their_handler(void **state)
{
	struct client c;
	assert_int_equal(
	    ask(*state, &c, &(struct ask){.path = "/seen", .header = "Cookie: a=1; b=\"2\""}), 200);
	assert_string_equal(buf_str(&c.body), "|a=1; b=\"2\"||127.0.0.1");
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/seen/slowly",
					    .header = "Accept-Language: de, en;q=1"}),
	    200);
	assert_string_equal(buf_str(&c.body), "||de, en;q=1|127.0.0.1");
	client_done(&c);
}

static void
a_form_is_taken_and_json_is_not(void **state)
{
	struct client c;
	struct ask form = {
	    .method = "POST", .path = "/form", .body = "a=1&b=2", .content_type = FORM};
	assert_int_equal(ask(*state, &c, &form), 200);
	assert_string_equal(buf_str(&c.body), "a=1&b=2");
	form.content_type = FORM "; charset=UTF-8";
	assert_int_equal(client_ask(&c, &form), 200);
	form.content_type = "application/json";
	assert_int_equal(client_ask(&c, &form), 415);
	assert_string_equal(buf_str(&c.body), "<h1>body_type at form</h1>");
	client_done(&c);
}

static size_t
count(const struct client *c, const char *text)
{
	size_t n = 0;
	for (const char *at = buf_str(&c->head); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void
a_long_way_on_and_several_cookies_leave_whole(void **state)
{
	struct client c;
	assert_int_equal(ask(*state, &c, &(struct ask){.path = "/away"}), 303);
	const char *location = strstr(buf_str(&c.head), "Location: ");
	assert_non_null(location);
	assert_int_equal(strcspn(location, "\r\n"), strlen("Location: ") + LOCATION_LEN);
	assert_string_equal(buf_str(&c.body), "<p>there</p>");
	assert_int_equal(count(&c, "Set-Cookie: __Host-"), 2);
	client_done(&c);
}

static void
every_answer_has_the_listeners_headers_unless_its_handler_says_otherwise(void **state)
{
	static const char *const paths[] = {"/seen", "/unknown", "/nothing"};
	char text[256];
	struct client c;
	client_init(&c, ((struct harness *)*state)->port, NULL, NULL);
	for (size_t i = 0; i < NELEMS(paths); i++) {
		(void)client_ask(&c, &(struct ask){.path = paths[i]});
		assert_string_equal(
		    client_header(&c, "Content-Security-Policy", text), "default-src 'none'");
		assert_string_equal(client_header(&c, "Referrer-Policy", text), "no-referrer");
		assert_string_equal(client_header(&c, "Cache-Control", text), "no-store");
	}
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/away"}), 303);
	assert_int_equal(count(&c, "Content-Security-Policy"), 1);
	assert_string_equal(
	    client_header(&c, "Content-Security-Policy", text), "default-src 'self'");
	client_done(&c);
}

static void
a_refusal_is_a_page(void **state)
{
	static const struct {
		struct ask ask;
		long status;
		const char *page;
	} cases[] = {
	    {{.path = "/unknown?x"}, 404, "<h1>route_unknown at nowhere</h1>"},
	    {{.method = "DELETE", .path = "/seen"}, 405, "<h1>method_refused at nowhere</h1>"},
	    {{.path = "/nothing"}, 500, "<h1>internal at nothing</h1>"},
	    {{.method = "POST",
		 .path = "/form",
		 .content_type = FORM,
		 .body = "a=0123456789012345678901234567890123456789012345678901234567890123"},
		413, "<h1>body_too_large at form</h1>"},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char text[256];
		struct client c;
		assert_int_equal(ask(*state, &c, &cases[i].ask), cases[i].status);
		assert_string_equal(
		    client_header(&c, "Content-Type", text), "text/html; charset=utf-8");
		assert_string_equal(buf_str(&c.body), cases[i].page);
		client_done(&c);
	}
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVER(a_query_reaches_its_handler_byte_for_byte),
	    WITH_SERVER(a_query_is_not_the_next_requests),
	    WITH_SERVER(cookies_and_languages_reach_their_handler),
	    WITH_SERVER(a_form_is_taken_and_json_is_not),
	    WITH_SERVER(a_long_way_on_and_several_cookies_leave_whole),
	    WITH_SERVER(every_answer_has_the_listeners_headers_unless_its_handler_says_otherwise),
	    WITH_SERVER(a_refusal_is_a_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
