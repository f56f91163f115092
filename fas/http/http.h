/*
 * One request and its answer, as a handler sees them, and the table that leads from one to the other.
 *
 * A handler knows nothing of sockets and threads.  A route marked slow runs on a worker thread while its connection is
 * suspended; any other runs on the event thread and must not wait for anything.
 */
#ifndef FAS_HTTP_HTTP_H
#define FAS_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/audit.h"
#include "fas/base/buf.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/caller.h"
#include "fas/http/listen.h"

struct http_request;
struct http_response;

/* app: what the server was started with.  The handler fills in the response; an untouched one is answered 500. */
typedef void http_handler(
    void *app, const struct http_request *request, struct http_response *response);

#define HTTP_SEGMENT_MAX 80

struct http_route {
	const char *method; /* "GET" also answers HEAD */
	const char
	    *path; /* "/v1/sessions/?/lease": '?' is one segment of [A-Za-z0-9._-]; two at most */
	const char *name; /* of its metrics and records */
	unsigned roles;   /* bit set of enum caller_role; 0 = anybody, also without a certificate */
	size_t body_max;  /* bytes; 0 = a body is refused */
	unsigned in_flight; /* at most so many from the head on (429 beyond); 0 = no such limit */
	bool slow;          /* on a worker thread */
	bool certificate;   /* the handler wants the caller's certificate */
	http_handler *handle;
};

struct http_request {
	const struct http_route *route;
	const char *method;             /* "GET" for HEAD too */
	char segment[HTTP_SEGMENT_MAX]; /* what stood for '?', "" if the path has none */
	char second[HTTP_SEGMENT_MAX];  /* and for the second one */
	struct buf body;
	struct caller caller; /* kind CALLER_NONE unless the route asks for a role */
	uint8_t *certificate; /* DER, where the route asks for it */
	size_t certificate_len;
	char correlation_id[CORRELATION_ID_MAX];
	char if_none_match[256]; /* "" = absent */
	char if_modified_since[64];
	char address[HTTP_ADDRESS_MAX]; /* the peer's, without its port */
	/* Of browsers (struct http_browser) only, as they came; borrowed, "" = absent. */
	const char *query; /* behind '?', never decoded */
	const char *cookies, *languages;
};

/* ---- who has no certificate (RFC 4559) ---- */

#define HTTP_PRINCIPAL_MAX 512

/* What a connection's one negotiation has shown. */
struct http_negotiated {
	struct caller caller;               /* kind CALLER_NONE: nothing yet */
	char principal[HTTP_PRINCIPAL_MAX]; /* by which its account is found again */
	struct sid sid;      /* that account's: another one under its name is not it */
	int64_t checked_s;   /* when that was last read */
	uint64_t generation; /* by which terms */
};

/* By what is negotiated now: other terms under another generation. */
struct http_terms {
	bool on;
	unsigned recheck_s;
	uint64_t generation;
};

/*
 * How a client without a certificate proves itself: given by whoever starts the server, run on its workers.
 *
 * terms: at any time, without waiting.
 * accept: token is what the client sent behind "Negotiate", binding the channel's (RFC 5929).  *reply, when set, is
 * malloc'ed base64 for the client.  recheck: is the account still what it was?  Both answer FAS_E_AUTH or FAS_E_DENIED
 * with the reason for the records, or FAS_E_UNAVAILABLE.
 */
struct http_negotiation {
	void *arg;
	struct http_terms (*terms)(void *arg);
	enum fas_code (*accept)(void *arg, const char *token, const uint8_t *binding,
	    size_t binding_len, struct http_negotiated *out, char **reply, struct fas_err *e);
	enum fas_code (*recheck)(void *arg, struct http_negotiated *n, struct fas_err *e);
};

/*
 * A listener for people: query strings, cookies and forms are read (bodies are application/x-www-form-urlencoded instead
 * of JSON), every answer has these headers unless its handler says otherwise, and a refusal is a page.
 */
struct http_browser {
	/* Over the problem document of why, which stands in response already; request->route may be NULL. */
	void (*paint)(void *app, const struct http_request *request, struct http_response *response,
	    const struct fas_err *why);
	const struct http_fixed {
		const char *name, *value;
	} * headers;
	size_t n_headers;
};

#define HTTP_HEADERS_MAX 12

struct http_response {
	unsigned status;          /* 0 = not answered yet */
	const char *content_type; /* static; NULL without content */
	struct buf body;
	int fd; /* streamed instead of body; -1 = none; owned */
	uint64_t fd_size;
	char correlation_id[CORRELATION_ID_MAX];
	struct fas_err refusal; /* by http_refuse: to be recorded by the server */
	size_t n_headers;
	struct http_header {
		const char *name; /* static */
		char value[256];
	} headers[HTTP_HEADERS_MAX];
	char *location; /* of any length; owned */
};

#define HTTP_BODY_MAX (4 * 1024 * 1024)

/* body is stolen; NULL = out of memory, answered as such. */
void http_answer_json(struct http_response *response, unsigned status, json_t *body);
/* text is copied. */
void http_answer_text(
    struct http_response *response, unsigned status, const char *content_type, const char *text);
void http_answer_empty(struct http_response *response, unsigned status);
/* RFC 9110 15.4.4: 303, go on there with GET.  location is copied; the body stays whatever it is. */
void http_answer_see_other(struct http_response *response, const char *location);
/* The problem that e is (fas/problem.h); somebody has recorded it already. */
void http_answer_problem(struct http_response *response, const struct fas_err *e);
/* The same, and the server records it: for refusals before the pipeline. */
void http_refuse(struct http_response *response, const struct fas_err *e);
/* Replaces a header of the same name; the value is cut at its end. */
void http_header(struct http_response *response, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* One more of the same name: Set-Cookie (RFC 6265 3). */
void http_add_header(struct http_response *response, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

bool http_has_header(const struct http_response *response, const char *name);

void http_response_init(struct http_response *response, const char *correlation_id);
void http_response_done(struct http_response *response);

/* ---- routing (pure) ---- */

struct http_match {
	const struct http_route *route; /* NULL: e says why */
	char segment[HTTP_SEGMENT_MAX], second[HTTP_SEGMENT_MAX];
	char allow[64]; /* methods of the path, when the method is not among them */
};

/* path is as it came, not decoded.  FAS_E_NOTFOUND "route_unknown"; FAS_E_INPUT "method_refused". */
MUST_CHECK enum fas_code http_route_find(const struct http_route *routes, size_t n,
    const char *method, const char *path, struct http_match *out, struct fas_err *e);

#endif
