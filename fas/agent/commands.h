/* What the agent's commands have in common. */
#ifndef FAS_AGENT_COMMANDS_H
#define FAS_AGENT_COMMANDS_H

#include "fas/agent/api.h"
#include "fas/ctl/cli.h"

extern const struct cli_group agent_machine_group;
extern const struct cli_group agent_session_group;
extern const struct cli_program agent_program;

/* --config, else FAS_AGENT_CONFIG, else the installed file. */
MUST_CHECK enum fas_code agent_setup(
    const struct cli_args *args, struct agent_config *config, struct fas_err *e);

/*
 * One text given as an option (NAME) or in a file (NAME-file, "-" is standard input), into a
 * secret; the option's own place in argv is wiped.  CLI_USAGE unless exactly one is given.
 */
int agent_secret(const struct cli_args *args, const char *option, const char *file_option,
    size_t max_bytes, struct secret *out);

/* One request as this machine: loads its key, calls, and forgets the key again. */
MUST_CHECK enum fas_code agent_call(const struct agent_config *config, const char *server,
    const char *method, const char *path, json_t *body, struct api_answer *out, struct fas_err *e);

#endif
