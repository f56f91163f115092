/* fas-agent logoff, lease, sessions. */
#include "fas/agent/logon.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/ccache.h"
#include "fas/agent/logon_answer.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

#define DESTROY_MS 5000
#define URL_PATH_MAX 160

/* ---- logoff ---- */

static enum fas_code
destroy_in_child(void *arg, json_t **result, struct fas_err *e)
{
	(void)result;
	return ccache_destroy(arg, e);
}

/* The user's own rights are enough, and a link that the user put there leads no further than they do. */
static enum fas_code
destroy_cache(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e)
{
	struct local_user user;
	OWN(json) json_t *nothing = NULL;
	char path[PATH_MAX];
	if (!session->ccache[0])
		return FAS_OK;
	(void)snprintf(path, sizeof(path), "%s", session->ccache);
	enum fas_code rc = local_user_find(session->user, config->first_uid, &user, e);
	return rc == FAS_OK ? child_run(&user, destroy_in_child, path, DESTROY_MS, &nothing, e)
			    : rc;
}

static enum fas_code
tell_service(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e)
{
	char path[URL_PATH_MAX];
	struct fas_err why = {0};
	OWN(api_answer) struct api_answer answer = {0};
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s", session->id);
	enum fas_code rc = agent_call(config, session->server, "DELETE", path, NULL, &answer, &why);
	if (rc == FAS_OK || strcmp(why.reason, "session_unknown") == 0)
		return FAS_OK;
	return fas_fail(e, rc, why.reason, "%s", why.message);
}

enum fas_code
logoff_session(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e)
{
	struct fas_err local = {0};
	enum fas_code destroyed = destroy_cache(config, session, &local);
	enum fas_code rc = tell_service(config, session, e);
	if (rc == FAS_OK)
		rc = session_file_remove(config->state, session->id, e);
	if (rc == FAS_OK && destroyed != FAS_OK)
		rc = fas_fail(e, destroyed, local.reason, "%s", local.message);
	return rc;
}

/* Which sessions a command is about, collected before any of them is touched. */
struct selection {
	const char *user; /* NULL: any */
	size_t n;
	char ids[AGENT_SESSIONS_MAX][AGENT_SESSION_ID_MAX];
};

static enum fas_code
collect(const struct session_file *session, void *arg, struct fas_err *e)
{
	struct selection *s = arg;
	(void)e;
	if ((!s->user || strcmp(s->user, session->user) == 0) && s->n < AGENT_SESSIONS_MAX)
		memcpy(s->ids[s->n++], session->id, AGENT_SESSION_ID_MAX);
	return FAS_OK;
}

/* --session, or all of --user, or all. */
static enum fas_code
select_sessions(const struct cli_args *args, const struct agent_config *config,
    struct selection *out, struct fas_err *e)
{
	const char *id = cli_text(args, "session");
	out->user = cli_text(args, "user");
	if (!id)
		return session_file_each(config->state, collect, out, e);
	if (!session_id_is_valid(id))
		return fas_fail(e, FAS_E_INPUT, "session_id_invalid", "this is no session id");
	out->n = 1;
	(void)snprintf(out->ids[0], AGENT_SESSION_ID_MAX, "%s", id);
	return FAS_OK;
}

typedef enum fas_code session_act(const struct cli_args *args, const struct agent_config *config,
    struct session_file *session, struct fas_err *e);

/* The act on each; one failure does not keep the others from it. */
static int
each_session(const struct cli_args *args, session_act *act, const char *none)
{
	static struct selection selection; /* large, and a program has one */
	struct fas_err e = {0};
	struct agent_config config;
	int worst = CLI_OK;
	selection.n = 0;
	if (agent_setup(args, &config, &e) != FAS_OK ||
	    select_sessions(args, &config, &selection, &e) != FAS_OK)
		return cli_fail(args, &e);
	if (selection.n == 0)
		(void)fprintf(args->err, "%s\n", none);
	for (size_t i = 0; i < selection.n; i++) {
		struct session_file session;
		fas_err_clear(&e);
		if (session_file_load(config.state, selection.ids[i], &session, &e) == FAS_OK &&
		    act(args, &config, &session, &e) == FAS_OK)
			continue;
		int rc = cli_fail(args, &e);
		worst = rc > worst ? rc : worst;
	}
	return worst;
}

