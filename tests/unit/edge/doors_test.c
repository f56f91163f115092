/* The API's door: shut while the signer is away, then open, on one and the same socket; and sockets that others hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "fakes.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/doors.h"
#include "fas/held.h"
#include "fas/http/listen.h"

static char folder[] = "/tmp/fas-doors-XXXXXX";
static struct pki_ca ca;
static struct pki_leaf leaf;
static struct metrics *metrics;
static struct workers *workers;
static struct caller_table *callers;
static struct http_tls *tls;
static struct identity_key key;
static struct config config = {.connections = 64,
    .connections_per_address = 64,
    .api = {{"127.0.0.1:0"}, 1},
    .public = {{"127.0.0.1:0"}, 1},
    .ops = {{"127.0.0.1:0"}, 1}};
static struct ops ops;
static struct publisher publisher;
static struct service service;
static struct api api;
static struct doors doors;

static void
in_folder(char path[128], const char *name)
{
	(void)snprintf(path, 128, "%s/%s", folder, name);
}

static void
remember_certificate(void)
{
	char path[128];
	struct fas_err e = {0};
	in_folder(path, "api-certificate.pem");
	assert_int_equal(file_write_atomic(path, leaf.pem, strlen(leaf.pem), 0600, &e), FAS_OK);
}

static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	pki_ca_make(&ca, "Service CA");
	pki_leaf_make(&ca, &(struct pki_spec){.eku = "serverAuth", .san = "IP:127.0.0.1"}, &leaf);
	key.state = folder;
	publisher.folder = folder;
	if (secret_copy(&key.pem, leaf.key_pem, strlen(leaf.key_pem), &e) != FAS_OK ||
	    metrics_new(&metrics, &e) != FAS_OK ||
	    workers_start(2, 8, http_server_work, &workers, &e) != FAS_OK ||
	    caller_table_new(ca.pem, &callers, &e) != FAS_OK ||
	    http_tls_new(ca.pem, leaf.key_pem, leaf.pem, &tls, &e) != FAS_OK)
		return -1;
	api = (struct api){.service = &service, .callers = callers, .metrics = metrics};
	return 0;
}

static int
tear_down(void **state)
{
	char command[64];
	(void)state;
	workers_stop(workers);
	http_tls_free(tls);
	caller_table_free(callers);
	metrics_free(metrics);
	secret_done(&key.pem);
	pki_leaf_done(&leaf);
	pki_ca_done(&ca);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static uint16_t
open_doors_with(const struct doors_front *front)
{
	const struct doors_config c = {.config = &config,
	    .metrics = metrics,
	    .workers = workers,
	    .ops_workers = workers,
	    .ops = &ops,
	    .publisher = &publisher,
	    .front = front};
	struct fas_err e = {0};
	if (doors_open(&doors, &c, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return http_listen_port(doors.api_fds[0]);
}

static uint16_t
open_doors(void)
{
	return open_doors_with(NULL);
}

static void
close_doors(void)
{
	doors_close_api(&doors);
	doors_close(&doors);
}

static void
shut(void)
{
	struct fas_err why = {0};
	fas_fail(&why, FAS_E_UNAVAILABLE, "signer_away", "nobody is there");
	doors_shut_api(&doors, &key, &why);
}

static void
open_api(void)
{
	struct fas_err e = {0};
	if (doors_open_api(&doors, &api, tls, NULL, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
assert_shut(uint16_t port, const struct ask *ask)
{
	struct client c;
	char text[512];
	client_init(&c, port, ca.pem, NULL);
	assert_int_equal(client_ask(&c, ask), 503);
	assert_string_equal(client_member(&c, "code", text), "unavailable");
	assert_true(atoi(client_header(&c, "Retry-After", text)) > 0);
	client_done(&c);
}

static void
a_shut_api_says_when_to_come_again_and_opens_at_the_same_place(void **state)
{
	struct client c;
	(void)state;
	remember_certificate();
	uint16_t port = open_doors();
	shut();
	assert_shut(port, &(struct ask){.method = "POST", .path = "/v1/logons", .body = "{}"});
	assert_shut(port, &(struct ask){.path = "/v1/no/such/thing"});
	assert_false(atomic_load(&ops.api_up));
	open_api();
	assert_true(atomic_load(&ops.api_up));
	client_init(&c, port, ca.pem, NULL);
	assert_int_equal(
	    client_ask(&c, &(struct ask){.method = "POST", .path = "/v1/logons", .body = "{}"}),
	    401);
	client_done(&c);
	close_doors();
	assert_false(atomic_load(&ops.api_up));
}

/* ---- the browser's door ---- */

