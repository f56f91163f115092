/* Which accounts are too powerful to be logged on by federation unless a rule names them (ldap/directory.h). */
#ifndef LDAP_PRIVILEGED_H
#define LDAP_PRIVILEGED_H

#include "ldap/directory.h"

/*
 * special: n SIDs that have no fixed form, unset ones allowed: fasd's own accounts and the domains' DnsAdmins.
 * account->groups is sorted.  Pure.
 */
bool account_is_privileged(const struct account *account, const struct sid *special, size_t n);

#endif
