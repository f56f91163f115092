/* The HTTP edge over real sockets: routes, limits, suspension, keep-alive, the end. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/http/internal.h"
#include "harness.h"

static void
get_fast(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	(void)request;
	http_answer_text(response, 200, "text/plain", "fast");
}

static void
get_slow(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	(void)request;
	gate_pass();
	http_answer_text(response, 200, "text/plain", "slow");
}

static void
post_echo(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	http_answer_text(response, 201, "text/plain", buf_str(&request->body));
}

static void
get_segment(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	http_answer_text(response, 200, "text/plain", request->segment);
}

static void
get_nothing(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	(void)request;
	(void)response;
}

static const struct http_route routes[] = {
    {"GET", "/fast", "fast", 0, 0, 0, false, false, get_fast},
    {"GET", "/slow", "slow", 0, 0, 0, true, false, get_slow},
    {"GET", "/few", "few", 0, 0, 1, true, false, get_slow},
    {"POST", "/echo", "echo", 0, 64, 0, false, false, post_echo},
    {"POST", "/one", "one", 0, 64, 1, false, false, post_echo},
    {"POST", "/work", "work", 0, 65536, 0, true, false, post_echo},
    {"GET", "/thing/?/part", "part", 0, 0, 0, false, false, get_segment},
    {"DELETE", "/thing/?", "delete", 0, 0, 0, false, false, get_segment},
    {"GET", "/nothing", "nothing", 0, 0, 0, false, false, get_nothing},
};

static const struct http_server_config plain = {.routes = routes, .n_routes = NELEMS(routes)};

/* Each test has a server of its own: h in *state. */
static int
set_up(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	if (!h)
		return -1;
	harness_start(h, &plain, 1, 1);
	*state = h;
	return 0;
}

static int
tear_down(void **state)
{
	gate_open();
	harness_stop(*state);
	free(*state);
	return 0;
}

static void
assert_problem(struct client *c, const char *code)
{
	char text[512], id[256];
	assert_string_equal(client_header(c, "Content-Type", id), "application/problem+json");
	assert_string_equal(client_member(c, "code", text), code);
	client_header(c, "X-Correlation-Id", id);
	assert_int_equal(strlen(id), 32);
	assert_string_equal(client_member(c, "correlation_id", text), id);
	assert_true(client_has_member(c, "type") && client_has_member(c, "title"));
}

static long
ask(struct harness *h, struct client *c, const struct ask *what)
{
	client_init(c, h->port, NULL, NULL);
	return client_ask(c, what);
}

/* One request whose answer must be this problem. */
static void
assert_refused(struct harness *h, const struct ask *what, long status, const char *code)
{
	struct client c;
	assert_int_equal(ask(h, &c, what), status);
	assert_problem(&c, code);
	client_done(&c);
}

static void
a_known_route_is_answered(void **state)
{
	struct client c;
	char text[256];
	assert_int_equal(ask(*state, &c, &(struct ask){.path = "/fast"}), 200);
	assert_string_equal(buf_str(&c.body), "fast");
	assert_string_equal(client_header(&c, "Cache-Control", text), "no-store");
	assert_int_equal(strlen(client_header(&c, "X-Correlation-Id", text)), 32);
	client_done(&c);
}

static void
an_unknown_path_is_404(void **state)
{
	static const char *const paths[] = {"/", "/fas", "/fast/", "/fast/x", "//fast", "/f%61st",
	    "/thing/a%2fb/part", "/thing//part", "/thing/../fast", "/thing/a/part/",
	    "/thing/a:b/part"};
	for (size_t i = 0; i < NELEMS(paths); i++)
		assert_refused(*state, &(struct ask){.path = paths[i]}, 404, "not_found");
}

static void
a_segment_reaches_its_handler(void **state)
{
	struct client c;
	assert_int_equal(ask(*state, &c, &(struct ask){.path = "/thing/aB.3_-z/part"}), 200);
	assert_string_equal(buf_str(&c.body), "aB.3_-z");
	client_done(&c);
}

