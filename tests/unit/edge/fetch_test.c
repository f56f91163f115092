/* Fetching over plain HTTP from servers that do what they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/http/fetch.h"

#define BODY_MAX 1000
#define TIMEOUT_MS 5000

/* ---- a server for one request ---- */

struct server {
	int listener;
	uint16_t port;
	const char *answer;
	size_t len;
	bool hold; /* keep the connection open behind the answer */
	char request[2048];
	pthread_t thread;
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	ssize_t n = recv(fd, s->request, sizeof(s->request) - 1, 0);
	if (n > 0 && send(fd, s->answer, s->len, MSG_NOSIGNAL) < 0)
		n = 0;
	if (s->hold)
		(void)recv(fd, s->request + n, sizeof(s->request) - 1 - (size_t)n, 0);
	(void)close(fd);
	return NULL;
}

static void
server_start(struct server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static enum fas_code
fetch_if(struct server *s, int timeout_ms, const struct fetch_validators *have, struct fetched *out,
    struct fas_err *e)
{
	char url[64];
	if (s->len == 0)
		s->len = strlen(s->answer);
	server_start(s);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/crl/main-1.crl", s->port);
	enum fas_code rc = fetch_http(url, BODY_MAX, timeout_ms, have, out, e);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->listener);
	return rc;
}

static enum fas_code
fetch_from(struct server *s, int timeout_ms, struct fetched *out, struct fas_err *e)
{
	return fetch_if(s, timeout_ms, NULL, out, e);
}

/* ---- answers ---- */

static void
a_body_is_whole_whichever_way_its_length_is_told(void **state)
{
	static const struct server servers[] = {
	    {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe list"},
	    {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe list", .hold = true},
	    {.answer = "HTTP/1.1 200 OK\r\ncontent-length:8 \r\nX: y\r\n\r\nthe list and more"},
	    {.answer = "HTTP/1.0 200\r\nServer: x\r\n\r\nthe list"},
	    {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "4\r\nthe \r\n1;x=y\r\nl\r\n003\r\nist\r\n0\r\n\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(servers); i++) {
		struct fas_err e = {0};
		struct server s = servers[i];
		OWN(fetched) struct fetched got;
		assert_int_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_OK);
		assert_string_equal(buf_str(&got.body), "the list");
		assert_int_equal(got.body.len, 8);
	}
}

static void
the_request_names_the_host_and_asks_for_a_fresh_one(void **state)
{
	char host[64];
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	struct server s = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"};
	(void)state;
	assert_int_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_OK);
	assert_non_null(strstr(s.request, "GET /crl/main-1.crl HTTP/1.1\r\n"));
	(void)snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", s.port);
	assert_non_null(strstr(s.request, host));
	assert_non_null(strstr(s.request, "\r\nCache-Control: no-cache\r\n"));
	assert_null(strstr(s.request, "Authorization"));
}

static void
an_answer_says_by_what_it_is_known_again(void **state)
{
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	struct server s = {
	    .answer =
		"HTTP/1.1 200 OK\r\netag:  \"a-1\" \r\nLast-Modified: Mon, 30 Nov 2026 14:00:00 "
		"GMT\r\nContent-Length: 1\r\n\r\nx"};
	(void)state;
	assert_int_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_OK);
	assert_null(strstr(s.request, "If-None-Match"));
	assert_null(strstr(s.request, "If-Modified-Since"));
	assert_false(got.unchanged);
	assert_string_equal(got.validators.etag, "\"a-1\"");
	assert_string_equal(got.validators.modified, "Mon, 30 Nov 2026 14:00:00 GMT");
}

