/* The client against a peer that does what an agent may do, and what it must not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/card/client.h"

#define PATIENCE_MS 20000

static char folder[64], path[96];
static int listener = -1;
static uint8_t request[64], buffer[CARD_MESSAGE_MAX];
static struct card_message reply;

static int
open_listener(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-card-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/card.sock", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return setenv(CARD_SOCKET_VARIABLE, path, 1) ||
	       bind(listener, (const struct sockaddr *)&address, sizeof(address)) ||
	       listen(listener, 16);
}

static int
close_listener(void **state)
{
	(void)state;
	(void)close(listener);
	return unlink(path) || rmdir(folder);
}

/* ---- the peer: a thread that plays a part ---- */

static void
answer_once(int fd)
{
	uint8_t in[256];
	ssize_t got = recv(fd, in, sizeof(in), 0);
	if (got <= 0)
		return;
	struct card_writer w;
	uint8_t out[64];
	card_write_begin(&w, out, sizeof(out), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, 42);
	(void)send(fd, out, card_write_end(&w), MSG_NOSIGNAL);
}

/* Two connections: one answer on the first, which then closes; all answers on the second. */
static void *
closes_after_one(void *arg)
{
	(void)arg;
	int fd = accept(listener, NULL, NULL);
	answer_once(fd);
	(void)close(fd);
	fd = accept(listener, NULL, NULL);
	answer_once(fd);
	(void)close(fd);
	return NULL;
}

static void *
reads_and_closes(void *arg)
{
	uint8_t in[256];
	(void)arg;
	int fd = accept(listener, NULL, NULL);
	(void)recv(fd, in, sizeof(in), 0);
	(void)close(fd);
	return NULL;
}

/* Until the client goes. */
static void *
says_nothing(void *arg)
{
	uint8_t in[256];
	(void)arg;
	int fd = accept(listener, NULL, NULL);
	while (recv(fd, in, sizeof(in), 0) > 0)
		;
	(void)close(fd);
	return NULL;
}

static void *
talks_nonsense(void *arg)
{
	uint8_t in[256];
	(void)arg;
	int fd = accept(listener, NULL, NULL);
	(void)recv(fd, in, sizeof(in), 0);
	(void)send(fd, "\0\1\0\0\0\0\0\0", 8, MSG_NOSIGNAL); /* OK, without the generation */
	(void)close(fd);
	return NULL;
}

static void *
answers_two_connections(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		int fd = accept(listener, NULL, NULL);
		answer_once(fd);
		*(int *)arg = fd; /* kept open: the parent's */
	}
	return NULL;
}

static pthread_t
play(void *(*part)(void *), void *arg)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, part, arg), 0);
	return thread;
}

static enum card_outcome
ask(struct card_client *client, unsigned int flags, int timeout_ms)
{
	struct card_writer w;
	card_write_begin(&w, request, sizeof(request), CARD_OP_CARDS);
	return card_client_call(client, &w, flags, timeout_ms, buffer, sizeof(buffer), &reply);
}

/* ---- tests ---- */

static void
without_an_agent_the_call_says_so_and_keeps_errno(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	(void)state;
	assert_int_equal(setenv(CARD_SOCKET_VARIABLE, "/nowhere/card.sock", 1), 0);
	errno = EXDEV;
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_NO_AGENT);
	assert_int_equal(errno, EXDEV);
	char long_path[200];
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(setenv(CARD_SOCKET_VARIABLE, long_path, 1), 0);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_NO_AGENT);
	assert_int_equal(setenv(CARD_SOCKET_VARIABLE, path, 1), 0);
	assert_int_equal(client.fd, -1);
}

/* Else a crowd at the agent's door would look like cards that were taken away. */
static void
full_backlog_is_no_missing_agent(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct card_client client = CARD_CLIENT_NONE;
	int waiting[4];
	size_t n = 0;
	(void)state;
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(listen(listener, 0), 0);
	for (; n < NELEMS(waiting); n++) {
		waiting[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(waiting[n], (const struct sockaddr *)&address, sizeof(address)) != 0)
			break;
	}
	assert_int_not_equal(n, NELEMS(waiting));
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_TIMED_OUT);
	for (size_t i = 0; i <= n; i++)
		assert_int_equal(close(waiting[i]), 0);
	/* They wait in the backlog still. */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(close(accept(listener, NULL, NULL)), 0);
	assert_int_equal(listen(listener, 16), 0);
}