static void
get_hello(void *app, const struct http_request *request, struct http_response *response)
{
	(void)request;
	http_answer_text(response, 200, "text/plain", app);
}

static void
paint(void *app, const struct http_request *request, struct http_response *response,
    const struct fas_err *why)
{
	(void)app;
	(void)request;
	(void)why;
	http_answer_text(response, response->status, "text/html; charset=utf-8", "<p>later</p>");
}

static const struct http_route front_routes[] = {
    {"GET", "/hello", "hello", 0, 0, 0, true, false, get_hello}};
static const struct http_browser front_browser = {.paint = paint};
static char hello[] = "hello";

static void
the_front_says_to_come_again_until_the_api_opens(void **state)
{
	static const struct config_listen at = {{"127.0.0.1:0"}, 1};
	struct http_tls *front_tls = NULL;
	char text[256];
	struct fas_err e = {0};
	struct client c;
	(void)state;
	assert_int_equal(http_tls_new(NULL, leaf.key_pem, leaf.pem, &front_tls, &e), FAS_OK);
	const struct doors_front front = {.listen = &at,
	    .routes = front_routes,
	    .n_routes = 1,
	    .browser = &front_browser,
	    .app = hello,
	    .workers = workers,
	    .tls = front_tls};
	remember_certificate();
	(void)open_doors_with(&front);
	uint16_t port = http_listen_port(doors.front_fds[0]);
	shut();
	client_init(&c, port, ca.pem, NULL);
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/hello"}), 503);
	assert_string_equal(buf_str(&c.body), "<p>later</p>");
	assert_true(atoi(client_header(&c, "Retry-After", text)) > 0);
	open_api();
	assert_int_equal(client_ask(&c, &(struct ask){.path = "/hello", .fresh = true}), 200);
	assert_string_equal(buf_str(&c.body), "hello");
	client_done(&c);
	close_doors();
	http_tls_free(front_tls);
}

static void *
ask_once(void *arg)
{
	(void)client_ask(arg, &(struct ask){.method = "POST", .path = "/v1/logons", .body = "{}"});
	return NULL;
}

/* Bound, but nothing to answer with: the client waits, and is answered in the end. */
static void
without_a_certificate_of_old_a_connection_waits(void **state)
{
	struct client c;
	pthread_t thread;
	char path[128];
	(void)state;
	in_folder(path, "api-certificate.pem");
	(void)unlink(path);
	uint16_t port = open_doors();
	shut();
	assert_int_equal(doors.shut.n, 0);
	client_init(&c, port, ca.pem, NULL);
	assert_int_equal(pthread_create(&thread, NULL, ask_once, &c), 0);
	int other = raw_connect(port); /* is not refused */
	assert_true(other >= 0);
	open_api();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.status, 401);
	client_done(&c);
	assert_int_equal(close(other), 0);
	close_doors();
}

static void
a_damaged_certificate_of_old_is_not_used(void **state)
{
	char path[128];
	struct fas_err e = {0};
	(void)state;
	in_folder(path, "api-certificate.pem");
	assert_int_equal(file_write_atomic(path, "none", 4, 0600, &e), FAS_OK);
	(void)open_doors();
	shut();
	assert_int_equal(doors.shut.n, 0);
	close_doors();
}

/* ---- sockets that others hold ---- */

static void
name_of(uint16_t port, char out[32])
{
	(void)snprintf(out, 32, "127.0.0.1:%u", port);
}

