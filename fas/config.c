#include "fas/config.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "ca/client.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/front_config.h"
#include "fas/http/listen.h"

#define GROUP_BUFFER_BYTES 16384
#define MEBIBYTE (1024 * 1024)

/* ---- small readers: nothing is read any more once r has an error ---- */

void
config_read_path(struct yaml_reader *r, const char *folder, const char *key, char out[PATH_MAX])
{
	const char *text = yaml_need_text(r, key);
	if (!text)
		return;
	if (text[0] == '/')
		(void)!file_join(out, PATH_MAX, "", text + 1, r->e);
	else
		(void)!file_join(out, PATH_MAX, folder, text, r->e);
}

static void
read_node(struct yaml_reader *r, struct config *config)
{
	const char *text = yaml_need_text(r, "node");
	if (!text)
		return;
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
	if (text[len] || len >= CONFIG_NODE_MAX)
		yaml_fail(yaml_want_any(r, "node"), r->e, "yaml_value",
		    "node \"%.32s\" must be 1 to %d of a-z and 0-9: tickets begin with it", text,
		    CONFIG_NODE_MAX - 1);
	else
		memcpy(config->node, text, len + 1);
}

static void
read_signer(const struct yaml_node *map, struct config *config, struct fas_err *e)
{
	struct yaml_reader r;
	if (!map || yaml_open(&r, map, "signer", e) != FAS_OK)
		return;
	config_read_path(&r, config->folder, "socket", config->signer_socket);
	config->signer_connections =
	    (size_t)yaml_want_int(&r, "connections", 1, SIGNER_CONNECTIONS_MAX, 16);
	config->signer_timeout_ms = (int)yaml_want_duration(&r, "timeout", 1, 60, 5) * 1000;
	(void)!yaml_finish(&r);
}

static bool
find_group(const char *name, gid_t *out)
{
	uint64_t number;
	struct group group, *found = NULL;
	char buffer[GROUP_BUFFER_BYTES];
	if (parse_uint(name, 0, UINT32_MAX - 1, &number)) {
		*out = (gid_t)number;
		return true;
	}
	if (getgrnam_r(name, &group, buffer, sizeof(buffer), &found) != 0 || !found)
		return false;
	*out = found->gr_gid;
	return true;
}

static void
read_admin(const struct yaml_node *map, struct config *config, struct fas_err *e)
{
	struct yaml_reader r;
	if (!map || yaml_open(&r, map, "admin", e) != FAS_OK)
		return;
	config_read_path(&r, config->folder, "socket", config->admin_socket);
	const char *group = yaml_want_text(&r, "group", NULL);
	config->has_admin_group = group != NULL;
	if (group && !find_group(group, &config->admin_group))
		yaml_fail(
		    yaml_want_any(&r, "group"), e, "yaml_value", "there is no group \"%s\"", group);
	(void)!yaml_finish(&r);
}

void
config_read_addresses(const struct yaml_node *list, struct config_listen *out, struct fas_err *e)
{
	struct sockaddr_storage address;
	socklen_t len;
	if (!list)
		return;
	if (list->n == 0 || list->n > CONFIG_LISTEN_MAX) {
		yaml_fail(list, e, "yaml_value", "want 1 to %d addresses", CONFIG_LISTEN_MAX);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		out->address[i] = list->items[i]->text;
		if (!http_address_parse(out->address[i], &address, &len))
			yaml_fail(list->items[i], e, "yaml_value",
			    "\"%s\" is no address:port or [v6]:port with a numeric address",
			    out->address[i]);
	}
	out->n = list->n;
}

static void
read_listen(const struct yaml_node *map, struct config *config, struct fas_err *e)
{
	struct yaml_reader r;
	if (!map || yaml_open(&r, map, "listen", e) != FAS_OK)
		return;
	config_read_addresses(yaml_need_texts(&r, "api"), &config->api, e);
	config_read_addresses(yaml_need_texts(&r, "public"), &config->public, e);
	config_read_addresses(yaml_need_texts(&r, "ops"), &config->ops, e);
	(void)!yaml_finish(&r);
}

