/* /v1/sessions/...: the lease and the end. */
#include <string.h>

#include "fas/api_parts.h"
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
