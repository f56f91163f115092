/* Authorization: Negotiate (RFC 4559): one negotiation a connection, its work on the workers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fas/base/clock.h"
#include "fas/http/exchange.h"

#define SCHEME "Negotiate"
#define REPLY_MAX 4096 /* an AP-REP has some hundred bytes */

static struct http_terms
present_terms(const struct exchange *x)
{
	const struct http_negotiation *negotiation = x->server->config.negotiation;
	return negotiation->terms(negotiation->arg);
}

bool
negotiate_applies(const struct exchange *x)
{
	const struct http_server_config *config = &x->server->config;
	/* Never without TLS: the token would be anybody's who listens. */
	return config->negotiation && config->tls && config->workers && present_terms(x).on;
}

const char *
negotiate_find_token(const char *header)
{
	const size_t len = strlen(SCHEME);
	if (!header || strncasecmp(header, SCHEME, len) != 0 || header[len] != ' ')
		return NULL;
	header += len;
	return header + strspn(header, " ");
}

static enum fas_code
take_token(struct exchange *x, struct fas_err *e)
{
	const char *token = negotiate_find_token(exchange_header(x, MHD_HTTP_HEADER_AUTHORIZATION));
	if (!token || !*token)
		return fas_fail(e, FAS_E_AUTH, "caller_required",
		    "the client has shown neither a certificate nor a Kerberos ticket");
	if (x->connection->tried)
		return fas_fail(e, FAS_E_AUTH, "caller_negotiate",
		    "one negotiation a connection: another has failed on this one");
	x->connection->tried = true;
	x->token = strdup(token);
	return x->token ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
negotiate_begin(struct exchange *x, struct fas_err *e)
{
	struct http_negotiated *n = &x->connection->negotiated;
	int64_t now_s = clock_now();
	if (n->caller.kind == CALLER_NONE)
		return take_token(x, e);
	enum fas_code rc = caller_still_valid(x->server->config.callers, &n->caller, now_s, e);
	if (rc != FAS_OK)
		return rc;
	/* A clock that was set back makes no old reading young; other rules have to be asked anew. */
	int64_t age_s = now_s - n->checked_s;
	struct http_terms terms = present_terms(x);
	x->recheck =
	    age_s < 0 || age_s >= (int64_t)terms.recheck_s || n->generation != terms.generation;
	x->request.caller = n->caller;
	return exchange_check_role(x, e);
}

bool
negotiate_is_pending(const struct exchange *x)
{
	return x->token || x->recheck;
}

static enum fas_code
accept_token(struct exchange *x, struct fas_err *e)
{
	const struct http_negotiation *negotiation = x->server->config.negotiation;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct http_negotiated made = {0};
	uint8_t binding[HTTP_TLS_BINDING_MAX];
	size_t len = 0;
	if (!info)
		return fas_fail(
		    e, FAS_E_AUTH, "caller_required", "the connection is not encrypted");
	enum fas_code rc = http_tls_binding(
	    x->server->config.tls, (gnutls_session_t)info->tls_session, binding, &len, e);
	if (rc == FAS_OK)
		rc = negotiation->accept(
		    negotiation->arg, x->token, binding, len, &made, &x->reply, e);
	if (rc == FAS_OK)
		x->connection->negotiated = made;
	return rc;
}

enum fas_code
negotiate_settle(struct exchange *x, struct fas_err *e)
{
	const struct http_negotiation *negotiation = x->server->config.negotiation;
	struct http_negotiated *n = &x->connection->negotiated;
	enum fas_code rc =
	    x->token ? accept_token(x, e) : negotiation->recheck(negotiation->arg, n, e);
	/* Whoever is no longer what it was has to come anew; a directory that is away says nothing about it. */
	if (rc == FAS_E_AUTH || rc == FAS_E_DENIED)
		*n = (struct http_negotiated){0};
	if (rc != FAS_OK)
		return rc;
	x->request.caller = n->caller;
	return exchange_check_role(x, e);
}

void
negotiate_add_header(const struct exchange *x, struct MHD_Response *response)
{
	char value[REPLY_MAX];
	int n = snprintf(value, sizeof(value), SCHEME " %s", x->reply ? x->reply : "");
	if (x->reply && n > 0 && n < (int)sizeof(value))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, value);
	else if (x->response.status == 401 && x->request.route && negotiate_applies(x))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, SCHEME);
}
