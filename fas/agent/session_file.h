/*
 * What the agent remembers of a session, to end it: <state>/sessions/ID.json (0600).  No key, no
 * ticket.
 */
#ifndef FAS_AGENT_SESSION_FILE_H
#define FAS_AGENT_SESSION_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "fas/agent/config.h"
#include "fas/agent/user.h"
#include "fas/base/audit.h"
#include "fas/base/names.h"

#define AGENT_SESSION_ID_MAX 65
#define AGENT_SESSIONS_MAX 4096

struct session_file {
	char id[AGENT_SESSION_ID_MAX];
	char server[AGENT_URL_MAX]; /* the node that knows it */
	char upn[UPN_MAX + 1];
	char principal[UPN_MAX + HOSTNAME_MAX + 2];
	char user[LOCAL_NAME_MAX]; /* local account */
	char ccache[PATH_MAX];     /* path of the FILE: cache */
	char serial[48];
	char correlation_id[CORRELATION_ID_MAX];
	int64_t expires_s;
	int64_t lease_s;
	bool kept; /* by the daemon, which ends what an earlier one has left */
};

/* Letters, digits, '-' and '_', 1 to 64 of them: it becomes a file name and a part of a URL. */
bool session_id_is_valid(const char *id);

MUST_CHECK enum fas_code session_file_save(
    const char *state, const struct session_file *session, struct fas_err *e);
/* FAS_E_NOTFOUND "session_file_missing". */
MUST_CHECK enum fas_code session_file_load(
    const char *state, const char *id, struct session_file *out, struct fas_err *e);
MUST_CHECK enum fas_code session_file_remove(const char *state, const char *id, struct fas_err *e);

/* Called for each remembered session in no order; a damaged file is an error. */
typedef enum fas_code session_file_visit(
    const struct session_file *session, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code session_file_each(
    const char *state, session_file_visit *visit, void *arg, struct fas_err *e);

#endif
