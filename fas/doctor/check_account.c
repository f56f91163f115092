/* The service's own account, the policy's groups, and the users of its rules. */
#include <string.h>

#include "fas/base/text.h"
#include "fas/doctor/checks.h"

#define SOON_S (INT64_C(30) * 86400)
#define UAC_TRUSTED_FOR_DELEGATION 0x80000
#define UAC_TRUSTED_TO_AUTH 0x1000000
#define ENCRYPTION_RC4 0x4  /* MS-KILE 2.2.7 */
#define ENCRYPTION_AES 0x18 /* AES128 and AES256 */

/* ---- the service's own account ---- */

/* Does no domain show it, and none says why? */
static bool
is_nowhere(const struct exam *x)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct survey_own *own = &x->domains[i].survey.own;
		if (own->account || own->why.code != FAS_OK)
			return false;
	}
	return true;
}

/* The account, or NULL: another domain's; or it cannot be seen, which is said. */
static const struct account *
own_of(const struct exam *x, const struct exam_domain *d, struct report *r)
{
	static const struct fas_err unseen = {.code = FAS_E_UNAVAILABLE,
	    .reason = "directory_incomplete",
	    .message = "no domain shows this service's own account: may it read itself?"};
	if (d->survey.own.why.code != FAS_OK)
		report_unknown(r, d->survey.config->name, &d->survey.own.why);
	else if (d == &x->domains[0] && is_nowhere(x))
		report_unknown(r, d->survey.config->name, &unseen);
	return d->survey.own.account;
}

/* An entry in front of others counts first, and is for this object alone. */
static void
remedy_readable(json_t *f, const struct exam_domain *d, const char *dn)
{
	const struct account *own = d->survey.own.account;
	char sid[SID_TEXT_MAX];
	OWN(text) char *shell = quote_shell(dn);
	OWN(text) char *power = quote_powershell(dn);
	OWN(text) char *name = own ? quote_powershell(own->sam_account_name) : NULL;
	if (!own || !shell || !power || !name)
		return;
	if (d->vendor == VENDOR_SAMBA) {
		remedy(f, REMEDY_CONTROLLER,
		    "samba-tool dsacl set --objectdn=%s --sddl='(A;;LCRPRC;;;%s)'", shell,
		    sid_format(&own->sid, sid));
		return;
	}
	remedy(f, REMEDY_CONTROLLER, "dsacls %s /R %s", power, name);
	remedy(f, REMEDY_CONTROLLER, "dsacls %s /G (%s + ':GR')", power, name);
}

static bool
is_unreadable(const struct fas_err *why)
{
	return strcmp(why->reason, "directory_incomplete") == 0 ||
	       strcmp(why->reason, "ldap_refused") == 0;
}

static void
check_places(const struct exam_domain *d, struct report *r)
{
	const struct survey *s = &d->survey;
	const char *name = s->config->name;
	if (is_unreadable(&s->pki.why) && s->pki.base)
		remedy_readable(report_finding(r, name, "%s", s->pki.why.message), d, s->pki.base);
	if (is_unreadable(&s->setup.why) && s->setup.partitions)
		remedy_readable(
		    report_finding(r, name, "%s", s->setup.why.message), d, s->setup.partitions);
}

void
check_own_readable(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		(void)own_of(x, &x->domains[i], r);
		check_places(&x->domains[i], r);
	}
	for (size_t i = 0; x->n_domains > 0 && i < x->n_accounts; i++) {
		const struct exam_account *account = &x->accounts[i];
		if (is_unreadable(&account->why) && account->dn)
			remedy_readable(report_finding(r, account->dn, "%s", account->why.message),
			    &x->domains[0], account->dn);
	}
}