/* What cannot be sent back as it came is none: without it the whole is asked for. */
static void
a_tag_that_could_not_be_sent_back_is_none(void **state)
{
	static const char *const tags[] = {"\"a\x01"
					   "b\"",
	    "\"\xc3\xa4\"",
	    "\"0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789012345678901234567890123456789\""};
	(void)state;
	for (size_t i = 0; i < NELEMS(tags); i++) {
		char answer[512];
		struct fas_err e = {0};
		OWN(fetched) struct fetched got;
		struct server s = {.answer = answer};
		(void)snprintf(answer, sizeof(answer),
		    "HTTP/1.1 200 OK\r\nETag: %s\r\nContent-Length: 1\r\n\r\nx", tags[i]);
		assert_int_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_OK);
		assert_string_equal(got.validators.etag, "");
	}
}

static void
what_is_held_already_is_not_sent_again(void **state)
{
	static const struct fetch_validators have = {
	    .etag = "\"a-1\"", .modified = "Mon, 30 Nov 2026 14:00:00 GMT"};
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	struct server s = {
	    .answer = "HTTP/1.1 304 Not Modified\r\nETag: \"a-1\"\r\n\r\n", .hold = true};
	(void)state;
	assert_int_equal(fetch_if(&s, TIMEOUT_MS, &have, &got, &e), FAS_OK);
	assert_true(got.unchanged);
	assert_int_equal(got.body.len, 0);
	assert_non_null(strstr(s.request, "\r\nIf-None-Match: \"a-1\"\r\n"));
	assert_non_null(
	    strstr(s.request, "\r\nIf-Modified-Since: Mon, 30 Nov 2026 14:00:00 GMT\r\n"));
}

static void
what_has_changed_comes_whole(void **state)
{
	static const struct fetch_validators have = {.etag = "\"a-1\""};
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	struct server s = {
	    .answer = "HTTP/1.1 200 OK\r\nETag: \"a-2\"\r\nContent-Length: 1\r\n\r\nx"};
	(void)state;
	assert_int_equal(fetch_if(&s, TIMEOUT_MS, &have, &got, &e), FAS_OK);
	assert_false(got.unchanged);
	assert_int_equal(got.body.len, 1);
	assert_string_equal(got.validators.etag, "\"a-2\"");
}

static void
an_answer_that_is_not_the_thing_is_refused(void **state)
{
	static char large[FETCH_HEAD_MAX];
	const struct {
		struct server server;
		const char *reason;
	} cases[] = {
	    {{.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}, "http_status"},
	    {{.answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\n\r\n"},
		"http_status"},
	    {{.answer = "HTTP/1.1 304 Not Modified\r\n\r\n"}, "http_status"},
	    {{.answer = "HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx"}, "http_status"},
	    {{.answer = "HTTP/2 200\r\n\r\n"}, "http_malformed"},
	    {{.answer = "HTTP/1.1 2x0 OK\r\n\r\n"}, "http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\nContent-Length: 1\n\nx"}, "http_cut"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"},
		"http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"}, "http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx"},
		"http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
		"http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
			"0\r\n\r\n"},
		"http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\n folded: yes\r\n\r\nx"}, "http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nno field\r\n\r\nx"}, "http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"},
		"http_malformed"},
	    {{.answer =
		     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"},
		"http_malformed"},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
		"http_cut"},
	    {{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"}, "http_cut"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe list"}, "http_cut"},
	    {{.answer = "HTTP/1.1 200 OK\r\nServer"}, "http_cut"},
	    {{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"}, "fetch_too_large"},
	    {{.answer = large, .len = sizeof(large)}, "http_malformed"},
	};
	(void)state;
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct server s = cases[i].server;
		OWN(fetched) struct fetched got;
		assert_int_not_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_OK);
		if (strcmp(e.reason, cases[i].reason) != 0)
			fail_msg(
			    "case %zu: %s, %s; want %s", i, e.reason, e.message, cases[i].reason);
	}
}

