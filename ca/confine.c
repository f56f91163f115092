#include "ca/confine.h"

#include <stdlib.h>

#include "fas/base/file.h"
#include "fas/base/sandbox.h"

enum fas_code
signer_confine(const struct signer_config *config, struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	/* 0711: the public folder may lie in it; what is private has modes of its own. */
	enum fas_code rc = file_make_folder(config->state, 0711, e);
	if (rc == FAS_OK)
		rc = sandbox_begin(&sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_system(&sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, config->state, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(&sandbox, config->public_folder, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(&sandbox, config->issue_socket, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(&sandbox, config->admin_socket, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(&sandbox, config->limits_path, SANDBOX_READ, e);
	/* What SQLite cannot keep in memory stays with the rest of the state. */
	if (rc == FAS_OK && setenv("SQLITE_TMPDIR", config->state, 1) != 0)
		rc = fas_fail_nomem(e);
	return rc == FAS_OK ? sandbox_confine(&sandbox, SANDBOX_UNIX, e) : rc;
}
