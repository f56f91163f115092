#include "fas/confine.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/sandbox.h"
#include "fas/front_config.h"

#define PROFILES_MAX 16 /* files that KRB5_CONFIG may name */

/*
 * /etc as a whole: krb5.conf, resolv.conf, hosts and nsswitch.conf are replaced by rename, their includes lie beside
 * them, and what is secret there is guarded by its mode: fasd is not root.
 */
static const struct {
	const char *path;
	enum sandbox_access access;
} surroundings[] = {
    {"/etc", SANDBOX_READ},
    {"/run/systemd/resolve", SANDBOX_READ},
    {"/run/resolvconf", SANDBOX_READ},
    {"/run/NetworkManager", SANDBOX_READ},
    {"/var/lib/sss", SANDBOX_READ}, /* SSSD's part of krb5.conf, and its caches of names */
    {"/tmp", SANDBOX_WRITE},
    {"/var/tmp", SANDBOX_WRITE},
};

static enum fas_code
allow_surroundings(struct sandbox *sandbox, struct fas_err *e)
{
	enum fas_code rc = sandbox_allow_system(sandbox, e);
	for (size_t i = 0; rc == FAS_OK && i < NELEMS(surroundings); i++)
		rc = sandbox_allow(sandbox, surroundings[i].path, surroundings[i].access, e);
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	if (rc == FAS_OK && credentials)
		rc = sandbox_allow(sandbox, credentials, SANDBOX_READ, e);
	return rc;
}

/* KRB5_CONFIG: file names with colons between them (krb5.conf(5)). */
static enum fas_code
allow_profiles(struct sandbox *sandbox, struct fas_err *e)
{
	char file[PATH_MAX];
	enum fas_code rc = FAS_OK;
	const char *at = getenv("KRB5_CONFIG");
	for (size_t i = 0; rc == FAS_OK && at && *at && i < PROFILES_MAX; i++) {
		size_t len = strcspn(at, ":");
		if (at[0] == '/' && len < sizeof(file)) {
			memcpy(file, at, len);
			file[len] = 0;
			rc = sandbox_allow_beside(sandbox, file, SANDBOX_READ, e);
		}
		at += len + (at[len] == ':');
	}
	return rc;
}

/* A value that is an absolute file name: keytab, password, certificate.  Relative ones lie in the configuration's folder. */
static enum fas_code
allow_value(struct sandbox *sandbox, const struct yaml_node *node, struct fas_err *e)
{
	if (node->kind != YAML_SCALAR || !node->text || node->text[0] != '/')
		return FAS_OK;
	return sandbox_allow_beside(sandbox, node->text, SANDBOX_READ, e);
}

/* The members of one provider or domain, and those of their lists. */
static enum fas_code
allow_member(struct sandbox *sandbox, const struct yaml_node *member, struct fas_err *e)
{
	enum fas_code rc = allow_value(sandbox, member, e);
	for (size_t i = 0; rc == FAS_OK && member->kind == YAML_LIST && i < member->n; i++)
		rc = allow_value(sandbox, member->items[i], e);
	return rc;
}

static enum fas_code
allow_list(struct sandbox *sandbox, const struct yaml_node *list, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; rc == FAS_OK && k < list->items[i]->n; k++)
			rc = allow_member(sandbox, list->items[i]->items[k], e);
	}
	return rc;
}

/* The lists of `saml`, each of pairs of key and certificate. */
static enum fas_code
allow_saml(struct sandbox *sandbox, const struct yaml_node *map, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && map && i < map->n; i++) {
		if (map->items[i]->kind == YAML_LIST)
			rc = allow_list(sandbox, map->items[i], e);
	}
	return rc;
}

static enum fas_code
allow_front(struct sandbox *sandbox, const struct front_config *front, struct fas_err *e)
{
	if (!front)
		return FAS_OK;
	enum fas_code rc = sandbox_allow_beside(sandbox, front->certificate, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(sandbox, front->key, SANDBOX_READ, e);
	return rc == FAS_OK && front->texts[0]
		   ? sandbox_allow_beside(sandbox, front->texts, SANDBOX_READ, e)
		   : rc;
}

static enum fas_code
allow_configured(struct sandbox *sandbox, const struct config *config, struct fas_err *e)
{
	enum fas_code rc = sandbox_allow(sandbox, config->folder, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(sandbox, config->policy, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(sandbox, config->public_folder, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = sandbox_allow(sandbox, config->state, SANDBOX_WRITE, e);
	if (rc == FAS_OK)
		rc = sandbox_allow_beside(sandbox, config->admin_socket, SANDBOX_WRITE, e);
	if (rc == FAS_OK && config->kerberos_principal)
		rc = sandbox_allow_beside(sandbox, config->kerberos_keytab, SANDBOX_READ, e);
	if (rc == FAS_OK)
		rc = allow_front(sandbox, config->front, e);
	if (rc == FAS_OK)
		rc = allow_saml(sandbox, config->saml, e);
	if (rc == FAS_OK)
		rc = allow_list(sandbox, config->identity_providers, e);
	return rc == FAS_OK ? allow_list(sandbox, config->domains, e) : rc;
}

enum fas_code
fasd_confine(const struct config *config, struct fas_err *e)
{
	OWN(sandbox) struct sandbox sandbox = {.ruleset = -1};
	enum fas_code rc = file_make_folder(config->state, 0700, e);
	if (rc == FAS_OK)
		rc = sandbox_begin(&sandbox, e);
	if (rc == FAS_OK)
		rc = allow_surroundings(&sandbox, e);
	if (rc == FAS_OK)
		rc = allow_profiles(&sandbox, e);
	if (rc == FAS_OK)
		rc = allow_configured(&sandbox, config, e);
	/* What SQLite cannot keep in memory stays with the rest of the state. */
	if (rc == FAS_OK && setenv("SQLITE_TMPDIR", config->state, 1) != 0)
		rc = fas_fail_nomem(e);
	return rc == FAS_OK ? sandbox_confine(&sandbox, SANDBOX_INTERNET, e) : rc;
}