static void
an_answer_without_an_end_is_cut_at_its_size(void **state)
{
	static char answer[4 * FETCH_HEAD_MAX];
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	struct server s = {.answer = answer, .len = sizeof(answer)};
	(void)state;
	memset(answer, 'x', sizeof(answer));
	memcpy(answer, "HTTP/1.1 200 OK\r\n\r\n", 19);
	assert_int_equal(fetch_from(&s, TIMEOUT_MS, &got, &e), FAS_E_LIMIT);
	assert_string_equal(e.reason, "fetch_too_large");
}

static void
a_server_that_says_nothing_more_costs_the_timeout(void **state)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", "H"};
	(void)state;
	for (size_t i = 0; i < NELEMS(answers); i++) {
		struct fas_err e = {0};
		OWN(fetched) struct fetched got;
		struct server s = {.answer = answers[i], .hold = true};
		int64_t begun_us = clock_monotonic_us();
		assert_int_equal(fetch_from(&s, 200, &got, &e), FAS_E_TIMEOUT);
		assert_string_equal(e.reason, "fetch_timeout");
		assert_true(clock_monotonic_us() - begun_us >= 200000);
	}
}

static void
nobody_there_is_said(void **state)
{
	struct fas_err e = {0};
	OWN(fetched) struct fetched got;
	(void)state;
	assert_int_equal(fetch_http("http://127.0.0.1:1/x", BODY_MAX, TIMEOUT_MS, NULL, &got, &e),
	    FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "fetch_connect");
}

/* ---- URLs ---- */

static void
urls_are_taken_apart(void **state)
{
	static const struct {
		const char *url, *host, *target;
		uint16_t port;
		bool literal6;
	} cases[] = {
	    {"http://pki.corp.example.com/crl/a.crl", "pki.corp.example.com", "/crl/a.crl", 80,
		false},
	    {"HTTP://pki:8080", "pki", "/", 8080, false},
	    {"http://127.0.0.1?x", "127.0.0.1", "/?x", 80, false},
	    {"http://[::1]:81/a%20b", "::1", "/a%20b", 81, true},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct fetch_url url;
		assert_int_equal(fetch_url_parse(cases[i].url, &url, &e), FAS_OK);
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.target, cases[i].target);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.literal6, cases[i].literal6);
	}
}

static void
urls_that_are_something_else_are_refused(void **state)
{
	static const char *const urls[] = {"", "https://pki/x", "ldap:///CN=x",
	    "file:///etc/passwd", "http://", "http:///x", "http://user@pki/x", "http://pki:/x",
	    "http://pki:0/x", "http://pki:65536/x", "http://pki:80x/", "http://[::1/x",
	    "http://[x]/", "http://[::1]x", "http://pki/a b", "http://pki/a\r\nX: y",
	    "http://pki/#x", "http://p\xc3\xa4/"};
	(void)state;
	for (size_t i = 0; i < NELEMS(urls); i++) {
		struct fas_err e = {0};
		struct fetch_url url;
		if (fetch_url_parse(urls[i], &url, &e) == FAS_OK)
			fail_msg("%s is taken", urls[i]);
		assert_string_equal(e.reason, "url_malformed");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_body_is_whole_whichever_way_its_length_is_told),
	    cmocka_unit_test(the_request_names_the_host_and_asks_for_a_fresh_one),
	    cmocka_unit_test(an_answer_says_by_what_it_is_known_again),
	    cmocka_unit_test(a_tag_that_could_not_be_sent_back_is_none),
	    cmocka_unit_test(what_is_held_already_is_not_sent_again),
	    cmocka_unit_test(what_has_changed_comes_whole),
	    cmocka_unit_test(an_answer_that_is_not_the_thing_is_refused),
	    cmocka_unit_test(an_answer_without_an_end_is_cut_at_its_size),
	    cmocka_unit_test(a_server_that_says_nothing_more_costs_the_timeout),
	    cmocka_unit_test(nobody_there_is_said),
	    cmocka_unit_test(urls_are_taken_apart),
	    cmocka_unit_test(urls_that_are_something_else_are_refused),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
