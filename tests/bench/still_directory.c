/*
 * fas-bench-directory ADDRESS PORT UPSTREAM_PORT KEY CERTIFICATE: a directory that has all its answers ready.
 *
 * It stands between fasd and the lab's domain controller, asks it each question once and gives the same answer to
 * every repeat (LDAPS on both sides; RFC 4511 only as far as message ids).  So the controller, which shares the
 * processors with what is measured and is slower than it, does not set the pace.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "client.h"
#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "lab.h"

#define MESSAGE_MAX (256 * 1024)
#define QUESTIONS_MAX 64
#define ANSWERS_MAX 64 /* messages of one answer */
#define BIND_RESPONSE 0x61
#define UNBIND_ASKED 0x42
#define SEARCH_DONE 0x65
#define SEQUENCE 0x30
#define INTEGER 0x02

/* One LDAPMessage: its id, and the operation with what follows. */
struct message {
	uint8_t *data; /* owned */
	size_t op, len;
	uint32_t id;
};

struct question {
	uint8_t *op;
	size_t op_len;
	struct message answers[ANSWERS_MAX];
	size_t n;
};

struct stand {
	const char *host;
	unsigned upstream_port;
	SSL_CTX *server, *client;
	pthread_mutex_t lock; /* guards the questions */
	struct question questions[QUESTIONS_MAX];
	size_t n;
};

struct visitor {
	struct stand *stand;
	SSL *ssl;
	int fd;
};

DEFINE_OWN_IN_PLACE(dialog, struct client, client_close);

static bool
read_all(SSL *ssl, uint8_t *out, size_t len)
{
	while (len > 0) {
		int got = SSL_read(ssl, out, (int)len);
		if (got <= 0)
			return false;
		out += got;
		len -= (size_t)got;
	}
	return true;
}

/* X.690 8.1.3: the length behind a tag; 0 = none that fits. */
static size_t
read_length(SSL *ssl)
{
	uint8_t first, more[4] = {0};
	size_t len = 0;
	if (!read_all(ssl, &first, 1))
		return 0;
	if (first < 0x80)
		return first;
	if ((first & 0x7f) > sizeof(more) || !read_all(ssl, more, first & 0x7f))
		return 0;
	for (size_t i = 0; i < (size_t)(first & 0x7f); i++)
		len = len << 8 | more[i];
	return len <= MESSAGE_MAX ? len : 0;
}

static bool
read_message(SSL *ssl, struct message *out)
{
	uint8_t tag;
	*out = (struct message){0};
	if (!read_all(ssl, &tag, 1) || tag != SEQUENCE || (out->len = read_length(ssl)) < 8)
		return false;
	out->data = calloc(1, out->len);
	if (!out->data || !read_all(ssl, out->data, out->len) || out->data[0] != INTEGER ||
	    out->data[1] > 4) {
		free(out->data);
		return false;
	}
	for (size_t i = 0; i < out->data[1]; i++)
		out->id = out->id << 8 | out->data[2 + i];
	out->op = 2 + (size_t)out->data[1];
	return true;
}

static void
put_message(struct buf *out, uint32_t id, const uint8_t *op, size_t len)
{
	size_t whole = len + 6;
	const uint8_t head[] = {SEQUENCE, 0x83, (uint8_t)(whole >> 16), (uint8_t)(whole >> 8),
	    (uint8_t)whole, INTEGER, 4, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
	    (uint8_t)(id >> 8), (uint8_t)id};
	buf_append(out, head, sizeof(head));
	buf_append(out, op, len);
}

static bool
send_buf(SSL *ssl, const struct buf *b)
{
	return !b->failed && SSL_write(ssl, b->data, (int)b->len) == (int)b->len;
}

/* Ask the controller; the answer's last message is one that says so. */
static void
ask(struct client *upstream, const uint8_t *op, size_t len, struct question *out)
{
	OWN(buf) struct buf b;
	buf_init(&b, MESSAGE_MAX);
	put_message(&b, 1, op, len);
	if (!send_buf(upstream->ssl, &b))
		lab_die("the controller hangs up");
	for (out->n = 0; out->n < ANSWERS_MAX;) {
		struct message *answer = &out->answers[out->n++];
		if (!read_message(upstream->ssl, answer))
			lab_die("the controller does not answer");
		uint8_t tag = answer->data[answer->op];
		if (tag == SEARCH_DONE || tag == BIND_RESPONSE)
			return;
	}
	lab_die("an answer of more than %d messages", ANSWERS_MAX);
}