static void
read_limits(struct yaml_reader *r, struct config *config)
{
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	config->workers = (size_t)yaml_want_int(r, "workers", 1, 256, 16);
	config->queue = (size_t)yaml_want_int(r, "queue", 1, 100000, 256);
	config->connections = (unsigned)yaml_want_int(r, "connections", 16, 100000, 4096);
	config->connections_per_address =
	    (unsigned)yaml_want_int(r, "connections_per_address", 1, 100000, 512);
	config->clock_skew_s = yaml_want_duration(r, "clock_skew", 0, 600, 60);
	config->directory_grace_s = yaml_want_duration(r, "directory_grace", 60, 86400, 900);
	config->log_level =
	    (enum log_level)yaml_want_word(r, "log_level", levels, NELEMS(levels), LOG_LEVEL_INFO);
}

static void
read_watchdog(const struct yaml_node *map, struct watchdog_config *out, struct fas_err *e)
{
	static const char *const words[] = {[WATCHDOG_NOT_READY] = "not_ready",
	    [WATCHDOG_REPORT] = "report",
	    [WATCHDOG_STOP] = "stop"};
	struct yaml_reader r;
	*out = (struct watchdog_config){
	    .each_s = 60, .timeout_ms = 5000, .max_bytes = (size_t)64 * MEBIBYTE, .lag_s = 600};
	if (!map || yaml_open(&r, map, "watchdog", e) != FAS_OK)
		return;
	out->each_s = (unsigned)yaml_want_duration(&r, "each", 1, 3600, 60);
	out->timeout_ms = (int)yaml_want_duration(&r, "timeout", 1, 60, 5) * 1000;
	out->max_bytes = (size_t)yaml_want_int(&r, "max_megabytes", 1, 512, 64) * MEBIBYTE;
	out->lag_s = yaml_want_duration(&r, "lag", 1, 86400, 600);
	out->on_failure = (enum watchdog_failure)yaml_want_word(
	    &r, "on_failure", words, NELEMS(words), WATCHDOG_NOT_READY);
	(void)!yaml_finish(&r);
}

