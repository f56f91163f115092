/* The API's TLS side with real handshakes: who is let in, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "harness.h"
#include "table.h"

static struct pki_ca ca, other_ca;
static struct pki_leaf server_leaf, host, storefront, foreign, expired, no_eku, unlisted;
static struct caller_table *callers;
static struct http_tls *tls;
static struct harness h;

static void
get_name(void *app, const struct http_request *request, struct http_response *response)
{
	char text[CALLER_TEXT_MAX];
	(void)app;
	http_answer_text(response, 200, "text/plain", caller_format(&request->caller, text));
}

static void
get_certificate(void *app, const struct http_request *request, struct http_response *response)
{
	char *text = base64_encode(request->certificate, request->certificate_len);
	(void)app;
	http_answer_text(response, 200, "text/plain", text ? text : "");
	free(text);
}

static const struct http_route routes[] = {
    {"GET", "/open", "open", 0, 0, 0, false, false, get_name},
    {"GET", "/storefront", "storefront", ROLE_STOREFRONT, 0, 0, false, false, get_name},
    {"GET", "/host", "host", ROLE_HOST, 0, 0, true, false, get_name},
    {"GET", "/both", "both", ROLE_STOREFRONT | ROLE_HOST, 0, 0, true, true, get_certificate},
};

static void
list(int64_t generation, bool host_revoked)
{
	const struct table_entry entries[] = {{"1001", "host", "vda1.example.com", host_revoked},
	    {"1002", "storefront", "sf1.example.com", false},
	    {"1003", "host", "vda1.example.com", false},
	    {"1004", "host", "vda1.example.com", false}};
	table_set(callers, generation, entries, NELEMS(entries));
}

static void
make_leaves(void)
{
	pki_leaf_make(&ca,
	    &(struct pki_spec){.eku = "serverAuth", .san = "IP:127.0.0.1", .serial = 0x77},
	    &server_leaf);
	pki_leaf_make(&ca, &(struct pki_spec){.serial = 0x1001}, &host);
	pki_leaf_make(&ca,
	    &(struct pki_spec){
		.role = "storefront", .san = "DNS:sf1.example.com", .serial = 0x1002},
	    &storefront);
	pki_leaf_make(
	    &ca, &(struct pki_spec){.begins_s = -100, .ends_s = -1, .serial = 0x1003}, &expired);
	pki_leaf_make(&ca, &(struct pki_spec){.eku = "serverAuth", .serial = 0x1004}, &no_eku);
	pki_leaf_make(&ca, &(struct pki_spec){.serial = 0x1005}, &unlisted);
	pki_leaf_make(&other_ca, &(struct pki_spec){.serial = 0x1001}, &foreign);
}

static int
set_up(void **state)
{
	struct fas_err e = {0};
	struct http_server_config config = {.routes = routes, .n_routes = NELEMS(routes)};
	(void)state;
	pki_ca_make(&ca, "Service CA");
	pki_ca_make(&other_ca, "Service CA");
	make_leaves();
	if (caller_table_new(ca.pem, &callers, &e) != FAS_OK ||
	    http_tls_new(ca.pem, server_leaf.key_pem, server_leaf.pem, &tls, &e) != FAS_OK)
		return -1;
	list(1, false);
	config.tls = tls;
	config.callers = callers;
	harness_start(&h, &config, 2, 8);
	return 0;
}

static int
tear_down(void **state)
{
	struct pki_leaf *leaves[] = {
	    &server_leaf, &host, &storefront, &foreign, &expired, &no_eku, &unlisted};
	(void)state;
	harness_stop(&h);
	http_tls_free(tls);
	caller_table_free(callers);
	for (size_t i = 0; i < NELEMS(leaves); i++)
		pki_leaf_done(leaves[i]);
	pki_ca_done(&ca);
	pki_ca_done(&other_ca);
	return 0;
}

static void
assert_answer(const struct pki_leaf *leaf, const char *path, long status, const char *code)
{
	struct client c;
	char text[512];
	client_init(&c, h.port, ca.pem, leaf);
	assert_int_equal(client_ask(&c, &(struct ask){.path = path}), status);
	if (code)
		assert_string_equal(client_member(&c, "code", text), code);
	client_done(&c);
}

static void
without_a_certificate_the_api_answers_401(void **state)
{
	struct client c;
	char text[256];
	(void)state;
	client_init(&c, h.port, ca.pem, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 401);
	assert_true(strlen(client_header(&c, "WWW-Authenticate", text)) > 0);
	client_done(&c);
	assert_answer(NULL, "/storefront", 401, "caller_required");
	assert_answer(NULL, "/both", 401, "caller_required");
}

static void
an_open_route_needs_no_certificate(void **state)
{
	(void)state;
	assert_answer(NULL, "/open", 200, NULL);
	assert_answer(&foreign, "/open", 200, NULL);
}

static void
a_good_certificate_names_its_caller(void **state)
{
	struct client c;
	(void)state;
	client_init(&c, h.port, ca.pem, &host);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 200);
		assert_string_equal(buf_str(&c.body), "host:vda1.example.com");
		assert_int_equal(c.new_connections, i == 0);
	}
	client_done(&c);
	assert_answer(&storefront, "/storefront", 200, NULL);
}

static void
the_wrong_role_is_403(void **state)
{
	(void)state;
	assert_answer(&host, "/storefront", 403, "role_refused");
	assert_answer(&storefront, "/host", 403, "role_refused");
}

static void
a_certificate_that_proves_nothing_is_401(void **state)
{
	(void)state;
	assert_answer(&foreign, "/host", 401, "caller_refused");
	assert_answer(&expired, "/host", 401, "caller_refused");
	assert_answer(&no_eku, "/host", 401, "caller_refused");
	assert_answer(&unlisted, "/host", 401, "caller_refused");
}

static void
a_handler_gets_the_certificate_as_it_was_sent(void **state)
{
	struct client c;
	char *want = base64_encode(host.der, host.len);
	(void)state;
	client_init(&c, h.port, ca.pem, &host);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/both"}), 200);
	assert_string_equal(buf_str(&c.body), want);
	client_done(&c);
	free(want);
}

static void
revocation_stops_a_kept_connection_at_once(void **state)
{
	struct client c;
	(void)state;
	list(10, false);
	client_init(&c, h.port, ca.pem, &host);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 200);
	list(11, true);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 401);
	assert_int_equal(c.new_connections, 0);
	list(12, false);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 200);
	client_done(&c);
}

/* curl keeps the session ticket of a handle and resumes with it. */
static void
a_resumed_session_is_judged_like_a_new_one(void **state)
{
	struct client c;
	(void)state;
	list(20, false);
	client_init(&c, h.port, ca.pem, &host);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host"}), 200);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host", .fresh = true}), 200);
	assert_int_equal(c.new_connections, 1);
	assert_string_equal(buf_str(&c.body), "host:vda1.example.com");
	list(21, true);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/host", .fresh = true}), 401);
	assert_int_equal(c.new_connections, 1);
	list(22, false);
	client_done(&c);
}