static void
closed_connection_is_made_anew_once_and_raises_no_signal(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	(void)state;
	pthread_t peer = play(closes_after_one, NULL);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_ANSWERED);
	assert_int_equal(card_number(&reply, CARD_TAG_GENERATION), 42);
	assert_true(fcntl(client.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_ANSWERED);
	assert_int_equal(pthread_join(peer, NULL), 0);
	card_client_close(&client);
}

static void
call_that_needs_its_connection_is_not_repeated_on_another(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	(void)state;
	assert_int_equal(ask(&client, CARD_CALL_KEPT, PATIENCE_MS), CARD_NO_AGENT);
	pthread_t peer = play(closes_after_one, NULL);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_ANSWERED);
	assert_int_equal(ask(&client, CARD_CALL_KEPT, PATIENCE_MS), CARD_NO_AGENT);
	assert_int_equal(client.fd, -1);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_ANSWERED);
	assert_int_equal(pthread_join(peer, NULL), 0);
	card_client_close(&client);
}

static void
agent_that_closes_a_new_connection_is_not_asked_again(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	(void)state;
	pthread_t peer = play(reads_and_closes, NULL);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_NO_AGENT);
	assert_int_equal(pthread_join(peer, NULL), 0);
}

static void
nothing(int signal)
{
	(void)signal;
}

static void
silence_ends_at_the_deadline_also_under_signals(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	const struct sigaction action = {.sa_handler = nothing};
	const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
	(void)state;
	pthread_t peer = play(says_nothing, NULL);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(ask(&client, 0, 100), CARD_TIMED_OUT);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(client.fd, -1);
	assert_int_equal(pthread_join(peer, NULL), 0);
}

static void
nonsense_closes_the_connection(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	(void)state;
	pthread_t peer = play(talks_nonsense, NULL);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_NONSENSE);
	assert_int_equal(client.fd, -1);
	assert_int_equal(reply.n, 0);
	assert_int_equal(pthread_join(peer, NULL), 0);
}

static void
request_that_was_not_whole_is_not_sent(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	struct card_writer w;
	(void)state;
	card_write_begin(&w, request, 4, CARD_OP_CARDS);
	assert_int_equal(
	    card_client_call(&client, &w, 0, 1000, buffer, sizeof(buffer), &reply), CARD_NONSENSE);
}

static void
child_makes_a_connection_of_its_own(void **state)
{
	struct card_client client = CARD_CLIENT_NONE;
	int kept = -1, status = 0;
	(void)state;
	pthread_t peer = play(answers_two_connections, &kept);
	assert_int_equal(ask(&client, 0, PATIENCE_MS), CARD_ANSWERED);
	pid_t parent = client.pid, child = fork();
	if (child == 0)
		_exit(ask(&client, 0, PATIENCE_MS) != CARD_ANSWERED || client.pid == parent ||
		      client.pid != getpid());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_join(peer, NULL), 0);
	card_client_close(&client);
	card_client_close(&client);
	(void)close(kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_an_agent_the_call_says_so_and_keeps_errno),
	    cmocka_unit_test(full_backlog_is_no_missing_agent),
	    cmocka_unit_test(closed_connection_is_made_anew_once_and_raises_no_signal),
	    cmocka_unit_test(call_that_needs_its_connection_is_not_repeated_on_another),
	    cmocka_unit_test(agent_that_closes_a_new_connection_is_not_asked_again),
	    cmocka_unit_test(silence_ends_at_the_deadline_also_under_signals),
	    cmocka_unit_test(nonsense_closes_the_connection),
	    cmocka_unit_test(request_that_was_not_whole_is_not_sent),
	    cmocka_unit_test(child_makes_a_connection_of_its_own),
	};
	return cmocka_run_group_tests(tests, open_listener, close_listener);
}
