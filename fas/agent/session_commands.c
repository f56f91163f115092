/* fas-agent logoff, lease, sessions. */
#include <stdio.h>
#include <string.h>

#include "fas/agent/commands.h"
#include "fas/agent/daemon_client.h"
#include "fas/agent/lease.h"
#include "fas/agent/logon.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

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

/* What the daemon keeps is the daemon's to end; else a session is ended here. */
static enum fas_code
end_session(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e)
{
	struct fas_err why = {0};
	const struct upstream up = {.config = config, .call = agent_call};
	if (!session->kept || !daemon_is_running(config))
		return logoff_session(&up, session, e);
	enum fas_code rc = daemon_close(config, session->id, &why);
	if (rc == FAS_OK || strcmp(why.reason, "session_gone") == 0)
		return FAS_OK;
	return fas_fail(e, rc, why.reason, "%s", why.message);
}

static enum fas_code
act_logoff(const struct cli_args *args, const struct agent_config *config,
    struct session_file *session, struct fas_err *e)
{
	enum fas_code rc = end_session(config, session, e);
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
act_lease(const struct cli_args *args, const struct agent_config *config,
    struct session_file *session, struct fas_err *e)
{
	char end[TIME_TEXT_MAX];
	const struct upstream up = {.config = config, .call = agent_call};
	OWN(lease) struct lease lease = {0};
	if (lease_keep(&up, session, &lease, e) != FAS_OK)
		return e->code;
	session->expires_s = lease.expires_s;
	session->lease_s = lease.lease_s;
	if (session_file_save(config->state, session, e) != FAS_OK)
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

/* ---- logon ---- */

/* The daemon's, where it runs: the session then has a card and is kept alive. */
static int
logon_by_daemon(const struct cli_args *args, const struct agent_config *config,
    const struct secret *ticket, const char *user)
{
	struct fas_err e = {0};
	uint64_t leader = 0;
	const char *text = cli_text(args, "leader");
	if (text && !parse_uint(text, 1, INT32_MAX, &leader))
		return cli_usage(args, "--leader: want a process id");
	return daemon_logon(args, config, ticket, user, (pid_t)leader, &e) == FAS_OK
		   ? CLI_OK
		   : cli_fail(args, &e);
}

/* Its session is of a named user, and its caches have the names that it gives them. */
static int
run_logon(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	OWN(secret) struct secret ticket = {0};
	const char *user = cli_text(args, "user");
	int rc = agent_secret(args, "ticket", "ticket-file", TICKET_BYTES_MAX, &ticket);
	if (rc != CLI_OK)
		return rc;
	if (agent_setup(args, &config, &e) != FAS_OK)
		return cli_fail(args, &e);
	if (user && !cli_flag(args, "ccache") && daemon_is_running(&config))
		return logon_by_daemon(args, &config, &ticket, user);
	return logon_alone(args, &config, &ticket);
}

/* ---- sessions ---- */

static enum fas_code
show_session(const struct session_file *s, void *arg, struct fas_err *e)
{
	const struct cli_args *args = arg;
	char end[TIME_TEXT_MAX];
	(void)e;
	time_format(s->expires_s, end);
	if (cli_flag(args, "json"))
		(void)fprintf(args->out,
		    "{\"session_id\": \"%s\", \"user\": \"%s\", \"upn\": \"%s\", "
		    "\"session_expires_at\": \"%s\", \"kept\": %s, \"correlation_id\": \"%s\"}\n",
		    s->id, s->user, s->upn, end, s->kept ? "true" : "false", s->correlation_id);
	else
		(void)fprintf(args->out, "%s  %-20s  until %s%s\n", s->id, s->user, end,
		    s->kept ? "" : "  (not kept)");
	return FAS_OK;
}

static int
run_sessions(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	struct cli_args own = *args;
	if (agent_setup(args, &config, &e) != FAS_OK ||
	    session_file_each(config.state, show_session, &own, &e) != FAS_OK)
		return cli_fail(args, &e);
	return CLI_OK;
}

static const struct cli_option logon_options[] = {
    {"ticket", "TICKET", "from the storefront (others may see it in ps)", 0},
    {"ticket-file", "FILE", "the ticket in a file (0600), or - for standard input", 0},
    {"user", "NAME", "local account that must be the ticket's: its name, name@REALM or UPN", 0},
    {"ccache", "FILE:PATH", "default FILE:/tmp/krb5cc_UID_SESSION", 0},
    {"leader", "PID", "with the daemon: the session ends with this process", 0},
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
	"With --user and without --ccache, where fas-agent run serves its socket, the session is\n"
	"the daemon's: it has a card, and is kept until logoff.  Else the key is made here, in\n"
	"memory, and is gone when the command ends.  The cache belongs to the user and never\n"
	"replaces one.  Root and uids below first_uid are refused.",
	logon_options, NELEMS(logon_options), run_logon},
    {"logoff", NULL, "End sessions: cache destroyed, certificate revoked as the rule says", NULL,
	logoff_options, NELEMS(logoff_options), run_logoff},
    {"sessions", NULL, "The sessions of this host, one a line", NULL, NULL, 0, run_sessions},
    {"lease", NULL, "Tell the service that sessions live", NULL, lease_options,
	NELEMS(lease_options), run_lease},
};

const struct cli_group agent_session_group = {"sessions", commands, NELEMS(commands)};
