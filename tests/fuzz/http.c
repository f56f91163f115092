/*
 * The HTTP edge: the bytes of one connection against a real server on loopback, whose routes look like the API's and
 * the publisher's, and the same bytes as a path and as conditional headers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/api.h"
#include "fas/base/macros.h"
#include "fas/http/listen.h"
#include "fas/publisher.h"
#include "harness.h"
#include "tests/fuzz/fuzz.h"

#define REPLY_MAX 65536
#define QUIET_MS 3
#define ANSWER_MS 8000
#define INPUTS_PER_PROBE 64
#define BODY_MAX 4096

static struct harness h;
static struct publisher publisher;

/* What every handler may rely on. */
static void
check_request(const struct http_request *request)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const struct http_route *route = request->route;
	FUZZ_CHECK(route && strcmp(request->method, route->method) == 0);
	FUZZ_CHECK((strchr(route->path, '?') != NULL) == (request->segment[0] != 0));
	FUZZ_CHECK(request->segment[strspn(request->segment, safe)] == 0);
	FUZZ_CHECK(request->body.len <= route->body_max && !request->body.failed);
	FUZZ_CHECK(memchr(request->if_none_match, 0, sizeof(request->if_none_match)));
	FUZZ_CHECK(correlation_id_is_valid(request->correlation_id));
}

static void
answer_length(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	check_request(request);
	http_answer_json(response, 200, json_pack("{s:I}", "bytes", (json_int_t)request->body.len));
}

static void
answer_nothing(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	check_request(request);
	http_answer_empty(response, 204);
}

static void
answer_published(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	check_request(request);
	publisher_routes[strcmp(request->route->name, "ca") == 0].handle(
	    &publisher, request, response);
}

static const struct http_route routes[] = {
    {"POST", "/v1/logons", "logons", 0, BODY_MAX, 0, true, false, answer_length},
    {"POST", "/v1/sessions/?/lease", "lease", 0, BODY_MAX, 2, false, false, answer_length},
    {"DELETE", "/v1/sessions/?", "session_end", 0, 0, 0, true, false, answer_nothing},
    {"POST", "/v1/certificates", "certificates", ROLE_HOST, BODY_MAX, 0, true, false,
	answer_length},
    {"GET", "/crl/?", "crl", 0, 0, 0, false, false, answer_published},
    {"GET", "/ca/?", "ca", 0, 0, 0, false, false, answer_published},
};

static void
set_up(void)
{
	char path[300];
	const struct http_server_config config = {
	    .routes = routes, .n_routes = NELEMS(routes), .threads = 1, .request_s = 2};
	(void)snprintf(path, sizeof(path), "%s/crl", fuzz_folder());
	FUZZ_CHECK(mkdir(path, 0700) == 0);
	publisher.folder = fuzz_folder();
	(void)fuzz_file("crl/main-1.crl", "crl", 3);
	harness_start(&h, &config, 1, 4);
}

/* Interrupted by libFuzzer's alarm, it goes on by itself. */
static bool
connected(int fd, const struct sockaddr_in *to)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int failure = 0;
	socklen_t len = sizeof(failure);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
		return true;
	int ready = errno == EINTR ? -1 : 0;
	while (ready < 0 && errno == EINTR)
		ready = poll(&p, 1, ANSWER_MS);
	if (ready == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == 0 && failure == 0)
		return true;
	(void)fprintf(stderr, "connect: %s\n", strerror(errno));
	return false;
}

static int
dial(void)
{
	static uint32_t source;
	const int yes = 1;
	const struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT */
	/* Another source each time: the ports of one would all be in TIME_WAIT soon. */
	struct sockaddr_in from = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + source++ % 0xffffU)};
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(h.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	FUZZ_CHECK(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	FUZZ_CHECK(connected(fd, &to));
	return fd;
}

/* What the server says until it hangs up, or is silent for so long. */
static size_t
read_all(int fd, char *reply, int quiet_ms)
{
	size_t len = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (len < REPLY_MAX) {
		int ready = poll(&p, 1, quiet_ms);
		if (ready < 0 && errno == EINTR) /* libFuzzer's alarm */
			continue;
		ssize_t n = ready == 1 ? recv(fd, reply + len, REPLY_MAX - len, 0) : 0;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	reply[len] = 0;
	return len;
}

/* Half a request waits for its other half: who has said nothing for a moment is left, and the connection reset. */
static void
try_connection(const uint8_t *data, size_t size, int quiet_ms)
{
	static char reply[REPLY_MAX + 1];
	int fd = dial();
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	(void)shutdown(fd, SHUT_WR);
	size_t len = read_all(fd, reply, quiet_ms);
	close(fd);
	FUZZ_CHECK(len == 0 || strncmp(reply, "HTTP/1.", 7) == 0);
	FUZZ_CHECK(!strstr(reply, "HTTP/1.1 500"));
	FUZZ_CHECK(len > 0 || quiet_ms < ANSWER_MS);
}

static void
try_path(const char *method, const char *path)
{
	struct http_match match;
	struct fas_err e = {0};
	enum fas_code rc = http_route_find(api_routes, api_n_routes, method, path, &match, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (match.route != NULL));
	FUZZ_CHECK(memchr(match.allow, 0, sizeof(match.allow)));
	FUZZ_CHECK(!strchr(match.segment, '/') && !strchr(match.segment, '%'));
}

static void
try_published(const char *segment, const char *tag, const char *date)
{
	struct http_request request = {.route = &routes[4], .method = "GET"};
	struct http_response response;
	(void)snprintf(request.segment, sizeof(request.segment), "%s", segment);
	(void)snprintf(request.if_none_match, sizeof(request.if_none_match), "%s", tag);
	(void)snprintf(request.if_modified_since, sizeof(request.if_modified_since), "%s", date);
	http_response_init(&response, "0123456789abcdef0123456789abcdef");
	publisher_routes[0].handle(&publisher, &request, &response);
	FUZZ_CHECK(response.status == 200 || response.status == 304 || response.status == 404);
	FUZZ_CHECK(response.status == 404 || strcmp(request.segment, "main-1.crl") == 0);
	http_response_done(&response);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char probe[] =
	    "GET /crl/main-1.crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static unsigned inputs;
	struct fuzz_input in = {data, size};
	struct sockaddr_storage address;
	socklen_t address_len;
	if (!h.server)
		set_up();
	try_connection(data, size < 32768 ? size : 32768, QUIET_MS);
	/* Whatever came before, the next client is answered. */
	if (inputs++ % INPUTS_PER_PROBE == 0)
		try_connection((const uint8_t *)probe, sizeof(probe) - 1, ANSWER_MS);
	OWN(text) char *first = fuzz_text(&in, ' ');
	OWN(text) char *second = fuzz_text(&in, ' ');
	OWN(text) char *third = fuzz_text(&in, '\n');
	try_path(first, second);
	try_published("main-1.crl", first, third);
	try_published(first, second, third);
	(void)http_address_parse(first, &address, &address_len);
	return 0;
}
