/* One item of `domains` in fasd's configuration (its members: ldap/directory.h), read and cross-checked. */
#ifndef LDAP_DOMAIN_CONFIG_H
#define LDAP_DOMAIN_CONFIG_H

#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define CONTROLLERS_MAX 32
#define CONNECTIONS_MAX 4

/* There is no member for a simple bind over plain ldap: it cannot be asked for. */
enum bind_kind { BIND_GSSAPI, BIND_SIMPLE_LDAPS, BIND_SIMPLE_STARTTLS };

struct domain_config {
	char *name, *realm, *netbios; /* netbios may be NULL */
	char *forest;                 /* NULL: name */
	char *base;
	char *controllers[CONTROLLERS_MAX];
	size_t n_controllers; /* 0: by SRV records */
	enum bind_kind bind;
	char *principal, *keytab;                /* BIND_GSSAPI */
	char *bind_dn, *password_file, *ca_file; /* the simple ones */
	uint16_t port;
	size_t connections; /* kept per controller */
	int64_t timeout_ms; /* of one operation; of connect, TLS and bind together */
};

/* FAS_E_CONFIG with file:line:column.  out is zero before and safe to finish in any case. */
MUST_CHECK enum fas_code domain_config_read(const struct yaml_node *map, const char *base_folder,
    struct domain_config *out, struct fas_err *e);
void domain_config_done(struct domain_config *config);

#endif
