#include <stdio.h>
#include <string.h>

#include "fas/agent/cache_tasks.h"
#include "fas/agent/logon.h"

#define URL_PATH_MAX 160
#define DELETE_MS 5000

/* The user's own rights are enough, and a link that the user put there leads no further than they do. */
static enum fas_code
destroy_cache(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e)
{
	struct local_user user;
	if (!session->ccache[0])
		return FAS_OK;
	enum fas_code rc = local_user_find(session->user, config->first_uid, &user, e);
	return rc == FAS_OK ? cache_destroy(&user, session->ccache, e) : rc;
}

static enum fas_code
tell_service(const struct upstream *up, const struct session_file *session, struct fas_err *e)
{
	char path[URL_PATH_MAX];
	struct fas_err why = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s", session->id);
	const struct upstream_ask ask = {
	    .method = "DELETE", .path = path, .server = session->server, .total_ms = DELETE_MS};
	enum fas_code rc = up->call(up, &ask, &answer, &why);
	if (rc == FAS_OK || strcmp(why.reason, "session_unknown") == 0)
		return FAS_OK;
	return fas_fail(e, rc, why.reason, "%s", why.message);
}

enum fas_code
logoff_session(const struct upstream *up, const struct session_file *session, struct fas_err *e)
{
	struct fas_err local = {0};
	enum fas_code destroyed = destroy_cache(up->config, session, &local);
	enum fas_code rc = tell_service(up, session, e);
	if (rc == FAS_OK)
		rc = session_file_remove(up->config->state, session->id, e);
	if (rc == FAS_OK && destroyed != FAS_OK)
		rc = fas_fail(e, destroyed, local.reason, "%s", local.message);
	return rc;
}
