/* What the agent's commands have in common. */
#ifndef FAS_AGENT_COMMANDS_H
#define FAS_AGENT_COMMANDS_H

#include "fas/agent/account.h"
#include "fas/agent/upstream.h"
#include "fas/base/secret.h"
#include "fas/ctl/cli.h"

extern const struct cli_group agent_machine_group;
extern const struct cli_group agent_session_group;
extern const struct cli_group agent_daemon_group;
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

/* An upstream's call: loads this machine's key, asks, and forgets the key again. */
MUST_CHECK enum fas_code agent_call(const struct upstream *up, const struct upstream_ask *ask,
    struct api_answer *out, struct fas_err *e);

/* By certificate where the machine has joined, else by its account's keytab where that is configured. */
MUST_CHECK enum fas_code agent_prove(const struct agent_config *config, struct identity *identity,
    struct account_ticket *ticket, struct fas_err *e);

/* A new certificate for the key that this machine shows that server, stored (POST /v1/renew). */
MUST_CHECK enum fas_code machine_renew(
    const struct upstream *up, const char *server, X509 **certificate, struct fas_err *e);

/* fas-agent logon without a daemon. */
int logon_alone(
    const struct cli_args *args, const struct agent_config *config, const struct secret *ticket);

#endif