static void
a_segment_of_80_bytes_is_404(void **state)
{
	char path[128] = "/thing/";
	memset(path + 7, 'a', 80);
	strcpy(path + 87, "/part");
	assert_refused(*state, &(struct ask){.path = path}, 404, "not_found");
}

static void
another_method_is_405_with_allow(void **state)
{
	struct client c;
	char text[256];
	assert_int_equal(ask(*state, &c, &(struct ask){.path = "/echo"}), 405);
	assert_problem(&c, "method_refused");
	assert_string_equal(client_header(&c, "Allow", text), "POST");
	assert_int_equal(client_ask(&c, &(struct ask){.method = "PUT", .path = "/fast"}), 405);
	assert_string_equal(client_header(&c, "Allow", text), "GET, HEAD");
	client_done(&c);
}

static void
query_parameters_are_400(void **state)
{
	assert_refused(*state, &(struct ask){.path = "/fast?a=b"}, 400, "request_invalid");
}

static void
head_has_the_length_and_no_body(void **state)
{
	struct client c;
	char text[256];
	assert_int_equal(ask(*state, &c, &(struct ask){.method = "HEAD", .path = "/fast"}), 200);
	assert_int_equal(c.body.len, 0);
	assert_string_equal(client_header(&c, "Content-Length", text), "4");
	client_done(&c);
}

static void
a_body_within_the_limit_reaches_its_handler(void **state)
{
	struct client c;
	const struct ask chunked = {
	    .method = "POST", .path = "/echo", .body = "{\"b\":2}", .chunked = true};
	assert_int_equal(
	    ask(*state, &c, &(struct ask){.method = "POST", .path = "/echo", .body = "{\"a\":1}"}),
	    201);
	assert_string_equal(buf_str(&c.body), "{\"a\":1}");
	assert_int_equal(client_ask(&c, &chunked), 201);
	assert_string_equal(buf_str(&c.body), "{\"b\":2}");
	client_done(&c);
}

static void
a_body_over_the_limit_is_413_and_the_connection_stays(void **state)
{
	struct client c;
	char body[200];
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = 0;
	assert_int_equal(
	    ask(*state, &c, &(struct ask){.method = "POST", .path = "/echo", .body = body}), 413);
	assert_problem(&c, "too_large");
	assert_int_equal(
	    client_ask(&c,
		&(struct ask){.method = "POST", .path = "/echo", .body = body, .chunked = true}),
	    413);
	assert_int_equal(c.new_connections, 0);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/fast"}), 200);
	assert_int_equal(c.new_connections, 0);
	client_done(&c);
}

static void
a_body_far_over_the_limit_is_413_or_cut_off(void **state)
{
	struct harness *h = *state;
	struct client c;
	char *body = malloc(3000001);
	assert_non_null(body);
	memset(body, 'x', 3000000);
	body[3000000] = 0;
	client_init(&c, h->port, NULL, NULL);
	for (int chunked = 0; chunked <= 1; chunked++) {
		(void)client_ask(
		    &c, &(struct ask){
			    .method = "POST", .path = "/echo", .body = body, .chunked = chunked});
		assert_true(c.status == 413 || c.result != CURLE_OK);
	}
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/fast", .fresh = true}), 200);
	free(body);
	client_done(&c);
}

static void
a_body_where_none_belongs_is_413(void **state)
{
	assert_refused(*state, &(struct ask){.method = "DELETE", .path = "/thing/a", .body = "{}"},
	    413, "too_large");
}

static void
another_content_type_is_415(void **state)
{
	static const char *const types[] = {"text/plain", "application/x-www-form-urlencoded",
	    "application/jsonx", "application/json-seq", "text/json"};
	for (size_t i = 0; i < NELEMS(types); i++)
		assert_refused(*state,
		    &(struct ask){
			.method = "POST", .path = "/echo", .body = "{}", .content_type = types[i]},
		    415, "type_refused");
}

static void
json_with_a_charset_is_taken(void **state)
{
	struct client c;
	const struct ask what = {.method = "POST",
	    .path = "/echo",
	    .body = "{}",
	    .content_type = "Application/JSON; charset=utf-8"};
	assert_int_equal(ask(*state, &c, &what), 201);
	client_done(&c);
}

