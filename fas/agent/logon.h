/* The agent's session commands: logon, logoff and lease. */
#ifndef FAS_AGENT_LOGON_H
#define FAS_AGENT_LOGON_H

#include "fas/agent/commands.h"
#include "fas/agent/session_file.h"

/* fas-agent logon. */
int logon_run(const struct cli_args *args);

/*
 * End one session: the user's child destroys the cache, then the service is told, then the session
 * is forgotten.  A session that the service no longer knows is fine.  Where the service is away, the
 * cache is gone already and the session stays remembered, so that it can be tried again.
 */
MUST_CHECK enum fas_code logoff_session(
    const struct agent_config *config, const struct session_file *session, struct fas_err *e);

#endif
