#include "fas/http/exchange.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "fas/http/listen.h"

/* What a refused request may still send before its connection is closed: so a client reads its answer. */
#define DRAIN_MAX (1024 * 1024)

/* The same, "" when absent; it stays until the request has been answered. */
static const char *
exchange_text(const struct exchange *x, const char *name)
{
	const char *value = exchange_header(x, name);
	return value ? value : "";
}

static void
copy_header(const struct exchange *x, const char *name, char *out, size_t out_size)
{
	const char *value = exchange_header(x, name);
	/* A validator that does not fit is none: the whole object is the answer. */
	if (value && strlen(value) < out_size)
		(void)snprintf(out, out_size, "%s", value);
}

/* ---- the answer ---- */

static struct MHD_Response *
make_response(struct exchange *x)
{
	struct http_response *r = &x->response;
	if (r->fd >= 0) {
		struct MHD_Response *response = MHD_create_response_from_fd64(r->fd_size, r->fd);
		if (response)
			r->fd = -1; /* the library closes it */
		return response;
	}
	size_t len = 0;
	char *text = r->body.len > 0 ? buf_take(&r->body, &len) : NULL;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    len, text, text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response)
		free(text);
	return response;
}

static void
add_fixed_headers(const struct exchange *x, struct MHD_Response *response)
{
	const struct http_browser *browser = x->server->config.browser;
	for (size_t i = 0; browser && i < browser->n_headers; i++) {
		if (!http_has_header(&x->response, browser->headers[i].name))
			(void)MHD_add_response_header(
			    response, browser->headers[i].name, browser->headers[i].value);
	}
}

static void
add_headers(const struct exchange *x, struct MHD_Response *response)
{
	const struct http_response *r = &x->response;
	(void)MHD_add_response_header(response, "X-Correlation-Id", r->correlation_id);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (r->content_type)
		(void)MHD_add_response_header(
		    response, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
	if (x->allow[0])
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, x->allow);
	for (size_t i = 0; i < r->n_headers; i++)
		(void)MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
	if (r->location)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, r->location);
	add_fixed_headers(x, response);
	negotiate_add_header(x, response);
	/* A refused certificate may be good on the next connection; a stopping server keeps none. */
	if (r->status == 401 || atomic_load(&x->server->stopping))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static void
record_refusal(const struct exchange *x)
{
	const struct http_route *route = x->request.route;
	if (x->response.refusal.code == FAS_OK)
		return;
	refusals_note(x->server->config.refusals, &x->request.caller, x->request.address,
	    route ? route->name : NULL, x->response.correlation_id, &x->response.refusal);
}

static void
refuse(struct exchange *x, const struct fas_err *why)
{
	if (why->code == FAS_E_LIMIT)
		metrics_add(x->server->config.metrics, METRIC_OVERLOADED);
	const struct http_browser *browser = x->server->config.browser;
	http_refuse(&x->response, why);
	if (browser)
		browser->paint(x->server->config.app, &x->request, &x->response, why);
	x->answered = true;
}

/* Before the answer leaves: whoever has it may ask again at once. */
static void
release_place(struct exchange *x)
{
	if (x->counted)
		http_connection_leave_place(x->connection);
	x->counted = false;
}

static enum MHD_Result
send_answer(struct exchange *x)
{
	struct fas_err e = {0};
	if (x->response.status == 0 || buf_check(&x->response.body, &e) != FAS_OK) {
		fas_err_clear(&e);
		fas_fail(&e, FAS_E_INTERNAL, "internal", "the handler has no answer");
		if (x->server->config.browser)
			refuse(x, &e);
		else
			http_answer_problem(&x->response, &e);
	}
	record_refusal(x);
	release_place(x);
	if (!http_has_header(&x->response, "Cache-Control"))
		http_header(&x->response, "Cache-Control", "no-store");
	struct MHD_Response *response = make_response(x);
	if (!response)
		return MHD_NO;
	add_headers(x, response);
	enum MHD_Result rc = MHD_queue_response(x->mhd, x->response.status, response);
	MHD_destroy_response(response);
	x->sent = true;
	return rc;
}

static void
run_handler(struct exchange *x)
{
	x->request.route->handle(x->server->config.app, &x->request, &x->response);
	x->answered = true;
}

/* The handler, once it is known who asks. */
static void
run_for_caller(struct exchange *x)
{
	struct fas_err e = {0};
	if (negotiate_is_pending(x) && negotiate_settle(x, &e) != FAS_OK)
		refuse(x, &e);
	else
		run_handler(x);
}

void
http_server_work(void *job)
{
	struct exchange *x = job;
	struct http_server *server = x->server;
	log_set_correlation(x->request.correlation_id);
	if (atomic_load(&server->hurry)) {
		struct fas_err e = {0};
		fas_fail(&e, FAS_E_UNAVAILABLE, "stopping", "the service is being stopped");
		refuse(x, &e);
	} else {
		run_for_caller(x);
	}
	log_set_correlation(NULL);
	MHD_resume_connection(x->mhd); /* x is the event thread's from here on */
	atomic_fetch_sub(&server->suspended, 1);
}

