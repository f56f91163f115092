#include "server.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Read until the body that Content-Length announces is there. */
static void
read_request(struct server *s, SSL *ssl)
{
	size_t used = 0;
	while (used + 1 < sizeof(s->request)) {
		int got = SSL_read(ssl, s->request + used, (int)(sizeof(s->request) - 1 - used));
		if (got <= 0)
			break;
		used += (size_t)got;
		s->request[used] = 0;
		const char *body = strstr(s->request, "\r\n\r\n");
		const char *length = strcasestr(s->request, "content-length:");
		size_t want = length ? strtoul(length + 15, NULL, 10) : 0;
		if (body && strlen(body + 4) >= want)
			break;
	}
}

static void
note_client(struct server *s, SSL *ssl)
{
	X509 *peer = SSL_get1_peer_certificate(ssl);
	s->client[0] = 0;
	if (peer)
		(void)X509_NAME_get_text_by_NID(
		    X509_get_subject_name(peer), NID_commonName, s->client, (int)sizeof(s->client));
	X509_free(peer);
}

static void
serve_one(struct server *s, int fd)
{
	const char *answer = s->answers[s->n_served < s->n_answers ? s->n_served : 0];
	SSL *ssl = SSL_new(s->ctx);
	s->n_served++;
	(void)SSL_set_fd(ssl, fd);
	if (answer && SSL_accept(ssl) == 1) {
		note_client(s, ssl);
		read_request(s, ssl);
		(void)SSL_write(ssl, answer, (int)strlen(answer));
		(void)SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	for (;;) {
		OWN(fd) int fd = accept(s->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		serve_one(s, fd);
	}
}

static void
listen_somewhere(struct server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	(void)snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u", ntohs(at.sin_port));
}

void
server_start(struct server *s, const struct pki_node *identity, const struct pki_node *shown,
    const struct pki_node *trust)
{
	*s = (struct server){.ctx = SSL_CTX_new(TLS_server_method())};
	assert_int_equal(SSL_CTX_use_certificate(s->ctx, identity->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, identity->key), 1);
	(void)SSL_CTX_set_mode(s->ctx, SSL_MODE_NO_AUTO_CHAIN);
	if (shown)
		assert_int_equal(SSL_CTX_add1_chain_cert(s->ctx, shown->certificate), 1);
	if (trust) {
		X509_STORE *store = SSL_CTX_get_cert_store(s->ctx);
		assert_int_equal(X509_STORE_add_cert(store, trust->certificate), 1);
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	listen_somewhere(s);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void
server_answer(struct server *s, const char *answer)
{
	assert_true(s->n_answers < SERVER_ANSWERS_MAX);
	s->answers[s->n_answers++] = answer;
}

void
server_stop(struct server *s)
{
	(void)shutdown(s->listener, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->listener);
	SSL_CTX_free(s->ctx);
}
