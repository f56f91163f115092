/* fas-agent as a table. */
#include "fas/agent/commands.h"

static const struct cli_group *const groups[] = {
    &agent_machine_group, &agent_session_group, &agent_daemon_group};

static const struct cli_option common[] = {
    {"config", "FILE", "agent.yaml", 0},
    {"json", NULL, "for programs: the answer as JSON", 0},
    {"help", NULL, "this text", 0},
};

const struct cli_program agent_program = {
    .name = "fas-agent",
    .summary = "The host's side of the federated authentication service; run by root.",
    .groups = groups,
    .n_groups = NELEMS(groups),
    .common = common,
    .n_common = NELEMS(common),
    .footer =
	"environment: FAS_AGENT_CONFIG (agent.yaml), KRB5_CONFIG (the system's profile)\n"
	"exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 no server or domain "
	"controller answers\n",
};