/* Called with the lock held.  Every new question is asked behind the bind, which is the first question of all. */
static struct question *
learn(struct stand *stand, const struct message *message)
{
	struct question *q = &stand->questions[stand->n], bind = {0};
	OWN(dialog) struct client upstream;
	if (stand->n == QUESTIONS_MAX)
		lab_die("more than %d different questions", QUESTIONS_MAX);
	client_connect(&upstream, stand->client, stand->host, stand->upstream_port, NULL);
	if (stand->n > 0)
		ask(&upstream, stand->questions[0].op, stand->questions[0].op_len, &bind);
	for (size_t i = 0; i < bind.n; i++)
		free(bind.answers[i].data);
	q->op_len = message->len - message->op;
	q->op = malloc(q->op_len);
	if (!q->op)
		lab_die("out of memory");
	memcpy(q->op, message->data + message->op, q->op_len);
	ask(&upstream, q->op, q->op_len, q);
	stand->n++;
	return q;
}

static struct question *
find(struct stand *stand, const struct message *message)
{
	size_t len = message->len - message->op;
	(void)pthread_mutex_lock(&stand->lock);
	struct question *found = NULL;
	for (size_t i = 0; !found && i < stand->n; i++) {
		struct question *q = &stand->questions[i];
		if (q->op_len == len && memcmp(q->op, message->data + message->op, len) == 0)
			found = q;
	}
	if (!found)
		found = learn(stand, message);
	(void)pthread_mutex_unlock(&stand->lock);
	return found;
}

static bool
answer(struct visitor *v, const struct message *message)
{
	OWN(buf) struct buf b;
	const struct question *q = find(v->stand, message);
	buf_init(&b, MESSAGE_MAX);
	for (size_t i = 0; i < q->n; i++)
		put_message(&b, message->id, q->answers[i].data + q->answers[i].op,
		    q->answers[i].len - q->answers[i].op);
	return send_buf(v->ssl, &b);
}

static void *
visitor_main(void *arg)
{
	struct visitor *v = arg;
	struct message message;
	bool more = SSL_accept(v->ssl) == 1;
	while (more && read_message(v->ssl, &message)) {
		more = message.data[message.op] != UNBIND_ASKED && answer(v, &message);
		free(message.data);
	}
	SSL_free(v->ssl);
	(void)close(v->fd);
	free(v);
	return NULL;
}

static int
listen_at(const char *host, unsigned port)
{
	const int on = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || strncmp(host, "127.", 4) != 0 ||
	    inet_pton(AF_INET, host, &at.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 16) != 0)
		lab_die("cannot listen at %s:%u", host, port);
	return fd;
}

static void
welcome(struct stand *stand, int fd)
{
	const int on = 1;
	pthread_t thread;
	struct visitor *v = malloc(sizeof(*v));
	if (!v)
		lab_die("out of memory");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*v = (struct visitor){stand, SSL_new(stand->server), fd};
	if (!v->ssl || SSL_set_fd(v->ssl, fd) != 1 ||
	    pthread_create(&thread, NULL, visitor_main, v) != 0)
		lab_die("no thread for a visitor");
	(void)pthread_detach(thread);
}

int
main(int argc, char **argv)
{
	static struct stand stand = {.lock = PTHREAD_MUTEX_INITIALIZER};
	uint64_t port = 0, upstream = 0;
	if (argc != 6 || !parse_uint(argv[2], 1, 65535, &port) ||
	    !parse_uint(argv[3], 1, 65535, &upstream))
		lab_die("usage: fas-bench-directory ADDRESS PORT UPSTREAM_PORT KEY CERTIFICATE");
	stand.host = argv[1];
	stand.upstream_port = (unsigned)upstream;
	stand.server = SSL_CTX_new(TLS_server_method());
	stand.client = SSL_CTX_new(TLS_client_method());
	if (!stand.server || !stand.client ||
	    SSL_CTX_use_PrivateKey_file(stand.server, argv[4], SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_certificate_chain_file(stand.server, argv[5]) != 1)
		lab_die("the key of the domain controller cannot be used");
	int fd = listen_at(argv[1], (unsigned)port);
	for (;;) {
		int visitor = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (visitor >= 0)
			welcome(&stand, visitor);
	}
}
