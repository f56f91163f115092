#include "tests/unit/base/base_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/wire.h"

#define TIMEOUT_MS 2000

struct pair {
	int ours, theirs;
};

static int
open_pair(void **state)
{
	static struct pair pair;
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	pair = (struct pair){fds[0], fds[1]};
	*state = &pair;
	return 0;
}

static int
close_pair(void **state)
{
	struct pair *p = *state;
	(void)close(p->ours);
	if (p->theirs >= 0)
		(void)close(p->theirs);
	return 0;
}

static void
put(const struct pair *p, const void *bytes, size_t len)
{
	assert_int_equal(send(p->theirs, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
hang_up(struct pair *p)
{
	(void)close(p->theirs);
	p->theirs = -1;
}

static void
message_crosses_as_it_is(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	OWN(json) json_t *sent = json_pack("{s:s,s:[i]}", "op", "issue", "list", 7);
	OWN(json) json_t *got = NULL;
	assert_good(wire_send(p->theirs, sent, TIMEOUT_MS, &e), &e);
	assert_good(wire_receive(p->ours, WIRE_MESSAGE_MAX, TIMEOUT_MS, &got, &e), &e);
	assert_true(json_equal(sent, got));
}

static void
malformed_frames_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
	    {"\0\0\0\0", 4},
	    {"\0\0\1\1", 4},
	    {"\xff\xff\xff\xff", 4},
	    {"\0\0\0\2[]", 6},
	    {"\0\0\0\1x", 5},
	    {"\0\0\0\15{\"a\":1,\"a\":2", 17},
	    {"\0\0\0\16{\"a\":1,\"a\":2} ", 18},
	    {"\0\0\0\12{\"a\":\"\xff\"} ", 14},
	    {"\0\0\0\3{}x", 7},
	    {"\0\0\0\2\0\0", 6},
	};
	(void)close_pair(state);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		struct fas_err e = {0};
		json_t *got = NULL;
		assert_int_equal(open_pair(state), 0);
		put(*state, rows[i].bytes, rows[i].len);
		assert_failed(
		    wire_receive(((struct pair *)*state)->ours, 256, TIMEOUT_MS, &got, &e), &e,
		    FAS_E_INPUT, "wire_malformed");
		assert_null(got);
		(void)close_pair(state);
	}
	assert_int_equal(open_pair(state), 0);
}

static void
length_of_the_maximum_is_accepted(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *got = NULL;
	struct pair *p = *state;
	put(p, "\0\0\0\10{\"a\":12}", 12);
	assert_good(wire_receive(p->ours, 8, TIMEOUT_MS, &got, &e), &e);
}

static void
clean_end_is_told_from_a_broken_one(void **state)
{
	static const size_t cuts[] = {0, 1, 3, 4, 5, 9};
	(void)close_pair(state);
	for (size_t i = 0; i < NELEMS(cuts); i++) {
		struct fas_err e = {0};
		json_t *got = NULL;
		assert_int_equal(open_pair(state), 0);
		struct pair *p = *state;
		put(p, "\0\0\0\7{\"a\":1}", cuts[i]);
		hang_up(p);
		enum fas_code rc = wire_receive(p->ours, 256, -1, &got, &e);
		if (cuts[i] == 0)
			assert_failed(rc, &e, FAS_E_NOTFOUND, "peer_closed");
		else
			assert_failed(rc, &e, FAS_E_UNAVAILABLE, "peer_away");
		(void)close_pair(state);
	}
	assert_int_equal(open_pair(state), 0);
}

static void
silent_peer_runs_into_the_deadline(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	json_t *got = NULL;
	int64_t start = clock_monotonic_us();
	put(p, "\0\0\0\7{", 5);
	assert_failed(wire_receive(p->ours, 256, 50, &got, &e), &e, FAS_E_TIMEOUT, "peer_timeout");
	assert_in_range(clock_monotonic_us() - start, 50000, 2000000);
}

/* Five seconds long: the wait without limit ends with the first byte, also when that is there already. */
static void
idle_wait_ends_with_the_first_byte(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	json_t *got = NULL;
	put(p, "\0", 1);
	assert_failed(wire_receive(p->ours, 256, -1, &got, &e), &e, FAS_E_TIMEOUT, "peer_timeout");
}

