/* The walls around a module: its own files, and the network when the configuration says that it needs it. */
#include <stdlib.h>

#include "ca/pkcs11_parts.h"
#include "fas/base/macros.h"
#include "fas/base/sandbox.h"

/* Where modules are registered; who a user is (a module's default folder may lie in a home). */
static const char *const surroundings[] = {
    "/etc/pkcs11", "/etc/passwd", "/etc/nsswitch.conf", "/etc/localtime"};

static const char *const of_networks[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/host.conf",
    "/etc/gai.conf", "/etc/services", "/etc/protocols", "/run/systemd/resolve"};

static enum fas_code
allow_all(struct sandbox *sandbox, const char *const *paths, size_t n, enum sandbox_access access,
    struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < n; i++)
		rc = sandbox_allow(sandbox, paths[i], access, e);
	return rc;
}

static enum fas_code
begin(struct sandbox *sandbox, const struct pkcs11_config *config, struct fas_err *e)
{
	enum fas_code rc = sandbox_begin(sandbox, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_system(sandbox, e);
	if (rc == FAS_OK)
		rc = allow_all(sandbox, surroundings, NELEMS(surroundings), SANDBOX_READ, e);
	if (rc == FAS_OK && config->network)
		rc = allow_all(sandbox, of_networks, NELEMS(of_networks), SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = allow_all(sandbox, config->read, config->n_read, SANDBOX_READ, e);
	return rc == FAS_OK ? allow_all(sandbox, config->write, config->n_write, SANDBOX_WRITE, e)
			    : rc;
}

static enum sandbox_network
network_of(const struct pkcs11_config *config)
{
	return config->network ? SANDBOX_INTERNET : SANDBOX_UNIX;
}

enum fas_code
pkcs11_child_confine(const struct pkcs11_config *config, struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	enum fas_code rc = begin(&sandbox, config, e);
	if (rc == FAS_OK && config->pin.kind == SECRET_FILE)
		rc = sandbox_allow_beside(&sandbox, config->pin.name, SANDBOX_READ, e);
	if (rc == FAS_OK && config->pin.kind == SECRET_CREDENTIAL && credentials)
		rc = sandbox_allow(&sandbox, credentials, SANDBOX_READ, e);
	return rc == FAS_OK ? sandbox_confine_parent(&sandbox, network_of(config), e) : rc;
}

enum fas_code
pkcs11_worker_confine(const struct pkcs11_config *config, struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	enum fas_code rc = begin(&sandbox, config, e);
	return rc == FAS_OK ? sandbox_confine(&sandbox, network_of(config), e) : rc;
}
