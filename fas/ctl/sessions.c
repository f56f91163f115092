/* fasctl session ... */
#include "fas/ctl/commands.h"

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

static const struct render_column columns[] = {
    {"SESSION", "id", RENDER_TEXT},
    {"USER", "upn", RENDER_TEXT},
    {"HOST", "host", RENDER_TEXT},
    {"RULE", "rule", RENDER_TEXT},
    {"STATE", "state", RENDER_TEXT},
    {"CUSTODY", "custody", RENDER_TEXT},
    {"KEYS", "keys", RENDER_TEXT},
    {"IN-SESSION", "in_session_certificates", RENDER_TEXT},
    {"SIGNED", "signatures", RENDER_TEXT},
    {"SINCE", "created_at", RENDER_TIME},
    {"ENDS", "expires_at", RENDER_TIME},
};

static int
run_list(const struct cli_args *args)
{
	json_t *request =
	    json_pack("{s:s,s:b}", "op", "session.list", "all", (int)cli_flag(args, "all"));
	return ctl_ask_table(args, CTL_FASD, request,
	    &(struct ctl_table){"sessions", columns, NELEMS(columns), "No session."});
}

static const struct render_column session_fields[] = {
    {"session", "id", RENDER_TEXT},
    {"user", "upn", RENDER_TEXT},
    {"sid", "sid", RENDER_TEXT},
    {"host", "host", RENDER_TEXT},
    {"rule", "rule", RENDER_TEXT},
    {"state", "state", RENDER_TEXT},
    {"ended because", "ended_why", RENDER_TEXT},
    {"since", "created_at", RENDER_TIME},
    {"ends", "expires_at", RENDER_TIME},
    {"lease until", "lease_until", RENDER_TIME},
    {"in-session allowed", "in_session_allowed", RENDER_TEXT},
    {"signatures", "signatures", RENDER_TEXT},
    {"correlation id", "correlation_id", RENDER_TEXT},
};

static const struct render_column certificate_columns[] = {
    {"CERTIFICATE", "serial", RENDER_TEXT},
    {"FOR", "purpose", RENDER_TEXT},
    {"CUSTODY", "custody", RENDER_TEXT},
    {"KEY", "key", RENDER_TEXT},
    {"UNTIL", "not_after", RENDER_TIME},
    {"SIGNED", "signatures", RENDER_TEXT},
    {"STATE", "state", RENDER_TEXT},
    {"WHY", "why", RENDER_TEXT},
};

static int
run_show(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_FASD,
	    json_pack("{s:s,s:s}", "op", "session.show", "id", args->argument), &reply);
	if (rc != CLI_OK)
		return rc;
	json_t *session = json_object_get(reply, "session");
	if (cli_flag(args, "json")) {
		render_json(args->out, session);
		return CLI_OK;
	}
	render_fields(args->out, session, session_fields, NELEMS(session_fields));
	(void)fputc('\n', args->out);
	render_table(args->out, json_object_get(session, "certificates"), certificate_columns,
	    NELEMS(certificate_columns), "No certificate.");
	return CLI_OK;
}

static int
run_end(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:s}", "op", "session.end", "id", args->argument);
	int rc = ctl_put_option(request, "why", args, "why");
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_FASD, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "session %s has ended\n", args->argument);
	return CLI_OK;
}

static const struct cli_option list_options[] = {
    {"all", NULL, "also ended sessions that are still on record", 0},
};

static const struct cli_option end_options[] = {
    {"why", "TEXT", "goes into the audit record", 0},
};

static const struct cli_command commands[] = {
    {"session list", NULL, "List live sessions", NULL, list_options, NELEMS(list_options),
	run_list},
    {"session show", "ID", "Show one session: its certificates, who keeps their keys, signatures",
	NULL, NULL, 0, run_show},
    {"session end", "ID", "End a session: its next certificate, signature and lease are refused",
	NULL, end_options, NELEMS(end_options), run_end},
};

const struct cli_group ctl_session_group = {"sessions", commands, NELEMS(commands)};