static void
a_handler_without_an_answer_is_500(void **state)
{
	assert_refused(*state, &(struct ask){.path = "/nothing"}, 500, "internal");
}

static void
a_malformed_head_is_400_and_closed(void **state)
{
	static const char *const heads[] = {"GET /fast HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
	    "GET\r\n\r\n", "GET /fast HTTP/1.1\r\n\r\n"};
	struct harness *h = *state;
	for (size_t i = 0; i < NELEMS(heads); i++) {
		char answer[1024];
		int fd = raw_connect(h->port);
		assert_true(fd >= 0);
		assert_int_equal(send(fd, heads[i], strlen(heads[i]), 0), strlen(heads[i]));
		raw_read(fd, answer, sizeof(answer), 3000);
		assert_true(answer[0] == 0 || strncmp(answer, "HTTP/1.1 400", 12) == 0 ||
			    strncmp(answer, "HTTP/1.0 400", 12) == 0);
		close(fd);
	}
}

static void
a_slow_request_does_not_hold_the_event_threads(void **state)
{
	struct harness *h = *state;
	struct background_ask slow;
	struct client c;
	gate_close();
	background_ask(&slow, h->port, "/slow");
	gate_await(1);
	client_init(&c, h->port, NULL, NULL);
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    client_ask(&c, &(struct ask){.path = "/fast", .fresh = true}), 200);
	gate_open();
	assert_int_equal(background_join(&slow), 200);
	assert_string_equal(buf_str(&slow.client.body), "slow");
	client_done(&slow.client);
	client_done(&c);
}

static void
await_waiting(struct harness *h, size_t n)
{
	while (workers_load(h->workers).waiting < n)
		usleep(1000);
}

static void
a_full_queue_is_429_with_retry_after(void **state)
{
	struct harness *h = *state;
	struct background_ask working, waiting;
	struct client c;
	char text[256];
	gate_close();
	background_ask(&working, h->port, "/slow");
	gate_await(1);
	background_ask(&waiting, h->port, "/slow");
	await_waiting(h, 1);
	assert_int_equal(ask(h, &c, &(struct ask){.path = "/slow"}), 429);
	assert_problem(&c, "busy");
	assert_string_equal(client_header(&c, "Retry-After", text), "1");
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/fast"}), 200);
	assert_int_equal(metrics_get(h->metrics, METRIC_OVERLOADED), 1);
	gate_open();
	assert_int_equal(background_join(&working), 200);
	assert_int_equal(background_join(&waiting), 200);
	client_done(&working.client);
	client_done(&waiting.client);
	client_done(&c);
}

static void
a_route_may_limit_what_is_in_flight(void **state)
{
	struct harness *h = *state;
	struct background_ask first;
	gate_close();
	background_ask(&first, h->port, "/few");
	gate_await(1);
	assert_refused(h, &(struct ask){.path = "/few"}, 429, "busy");
	gate_open();
	assert_int_equal(background_join(&first), 200);
	client_done(&first.client);
	struct client c;
	assert_int_equal(ask(h, &c, &(struct ask){.path = "/few"}), 200);
	client_done(&c);
}

static void
a_connection_is_kept_over_slow_and_fast_requests(void **state)
{
	struct client c;
	const struct ask work = {.method = "POST", .path = "/work", .body = "{\"n\":1}"};
	assert_int_equal(ask(*state, &c, &work), 201);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(client_ask(&c, i % 2 ? &work : &(struct ask){.path = "/fast"}),
		    i % 2 ? 201 : 200);
		assert_int_equal(c.new_connections, 0);
	}
	client_done(&c);
}

static void *
stop_server(void *arg)
{
	struct harness *h = arg;
	http_server_stop(h->server, 10000);
	h->server = NULL;
	return NULL;
}

/* The rest of a harness whose server has been stopped by the test. */
static void
start_anew(struct harness *h)
{
	workers_stop(h->workers);
	metrics_free(h->metrics);
	harness_start(h, &plain, 1, 1);
}

/* A new connection is closed before a byte of it is answered. */
static bool
is_turned_away(uint16_t port)
{
	char byte;
	OWN(fd) int fd = raw_connect(port);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return fd < 0 || (poll(&p, 1, 20) == 1 && recv(fd, &byte, 1, 0) <= 0);
}

