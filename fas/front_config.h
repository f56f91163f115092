/*
 * The browser's door in fasd.yaml (docs/FILES.md, `front`): where it listens, what it is called, its certificate, and its
 * virtual servers.
 */
#ifndef FAS_FRONT_CONFIG_H
#define FAS_FRONT_CONFIG_H

#include "fas/config.h"
#include "fas/sign_in.h"

#define FRONT_SERVERS_MAX 16
#define FRONT_TARGETS_MAX 32
#define FRONT_PROVIDERS_MAX 256
#define FRONT_URL_MAX 512  /* octets of front's own URL */
#define FRONT_NAME_MAX 31  /* of servers and targets */
#define FRONT_PATH_MAX 640 /* a URL of ours, with NUL */

/* s borrows from the members behind it: it is not moved. */
struct front_server {
	struct sign_in_server s;
	char base[FRONT_PATH_MAX]; /* ".../saml" or ".../saml/v/NAME": login, acs, ... lie below */
	char acs_url[FRONT_PATH_MAX + 16];
	char slo_url[FRONT_PATH_MAX + 16]; /* single logout, both bindings */
	const struct yaml_node *providers_node;
	const char *providers[FRONT_PROVIDERS_MAX];
	struct sign_in_target targets[FRONT_TARGETS_MAX];
};

struct front_config {
	struct config_listen listen;
	char url[FRONT_URL_MAX + 1]; /* without a slash at its end */
	char certificate[PATH_MAX], key[PATH_MAX];
	char texts[PATH_MAX]; /* "" = those that the service brings */
	/* requests of one in a minute; 0 = as many as come */
	unsigned per_address, per_provider;
	struct front_server servers[FRONT_SERVERS_MAX];
	size_t n_servers;
};

/* From the mapping `front`; *out is the caller's and borrows from the document.  Errors are those of yaml.h, in e. */
void front_config_read(
    const struct yaml_node *map, const char *folder, struct front_config **out, struct fas_err *e);
void front_config_free(struct front_config *front);

/* By the name in /saml/v/NAME/; "" = "default".  NULL: there is none. */
const struct front_server *front_server_find(const struct front_config *front, const char *name);

DEFINE_OWN(front_config, struct front_config *, front_config_free);

#endif
