#include "ca/confine.h"

#include <stdlib.h>

#include "fas/base/file.h"
#include "fas/base/sandbox.h"

/* Passphrases are read again with every act that reads the keys again. */
static enum fas_code
allow_passphrase(struct sandbox *sandbox, const struct secret_source *source, struct fas_err *e)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	if (source->kind == SECRET_FILE)
		return sandbox_allow_beside(sandbox, source->name, SANDBOX_READ, e);
	if (source->kind == SECRET_CREDENTIAL && credentials)
		return sandbox_allow(sandbox, credentials, SANDBOX_READ, e);
	return FAS_OK;
}

static enum fas_code
allow_passphrases(struct sandbox *sandbox, const struct signer_config *config, struct fas_err *e)
{
	enum fas_code rc = allow_passphrase(sandbox, &config->service_ca.key.passphrase, e);
	for (size_t i = 0; rc == FAS_OK && i < config->n_authorities; i++)
		rc = allow_passphrase(sandbox, &config->authorities[i].key.passphrase, e);
	return rc;
}

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
	if (rc == FAS_OK)
		rc = allow_passphrases(&sandbox, config, e);
	/* What SQLite cannot keep in memory stays with the rest of the state. */
	if (rc == FAS_OK && setenv("SQLITE_TMPDIR", config->state, 1) != 0)
		rc = fas_fail_nomem(e);
	return rc == FAS_OK ? sandbox_confine(&sandbox, SANDBOX_UNIX, e) : rc;
}
