/* The names in fasd.yaml that rules may use: what `fasctl policy check` compares the rules with. */
#ifndef FAS_CTL_WORLD_H
#define FAS_CTL_WORLD_H

#include <limits.h>

#include "fas/base/yaml.h"
#include "policy/policy.h"

#define WORLD_NAMES_MAX 256

struct world {
	struct yaml_doc *doc; /* owned; NULL: no fasd.yaml, nothing is cross-checked */
	const char *idps[WORLD_NAMES_MAX];
	const char *domains[WORLD_NAMES_MAX];
	char policy_path[PATH_MAX]; /* `policy:` of fasd.yaml, "" when there is none */
	struct policy_world names;
};

/*
 * Read fasd's configuration.  path NULL: the installed one, and none is fine; else it must be
 * there. Only what rules refer to is looked at; fasd itself judges the rest.
 */
MUST_CHECK enum fas_code world_load(struct world *world, const char *path, struct fas_err *e);
void world_done(struct world *world);

DEFINE_OWN_IN_PLACE(world, struct world, world_done);

#endif
