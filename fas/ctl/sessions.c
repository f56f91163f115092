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
    {"SINCE", "created_at", RENDER_TIME},
    {"ENDS", "expires_at", RENDER_TIME},
};

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	json_t *request =
	    json_pack("{s:s,s:b}", "op", "session.list", "all", (int)cli_flag(args, "all"));
	int rc = ctl_ask(args, CTL_FASD, request, &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, json_object_get(reply, "sessions"), columns,
		    NELEMS(columns), "No session.");
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
    {"session end", "ID", "End a session: its next certificate, signature and lease are refused",
	NULL, end_options, NELEMS(end_options), run_end},
};

const struct cli_group ctl_session_group = {"sessions", commands, NELEMS(commands)};
