#include "stack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUESTS_MAX 8
#define ANSWERS_MAX 4
#define ANSWER_MAX 1024

static char folder[64], path[96];
static int listener = -1;
static pthread_t agent;
static const char *typed;
static unsigned prompts;
static char told[512];

/* ---- the agent ---- */

static struct {
	uint8_t data[4096];
	size_t len;
	struct card_message message;
} requests[REQUESTS_MAX];
static atomic_size_t n_requests;

static struct {
	uint8_t data[ANSWER_MAX];
	size_t len;
} answers[ANSWERS_MAX];
static size_t n_answers, next_answer;

/* The module may ask out of a child: then nothing but the lock orders who prepares answers and who gives them. */
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;

static void
send_answer(int fd)
{
	(void)pthread_mutex_lock(&answering);
	if (next_answer < n_answers) {
		(void)send(fd, answers[next_answer].data, answers[next_answer].len, MSG_NOSIGNAL);
		next_answer++;
	}
	(void)pthread_mutex_unlock(&answering);
}

static void *
agent_main(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		size_t at = atomic_load(&n_requests);
		ssize_t got = recv(fd, requests[at].data, sizeof(requests[at].data), 0);
		if (got > 0 &&
		    card_read_request(requests[at].data, (size_t)got, &requests[at].message)) {
			atomic_store(&n_requests, at + 1);
			send_answer(fd);
		}
		(void)close(fd);
	}
}

static void
keep_answer(const uint8_t *data, size_t len)
{
	(void)pthread_mutex_lock(&answering);
	assert_true(len > 0 && n_answers < ANSWERS_MAX);
	memcpy(answers[n_answers].data, data, len);
	answers[n_answers++].len = len;
	(void)pthread_mutex_unlock(&answering);
}

static void
forget_answers(void)
{
	(void)pthread_mutex_lock(&answering);
	n_answers = next_answer = 0;
	(void)pthread_mutex_unlock(&answering);
}

void
agent_refuses(enum card_status status, const char *reason, const char *text, const char *id)
{
	uint8_t answer[ANSWER_MAX];
	keep_answer(answer, card_write_refusal(answer, sizeof(answer), status, reason, text, id));
}

void
agent_logs_on(void)
{
	struct card_writer w;
	uint8_t answer[ANSWER_MAX];
	card_write_begin(&w, answer, sizeof(answer), CARD_STATUS_OK);
	card_write_text(&w, CARD_TAG_SESSION, "5e5510");
	card_write_text(&w, CARD_TAG_USER, "alice");
	card_write_text(&w, CARD_TAG_CCACHE, "FILE:/tmp/krb5cc_1000_5e5510");
	card_write_text(&w, CARD_TAG_CORRELATION, "c0441d");
	keep_answer(answer, card_write_end(&w));
}

void
agent_agrees(void)
{
	struct card_writer w;
	uint8_t answer[ANSWER_MAX];
	card_write_begin(&w, answer, sizeof(answer), CARD_STATUS_OK);
	keep_answer(answer, card_write_end(&w));
}

size_t
agent_asked(void)
{
	return atomic_load(&n_requests);
}

enum card_op
agent_op(size_t n)
{
	assert_true(n < agent_asked());
	return (enum card_op)requests[n].message.code;
}

const char *
agent_text(size_t n, enum card_tag tag)
{
	static char text[1100];
	assert_true(n < agent_asked());
	(void)card_text(&requests[n].message, tag, text, sizeof(text));
	return text;
}

uint64_t
agent_number(size_t n, enum card_tag tag)
{
	assert_true(n < agent_asked());
	return card_number(&requests[n].message, tag);
}

/* ---- the folder ---- */

int
stack_setup(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-pam-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/card.sock", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return setenv("FAS_AGENT_SOCKET", path, 1) ||
	       bind(listener, (const struct sockaddr *)&address, sizeof(address)) ||
	       listen(listener, 16) || pthread_create(&agent, NULL, agent_main, NULL);
}

int
stack_teardown(void **state)
{
	char command[128];
	(void)state;
	(void)shutdown(listener, SHUT_RDWR);
	(void)pthread_join(agent, NULL);
	(void)close(listener);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

const char *
stack_file(const char *name, const char *text, unsigned mode)
{
	static char file[128];
	(void)snprintf(file, sizeof(file), "%s/%s", folder, name);
	(void)unlink(file);
	FILE *f = fopen(file, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, mode), 0);
	return file;
}

/* ---- the login ---- */

static int
converse(int n, const struct pam_message **messages, struct pam_response **out, void *arg)
{
	(void)arg;
	struct pam_response *replies = calloc((size_t)n, sizeof(*replies));
	for (int i = 0; replies && i < n; i++) {
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
			prompts++;
			replies[i].resp = strdup(typed);
		} else {
			(void)snprintf(told, sizeof(told), "%s", messages[i]->msg);
		}
	}
	*out = replies;
	return replies ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void
write_stack(const char *lines)
{
	char text[2048] = "";
	size_t n = 0;
	for (const char *at = lines; *at; at++) {
		int len = *at == '@' ? snprintf(text + n, sizeof(text) - n, "%s", PAM_FAS)
				     : snprintf(text + n, sizeof(text) - n, "%c", *at);
		n += (size_t)len;
		assert_true(n < sizeof(text));
	}
	(void)stack_file("desktop", text, 0644);
}

pam_handle_t *
stack_begin(const char *lines, const char *password)
{
	static const struct pam_conv conversation = {converse, NULL};
	pam_handle_t *pamh = NULL;
	write_stack(lines);
	typed = password;
	prompts = 0;
	told[0] = 0;
	forget_answers();
	atomic_store(&n_requests, 0);
	assert_int_equal(
	    pam_start_confdir("desktop", "alice", &conversation, folder, &pamh), PAM_SUCCESS);
	assert_int_equal(pam_set_item(pamh, PAM_RHOST, "client7.example.com"), PAM_SUCCESS);
	return pamh;
}

void
stack_end(pam_handle_t *pamh)
{
	assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

const char *
stack_told(void)
{
	return told;
}

unsigned
stack_asked(void)
{
	return prompts;
}