static void
remedy_power(json_t *f, const struct exam_domain *d, const struct account *own)
{
	OWN(text) char *shell = quote_shell(own->sam_account_name);
	OWN(text) char *power = quote_powershell(own->sam_account_name);
	if (!shell || !power)
		return;
	if (d->vendor == VENDOR_SAMBA) {
		remedy(f, REMEDY_CONTROLLER,
		    "for group in 'Domain Admins' 'Enterprise Admins' 'Schema Admins' "
		    "Administrators "
		    "'Account Operators' 'Server Operators' 'Backup Operators' 'Print Operators' "
		    "'Cert Publishers' 'Group Policy Creator Owners' DnsAdmins; do samba-tool "
		    "group "
		    "removemembers \"$group\" %s 2>/dev/null || true; done",
		    shell);
		remedy_ldif(f, own->dn_text, "replace", "adminCount", "0", 1);
		return;
	}
	remedy(f, REMEDY_CONTROLLER,
	    "Get-ADPrincipalGroupMembership %s | Where-Object Name -ne 'Domain Users' | "
	    "Remove-ADGroupMember -Members %s",
	    power, power);
	remedy(f, REMEDY_CONTROLLER, "Set-ADUser %s -Clear adminCount", power);
}

void
check_own_power(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct account *own = own_of(x, d, r);
		if (own && own->privileged)
			remedy_power(
			    report_finding(r, own->dn_text,
				"the service's account %s is an administrator or operator of "
				"the domain; it needs no right beyond reading",
				own->sam_account_name),
			    d, own);
	}
}

void
check_own_delegation(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct account *own = own_of(x, d, r);
		int64_t trust = UAC_TRUSTED_FOR_DELEGATION | UAC_TRUSTED_TO_AUTH;
		if (!own || !(d->survey.own.control & trust))
			continue;
		OWN(text) char *shell = quote_shell(own->sam_account_name);
		OWN(text) char *power = quote_powershell(own->sam_account_name);
		json_t *f = report_finding(r, own->dn_text,
		    "the service's account is trusted for delegation (userAccountControl 0x%llx)",
		    (unsigned long long)d->survey.own.control);
		if (d->vendor != VENDOR_SAMBA) {
			remedy(f, REMEDY_CONTROLLER,
			    "Set-ADAccountControl %s -TrustedForDelegation $false "
			    "-TrustedToAuthForDelegation $false",
			    power ? power : "");
			continue;
		}
		if (d->survey.own.control & UAC_TRUSTED_FOR_DELEGATION)
			remedy(f, REMEDY_CONTROLLER, "samba-tool delegation for-any-service %s off",
			    shell ? shell : "");
		if (d->survey.own.control & UAC_TRUSTED_TO_AUTH)
			remedy(f, REMEDY_CONTROLLER,
			    "samba-tool delegation for-any-protocol %s off", shell ? shell : "");
	}
}

static void
judge_end(const struct exam *x, const struct exam_domain *d, const struct survey_number *end,
    const char *what, const char *samba, const char *windows, struct report *r)
{
	const struct account *own = d->survey.own.account;
	char when[TIME_TEXT_MAX];
	if (!end->known || end->value > x->now_s + SOON_S)
		return;
	OWN(text) char *shell = quote_shell(own->sam_account_name);
	OWN(text) char *power = quote_powershell(own->sam_account_name);
	json_t *f = report_finding(r, own->dn_text, "the service's %s %s at %s", what,
	    end->value <= x->now_s ? "ended" : "ends", time_format(end->value, when));
	if (!shell || !power)
		return;
	if (d->vendor == VENDOR_SAMBA)
		remedy(f, REMEDY_CONTROLLER, "samba-tool user setexpiry %s %s", shell, samba);
	else
		remedy(f, REMEDY_CONTROLLER, "%s %s", windows, power);
}

void
check_own_end(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (!own_of(x, d, r))
			continue;
		judge_end(x, d, &d->survey.own.expires_s, "account", "--noexpiry",
		    "Clear-ADAccountExpiration", r);
		judge_end(x, d, &d->survey.own.password_ends_s, "account's password", "--noexpiry",
		    "Set-ADUser -PasswordNeverExpires $true -Identity", r);
	}
}

void
check_own_encryption(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct account *own = own_of(x, d, r);
		const struct survey_number *types = &d->survey.own.encryption;
		if (!own || d->survey.config->bind != BIND_GSSAPI)
			continue;
		if (types->known && (types->value & ENCRYPTION_AES) &&
		    !(types->value & ENCRYPTION_RC4))
			continue;
		OWN(text) char *power = quote_powershell(own->sam_account_name);
		json_t *f = report_finding(r, own->dn_text,
		    "the service's account takes other keys than AES "
		    "(msDS-SupportedEncryptionTypes %s%lld)",
		    types->known ? "is " : "is not set: ", (long long)types->value);
		if (d->vendor == VENDOR_SAMBA)
			remedy_ldif(
			    f, own->dn_text, "replace", "msDS-SupportedEncryptionTypes", "24", 2);
		else
			remedy(f, REMEDY_CONTROLLER,
			    "Set-ADUser %s -KerberosEncryptionType AES128,AES256",
			    power ? power : "");
	}
}