static enum MHD_Result
queue_work(struct exchange *x)
{
	if (!workers_reserve(x->server->config.workers)) {
		struct fas_err e = {0};
		fas_fail(&e, FAS_E_LIMIT, "queue_full",
		    "as many requests as the queue holds are waiting");
		refuse(x, &e);
		return send_answer(x);
	}
	atomic_fetch_add(&x->server->suspended, 1);
	MHD_suspend_connection(x->mhd);
	workers_push(x->server->config.workers, x);
	return MHD_YES;
}

/* ---- the steps in which libmicrohttpd hands a request over ---- */

/* Where the client is and, of a browser, what stands beside its request. */
static void
know_client(struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	(void)http_peer_format(info ? info->client_addr : NULL, x->request.address);
	x->query = TAKE(x->connection->query);
	x->request.query = x->query ? x->query : "";
	x->request.cookies = exchange_text(x, MHD_HTTP_HEADER_COOKIE);
	x->request.languages = exchange_text(x, MHD_HTTP_HEADER_ACCEPT_LANGUAGE);
}

static struct exchange *
begin(struct http_server *server, struct http_connection *connection, struct MHD_Connection *mhd)
{
	struct exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->server = server;
	x->connection = connection;
	x->mhd = mhd;
	know_client(x);
	x->began_us = clock_monotonic_us();
	correlation_id_new(x->request.correlation_id);
	http_response_init(&x->response, x->request.correlation_id);
	atomic_fetch_add(&server->in_flight, 1);
	connection->secured = true;
	http_connection_phase(connection, PHASE_RECEIVING);
	return x;
}

/* The head is there.  A refusal is answered behind the body, unless the client asks first or has too much to say. */
static enum MHD_Result
take_head(struct exchange *x, const char *method, const char *url)
{
	uint64_t bytes = 0;
	const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (exchange_check_head(x, method, url, &x->refusal) == FAS_OK) {
		buf_init(&x->request.body, x->request.route->body_max);
		copy_header(
		    x, "If-None-Match", x->request.if_none_match, sizeof(x->request.if_none_match));
		copy_header(x, "If-Modified-Since", x->request.if_modified_since,
		    sizeof(x->request.if_modified_since));
		return MHD_YES;
	}
	bool can_drain =
	    !length || (parse_uint(length, 0, DRAIN_MAX, &bytes) && bytes <= DRAIN_MAX);
	if (can_drain && !exchange_header(x, MHD_HTTP_HEADER_EXPECT))
		return MHD_YES;
	refuse(x, &x->refusal);
	return send_answer(x);
}

static enum MHD_Result
take_body(struct exchange *x, const char *data, size_t *len)
{
	size_t n = *len;
	*len = 0;
	x->received += n;
	if (x->received > DRAIN_MAX)
		return MHD_NO;
	if (x->refusal.code != FAS_OK)
		return MHD_YES;
	if (x->received > x->request.route->body_max) {
		fas_fail(&x->refusal, FAS_E_INPUT, "body_too_large",
		    "RFC 9110 15.5.14: at most %zu bytes", x->request.route->body_max);
		buf_done(&x->request.body);
		return MHD_YES;
	}
	buf_append(&x->request.body, data, n);
	if (buf_check(&x->request.body, &x->refusal) != FAS_OK)
		buf_done(&x->request.body);
	return MHD_YES;
}

static enum MHD_Result
take_end(struct exchange *x)
{
	if (x->sent)
		return MHD_YES;
	if (x->answered)
		return send_answer(x);
	http_connection_phase(x->connection, PHASE_WORKING);
	if (x->refusal.code != FAS_OK) {
		refuse(x, &x->refusal);
		return send_answer(x);
	}
	if (x->request.route->slow || negotiate_is_pending(x))
		return queue_work(x);
	run_handler(x);
	return send_answer(x);
}

enum MHD_Result
http_exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *data_len, void **context)
{
	struct exchange *x = *context;
	(void)version;
	if (x)
		return *data_len > 0 ? take_body(x, data, data_len) : take_end(x);
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_connection *connection = info ? info->socket_context : NULL;
	if (!connection || !connection->server)
		return MHD_NO;
	*context = x = begin(cls, connection, mhd);
	return x ? take_head(x, method, url) : MHD_NO;
}

void
http_exchange_completed(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
	struct http_server *server = cls;
	struct exchange *x = *context;
	(void)mhd;
	(void)how;
	if (!x)
		return;
	*context = NULL;
	http_connection_phase(x->connection, PHASE_IDLE);
	if (x->sent)
		metrics_request(x->state ? x->state->metrics : server->other, x->response.status,
		    clock_monotonic_us() - x->began_us);
	release_place(x);
	buf_done(&x->request.body);
	free(x->request.certificate);
	free(x->token);
	free(x->reply);
	free(x->query);
	http_response_done(&x->response);
	free(x);
	atomic_fetch_sub(&server->in_flight, 1);
}
