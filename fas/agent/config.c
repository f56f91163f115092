#include "fas/agent/config.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/card/wire.h"

#define FIRST_UID 1000 /* Debian's and RHEL's UID_MIN */
#define SCHEME "https://"
#define HOST_KEYTAB "/etc/krb5.keytab"
#define PINENTRY "/usr/bin/pinentry"

void
agent_config_defaults(struct agent_config *config)
{
	*config = (struct agent_config){.first_uid = FIRST_UID};
	config->log_level = LOG_LEVEL_INFO;
	(void)snprintf(
	    config->state, sizeof(config->state), "%s", FAS_LOCALSTATEDIR "/lib/fas-agent");
	(void)snprintf(
	    config->socket, sizeof(config->socket), "%s", FAS_RUNSTATEDIR "/" CARD_SOCKET_NAME);
	(void)snprintf(config->host_keytab, sizeof(config->host_keytab), "%s", HOST_KEYTAB);
	(void)snprintf(config->pinentry, sizeof(config->pinentry), "%s", PINENTRY);
	(void)snprintf(config->pkcs11, sizeof(config->pkcs11), "%s", FAS_PKCS11_MODULE);
}

/* host, host:port or [v6]:port; all else of a URL has no place here. */
static bool
authority_is_valid(const char *text)
{
	size_t len =
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]");
	return len > 0 && text[len] == 0 && text[0] != ':' && text[0] != '-';
}

/* url without a '/' at its end into out. */
static enum fas_code
read_url(const char *url, char out[AGENT_URL_MAX], struct fas_err *e)
{
	char text[AGENT_URL_MAX];
	int n = snprintf(text, sizeof(text), "%s", url);
	if (n > 0 && n < (int)sizeof(text) && text[n - 1] == '/')
		text[n - 1] = 0;
	if (n < 0 || n >= (int)sizeof(text) || strncmp(text, SCHEME, strlen(SCHEME)) != 0 ||
	    !authority_is_valid(text + strlen(SCHEME)))
		return fas_fail(e, FAS_E_CONFIG, "server_url",
		    "server \"%.128s\": want https://HOST or https://HOST:PORT", url);
	memcpy(out, text, sizeof(text));
	return FAS_OK;
}

enum fas_code
agent_config_add_server(struct agent_config *config, const char *url, struct fas_err *e)
{
	if (config->n_servers == AGENT_SERVERS_MAX)
		return fas_fail(
		    e, FAS_E_CONFIG, "server_url", "more than %d servers", AGENT_SERVERS_MAX);
	enum fas_code rc = read_url(url, config->servers[config->n_servers], e);
	if (rc == FAS_OK)
		config->n_servers++;
	return rc;
}

/* A file name, relative to the folder of the configuration. */
static enum fas_code
set_path(const char *config_path, const char *name, char out[PATH_MAX], struct fas_err *e)
{
	const char *slash = strrchr(config_path, '/');
	bool bare = name[0] == '/' || !slash;
	int n = snprintf(
	    out, PATH_MAX, "%.*s%s", bare ? 0 : (int)(slash - config_path + 1), config_path, name);
	if (n < 0 || n >= PATH_MAX)
		return fas_fail(
		    e, FAS_E_CONFIG, "path_too_long", "%.64s...: path is too long", name);
	return FAS_OK;
}

/* The list, or the domain whose DNS has it. */
static enum fas_code
read_servers(struct yaml_reader *r, struct agent_config *config, struct fas_err *e)
{
	const struct yaml_node *list = yaml_want_texts(r, "servers");
	const struct yaml_node *domain = yaml_want(r, "discover", YAML_SCALAR);
	if (e->code == FAS_OK && !list == !domain)
		return yaml_fail(
		    r->map, e, "yaml_missing_key", "want \"servers\" or \"discover\", one of them");
	for (size_t i = 0; list && i < list->n; i++) {
		struct fas_err why = {0};
		if (agent_config_add_server(config, list->items[i]->text, &why) != FAS_OK)
			return yaml_fail(list->items[i], e, why.reason, "%s", why.message);
	}
	if (domain && !hostname_is_valid(domain->text))
		return yaml_fail(domain, e, "yaml_value", "want a DNS domain");
	if (domain)
		(void)snprintf(config->discover, sizeof(config->discover), "%s", domain->text);
	return e->code;
}

static bool
node_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
	return len > 0 && len < AGENT_NODE_MAX && name[len] == 0;
}

/* `nodes:` NAME: URL of one of the servers. */
static enum fas_code
read_nodes(struct yaml_reader *r, struct agent_config *config, struct fas_err *e)
{
	const struct yaml_node *map = yaml_want(r, "nodes", YAML_MAP);
	for (size_t i = 0; map && i < map->n; i++) {
		const struct yaml_node *at = map->items[i];
		struct fas_err why = {0};
		if (config->n_nodes == AGENT_SERVERS_MAX || !node_is_valid(at->key))
			return yaml_fail_key(at, e, "yaml_value",
			    "want the name of a node, as tickets begin with; at most %d",
			    AGENT_SERVERS_MAX);
		struct agent_node *node = &config->nodes[config->n_nodes++];
		(void)snprintf(node->name, sizeof(node->name), "%s", at->key);
		if (at->kind != YAML_SCALAR)
			return yaml_fail(at, e, "yaml_type", "want the URL of a server");
		if (read_url(at->text, node->url, &why) != FAS_OK)
			return yaml_fail(at, e, why.reason, "%s", why.message);
	}
	return e->code;
}

