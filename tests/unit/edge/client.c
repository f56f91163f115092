#include "client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"

#define ANSWER_MAX (8 * 1024 * 1024)

static size_t
collect(char *data, size_t size, size_t n, void *arg)
{
	buf_append(arg, data, size * n);
	return size * n;
}

void
client_init(
    struct client *c, uint16_t port, const char *service_ca, const struct pki_leaf *certificate)
{
	*c = (struct client){.service_ca = service_ca, .certificate = certificate};
	c->curl = curl_easy_init();
	if (!c->curl)
		abort();
	buf_init(&c->head, ANSWER_MAX);
	buf_init(&c->body, ANSWER_MAX);
	(void)snprintf(
	    c->base, sizeof(c->base), "%s://127.0.0.1:%u", service_ca ? "https" : "http", port);
}

void
client_done(struct client *c)
{
	curl_easy_cleanup(c->curl);
	buf_done(&c->head);
	buf_done(&c->body);
}

static struct curl_blob
blob(const char *text)
{
	return (struct curl_blob){(void *)(uintptr_t)text, strlen(text), CURL_BLOB_COPY};
}

static void
set_tls(struct client *c)
{
	struct curl_blob ca = blob(c->service_ca);
	(void)curl_easy_setopt(c->curl, CURLOPT_CAINFO_BLOB, &ca);
	if (!c->certificate)
		return;
	struct curl_blob certificate = blob(c->certificate->pem);
	struct curl_blob key = blob(c->certificate->key_pem);
	(void)curl_easy_setopt(c->curl, CURLOPT_SSLCERT_BLOB, &certificate);
	(void)curl_easy_setopt(c->curl, CURLOPT_SSLKEY_BLOB, &key);
}

static struct curl_slist *
make_headers(const struct ask *ask)
{
	char type[128];
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	(void)snprintf(type, sizeof(type), "Content-Type: %s",
	    ask->content_type ? ask->content_type : "application/json");
	if (ask->body)
		headers = curl_slist_append(headers, type);
	if (ask->chunked)
		headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	return ask->header ? curl_slist_append(headers, ask->header) : headers;
}

static void
set_request(struct client *c, const struct ask *ask)
{
	if (ask->method && strcmp(ask->method, "HEAD") == 0)
		(void)curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
	else if (ask->method)
		(void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, ask->method);
	if (ask->body) {
		(void)curl_easy_setopt(
		    c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(ask->body));
		(void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, ask->body);
	}
}

long
client_ask(struct client *c, const struct ask *ask)
{
	char url[512];
	struct curl_slist *headers = make_headers(ask);
	(void)snprintf(url, sizeof(url), "%s%s", c->base, ask->path);
	buf_done(&c->head);
	buf_done(&c->body);
	buf_init(&c->head, ANSWER_MAX);
	buf_init(&c->body, ANSWER_MAX);
	curl_easy_reset(c->curl);
	(void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(c->curl, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 20L);
	(void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c->curl, CURLOPT_FRESH_CONNECT, ask->fresh ? 1L : 0L);
	(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &c->body);
	(void)curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, collect);
	(void)curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &c->head);
	if (c->service_ca)
		set_tls(c);
	set_request(c, ask);
	c->result = curl_easy_perform(c->curl);
	c->status = 0;
	(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	(void)curl_easy_getinfo(c->curl, CURLINFO_NUM_CONNECTS, &c->new_connections);
	curl_slist_free_all(headers);
	return c->status;
}

const char *
client_header(const struct client *c, const char *name, char out[256])
{
	size_t len = strlen(name);
	out[0] = 0;
	for (const char *line = buf_str(&c->head); line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			(void)snprintf(
			    out, 256, "%.*s", (int)strcspn(line + len + 2, "\r\n"), line + len + 2);
			break;
		}
	}
	return out;
}

static json_t *
parse(const struct client *c)
{
	return json_loads(buf_str(&c->body), 0, NULL);
}

const char *
client_member(const struct client *c, const char *name, char out[512])
{
	OWN(json) json_t *body = parse(c);
	const char *value = json_string_value(json_object_get(body, name));
	if (!value) {
		(void)fprintf(stderr, "no member \"%s\" in: %s\n", name, buf_str(&c->body));
		abort();
	}
	(void)snprintf(out, 512, "%s", value);
	return out;
}

bool
client_has_member(const struct client *c, const char *name)
{
	OWN(json) json_t *body = parse(c);
	return json_object_get(body, name) != NULL;
}

int
raw_connect(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

size_t
raw_read(int fd, char *out, size_t size, int timeout_ms)
{
	size_t used = 0;
	int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
	while (used + 1 < size) {
		int64_t left_us = until_us - clock_monotonic_us();
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (left_us <= 0 || poll(&p, 1, (int)(left_us / 1000) + 1) <= 0)
			break;
		ssize_t got = recv(fd, out + used, size - used - 1, 0);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	out[used] = 0;
	return used;
}
