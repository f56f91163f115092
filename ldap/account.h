/*
 * A directory entry to struct account: pure, so that every flag and boundary is a unit test.
 *
 * Sources: MS-ADTS 2.2.16 (userAccountControl), MS-ADA1 and MS-ADA3 (accountExpires, lockoutTime), MS-ADA2
 * (msDS-User-Account-Control-Computed), MS-ADTS 3.1.1.4.5.19 (tokenGroups).
 */
#ifndef LDAP_ACCOUNT_H
#define LDAP_ACCOUNT_H

#include "ldap/directory.h"
#include "ldap/domain_config.h"
#include "ldap/entry.h"

#define ACCOUNT_GROUPS_MAX ENTRY_VALUES_MAX

/* What account_build reads, up to NULL; tokenGroups answers to a base search only. */
extern const char *const account_attributes[];

/*
 * Is the entry an ordinary user: class user (inetOrgPerson derives from it), sAMAccountType 805306368, and neither
 * computer nor managed service account?  FAS_E_DENIED "account_kind".
 */
MUST_CHECK enum fas_code account_check_kind(const struct entry *entry, struct fas_err *e);

/*
 * The account, but for `privileged`.  FAS_E_DENIED "account_kind" | "entry_malformed" | "upn_malformed" |
 * "dn_malformed"; FAS_E_UNAVAILABLE "directory_incomplete" when an attribute that decides is not there (absent is never
 * taken for harmless).
 */
MUST_CHECK enum fas_code account_build(const struct entry *entry,
    const struct domain_config *config, int64_t now_s, struct account **out, struct fas_err *e);

/* The same of an entry of any kind: whoever calls has judged that. */
MUST_CHECK enum fas_code account_read(const struct entry *entry, const struct domain_config *config,
    int64_t now_s, struct account **out, struct fas_err *e);

/* The implicit name sAMAccountName@dnsdomain (MS-ADTS 5.1.1.1.1); malloc'ed, NULL when out of memory. */
char *account_implicit_upn(const char *sam_account_name, const struct domain_config *config);

#endif