static enum fas_code
act_logoff(const struct cli_args *args, const struct agent_config *config,
    struct session_file *session, struct fas_err *e)
{
	enum fas_code rc = logoff_session(config, session, e);
	if (rc != FAS_OK)
		return rc;
	if (cli_flag(args, "json"))
		(void)fprintf(
		    args->out, "{\"session_id\": \"%s\", \"ended\": true}\n", session->id);
	else
		(void)fprintf(args->out, "session %s of %s has ended\n", session->id, session->upn);
	return FAS_OK;
}

static int
run_logoff(const struct cli_args *args)
{
	int n = cli_flag(args, "session") + cli_flag(args, "user") + cli_flag(args, "all");
	if (n != 1)
		return cli_usage(args, "one of --session, --user and --all");
	return each_session(args, act_logoff, "No such session on this host.");
}

/* ---- lease ---- */

static enum fas_code
read_lease(json_t *body, struct session_file *session, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, body, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_need_text(&r, "session_id", 1, AGENT_SESSION_ID_MAX - 1);
	session->expires_s = answer_need_time(&r, "session_expires_at");
	session->lease_s = json_need_int(&r, "lease_s", 0, INT32_MAX);
	(void)json_need_text(&r, "correlation_id", 1, CORRELATION_ID_MAX - 1);
	return json_finish(&r);
}

static enum fas_code
act_lease(const struct cli_args *args, const struct agent_config *config,
    struct session_file *session, struct fas_err *e)
{
	char path[URL_PATH_MAX], end[TIME_TEXT_MAX];
	OWN(api_answer) struct api_answer answer = {0};
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/lease", session->id);
	if (agent_call(config, session->server, "POST", path, NULL, &answer, e) != FAS_OK ||
	    read_lease(answer.body, session, e) != FAS_OK ||
	    session_file_save(config->state, session, e) != FAS_OK)
		return e->code;
	if (cli_flag(args, "json"))
		(void)fprintf(args->out,
		    "{\"session_id\": \"%s\", \"session_expires_at\": %lld, \"lease_s\": %lld}\n",
		    session->id, (long long)session->expires_s, (long long)session->lease_s);
	else
		(void)fprintf(args->out, "session %s of %s: lease of %lld s, ends at %s\n",
		    session->id, session->upn, (long long)session->lease_s,
		    time_format(session->expires_s, end));
	return FAS_OK;
}

static int
run_lease(const struct cli_args *args)
{
	if (cli_flag(args, "session") && cli_flag(args, "user"))
		return cli_usage(args, "either --session or --user");
	return each_session(args, act_lease, "This host has no session.");
}

static const struct cli_option logon_options[] = {
    {"ticket", "TICKET", "from the storefront (others may see it in ps)", 0},
    {"ticket-file", "FILE", "the ticket in a file (0600), or - for standard input", 0},
    {"user", "NAME", "local account that must be the ticket's: its name, name@REALM or UPN", 0},
    {"ccache", "FILE:PATH", "default FILE:/tmp/krb5cc_UID_SESSION", 0},
};

static const struct cli_option logoff_options[] = {
    {"session", "ID", "this session", 0},
    {"user", "NAME", "all sessions of this local account", 0},
    {"all", NULL, "all sessions of this host", 0},
};

static const struct cli_option lease_options[] = {
    {"session", "ID", "this session; default: all of this host", 0},
    {"user", "NAME", "all sessions of this local account", 0},
};

static const struct cli_command commands[] = {
    {"logon", NULL, "Redeem a ticket: certificate, Kerberos ticket, credential cache",
	"The key is made here, in memory, and is gone when the command ends.  The cache belongs "
	"to\n"
	"the user and never replaces one.  Root and uids below first_uid are refused.",
	logon_options, NELEMS(logon_options), logon_run},
    {"logoff", NULL, "End sessions: cache destroyed, certificate revoked as the rule says", NULL,
	logoff_options, NELEMS(logoff_options), run_logoff},
    {"lease", NULL, "Tell the service that sessions live", NULL, lease_options,
	NELEMS(lease_options), run_lease},
};

const struct cli_group agent_session_group = {"sessions", commands, NELEMS(commands)};