static void
read_place(const struct yaml_node *node, struct publish_config *out, struct fas_err *e)
{
	static const char *const words[CONFIG_PLACES] = {"cdp", "aia", "authorities", "ntauth"};
	for (size_t i = 0; i < CONFIG_PLACES; i++) {
		if (strcmp(node->text, words[i]) == 0) {
			out->places[i] = true;
			return;
		}
	}
	const char *near = nearest_word(node->text, words, CONFIG_PLACES);
	yaml_fail(node, e, "yaml_value", "unknown place \"%.32s\"%s%s%s", node->text,
	    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void
read_publish(const struct yaml_node *map, struct publish_config *out, struct fas_err *e)
{
	struct yaml_reader r;
	*out = (struct publish_config){.each_s = 3600};
	if (!map || yaml_open(&r, map, "publish", e) != FAS_OK)
		return;
	out->on = true;
	out->domain = yaml_want_text(&r, "domain", NULL);
	out->each_s = (unsigned)yaml_want_duration(&r, "each", 1, 86400, 3600);
	const struct yaml_node *places = yaml_need_texts(&r, "places");
	for (size_t i = 0; places && i < places->n; i++)
		read_place(places->items[i], out, e);
	(void)!yaml_finish(&r);
}

/* `machines` says what Kerberos' names may be: neither goes without the other. */
static void
read_kerberos(struct yaml_reader *top, struct config *config)
{
	static const char *const sid_words[] = {"optional", "required"};
	struct yaml_reader r;
	const struct yaml_node *map = yaml_want(top, "kerberos", YAML_MAP);
	config->machines = yaml_want(top, "machines", YAML_LIST);
	if (!map && config->machines)
		yaml_fail(config->machines, top->e, "yaml_missing_key",
		    "\"machines\" needs \"kerberos\": by certificate a machine's role is known");
	if (!map || yaml_open(&r, map, "kerberos", top->e) != FAS_OK)
		return;
	config_read_path(&r, config->folder, "keytab", config->kerberos_keytab);
	config->kerberos_principal = yaml_need_text(&r, "principal");
	config->kerberos_recheck_s = (unsigned)yaml_want_duration(&r, "recheck", 1, 60, 60);
	config->kerberos_sid_required =
	    yaml_want_word(&r, "ticket_sid", sid_words, NELEMS(sid_words), 1) == 1;
	if (config->kerberos_principal && strncmp(config->kerberos_principal, "HTTP/", 5) != 0)
		yaml_fail(yaml_want_any(&r, "principal"), top->e, "yaml_value",
		    "RFC 4559 4: principal \"%.128s\" is not HTTP/HOST",
		    config->kerberos_principal);
	if (yaml_finish(&r) == FAS_OK && !config->machines)
		yaml_fail(map, top->e, "yaml_missing_key",
		    "\"kerberos\" needs \"machines\": without a rule nobody is let in");
}

/* What a provider gets of the front is signed. */
static void
read_front(struct yaml_reader *r, struct config *config)
{
	const struct yaml_node *map = yaml_want(r, "front", YAML_MAP);
	front_config_read(map, config->folder, &config->front, r->e);
	if (map && !config->saml)
		yaml_fail_key(map, r->e, "yaml_missing_key",
		    "\"front\" needs \"saml\": the keys of a service provider");
}

static enum fas_code
read_all(struct config *config, struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, yaml_root(config->doc), "fasd's configuration", e);
	if (rc != FAS_OK)
		return rc;
	read_node(&r, config);
	config_read_path(&r, config->folder, "state", config->state);
	config_read_path(&r, config->folder, "policy", config->policy);
	config_read_path(&r, config->folder, "public_folder", config->public_folder);
	read_signer(yaml_need(&r, "signer", YAML_MAP), config, e);
	read_admin(yaml_need(&r, "admin", YAML_MAP), config, e);
	read_listen(yaml_need(&r, "listen", YAML_MAP), config, e);
	read_limits(&r, config);
	audit_config_read(&r, &config->audit);
	read_watchdog(yaml_want(&r, "watchdog", YAML_MAP), &config->watchdog, e);
	read_publish(yaml_want(&r, "publish", YAML_MAP), &config->publish, e);
	read_kerberos(&r, config);
	config->saml = yaml_want(&r, "saml", YAML_MAP);
	read_front(&r, config);
	config->identity_providers = yaml_need(&r, "identity_providers", YAML_LIST);
	config->domains = yaml_need(&r, "domains", YAML_LIST);
	return yaml_finish(&r);
}

/* The folder of path, absolute: the daemon's own folder may change. */
static enum fas_code
find_folder(const char *path, struct config *config, struct fas_err *e)
{
	if (!realpath(path, config->path))
		return fas_fail(
		    e, FAS_E_NOTFOUND, "file_missing", "%s: there is no such file", path);
	const char *slash = strrchr(config->path, '/');
	int len = slash == config->path ? 1 : (int)(slash - config->path);
	(void)snprintf(config->folder, PATH_MAX, "%.*s", len, config->path);
	return FAS_OK;
}

enum fas_code
config_load(const char *path, struct config **out, struct fas_err *e)
{
	OWN(config) struct config *config = calloc(1, sizeof(*config));
	if (!config)
		return fas_fail_nomem(e);
	enum fas_code rc = find_folder(path, config, e);
	if (rc == FAS_OK)
		rc = yaml_load(path, &config->doc, e);
	if (rc == FAS_OK)
		rc = read_all(config, e);
	if (rc == FAS_OK)
		rc = file_join(
		    config->metadata, sizeof(config->metadata), config->state, "metadata", e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(config);
	return FAS_OK;
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	front_config_free(config->front);
	yaml_doc_free(config->doc);
	free(config);
}
