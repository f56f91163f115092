/* fasctl act ...: what one administrator has asked for and another one has to approve. */
#include "fas/ctl/commands.h"

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

static const struct render_column proposal_columns[] = {
    {"PROPOSAL", "id", RENDER_TEXT},
    {"OPERATION", "operation", RENDER_TEXT},
    {"ASKED BY", "asked_by", RENDER_TEXT},
    {"AT", "asked_at", RENDER_TIME},
    {"UNTIL", "expires_at", RENDER_TIME},
};

static int
run_list(const struct cli_args *args)
{
	return ctl_ask_table(args, CTL_SIGNER, json_pack("{s:s}", "op", "proposal.list"),
	    &(struct ctl_table){"proposals", proposal_columns, NELEMS(proposal_columns),
		"No act waits for a second person."});
}

static int
ask_about(const struct cli_args *args, const char *op, json_t **reply)
{
	return ctl_ask(
	    args, CTL_SIGNER, json_pack("{s:s,s:s}", "op", op, "id", args->argument), reply);
}

/* All of the answer, whatever the act: the second person has to see what will be done. */
static int
run_show(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ask_about(args, "proposal.show", &reply);
	if (rc == CLI_OK)
		render_json(args->out, reply);
	return rc;
}

static int
run_approve(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ask_about(args, "proposal.approve", &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "Done.\n");
	return CLI_OK;
}

static int
run_withdraw(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ask_about(args, "proposal.withdraw", &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "Withdrawn.\n");
	return CLI_OK;
}

static int
run_limits(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_SIGNER, json_pack("{s:s}", "op", "limits.reload"), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "The limits are in force.\n");
	return CLI_OK;
}

static const struct cli_command commands[] = {
    {"limits reload", NULL, "Let fas-signer read limits.yaml again", NULL, NULL, 0, run_limits},
    {"proposal list", NULL, "List acts that wait for a second person", NULL, NULL, 0, run_list},
    {"proposal show", "ID", "Show what an act will do", NULL, NULL, 0, run_show},
    {"proposal approve", "ID", "Do what another administrator has asked for",
	"Whoever has asked for it cannot approve it.  It is done at once, and its failures are "
	"the\n"
	"act's own; then it has to be asked for anew.",
	NULL, 0, run_approve},
    {"proposal withdraw", "ID", "Let nobody approve an act any more", NULL, NULL, 0, run_withdraw},
};

const struct cli_group ctl_proposal_group = {
    "limits, and what two persons do", commands, NELEMS(commands)};