static enum fas_code
add_kdc_name(const struct yaml_node *at, struct agent_config *config, struct fas_err *e)
{
	if (at->kind != YAML_SCALAR || !hostname_is_valid(at->text))
		return yaml_fail(at, e, "yaml_value", "want the DNS name of a domain controller");
	if (config->n_kdc_names == AGENT_KDC_NAMES_MAX)
		return yaml_fail(at, e, "yaml_value", "more than %d names", AGENT_KDC_NAMES_MAX);
	(void)snprintf(config->kdc_names[config->n_kdc_names++], HOSTNAME_MAX + 1, "%s", at->text);
	return FAS_OK;
}

/* `hostname:` is one name or a list of them. */
static enum fas_code
read_kdc(struct yaml_reader *top, const char *path, struct agent_config *config, struct fas_err *e)
{
	struct yaml_reader r;
	const struct yaml_node *kdc = yaml_want(top, "kdc", YAML_MAP);
	if (!kdc || yaml_open(&r, kdc, "\"kdc\"", e) != FAS_OK)
		return e->code;
	const char *anchors = yaml_need_text(&r, "anchors");
	const struct yaml_node *name = yaml_want_any(&r, "hostname");
	enum fas_code rc = FAS_OK;
	if (anchors)
		rc = set_path(path, anchors, config->kdc_anchors, e);
	if (rc == FAS_OK && name && name->kind != YAML_LIST)
		rc = add_kdc_name(name, config, e);
	for (size_t i = 0; rc == FAS_OK && name && name->kind == YAML_LIST && i < name->n; i++)
		rc = add_kdc_name(name->items[i], config, e);
	return rc == FAS_OK ? yaml_finish(&r) : rc;
}

/* keytab, with whom to trust: a host that joins by its account has not seen the service CA's fingerprint. */
static enum fas_code
read_account(
    struct yaml_reader *r, const char *path, struct agent_config *config, struct fas_err *e)
{
	const char *keytab = yaml_want_text(r, "keytab", NULL);
	const char *service_ca = yaml_want_text(r, "service_ca", NULL);
	const char *principal = yaml_want_text(r, "principal", "");
	if (e->code != FAS_OK)
		return e->code;
	if (!keytab != !service_ca || (principal[0] && !keytab))
		return yaml_fail(r->map, e, "yaml_missing_key",
		    "\"keytab\" and \"service_ca\" go together, \"principal\" with them");
	if (!keytab)
		return FAS_OK;
	if (strlen(principal) >= sizeof(config->principal))
		return yaml_fail(
		    yaml_want_any(r, "principal"), e, "yaml_value", "principal is too long");
	(void)snprintf(config->principal, sizeof(config->principal), "%s", principal);
	enum fas_code rc = set_path(path, keytab, config->keytab, e);
	return rc == FAS_OK ? set_path(path, service_ca, config->service_ca, e) : rc;
}

struct path_key {
	const char *key;
	char *out;
};

static enum fas_code
read_paths(struct yaml_reader *r, const char *path, struct agent_config *config, struct fas_err *e)
{
	const struct path_key keys[] = {{"state", config->state}, {"socket", config->socket},
	    {"host_keytab", config->host_keytab}, {"pinentry", config->pinentry},
	    {"pkcs11", config->pkcs11}};
	for (size_t i = 0; i < NELEMS(keys); i++) {
		const char *text = yaml_want_text(r, keys[i].key, NULL);
		if (text && set_path(path, text, keys[i].out, e) != FAS_OK)
			return e->code;
	}
	return e->code;
}

static void
read_daemon(struct yaml_reader *r, struct agent_config *config)
{
	static const char *const verify[] = {"auto", "keytab", "off"};
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	config->verify = (enum agent_verify)yaml_want_word(
	    r, "verify", verify, NELEMS(verify), AGENT_VERIFY_AUTO);
	config->log_level =
	    (enum log_level)yaml_want_word(r, "log_level", levels, NELEMS(levels), LOG_LEVEL_INFO);
}

enum fas_code
agent_config_load(const char *path, struct agent_config *config, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	struct yaml_reader r;
	agent_config_defaults(config);
	if (yaml_load(path, &doc, e) != FAS_OK ||
	    yaml_open(&r, yaml_root(doc), "the agent's configuration", e) != FAS_OK ||
	    read_servers(&r, config, e) != FAS_OK || read_nodes(&r, config, e) != FAS_OK ||
	    read_kdc(&r, path, config, e) != FAS_OK || read_paths(&r, path, config, e) != FAS_OK ||
	    read_account(&r, path, config, e) != FAS_OK)
		return e->code;
	read_daemon(&r, config);
	config->first_uid = (uid_t)yaml_want_int(&r, "first_uid", 1, UINT32_MAX - 1, FIRST_UID);
	return yaml_finish(&r);
}
