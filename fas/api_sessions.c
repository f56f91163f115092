/* /v1/sessions/...: the lease, certificates within, and the end. */
#include <string.h>

#include "ca/csr.h"
#include "fas/api_parts.h"
#include "fas/in_session.h"
#include "fas/lease.h"
#include "fas/session.h"

/* Nothing, or an object without members. */
static enum fas_code
read_nothing(const struct http_request *http, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	if (http->body.len == 0)
		return FAS_OK;
	enum fas_code rc = api_open_body(http, &r, e);
	return rc == FAS_OK ? json_finish(&r) : rc;
}

static json_t *
lease_json(const struct lease_answer *a, const char *session, const char *correlation_id)
{
	return json_pack("{s:s, s:o, s:I, s:I, s:s, s:o, s:s}", "session_id", session,
	    "session_expires_at", api_time(a->session_expires_s), "lease_s", (json_int_t)a->lease_s,
	    "next_s", (json_int_t)a->next_s, "account", a->account_known ? "ok" : "unknown",
	    "in_session", api_terms(a->in_session), "correlation_id", correlation_id);
}

void
api_post_lease(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer answer = {0};
	struct request request = api_request(http);
	if (read_nothing(http, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = session_lease(api->service, &request, http->segment, &answer, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_LEASE_RENEWED);
	http_answer_json(response, 200, lease_json(&answer, http->segment, request.correlation_id));
}

void
api_delete_session(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	struct request request = api_request(http);
	enum fas_code rc = session_end(api->service, &request, http->segment, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_SESSION_ENDED);
	http_answer_empty(response, 204);
}

/* ---- POST /v1/sessions/ID/certificates ---- */

static json_t *
certificate_json(const struct in_session_answer *a, const char *correlation_id)
{
	const struct signer_certificate *c = &a->certificate;
	const char *key = c->key_id;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s*, s:o, s:s}", "certificate", c->pem,
	    "chain", c->chain_pem, "serial", c->serial, "not_before", api_time(c->not_before_s),
	    "not_after", api_time(c->not_after_s), "custody", *key ? "service" : "host", "key",
	    *key ? key : NULL, "in_session", api_terms(a->in_session), "correlation_id",
	    correlation_id);
}

void
api_post_session_certificate(
    void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(in_session_answer) struct in_session_answer answer = {0};
	struct request request = api_request(http);
	struct in_session_request body = {0};
	if (api_open_body(http, &r, &e) == FAS_OK) {
		body.ask = json_need_text(&r, "request_id", 16, 64);
		body.csr = json_want_lines(&r, "csr", 1, CSR_PEM_MAX);
		(void)!json_finish(&r);
	}
	if (e.code != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc =
	    session_certificate(api->service, &request, http->segment, &body, &answer, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_SESSION_CERTIFICATE);
	http_answer_json(response, 201, certificate_json(&answer, request.correlation_id));
}
