/* A small HTTPS client: one kept connection, one request at a time. */
#ifndef FAS_BENCH_CLIENT_H
#define FAS_BENCH_CLIENT_H

#include <stddef.h>

#include <openssl/ssl.h>

#define CLIENT_ANSWER_MAX 16384

struct client {
	SSL *ssl;
	int fd;
	size_t len, body; /* of the last answer: all, and where its body begins */
	char answer[CLIENT_ANSWER_MAX + 1];
};

/* session NULL: a full handshake. */
void client_connect(struct client *client, SSL_CTX *identity, const char *host, unsigned port,
    SSL_SESSION *session);
void client_close(struct client *client);
/* Send one whole request, read one whole answer; returns its status. */
int client_ask(struct client *client, const char *request, size_t len);
/*
 * A small request to a path that is the caller's, refused for its type behind the judgement of the caller: fasd's 415, and the
 * bare server's.  Ends the bench when it is not.
 */
void client_ask_refused(struct client *client, const char *path);
/* The text of a member of the JSON answer into out, escapes left as they are. */
void client_member(const struct client *client, const char *name, char *out, size_t size);

/* The body of GET path over plain HTTP, malloc'ed. */
char *client_get_plain(const char *host, unsigned port, const char *path);

/* TCP with TCP_NODELAY; -1 when nobody listens. */
int client_dial(const char *host, unsigned port);

#endif
