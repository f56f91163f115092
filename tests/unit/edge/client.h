/* A client of libcurl, for one connection at a time. */
#ifndef TESTS_EDGE_CLIENT_H
#define TESTS_EDGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "fas/base/buf.h"
#include "pki.h"

struct client {
	CURL *curl;
	char base[64];
	const char *service_ca; /* PEM; NULL = plain HTTP */
	const struct pki_leaf *certificate;
	/* of the last answer */
	CURLcode result;
	long status;
	long new_connections;
	struct buf head, body;
};

struct ask {
	const char *method; /* NULL = GET */
	const char *path;
	const char *body;         /* NULL = none */
	const char *content_type; /* NULL = application/json */
	const char *header;       /* one more */
	bool chunked;
	bool fresh; /* a new connection */
};

void client_init(
    struct client *c, uint16_t port, const char *service_ca, const struct pki_leaf *certificate);
void client_done(struct client *c);
/* Returns the status; 0 when there was no answer (result says why). */
long client_ask(struct client *c, const struct ask *ask);
/* Value of an answer's header into out, "" when absent. */
const char *client_header(const struct client *c, const char *name, char out[256]);
/* Text member of the answer's JSON; aborts the test when there is none. */
const char *client_member(const struct client *c, const char *name, char out[512]);
bool client_has_member(const struct client *c, const char *name);

/* A bare TCP connection to 127.0.0.1. */
int raw_connect(uint16_t port);
/* Everything until the other side closes, or timeout_ms; NUL-terminated. */
size_t raw_read(int fd, char *out, size_t size, int timeout_ms);

#endif
