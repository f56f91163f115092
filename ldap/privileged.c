#include "ldap/privileged.h"

#define RID_FIRST_ORDINARY 1000
#define NT_AUTHORITY 5
#define SUB_DOMAIN 21  /* S-1-5-21-a-b-c-RID */
#define SUB_BUILTIN 32 /* S-1-5-32-RID */
#define DOMAIN_SID_SUBS 5

/* MS-DTYP 2.4.2.4.  Of any domain: Enterprise and Schema Admins live in the forest's root. */
static const uint32_t domain_rids[] = {
    512, /* Domain Admins */
    517, /* Cert Publishers */
    518, /* Schema Admins */
    519, /* Enterprise Admins */
    520, /* Group Policy Creator Owners */
    526, /* Key Admins */
    527, /* Enterprise Key Admins */
};

static const uint32_t builtin_rids[] = {
    544, /* Administrators */
    548, /* Account Operators */
    549, /* Server Operators */
    550, /* Print Operators */
    551, /* Backup Operators */
};

static bool
is_one_of(uint32_t rid, const uint32_t *rids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (rids[i] == rid)
			return true;
	}
	return false;
}

static bool
is_powerful_group(const struct sid *sid)
{
	if (sid->authority != NT_AUTHORITY)
		return false;
	if (sid->count == DOMAIN_SID_SUBS && sid->sub[0] == SUB_DOMAIN)
		return is_one_of(sid_rid(sid), domain_rids, NELEMS(domain_rids));
	if (sid->count == 2 && sid->sub[0] == SUB_BUILTIN)
		return is_one_of(sid_rid(sid), builtin_rids, NELEMS(builtin_rids));
	return false;
}

bool
account_is_privileged(const struct account *account, const struct sid *special, size_t n)
{
	if (account->admin_count || sid_rid(&account->sid) < RID_FIRST_ORDINARY)
		return true;
	for (size_t i = 0; i < account->n_groups; i++) {
		if (is_powerful_group(&account->groups[i]))
			return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (sid_is_set(&special[i]) && account_is_member(account, &special[i]))
			return true;
	}
	return false;
}
