/*
 * Machine accounts: what their entries must say (pure), and the searches behind directory_machine.
 *
 * Whoever makes a computer object may write its names, and by default every user may make ten (MS-ADA1
 * ms-DS-MachineAccountQuota).  So a dNSHostName counts only when it begins with the account's own name, which the
 * directory keeps unique, and when nobody else has it.
 */
#ifndef LDAP_MACHINE_H
#define LDAP_MACHINE_H

#include "ldap/directory.h"
#include "ldap/domain_config.h"
#include "ldap/entry.h"

/* What machine_build reads, up to NULL; answers to a base search only. */
extern const char *const machine_attributes[];

/* out is zero before.  FAS_E_DENIED "machine_kind" | "machine_name" | "entry_malformed" | "dn_malformed";
 * FAS_E_UNAVAILABLE "directory_incomplete". */
MUST_CHECK enum fas_code machine_build(const struct entry *entry,
    const struct domain_config *config, int64_t now_s, struct machine *out, struct fas_err *e);

/* As directory_machine. */
MUST_CHECK enum fas_code lookup_machine(struct directory *directory, const char *realm,
    const char *sam, int64_t now_s, struct machine *out, struct fas_err *e);

#endif