/* In a child: descriptor 3 is its own there. */
static int
take_over(int fd, const char *address)
{
	struct fas_err e = {0};
	char pid[16];
	int got = -1, again = -1;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	if (dup2(fd, 3) != 3 || setenv("LISTEN_PID", pid, 1) != 0 ||
	    setenv("LISTEN_FDS", "1", 1) != 0)
		return 1;
	if (fd != 3)
		(void)close(fd);
	held_init();
	if (getenv("LISTEN_FDS"))
		return 2;
	if (held_listen("127.0.0.2:0", &got, &e) != FAS_OK || got == 3)
		return 3;
	if (held_listen(address, &got, &e) != FAS_OK || got != 3)
		return 4;
	return held_listen(address, &again, &e) == FAS_OK ? 5 : 0; /* it is taken, and in use */
}

static bool
connects(uint16_t port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	OWN(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
}

/* libmicrohttpd shuts its socket down at the end, and with it everybody's who holds it. */
static void
a_server_that_ends_leaves_a_held_socket_listening(void **state)
{
	struct fas_err e = {0};
	struct http_server *server = NULL;
	struct metrics *counts = NULL;
	int fd = -1;
	(void)state;
	assert_int_equal(metrics_new(&counts, &e), FAS_OK);
	const struct http_server_config small = {.threads = 2,
	    .connections = 8,
	    .connections_per_address = 8,
	    .idle_s = 5,
	    .request_s = 5,
	    .metrics = counts};
	/* Bound to a port by its number, as configured ones are: one of the kernel's choice would be given up. */
	char address[32];
	assert_int_equal(http_listen("127.0.0.1:0", &fd, &e), FAS_OK);
	uint16_t port = http_listen_port(fd);
	name_of(port, address);
	assert_int_equal(close(fd), 0);
	assert_int_equal(http_listen(address, &fd, &e), FAS_OK);
	int held = dup(fd);
	assert_int_equal(http_server_start(&small, fd, &server, &e), FAS_OK);
	http_server_stop(server, 100);
	assert_true(connects(port));
	assert_int_equal(close(held), 0);
	assert_false(connects(port));
	metrics_free(counts);
}

static void
a_socket_that_is_handed_over_is_used_again(void **state)
{
	struct fas_err e = {0};
	char address[32];
	int fd = -1, status = 0;
	(void)state;
	assert_int_equal(http_listen("127.0.0.1:0", &fd, &e), FAS_OK);
	name_of(http_listen_port(fd), address);
	pid_t pid = fork();
	if (pid == 0)
		_exit(take_over(fd, address));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(close(fd), 0);
}

static int
be_manager(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/manager", folder);
	assert_int_equal(bind(manager, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	return manager;
}

/* One message; returns the descriptors' number, the first one in *fd. */
static size_t
hear(int manager, char text[256], int *fd)
{
	union {
		char bytes[256];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = text, .iov_len = 255};
	struct msghdr message = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(manager, &message, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	text[n] = 0;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head)
		return 0;
	memcpy(fd, CMSG_DATA(head), sizeof(*fd));
	return (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
}

static void
the_manager_holds_what_is_in_use_and_nothing_else(void **state)
{
	char text[256];
	int fd = -1, manager = be_manager();
	(void)state;
	uint16_t port = open_doors();
	assert_int_equal(hear(manager, text, &fd), 0);
	assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=listener");
	assert_int_equal(
	    hear(manager, text, &fd), 2); /* of the published objects and the API; not of health */
	assert_string_equal(text, "FDSTORE=1\nFDNAME=listener");
	assert_int_not_equal(http_listen_port(fd), 0);
	close_doors();
	/* held: who connects now is not refused */
	int other = raw_connect(http_listen_port(fd));
	assert_true(other >= 0);
	assert_int_equal(close(other), 0);
	(void)port;
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(manager), 0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_shut_api_says_when_to_come_again_and_opens_at_the_same_place),
	    cmocka_unit_test(the_front_says_to_come_again_until_the_api_opens),
	    cmocka_unit_test(without_a_certificate_of_old_a_connection_waits),
	    cmocka_unit_test(a_damaged_certificate_of_old_is_not_used),
	    cmocka_unit_test(a_server_that_ends_leaves_a_held_socket_listening),
	    cmocka_unit_test(a_socket_that_is_handed_over_is_used_again),
	    cmocka_unit_test(the_manager_holds_what_is_in_use_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