/* ---- policy ---- */

/* A group by which the administrator can only have meant to make it. */
static void
remedy_group(json_t *f, const struct exam *x, const char *name)
{
	const char *local = strchr(name, '\\') ? strchr(name, '\\') + 1 : name;
	OWN(text) char *shell = quote_shell(local);
	OWN(text) char *power = quote_powershell(local);
	bool samba = x->n_domains > 0 && x->domains[0].vendor == VENDOR_SAMBA;
	if (!shell || !power)
		return;
	if (samba)
		remedy(f, REMEDY_CONTROLLER, "samba-tool group add %s", shell);
	else
		remedy(f, REMEDY_CONTROLLER, "New-ADGroup -Name %s -GroupScope Universal", power);
	remedy(
	    f, REMEDY_HERE, "fasctl config reload      # or first correct the name in the policy");
}

void
check_policy_groups(const struct exam *x, struct report *r)
{
	size_t n = x->policy ? policy_group_count(x->policy) : 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = policy_group_name(x->policy, i);
		if (!policy_group_is_set(x->policy, i))
			remedy_group(report_finding(r, name,
					 "the policy names the group %.200s, which the directory "
					 "does not know",
					 name),
			    x, name);
	}
}

/* What makes such an account good again; %s is its quoted name. */
static const struct {
	const char *reason, *samba, *windows;
} account_remedies[] = {
    {"account_disabled", "samba-tool user enable %s", "Enable-ADAccount %s"},
    {"account_expired", "samba-tool user setexpiry %s --noexpiry", "Clear-ADAccountExpiration %s"},
    {"account_locked", "samba-tool user unlock %s", "Unlock-ADAccount %s"},
    {"policy_password_expired", "samba-tool user setpassword %s --random-password",
	"Set-ADAccountPassword %s -Reset"},
};

static void
say_command(json_t *f, const char *command, const char *name)
{
	size_t head = strcspn(command, "%");
	remedy(f, REMEDY_CONTROLLER, "%.*s%s%s", (int)head, command, name, command + head + 2);
}

static void
remedy_account(json_t *f, const struct exam *x, const struct exam_account *account)
{
	bool samba = x->n_domains > 0 && x->domains[0].vendor == VENDOR_SAMBA;
	OWN(text) char *name = samba ? quote_shell(account->name) : quote_powershell(account->name);
	for (size_t i = 0; name && i < NELEMS(account_remedies); i++) {
		if (strcmp(account_remedies[i].reason, account->why.reason) == 0)
			say_command(f,
			    samba ? account_remedies[i].samba : account_remedies[i].windows, name);
	}
	if (strcmp(account->why.reason, "policy_no_rule") == 0)
		remedy(f, REMEDY_HERE,
		    "# list the suffix in users: upn_suffixes: of rule %s, then: fasctl policy "
		    "reload",
		    account->rule);
	if (strcmp(account->why.reason, "account_ambiguous") == 0)
		remedy(f, REMEDY_HERE,
		    "fasctl doctor --only upn_collisions      # it names the other account");
}

void
check_rule_accounts(const struct exam *x, struct report *r)
{
	if (x->accounts_why.code != FAS_OK)
		report_unknown(r, "policy", &x->accounts_why);
	for (size_t i = 0; i < x->n_accounts; i++) {
		const struct exam_account *account = &x->accounts[i];
		if (is_unreadable(&account->why))
			continue; /* not this person's fault: check_own_readable */
		remedy_account(report_finding(r, account->name, "a user of rule %.60s, refused: %s",
				   account->rule, account->why.message),
		    x, account);
	}
	report_note(r,
	    "%zu users of rules looked at%s; %zu are privileged, whom only a rule that "
	    "names them lets in",
	    x->n_judged, x->accounts_more ? ", not all" : "", x->n_privileged);
}