static void
a_stop_finishes_what_is_under_way_and_takes_nothing_new(void **state)
{
	struct harness *h = *state;
	struct background_ask slow;
	struct client kept;
	pthread_t stopper;
	assert_int_equal(ask(h, &kept, &(struct ask){.path = "/fast"}), 200);
	gate_close();
	background_ask(&slow, h->port, "/slow");
	gate_await(1);
	assert_int_equal(pthread_create(&stopper, NULL, stop_server, h), 0);
	while (!is_turned_away(h->port))
		usleep(1000);
	assert_int_equal(client_ask(&kept, &(struct ask){.path = "/fast"}), 503);
	assert_problem(&kept, "unavailable");
	gate_open();
	assert_int_equal(background_join(&slow), 200);
	pthread_join(stopper, NULL);
	client_done(&slow.client);
	client_done(&kept);
	start_anew(h);
}

/* Open the gate once the stop waits no longer; it cannot end before, so the server is there to be looked at. */
static void *
open_when_hurried(void *arg)
{
	struct http_server *server = arg;
	while (!atomic_load(&server->hurry))
		usleep(1000);
	gate_open();
	return NULL;
}

static void
a_stop_whose_time_is_over_lets_waiting_requests_go_with_503(void **state)
{
	struct harness *h = *state;
	struct background_ask working, waiting;
	pthread_t opener;
	gate_close();
	background_ask(&working, h->port, "/slow");
	gate_await(1);
	background_ask(&waiting, h->port, "/slow");
	await_waiting(h, 1);
	assert_int_equal(pthread_create(&opener, NULL, open_when_hurried, h->server), 0);
	http_server_stop(h->server, 1);
	h->server = NULL;
	assert_int_equal(background_join(&working), 200);
	assert_int_equal(background_join(&waiting), 503);
	pthread_join(opener, NULL);
	client_done(&working.client);
	client_done(&waiting.client);
	start_anew(h);
}

static void
a_client_that_drips_is_cut_off(void **state)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: "
				   "application/json\r\nContent-Length: 60\r\n\r\n";
	struct harness h;
	struct http_server_config impatient = plain;
	char answer[256];
	(void)state;
	impatient.request_s = 1;
	harness_start(&h, &impatient, 1, 1);
	int fd = raw_connect(h.port);
	int64_t began_us = clock_monotonic_us();
	assert_int_equal(send(fd, head, sizeof(head) - 1, 0), sizeof(head) - 1);
	while (clock_monotonic_us() - began_us < 8000000 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		usleep(200000);
	assert_true(clock_monotonic_us() - began_us < 5000000);
	raw_read(fd, answer, sizeof(answer), 1000);
	assert_string_equal(answer, "");
	close(fd);
	harness_stop(&h);
}

static unsigned
places_taken(struct http_server *server, const char *route)
{
	size_t i = 0;
	while (strcmp(routes[i].name, route) != 0)
		i++;
	pthread_mutex_lock(&server->lock);
	unsigned n = server->routes[i].in_flight;
	pthread_mutex_unlock(&server->lock);
	return n;
}

/* Anybody may send to some of these routes: a few connections that drip must not keep all others away. */
static void
who_sends_slowly_loses_his_place_to_who_comes(void **state)
{
	static const char head[] = "POST /one HTTP/1.1\r\nHost: x\r\nContent-Type: "
				   "application/json\r\nContent-Length: 60\r\n\r\n";
	struct harness *h = *state;
	struct client c;
	char answer[256];
	long status = 0;
	int fd = raw_connect(h->port);
	assert_int_equal(send(fd, head, sizeof(head) - 1, 0), sizeof(head) - 1);
	while (places_taken(h->server, "one") == 0)
		usleep(1000);
	client_init(&c, h->port, NULL, NULL);
	const struct ask whole = {.method = "POST", .path = "/one", .body = "{}"};
	int64_t until_us = clock_monotonic_us() + 15000000;
	while ((status = client_ask(&c, &whole)) == 429 && clock_monotonic_us() < until_us)
		usleep(20000);
	assert_int_equal(status, 201);
	raw_read(fd, answer, sizeof(answer), 5000);
	assert_string_equal(answer, "");
	assert_true(recv(fd, answer, 1, MSG_DONTWAIT) >= 0 || errno == ECONNRESET);
	close(fd);
	assert_int_equal(client_ask(&c, &whole), 201);
	client_done(&c);
}

