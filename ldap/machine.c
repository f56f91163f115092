#include "ldap/machine.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fas/base/macros.h"
#include "ldap/account.h"
#include "ldap/dn_text.h"

#define SAM_MACHINE_ACCOUNT 0x30000001 /* 805306369, MS-SAMR 2.2.1.9 */
#define UAC_WORKSTATION 0x1000         /* WORKSTATION_TRUST_ACCOUNT, MS-ADTS 2.2.16 */
#define NETBIOS_NAME_LEN 15            /* longer host names are cut to this in sAMAccountName */

const char *const machine_attributes[] = {"objectClass", "objectSid", "objectGUID",
    "userPrincipalName", "sAMAccountName", "sAMAccountType", "userAccountControl",
    "msDS-User-Account-Control-Computed", "lockoutTime", "accountExpires", "adminCount",
    "tokenGroups", "dNSHostName", NULL};

void
machine_done(struct machine *machine)
{
	account_free(machine->account);
	*machine = (struct machine){0};
}

static enum fas_code
wrong_kind(const struct entry *entry, const char *finding, struct fas_err *e)
{
	return fas_fail(e, FAS_E_DENIED, "machine_kind", "%s %s", entry->dn, finding);
}

static enum fas_code
check_kind(const struct entry *entry, struct fas_err *e)
{
	static const char *const refused[] = {
	    "msDS-GroupManagedServiceAccount", "msDS-ManagedServiceAccount"};
	int64_t type = 0, control = 0;
	bool present;
	if (!entry_has_value(entry, "objectClass", "computer"))
		return wrong_kind(entry, "is not of class computer", e);
	for (size_t i = 0; i < NELEMS(refused); i++) {
		if (entry_has_value(entry, "objectClass", refused[i]))
			return wrong_kind(entry, "is a managed service account", e);
	}
	enum fas_code rc = entry_int(entry, "sAMAccountType", &type, &present, e);
	if (rc == FAS_OK)
		rc = entry_need_int(entry, "userAccountControl", &control, e);
	if (rc != FAS_OK)
		return rc;
	if (!present || type != SAM_MACHINE_ACCOUNT)
		return wrong_kind(
		    entry, "has a sAMAccountType that is no machine's (MS-SAMR 2.2.1.9)", e);
	/* Neither a domain controller (0x2000) nor a trust (0x800) is a host or a storefront. */
	if (!(control & UAC_WORKSTATION))
		return wrong_kind(
		    entry, "is neither a workstation nor a member server (MS-ADTS 2.2.16)", e);
	return FAS_OK;
}

/* Is the first label of dns the account's name, or what that was cut from? */
static bool
name_is_own(const char *dns, const char *sam)
{
	size_t label = strcspn(dns, "."), len = strlen(sam) - 1;
	if (strncasecmp(dns, sam, len) != 0)
		return false;
	return label == len || (len == NETBIOS_NAME_LEN && label > len);
}

static enum fas_code
read_name(const struct entry *entry, struct machine *out, struct fas_err *e)
{
	const char *dns, *sam = out->account->sam_account_name;
	enum fas_code rc = entry_text(entry, "dNSHostName", HOSTNAME_MAX, &dns, e);
	if (rc != FAS_OK)
		return rc;
	if (!dns || !hostname_is_valid(dns) || !strchr(dns, '.'))
		return fas_fail(e, FAS_E_DENIED, "machine_name",
		    "RFC 1123 2.1: dNSHostName of %s is no full host name", entry->dn);
	size_t len = strlen(sam);
	if (len < 2 || sam[len - 1] != '$' || !name_is_own(dns, sam))
		return fas_fail(e, FAS_E_DENIED, "machine_name",
		    "dNSHostName %s of %s does not begin with the account's name %s", dns,
		    entry->dn, sam);
	(void)snprintf(out->dns_name, sizeof(out->dns_name), "%s", dns);
	return FAS_OK;
}

enum fas_code
machine_build(const struct entry *entry, const struct domain_config *config, int64_t now_s,
    struct machine *out, struct fas_err *e)
{
	enum fas_code rc = check_kind(entry, e);
	if (rc == FAS_OK)
		rc = account_read(entry, config, now_s, &out->account, e);
	return rc == FAS_OK ? read_name(entry, out, e) : rc;
}

enum fas_code
machine_check(const struct machine *machine, struct fas_err *e)
{
	const struct account *a = machine->account;
	const struct {
		bool bad;
		const char *reason, *finding;
	} states[] = {
	    {a->disabled, "machine_disabled",
		"userAccountControl 0x2: the machine account is disabled"},
	    {a->expired, "machine_expired", "accountExpires: the machine account has expired"},
	    {a->locked, "machine_locked", "lockoutTime: the machine account is locked out"},
	};
	for (size_t i = 0; i < NELEMS(states); i++) {
		if (states[i].bad)
			return fas_fail(e, FAS_E_DENIED, states[i].reason, "%s (%s)",
			    states[i].finding, a->dn_text);
	}
	return FAS_OK;
}

bool
machine_is_below(const struct machine *machine, const char *container)
{
	struct dn dn = {0};
	bool below = dn_from_text(container, &dn, NULL) == FAS_OK && dn.n > 0 &&
		     dn_is_below(&machine->account->dn, &dn);
	dn_done(&dn);
	return below;
}