static void
peer_that_does_not_read_runs_into_the_deadline(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	static char big[WIRE_MESSAGE_MAX - 100];
	memset(big, 'x', sizeof(big) - 1);
	OWN(json) json_t *message = json_pack("{s:s}", "m", big);
	assert_failed(wire_send(p->ours, message, 50, &e), &e, FAS_E_TIMEOUT, "peer_timeout");
}

static void
send_to_a_peer_that_has_gone_is_no_signal(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	OWN(json) json_t *message = json_object();
	hang_up(p);
	assert_failed(
	    wire_send(p->ours, message, TIMEOUT_MS, &e), &e, FAS_E_UNAVAILABLE, "peer_away");
}

static void
message_above_the_maximum_is_our_own_mistake(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	static char big[WIRE_MESSAGE_MAX + 1];
	memset(big, 'x', sizeof(big) - 1);
	OWN(json) json_t *message = json_pack("{s:s}", "m", big);
	assert_failed(
	    wire_send(p->ours, message, TIMEOUT_MS, &e), &e, FAS_E_INTERNAL, "wire_too_large");
}

static void
peer_is_known_by_the_kernels_word(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	struct wire_peer peer;
	assert_good(wire_peer(p->ours, &peer, &e), &e);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	fas_err_clear(&e);
	OWN(fd) int no_socket = dup(STDIN_FILENO);
	assert_failed(wire_peer(no_socket, &peer, &e), &e, FAS_E_IO, "io_error");
}

static void
errors_cross_the_wire(void **state)
{
	struct fas_err sent = {0}, got = {0};
	(void)state;
	(void)fas_fail(&sent, FAS_E_DENIED, "sid_refused", "RID 500 is below 1000");
	OWN(json) json_t *reply = wire_error(&sent);
	assert_failed(wire_check(reply, &got), &got, FAS_E_DENIED, "sid_refused");
	assert_string_equal(got.message, "RID 500 is below 1000");
	OWN(json) json_t *odd = json_pack("{s:i}", "error", 1);
	fas_err_clear(&got);
	assert_int_equal(wire_check(odd, &got), FAS_E_INTERNAL);
	OWN(json) json_t *liar = json_pack("{s:{s:s}}", "error", "code", "ok");
	fas_err_clear(&got);
	assert_int_equal(wire_check(liar, &got), FAS_E_INTERNAL);
	OWN(json) json_t *good = json_object();
	fas_err_clear(&got);
	assert_good(wire_check(good, &got), &got);
}

struct server {
	int listener;
	const char *reply;
};

static void *
serve_one(void *arg)
{
	struct server *s = arg;
	OWN(json) json_t *request = NULL;
	OWN(json) json_t *reply = json_loads(s->reply, 0, NULL);
	OWN(fd) int fd = accept(s->listener, NULL, NULL);
	if (wire_receive(fd, 256, TIMEOUT_MS, &request, NULL) == FAS_OK)
		(void)!wire_send(fd, reply, TIMEOUT_MS, NULL);
	return NULL;
}

static enum fas_code
ask(const char *reply, json_t **got, struct fas_err *e)
{
	pthread_t thread;
	struct server server = {.reply = reply, .listener = -1};
	OWN(json) json_t *request = json_pack("{s:s}", "op", "state");
	const char *path = fixture_path("ask.sock");
	assert_good(wire_listen(path, 0600, &server.listener, e), e);
	assert_int_equal(pthread_create(&thread, NULL, serve_one, &server), 0);
	enum fas_code rc = wire_ask(path, request, TIMEOUT_MS, got, e);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(server.listener);
	return rc;
}

static void
question_is_answered(void **state)
{
	struct fas_err e = {0};
	OWN(json) json_t *got = NULL;
	(void)state;
	assert_good(ask("{\"a\":1}", &got, &e), &e);
	assert_int_equal(json_integer_value(json_object_get(got, "a")), 1);
	json_t *none = NULL;
	assert_failed(ask("{\"error\":{\"code\":\"limit\",\"reason\":\"rate\",\"message\":\"m\"}}",
			  &none, &e),
	    &e, FAS_E_LIMIT, "rate");
	assert_null(none);
}

