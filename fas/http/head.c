#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/text.h"
#include "fas/http/exchange.h"

const char *
exchange_header(const struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

static enum MHD_Result
refuse_argument(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void)kind;
	(void)key;
	(void)value;
	*(bool *)cls = true;
	return MHD_NO;
}

static enum fas_code
check_route(struct exchange *x, const char *method, const char *url, struct fas_err *e)
{
	const struct http_server_config *config = &x->server->config;
	struct http_match match;
	bool has_query = false;
	enum fas_code rc =
	    http_route_find(config->routes, config->n_routes, method, url, &match, e);
	memcpy(x->allow, match.allow, sizeof(x->allow));
	if (rc != FAS_OK)
		return rc;
	x->request.route = match.route;
	x->request.method = match.route->method;
	memcpy(x->request.segment, match.segment, sizeof(match.segment));
	memcpy(x->request.second, match.second, sizeof(match.second));
	x->state = &x->server->routes[match.route - config->routes];
	if (x->connection->query_lost)
		return fas_fail_nomem(e);
	(void)MHD_get_connection_values(x->mhd, MHD_GET_ARGUMENT_KIND, refuse_argument, &has_query);
	if (has_query && !config->browser)
		return fas_fail(
		    e, FAS_E_INPUT, "query_refused", "no query parameters are known here");
	return FAS_OK;
}

static enum fas_code
read_certificate(struct exchange *x, uint8_t **der, size_t *len, struct fas_err *e)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!info)
		return fas_fail(
		    e, FAS_E_AUTH, "caller_required", "the connection is not encrypted");
	return http_tls_peer((gnutls_session_t)info->tls_session, der, len, e);
}

/* Once a connection; at later requests only its end and the host table are looked at. */
static enum fas_code
judge_caller(struct exchange *x, struct fas_err *e)
{
	struct caller *caller = &x->connection->caller;
	struct caller_table *table = x->server->config.callers;
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	int64_t now_s = clock_now();
	if (caller->kind != CALLER_NONE)
		return caller_still_valid(table, caller, now_s, e);
	enum fas_code rc = read_certificate(x, &der, &len, e);
	return rc == FAS_OK ? caller_from_certificate(table, der, len, now_s, caller, e) : rc;
}

enum fas_code
exchange_check_role(struct exchange *x, struct fas_err *e)
{
	const struct http_route *route = x->request.route;
	if (!((unsigned)x->request.caller.role & route->roles))
		return fas_fail(e, FAS_E_DENIED, "caller_role", "the role of %s does not allow %s",
		    x->request.caller.name, route->name);
	if (route->certificate && x->request.caller.kind != CALLER_CERTIFICATE)
		return fas_fail(e, FAS_E_DENIED, "renew_no_certificate",
		    "%s has shown no certificate that could be renewed", x->request.caller.name);
	return FAS_OK;
}

static enum fas_code
check_caller(struct exchange *x, struct fas_err *e)
{
	const struct http_route *route = x->request.route;
	struct fas_err why = {0};
	if (route->roles == 0)
		return FAS_OK;
	enum fas_code rc = judge_caller(x, &why);
	/* A certificate that is refused is refused: only who shows none may negotiate. */
	if (rc != FAS_OK && strcmp(why.reason, "caller_required") == 0 && negotiate_applies(x))
		return negotiate_begin(x, e);
	if (rc != FAS_OK)
		return fas_fail(e, why.code, why.reason, "%s", why.message);
	x->request.caller = x->connection->caller;
	if ((rc = exchange_check_role(x, e)) != FAS_OK)
		return rc;
	return route->certificate
		   ? read_certificate(x, &x->request.certificate, &x->request.certificate_len, e)
		   : FAS_OK;
}

/* RFC 9110 8.3.1: without its parameters. */
static bool
type_is(const char *type, const char *want)
{
	char media[64];
	if (!type)
		return false;
	size_t len = strcspn(type, "; \t");
	if (len >= sizeof(media))
		return false;
	memcpy(media, type, len);
	media[len] = 0;
	return ascii_equal_nocase(media, want);
}

static enum fas_code
check_body(struct exchange *x, struct fas_err *e)
{
	const struct http_route *route = x->request.route;
	const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *want =
	    x->server->config.browser ? "application/x-www-form-urlencoded" : "application/json";
	uint64_t bytes = 0;
	bool has_body = exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
	if (length && !parse_uint(length, 0, INT64_MAX, &bytes))
		return fas_fail(e, FAS_E_INPUT, "body_length", "RFC 9110 8.6: Content-Length");
	if (bytes > route->body_max || (has_body && route->body_max == 0))
		return fas_fail(e, FAS_E_INPUT, "body_too_large",
		    "RFC 9110 15.5.14: at most %zu bytes", route->body_max);
	if ((has_body || bytes > 0) &&
	    !type_is(exchange_header(x, MHD_HTTP_HEADER_CONTENT_TYPE), want))
		return fas_fail(e, FAS_E_INPUT, "body_type", "RFC 9110 15.5.16: want %s", want);
	return FAS_OK;
}

static enum fas_code
check_load(struct exchange *x, struct fas_err *e)
{
	const struct http_route *route = x->request.route;
	if (route->in_flight == 0)
		return FAS_OK;
	x->counted = http_connection_take_place(x->connection, x->state, route->in_flight);
	if (!x->counted)
		return fas_fail(e, FAS_E_LIMIT, "queue_full", "%u requests of this kind at a time",
		    route->in_flight);
	return FAS_OK;
}

enum fas_code
exchange_check_head(struct exchange *x, const char *method, const char *url, struct fas_err *e)
{
	enum fas_code rc;
	if (atomic_load(&x->server->stopping))
		return fas_fail(e, FAS_E_UNAVAILABLE, "stopping", "the service is being stopped");
	const struct fas_err *closed = x->server->config.closed;
	if (closed)
		return fas_fail(e, closed->code, closed->reason, "%s", closed->message);
	if ((rc = check_route(x, method, url, e)) != FAS_OK)
		return rc;
	if ((rc = check_caller(x, e)) != FAS_OK)
		return rc;
	if ((rc = check_body(x, e)) != FAS_OK)
		return rc;
	return check_load(x, e);
}