static void
a_new_server_certificate_is_shown_to_new_connections(void **state)
{
	struct pki_leaf next;
	struct pki_ca next_ca;
	struct fas_err e = {0};
	struct client kept, fresh;
	(void)state;
	pki_ca_make(&next_ca, "Next CA");
	pki_leaf_make(
	    &next_ca, &(struct pki_spec){.eku = "serverAuth", .san = "IP:127.0.0.1"}, &next);
	client_init(&kept, h.port, ca.pem, NULL);
	client_init(&fresh, h.port, next_ca.pem, NULL);
	assert_int_equal(client_ask(&kept, &(struct ask){.path = "/open"}), 200);
	assert_int_equal(client_ask(&fresh, &(struct ask){.path = "/open"}), 0);
	assert_int_equal(http_tls_replace(tls, next.key_pem, next.pem, &e), FAS_OK);
	assert_int_equal(client_ask(&kept, &(struct ask){.path = "/open"}), 200);
	assert_int_equal(kept.new_connections, 0);
	assert_int_equal(client_ask(&fresh, &(struct ask){.path = "/open"}), 200);
	assert_int_equal(http_tls_replace(tls, server_leaf.key_pem, server_leaf.pem, &e), FAS_OK);
	client_done(&kept);
	client_done(&fresh);
	pki_leaf_done(&next);
	pki_ca_done(&next_ca);
}

static void
a_key_that_is_none_is_refused(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(http_tls_replace(tls, "no key", server_leaf.pem, &e), FAS_E_CRYPTO);
	fas_err_clear(&e);
	assert_int_equal(
	    http_tls_replace(tls, server_leaf.key_pem, "no certificate", &e), FAS_E_CRYPTO);
	assert_answer(&host, "/host", 200, NULL);
}

static void
a_certificate_of_another_key_is_refused(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(http_tls_replace(tls, host.key_pem, server_leaf.pem, &e), FAS_E_CRYPTO);
	assert_non_null(strstr(e.message, "another key"));
	assert_answer(&host, "/host", 200, NULL);
}