static void
nobody_there_is_told(void **state)
{
	struct fas_err e = {0};
	int fd = -1;
	(void)state;
	assert_failed(
	    wire_connect(fixture_path("none.sock"), &fd, &e), &e, FAS_E_UNAVAILABLE, "peer_away");
	assert_int_equal(fd, -1);
}

static void
socket_replaces_a_socket_and_nothing_else(void **state)
{
	struct fas_err e = {0};
	struct stat st;
	int first = -1, second = -1;
	(void)state;
	const char *path = fixture_path("l.sock");
	assert_good(wire_listen(path, 0660, &first, &e), &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_good(wire_listen(path, 0600, &second, &e), &e);
	(void)close(first);
	(void)close(second);
	const char *file = fixture_path("precious");
	assert_good(file_write_atomic(file, "x", 1, 0600, &e), &e);
	assert_failed(wire_listen(file, 0600, &first, &e), &e, FAS_E_CONFIG, "not_a_socket");
	assert_int_equal(stat(file, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void
path_that_is_too_long_is_refused(void **state)
{
	struct fas_err e = {0};
	char path[200];
	int fd = -1;
	(void)state;
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_failed(wire_listen(path, 0600, &fd, &e), &e, FAS_E_CONFIG, "path_too_long");
	fas_err_clear(&e);
	assert_failed(wire_connect(path, &fd, &e), &e, FAS_E_CONFIG, "path_too_long");
}

static void
an_open_file_crosses_and_stays_the_senders_too(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	char got[4] = "";
	int pipe_fds[2], file = -1;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_good(wire_send_file(p->theirs, pipe_fds[1], TIMEOUT_MS, &e), &e);
	assert_good(wire_receive_file(p->ours, &file, TIMEOUT_MS, &e), &e);
	assert_int_equal(fcntl(file, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(file, "a", 1), 1);
	assert_int_equal(write(pipe_fds[1], "b", 1), 1);
	assert_int_equal(read(pipe_fds[0], got, 2), 2);
	assert_string_equal(got, "ab");
	(void)close(file);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

static void
an_octet_without_a_file_is_refused(void **state)
{
	struct fas_err e = {0};
	int file = -1;
	put(*state, "x", 1);
	assert_failed(wire_receive_file(((struct pair *)*state)->ours, &file, TIMEOUT_MS, &e), &e,
	    FAS_E_INPUT, "wire_malformed");
	assert_int_equal(file, -1);
}

static void
a_file_that_does_not_come_runs_into_the_deadline_or_the_end(void **state)
{
	struct pair *p = *state;
	struct fas_err e = {0};
	int file = -1;
	assert_failed(wire_receive_file(p->ours, &file, 20, &e), &e, FAS_E_TIMEOUT, "peer_timeout");
	hang_up(p);
	fas_err_clear(&e);
	assert_failed(
	    wire_receive_file(p->ours, &file, TIMEOUT_MS, &e), &e, FAS_E_UNAVAILABLE, "peer_away");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(message_crosses_as_it_is),
	    TEST(malformed_frames_are_refused),
	    TEST(length_of_the_maximum_is_accepted),
	    TEST(clean_end_is_told_from_a_broken_one),
	    TEST(silent_peer_runs_into_the_deadline),
	    TEST(idle_wait_ends_with_the_first_byte),
	    TEST(peer_that_does_not_read_runs_into_the_deadline),
	    TEST(send_to_a_peer_that_has_gone_is_no_signal),
	    TEST(message_above_the_maximum_is_our_own_mistake),
	    TEST(peer_is_known_by_the_kernels_word),
	    TEST(an_open_file_crosses_and_stays_the_senders_too),
	    TEST(an_octet_without_a_file_is_refused),
	    TEST(a_file_that_does_not_come_runs_into_the_deadline_or_the_end),
	    cmocka_unit_test(errors_cross_the_wire),
	    cmocka_unit_test(question_is_answered),
	    cmocka_unit_test(nobody_there_is_told),
	    cmocka_unit_test(socket_replaces_a_socket_and_nothing_else),
	    cmocka_unit_test(path_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