static void
connections_of_one_address_are_limited(void **state)
{
	struct harness h;
	struct http_server_config few = plain;
	int fds[6];
	size_t alive = 0;
	(void)state;
	few.connections_per_address = 4;
	harness_start(&h, &few, 1, 1);
	for (size_t i = 0; i < NELEMS(fds); i++)
		fds[i] = raw_connect(h.port);
	for (size_t i = 0; i < NELEMS(fds); i++) {
		static const char head[] =
		    "GET /fast HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
		char answer[512] = "";
		if (fds[i] >= 0 && send(fds[i], head, sizeof(head) - 1, MSG_NOSIGNAL) > 0)
			raw_read(fds[i], answer, sizeof(answer), 300);
		alive += strncmp(answer, "HTTP/1.1 200", 12) == 0;
	}
	for (size_t i = 0; i < NELEMS(fds); i++)
		close(fds[i]);
	assert_true(alive >= 1 && alive <= 4);
	harness_stop(&h);
}

static void
requests_are_counted_by_route_and_status(void **state)
{
	struct harness *h = *state;
	struct buf text;
	struct client c;
	assert_int_equal(ask(h, &c, &(struct ask){.path = "/fast"}), 200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/unknown"}), 404);
	client_done(&c);
	buf_init(&text, 1 << 20);
	do {
		buf_done(&text);
		buf_init(&text, 1 << 20);
		metrics_format(h->metrics, &text);
	} while (!strstr(buf_str(&text), "fas_requests_total{route=\"other\",status=\"404\"} 1"));
	assert_non_null(
	    strstr(buf_str(&text), "fas_requests_total{route=\"fast\",status=\"200\"} 1"));
	assert_non_null(strstr(
	    buf_str(&text), "fas_request_duration_seconds_bucket{route=\"fast\",le=\"+Inf\"} 1"));
	buf_done(&text);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_SERVER(a_known_route_is_answered),
	    WITH_SERVER(an_unknown_path_is_404),
	    WITH_SERVER(a_segment_reaches_its_handler),
	    WITH_SERVER(a_segment_of_80_bytes_is_404),
	    WITH_SERVER(another_method_is_405_with_allow),
	    WITH_SERVER(query_parameters_are_400),
	    WITH_SERVER(head_has_the_length_and_no_body),
	    WITH_SERVER(a_body_within_the_limit_reaches_its_handler),
	    WITH_SERVER(a_body_over_the_limit_is_413_and_the_connection_stays),
	    WITH_SERVER(a_body_far_over_the_limit_is_413_or_cut_off),
	    WITH_SERVER(a_body_where_none_belongs_is_413),
	    WITH_SERVER(another_content_type_is_415),
	    WITH_SERVER(json_with_a_charset_is_taken),
	    WITH_SERVER(a_handler_without_an_answer_is_500),
	    WITH_SERVER(a_malformed_head_is_400_and_closed),
	    WITH_SERVER(a_slow_request_does_not_hold_the_event_threads),
	    WITH_SERVER(a_full_queue_is_429_with_retry_after),
	    WITH_SERVER(a_route_may_limit_what_is_in_flight),
	    WITH_SERVER(who_sends_slowly_loses_his_place_to_who_comes),
	    WITH_SERVER(a_connection_is_kept_over_slow_and_fast_requests),
	    WITH_SERVER(a_stop_finishes_what_is_under_way_and_takes_nothing_new),
	    WITH_SERVER(a_stop_whose_time_is_over_lets_waiting_requests_go_with_503),
	    cmocka_unit_test(a_client_that_drips_is_cut_off),
	    cmocka_unit_test(connections_of_one_address_are_limited),
	    WITH_SERVER(requests_are_counted_by_route_and_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
