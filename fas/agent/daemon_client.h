/* The command line's end of the local socket. */
#ifndef FAS_AGENT_DAEMON_CLIENT_H
#define FAS_AGENT_DAEMON_CLIENT_H

#include "fas/agent/config.h"
#include "fas/base/secret.h"
#include "fas/ctl/cli.h"

/* Does somebody serve the configured socket? */
bool daemon_is_running(const struct agent_config *config);

/* LOGON and OPEN.  leader: the login's process, 0 = none.  The refusal's text and correlation id are in the error. */
MUST_CHECK enum fas_code daemon_logon(const struct cli_args *args,
    const struct agent_config *config, const struct secret *ticket, const char *user, pid_t leader,
    struct fas_err *e);
/* CLOSE.  FAS_E_NOTFOUND "session_gone": the daemon does not know it. */
MUST_CHECK enum fas_code daemon_close(
    const struct agent_config *config, const char *session, struct fas_err *e);
/* STATUS, printed.  FAS_E_UNAVAILABLE "daemon_away". */
MUST_CHECK enum fas_code daemon_show_status(
    const struct cli_args *args, const struct agent_config *config, struct fas_err *e);

#endif
