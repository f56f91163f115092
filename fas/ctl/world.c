#include "fas/ctl/world.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"

#define FASD_YAML FAS_SYSCONFDIR "/fasd.yaml"

static const struct yaml_node *
member(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++) {
		if (strcmp(map->items[i]->key, key) == 0)
			return map->items[i];
	}
	return NULL;
}

/* Append the text under key of each mapping in the list. */
static size_t
collect(
    const struct yaml_node *root, const char *list, const char *key, const char **names, size_t n)
{
	const struct yaml_node *items = member(root, list);
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->n; i++) {
		const struct yaml_node *name = member(items->items[i], key);
		if (name && name->kind == YAML_SCALAR && n < WORLD_NAMES_MAX)
			names[n++] = name->text;
	}
	return n;
}

/* `policy:` as fasd finds it: relative to the folder of its configuration. */
static enum fas_code
take_policy_path(struct world *world, const char *config, struct fas_err *e)
{
	const struct yaml_node *policy = member(yaml_root(world->doc), "policy");
	if (!policy || policy->kind != YAML_SCALAR)
		return FAS_OK;
	const char *slash = strrchr(config, '/');
	bool bare = policy->text[0] == '/' || !slash;
	int n = snprintf(world->policy_path, sizeof(world->policy_path), "%.*s%s",
	    bare ? 0 : (int)(slash - config + 1), config, policy->text);
	if (n < 0 || (size_t)n >= sizeof(world->policy_path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "policy: the path is too long");
	return FAS_OK;
}

enum fas_code
world_load(struct world *world, const char *path, struct fas_err *e)
{
	struct fas_err why = {0};
	const char *file = path ? path : FASD_YAML;
	*world = (struct world){0};
	enum fas_code rc = yaml_load(file, &world->doc, &why);
	if (rc == FAS_E_NOTFOUND && !path)
		return FAS_OK;
	if (rc != FAS_OK)
		return fas_fail(e, rc, why.reason, "%s", why.message);
	const struct yaml_node *root = yaml_root(world->doc);
	size_t n_domains = collect(root, "domains", "name", world->domains, 0);
	world->names = (struct policy_world){
	    .idps = world->idps,
	    .n_idps = collect(root, "identity_providers", "name", world->idps, 0),
	    .domains = world->domains,
	    .n_domains = collect(root, "domains", "netbios", world->domains, n_domains),
	};
	return take_policy_path(world, file, e);
}

void
world_done(struct world *world)
{
	if (world->doc)
		yaml_doc_free(world->doc);
	world->doc = NULL;
}
