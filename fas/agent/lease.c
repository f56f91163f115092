#include "fas/agent/lease.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/logon_answer.h"

#define URL_PATH_MAX 160
#define LEASE_MS 8000

void
lease_done(struct lease *lease)
{
	rule_done(&lease->rule);
}

/* A service of an earlier version says neither next_s nor in_session. */
static enum fas_code
read_lease(json_t *body, struct lease *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, body, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_need_text(&r, "session_id", 1, AGENT_SESSION_ID_MAX - 1);
	out->expires_s = answer_need_time(&r, "session_expires_at");
	out->lease_s = json_need_int(&r, "lease_s", 0, INT32_MAX);
	(void)json_need_text(&r, "correlation_id", 1, CORRELATION_ID_MAX - 1);
	int64_t third = out->lease_s / 3 > 0 ? out->lease_s / 3 : 1;
	out->next_s = json_want_int(&r, "next_s", 1, 86400, third);
	(void)json_want_text(&r, "account", 1, 32);
	json_t *rule = answer_want_any(&r, "in_session");
	rc = json_finish(&r);
	out->has_rule = rule != NULL;
	return rc == FAS_OK ? rule_read(rule, &out->rule, e) : rc;
}

enum fas_code
lease_keep(const struct upstream *up, const struct session_file *session, struct lease *out,
    struct fas_err *e)
{
	char path[URL_PATH_MAX];
	OWN(api_answer) struct api_answer answer = {0};
	*out = (struct lease){0};
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/lease", session->id);
	const struct upstream_ask ask = {
	    .method = "POST", .path = path, .server = session->server, .total_ms = LEASE_MS};
	enum fas_code rc = up->call(up, &ask, &answer, e);
	return rc == FAS_OK ? read_lease(answer.body, out, e) : rc;
}