static void
it_says_between_which_times_its_certificate_is_good(void **state)
{
	int64_t from_s, to_s;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(http_tls_life(tls, &from_s, &to_s, &e), FAS_OK);
	assert_int_equal(to_s - from_s, 3660);
	assert_in_range(time(NULL) - from_s, 60, 3600);
}

static long
ask_with_versions(long versions)
{
	char url[64];
	long status = 0;
	struct curl_blob anchor = {ca.pem, strlen(ca.pem), CURL_BLOB_COPY};
	CURL *curl = curl_easy_init();
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/open", h.port);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &anchor);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
	(void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, versions);
	(void)curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return status;
}

static void
only_tls_1_2_and_1_3_are_spoken(void **state)
{
	(void)state;
	assert_int_equal(ask_with_versions(CURL_SSLVERSION_TLSv1_3), 200);
	assert_int_equal(
	    ask_with_versions(CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2), 200);
	assert_int_equal(
	    ask_with_versions(CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1), 0);
}

static int64_t
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The first bytes of a ClientHello record of 512 bytes. */
static const unsigned char half_hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00};

static int
stall(uint16_t port)
{
	int fd = raw_connect(port);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, half_hello, sizeof(half_hello), 0), sizeof(half_hello));
	return fd;
}

static void
a_handshake_that_stalls_costs_no_time(void **state)
{
	int fds[8];
	(void)state;
	for (size_t i = 0; i < NELEMS(fds); i++)
		fds[i] = stall(h.port);
	usleep(50000);
	int64_t before_us = cpu_us();
	usleep(500000);
	assert_true(cpu_us() - before_us < 100000);
	assert_answer(&host, "/host", 200, NULL);
	for (size_t i = 0; i < NELEMS(fds); i++)
		close(fds[i]);
	assert_answer(&host, "/host", 200, NULL);
}

static void
a_handshake_that_stalls_is_cut_off(void **state)
{
	struct harness own;
	char answer[64];
	struct http_server_config config = h.config;
	(void)state;
	config.request_s = 1;
	harness_start(&own, &config, 1, 1);
	int fd = stall(own.port);
	int64_t began_us = clock_monotonic_us();
	raw_read(fd, answer, sizeof(answer), 8000);
	assert_in_range(clock_monotonic_us() - began_us, 900000, 5000000);
	close(fd);
	harness_stop(&own);
}

static void
a_stop_does_not_wait_for_a_stalled_handshake(void **state)
{
	struct harness own;
	(void)state;
	harness_start(&own, &h.config, 1, 1);
	int fd = stall(own.port);
	usleep(50000);
	int64_t began_us = clock_monotonic_us();
	harness_stop(&own);
	assert_true(clock_monotonic_us() - began_us < 3000000);
	close(fd);
}

static void *
connect_often(void *arg)
{
	struct client c;
	client_init(&c, h.port, ca.pem, &host);
	for (int i = 0; i < 40; i++)
		*(int *)arg += client_ask(&c, &(struct ask){.path = "/host", .fresh = true}) == 200;
	client_done(&c);
	return NULL;
}

static void
many_handshakes_at_once_succeed(void **state)
{
	pthread_t threads[8];
	int good[8] = {0};
	(void)state;
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, connect_often, &good[i]), 0);
	for (size_t i = 0; i < NELEMS(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(good[i], 40);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_certificate_the_api_answers_401),
	    cmocka_unit_test(an_open_route_needs_no_certificate),
	    cmocka_unit_test(a_good_certificate_names_its_caller),
	    cmocka_unit_test(the_wrong_role_is_403),
	    cmocka_unit_test(a_certificate_that_proves_nothing_is_401),
	    cmocka_unit_test(a_handler_gets_the_certificate_as_it_was_sent),
	    cmocka_unit_test(revocation_stops_a_kept_connection_at_once),
	    cmocka_unit_test(a_resumed_session_is_judged_like_a_new_one),
	    cmocka_unit_test(a_new_server_certificate_is_shown_to_new_connections),
	    cmocka_unit_test(a_key_that_is_none_is_refused),
	    cmocka_unit_test(a_certificate_of_another_key_is_refused),
	    cmocka_unit_test(it_says_between_which_times_its_certificate_is_good),
	    cmocka_unit_test(only_tls_1_2_and_1_3_are_spoken),
	    cmocka_unit_test(a_handshake_that_stalls_costs_no_time),
	    cmocka_unit_test(a_handshake_that_stalls_is_cut_off),
	    cmocka_unit_test(a_stop_does_not_wait_for_a_stalled_handshake),
	    cmocka_unit_test(many_handshakes_at_once_succeed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
