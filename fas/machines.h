/*
 * Which machine accounts are hosts and which are storefronts: the list `machines` of fasd.yaml.
 *
 *     - role: host                               host | storefront
 *       accounts: ["CORP\\VDA1$"]                NETBIOS\NAME$ or NAME$@dns.domain
 *       groups: ["CORP\\VDI Hosts"]              any of them, nested or not
 *       ou: "OU=VDI,DC=corp,DC=example,DC=com"   it lies below
 *       names: ["*.vdi.corp.example.com"]        its DNS name is one of these
 *
 * A rule fits when each of its conditions does; at least one of accounts, groups and ou stands there, since a machine's
 * DNS name alone proves nothing.  The first rule that fits gives the role; where none does the machine is refused.
 */
#ifndef FAS_MACHINES_H
#define FAS_MACHINES_H

#include "fas/base/yaml.h"
#include "fas/caller.h"
#include "ldap/directory.h"

struct machines;

/* list is borrowed and outlives the rules; NULL: no rule.  FAS_E_CONFIG with file:line:column. */
MUST_CHECK enum fas_code machines_load(
    const struct yaml_node *list, struct machines **out, struct fas_err *e);
void machines_free(struct machines *machines);

/*
 * FAS_E_DENIED "machine_no_rule".  Groups are resolved when they are first needed, and kept; one that the directory does
 * not know fits nobody.  FAS_E_UNAVAILABLE when it cannot be asked.  Thread-safe.
 */
MUST_CHECK enum fas_code machines_decide(struct machines *machines, struct directory *directory,
    const struct machine *machine, enum caller_role *role, struct fas_err *e);

/* "VDA1$@CORP.EXAMPLE.COM" in two: false unless it is one plain component that ends in '$', and a realm. */
bool machine_principal_parse(
    const char *principal, char sam[SAM_ACCOUNT_NAME_MAX], char realm[HOSTNAME_MAX + 1]);

DEFINE_OWN(machines, struct machines *, machines_free);

#endif
