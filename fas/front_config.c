#include "fas/front_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/names.h"
#include "fas/base/text.h"

#define PER_MINUTE_MAX 1000000
#define DEFAULT_SERVER "default"

void
front_config_free(struct front_config *front)
{
	free(front);
}

/* ---- texts that become parts of URLs ---- */

static bool
name_is_good(const char *name)
{
	size_t len = strlen(name);
	return len >= 1 && len <= FRONT_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* https, printable ASCII, no fragment, no blanks or quotes, a host. */
static bool
url_is_good(const char *url, size_t max_bytes)
{
	static const char scheme[] = "https://";
	size_t len = strlen(url);
	if (len > max_bytes || strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	for (const char *at = url; *at; at++) {
		if (*at <= ' ' || *at > '~' || strchr("\"'<>\\^`{|}#", *at))
			return false;
	}
	const char *host = url + strlen(scheme);
	size_t host_len = strcspn(host, "/?");
	return host_len > 0 && !memchr(host, '@', host_len);
}

static void
read_name(struct yaml_reader *r, const char **out)
{
	*out = yaml_need_text(r, "name");
	if (*out && !name_is_good(*out))
		yaml_fail(yaml_want_any(r, "name"), r->e, "yaml_value",
		    "name \"%.40s\": want 1 to %d of a-z, 0-9 and -: it stands in URLs", *out,
		    FRONT_NAME_MAX);
}

static void
read_url(struct yaml_reader *r, const char *key, size_t max_bytes, const char **out)
{
	*out = yaml_need_text(r, key);
	if (*out && !url_is_good(*out, max_bytes))
		yaml_fail(yaml_want_any(r, key), r->e, "yaml_value",
		    "%s: \"%.200s\" is no https URL without fragment, of at most %zu octets", key,
		    *out, max_bytes);
}

/* ---- one virtual server ---- */

static void
read_target(const struct yaml_node *map, struct sign_in_target *out, struct fas_err *e)
{
	struct yaml_reader r;
	if (yaml_open(&r, map, "target", e) != FAS_OK)
		return;
	read_name(&r, &out->name);
	read_url(&r, "url", FRONT_URL_MAX, &out->url);
	out->storefront = yaml_need_text(&r, "storefront");
	if (out->storefront && !hostname_is_valid(out->storefront))
		yaml_fail(yaml_want_any(&r, "storefront"), e, "yaml_value",
		    "RFC 1123 2.1: \"%.64s\" is no host name", out->storefront);
	(void)!yaml_finish(&r);
}

static void
read_targets(const struct yaml_node *list, struct front_server *out, struct fas_err *e)
{
	if (!list || e->code != FAS_OK)
		return;
	if (list->n == 0 || list->n > FRONT_TARGETS_MAX) {
		yaml_fail(list, e, "yaml_value", "want 1 to %d targets", FRONT_TARGETS_MAX);
		return;
	}
	for (size_t i = 0; i < list->n && e->code == FAS_OK; i++) {
		struct sign_in_target *target = &out->targets[i];
		read_target(list->items[i], target, e);
		for (size_t k = 0; k < i && e->code == FAS_OK; k++) {
			if (strcmp(out->targets[k].name, target->name) == 0)
				yaml_fail(list->items[i], e, "yaml_value",
				    "two targets are named \"%s\"", target->name);
		}
	}
	out->s.n_targets = list->n;
}

static void
read_providers(const struct yaml_node *list, struct front_server *out, struct fas_err *e)
{
	if (!list || e->code != FAS_OK)
		return;
	if (list->n == 0 || list->n > FRONT_PROVIDERS_MAX) {
		yaml_fail(list, e, "yaml_value", "want 1 to %d providers", FRONT_PROVIDERS_MAX);
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		out->providers[i] = list->items[i]->text;
	out->providers_node = list;
	out->s.n_providers = list->n;
}

static void
read_server(const struct yaml_node *map, const struct front_config *front, struct front_server *out,
    struct fas_err *e)
{
	struct yaml_reader r;
	if (yaml_open(&r, map, "server", e) != FAS_OK)
		return;
	out->s.providers = out->providers;
	out->s.targets = out->targets;
	out->s.acs_url = out->acs_url;
	read_name(&r, &out->s.name);
	out->s.entity_id = yaml_need_text(&r, "entity_id");
	if (out->s.entity_id && strlen(out->s.entity_id) > 1024)
		yaml_fail(yaml_want_any(&r, "entity_id"), e, "yaml_value",
		    "SAML core 8.3.6: entity_id is longer than 1024 octets");
	read_providers(yaml_need_texts(&r, "providers"), out, e);
	read_targets(yaml_need(&r, "targets", YAML_LIST), out, e);
	if (yaml_finish(&r) != FAS_OK)
		return;
	bool is_default = strcmp(out->s.name, DEFAULT_SERVER) == 0;
	(void)snprintf(out->base, sizeof(out->base), "%s/saml%s%s", front->url,
	    is_default ? "" : "/v/", is_default ? "" : out->s.name);
	(void)snprintf(out->acs_url, sizeof(out->acs_url), "%s/acs", out->base);
	(void)snprintf(out->slo_url, sizeof(out->slo_url), "%s/slo", out->base);
}

static void
check_unlike(const struct front_config *front, const struct front_server *server,
    const struct yaml_node *at, struct fas_err *e)
{
	for (const struct front_server *s = front->servers; s < server && e->code == FAS_OK; s++) {
		if (strcmp(s->s.name, server->s.name) == 0)
			yaml_fail(
			    at, e, "yaml_value", "two servers are named \"%s\"", server->s.name);
		else if (strcmp(s->s.entity_id, server->s.entity_id) == 0)
			yaml_fail(at, e, "yaml_value",
			    "servers \"%s\" and \"%s\" have the same entity_id", s->s.name,
			    server->s.name);
	}
}

static void
read_servers(const struct yaml_node *list, struct front_config *front, struct fas_err *e)
{
	if (!list || e->code != FAS_OK)
		return;
	if (list->n == 0 || list->n > FRONT_SERVERS_MAX) {
		yaml_fail(list, e, "yaml_value", "want 1 to %d servers", FRONT_SERVERS_MAX);
		return;
	}
	for (size_t i = 0; i < list->n && e->code == FAS_OK; i++) {
		read_server(list->items[i], front, &front->servers[i], e);
		check_unlike(front, &front->servers[i], list->items[i], e);
	}
	front->n_servers = list->n;
}

/* ---- the whole ---- */

static void
read_own_url(struct yaml_reader *r, struct front_config *front)
{
	const char *url = NULL;
	read_url(r, "url", FRONT_URL_MAX, &url);
	if (!url || r->e->code != FAS_OK)
		return;
	size_t len = strlen(url);
	if (url[len - 1] == '/' || strchr(url, '?'))
		yaml_fail(yaml_want_any(r, "url"), r->e, "yaml_value",
		    "url: \"%s\" must not end in a slash nor have a query", url);
	else
		memcpy(front->url, url, len + 1);
}

static void
read_rates(const struct yaml_node *map, struct front_config *front, struct fas_err *e)
{
	struct yaml_reader r;
	front->per_address = 120;
	front->per_provider = 6000;
	if (!map || yaml_open(&r, map, "requests_per_minute", e) != FAS_OK)
		return;
	front->per_address = (unsigned)yaml_want_int(&r, "address", 0, PER_MINUTE_MAX, 120);
	front->per_provider = (unsigned)yaml_want_int(&r, "provider", 0, PER_MINUTE_MAX, 6000);
	(void)!yaml_finish(&r);
}

void
front_config_read(
    const struct yaml_node *map, const char *folder, struct front_config **out, struct fas_err *e)
{
	struct yaml_reader r;
	if (!map || e->code != FAS_OK || yaml_open(&r, map, "front", e) != FAS_OK)
		return;
	struct front_config *front = *out = calloc(1, sizeof(*front));
	if (!front) {
		fas_fail_nomem(e);
		return;
	}
	config_read_addresses(yaml_need_texts(&r, "listen"), &front->listen, e);
	read_own_url(&r, front);
	config_read_path(&r, folder, "certificate", front->certificate);
	config_read_path(&r, folder, "key", front->key);
	if (yaml_want_any(&r, "texts"))
		config_read_path(&r, folder, "texts", front->texts);
	read_rates(yaml_want(&r, "requests_per_minute", YAML_MAP), front, e);
	read_servers(yaml_need(&r, "servers", YAML_LIST), front, e);
	(void)!yaml_finish(&r);
}

const struct front_server *
front_server_find(const struct front_config *front, const char *name)
{
	const char *wanted = name[0] ? name : DEFAULT_SERVER;
	for (size_t i = 0; i < front->n_servers; i++) {
		if (strcmp(front->servers[i].s.name, wanted) == 0)
			return &front->servers[i];
	}
	return NULL;
}
