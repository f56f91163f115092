#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fas/base/buf.h"
#include "lab.h"

#define PAGE_MAX (1024 * 1024)
#define PATIENCE_S 20
#define REFUSED_MAX 256

int
client_dial(const char *host, unsigned port)
{
	const int on = 1;
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	OWN(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, host, &at.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
		return -1;
	int kept = fd;
	fd = -1;
	return kept;
}

void
client_connect(
    struct client *client, SSL_CTX *identity, const char *host, unsigned port, SSL_SESSION *session)
{
	client->fd = client_dial(host, port);
	client->ssl = SSL_new(identity);
	if (client->fd < 0 || !client->ssl || SSL_set_fd(client->ssl, client->fd) != 1)
		lab_die("cannot connect to %s:%u", host, port);
	/* A copy: the library counts a ticket as spent, and this one is to be used again. */
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	if (copy && SSL_set_session(client->ssl, copy) != 1)
		lab_die("the session cannot be resumed");
	SSL_SESSION_free(copy);
	if (SSL_connect(client->ssl) != 1)
		lab_die("TLS handshake with %s:%u fails", host, port);
}

void
client_close(struct client *client)
{
	(void)SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	(void)close(client->fd);
}

/* Where the body begins and how long the whole answer is; false while the head is not there. */
static bool
measure_answer(struct client *client, size_t *whole)
{
	client->answer[client->len] = 0;
	const char *end = strstr(client->answer, "\r\n\r\n");
	if (!end)
		return false;
	client->body = (size_t)(end - client->answer) + 4;
	*whole = client->body;
	for (const char *line = client->answer; line < end; line = strstr(line, "\r\n") + 2) {
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			*whole += strtoul(line + 15, NULL, 10);
	}
	return true;
}

int
client_ask(struct client *client, const char *request, size_t len)
{
	size_t whole = 0;
	if (SSL_write(client->ssl, request, (int)len) != (int)len)
		lab_die("a request cannot be sent");
	client->len = 0;
	while (!measure_answer(client, &whole) || client->len < whole) {
		int got = SSL_read(client->ssl, client->answer + client->len,
		    (int)(CLIENT_ANSWER_MAX - client->len));
		if (got <= 0)
			lab_die(
			    "an answer ends after %zu bytes: %.200s", client->len, client->answer);
		client->len += (size_t)got;
	}
	return atoi(client->answer + 9);
}

void
client_ask_refused(struct client *client, const char *path)
{
	char request[REFUSED_MAX];
	(void)snprintf(request, sizeof(request),
	    "POST %s HTTP/1.1\r\nHost: fas1.corp.example.com:8443\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
	    path);
	int status = client_ask(client, request, strlen(request));
	if (status != 415)
		lab_die("status %d, want 415: %s", status, client->answer);
}

void
client_member(const struct client *client, const char *name, char *out, size_t size)
{
	char key[64];
	(void)snprintf(key, sizeof(key), "\"%s\"", name);
	const char *at = strstr(client->answer + client->body, key);
	const char *begin = at ? strchr(at + strlen(key), '"') : NULL;
	const char *end = begin ? strchr(begin + 1, '"') : NULL;
	if (!end || (size_t)(end - begin) > size)
		lab_die("no member \"%s\" in %s", name, client->answer + client->body);
	(void)snprintf(out, size, "%.*s", (int)(end - begin) - 1, begin + 1);
}

char *
client_get_plain(const char *host, unsigned port, const char *path)
{
	OWN(buf) struct buf page;
	char chunk[4096];
	ssize_t got;
	buf_init(&page, PAGE_MAX);
	OWN(fd) int fd = client_dial(host, port);
	int n = snprintf(chunk, sizeof(chunk),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
	if (fd < 0 || write(fd, chunk, (size_t)n) != n)
		lab_die("nobody listens at %s:%u", host, port);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_append(&page, chunk, (size_t)got);
	return buf_take(&page, NULL);
}
