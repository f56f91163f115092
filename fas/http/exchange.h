/* One request on its way: exchange.c leads it, head.c judges what stands in front of the body. */
#ifndef FAS_HTTP_EXCHANGE_H
#define FAS_HTTP_EXCHANGE_H

#include "fas/http/internal.h"

struct exchange {
	struct http_server *server;
	struct http_connection *connection;
	struct MHD_Connection *mhd;
	struct http_route_state *state; /* NULL when no route fits */
	struct http_request request;
	struct http_response response;
	struct fas_err refusal; /* found in the head; answered when the body is through */
	char allow[64];
	int64_t began_us;
	size_t received;
	bool counted;  /* in state->in_flight */
	bool answered; /* the response stands, by handler or refusal */
	bool sent;
};

/* A header of the request, NULL when absent; borrowed. */
const char *exchange_header(const struct exchange *x, const char *name);

/*
 * Route, caller, body, load, in this order; x->request is filled in as far as it goes.
 * The errors are the edge's own (fas/problem.h).
 */
MUST_CHECK enum fas_code exchange_check_head(
    struct exchange *x, const char *method, const char *url, struct fas_err *e);

#endif
