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
	/* The caller is settled on a worker: by the token behind "Negotiate", or by reading the account again. */
	char *token; /* owned */
	bool recheck;
	char *reply; /* owned; the answer's token */
	char *query; /* owned; the request's */
	int64_t began_us;
	size_t received;
	bool counted;  /* it has taken a place of its route */
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

/* ---- negotiate.c: a client without a certificate ---- */

/* The token of an Authorization header that says Negotiate (RFC 9110 11.4); NULL of another or none. */
const char *negotiate_find_token(const char *header);
/* Can this client still prove itself otherwise?  In the head, on the event thread. */
bool negotiate_applies(const struct exchange *x);
/* Who it is known to be, or what has to be done on a worker to know it.  FAS_E_AUTH "caller_required",
 * "caller_negotiate", "caller_expired". */
MUST_CHECK enum fas_code negotiate_begin(struct exchange *x, struct fas_err *e);
/* Is there such work? */
bool negotiate_is_pending(const struct exchange *x);
/* Do it, on a worker; then x->request.caller is known and has the route's role. */
MUST_CHECK enum fas_code negotiate_settle(struct exchange *x, struct fas_err *e);
/* WWW-Authenticate of the answer. */
void negotiate_add_header(const struct exchange *x, struct MHD_Response *response);

/* Does the caller have a role of the route?  FAS_E_DENIED "caller_role". */
MUST_CHECK enum fas_code exchange_check_role(struct exchange *x, struct fas_err *e);

#endif
