#include "ldap/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"
#include "ldap/dn_text.h"

#define SAM_NORMAL_USER_ACCOUNT 0x30000000 /* 805306368, MS-SAMR 2.2.1.9 */

#define MAIL_MAX 254 /* RFC 5321 4.5.3.1.3 */

#define UAC_DISABLED 0x2
#define UAC_SMARTCARD_REQUIRED 0x40000
#define COMPUTED_LOCKED 0x10
#define COMPUTED_PASSWORD_EXPIRED 0x800000

#define NEVER INT64_C(0x7FFFFFFFFFFFFFFF)
#define TICKS_PER_SECOND INT64_C(10000000)
#define SECONDS_1601_TO_1970 INT64_C(11644473600)

const char *const account_attributes[] = {"objectClass", "objectSid", "objectGUID",
    "userPrincipalName", "sAMAccountName", "sAMAccountType", "userAccountControl",
    "msDS-User-Account-Control-Computed", "lockoutTime", "accountExpires", "adminCount",
    "tokenGroups", "mail", NULL};

void
account_free(struct account *account)
{
	if (!account)
		return;
	dn_done(&account->dn);
	free(account->dn_text);
	free(account->upn);
	free(account->mail);
	free(account->domain);
	free(account->realm);
	free(account->netbios);
	free(account->forest);
	free(account->groups);
	free(account);
}

static int
compare_sids(const void *a, const void *b)
{
	const struct sid *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	if (x->authority != y->authority)
		return x->authority < y->authority ? -1 : 1;
	for (size_t i = 0; i < x->count; i++) {
		if (x->sub[i] != y->sub[i])
			return x->sub[i] < y->sub[i] ? -1 : 1;
	}
	return 0;
}

bool
account_is_member(const struct account *account, const struct sid *sid)
{
	if (sid_equal(&account->sid, sid))
		return true;
	return account->n_groups > 0 && sid_is_set(sid) &&
	       bsearch(sid, account->groups, account->n_groups, sizeof(*sid), compare_sids) != NULL;
}

enum fas_code
account_check_kind(const struct entry *entry, struct fas_err *e)
{
	static const char *const refused[] = {
	    "computer", "msDS-GroupManagedServiceAccount", "msDS-ManagedServiceAccount"};
	int64_t type = 0;
	bool present;
	if (!entry_has_value(entry, "objectClass", "user"))
		return fas_fail(
		    e, FAS_E_DENIED, "account_kind", "%s is not of class user", entry->dn);
	for (size_t i = 0; i < NELEMS(refused); i++) {
		if (entry_has_value(entry, "objectClass", refused[i]))
			return fas_fail(e, FAS_E_DENIED, "account_kind",
			    "%s is of class %s, want an ordinary user", entry->dn, refused[i]);
	}
	enum fas_code rc = entry_int(entry, "sAMAccountType", &type, &present, e);
	if (rc != FAS_OK)
		return rc;
	if (!present || type != SAM_NORMAL_USER_ACCOUNT)
		return fas_fail(e, FAS_E_DENIED, "account_kind",
		    "MS-SAMR 2.2.1.9: %s has sAMAccountType %lld, want %d", entry->dn,
		    (long long)type, SAM_NORMAL_USER_ACCOUNT);
	return FAS_OK;
}

char *
account_implicit_upn(const char *sam_account_name, const struct domain_config *config)
{
	char *upn = NULL;
	return asprintf(&upn, "%s@%s", sam_account_name, config->name) < 0 ? NULL : upn;
}

static enum fas_code
read_ids(const struct entry *entry, struct account *out, struct fas_err *e)
{
	enum fas_code rc = entry_need_sid(entry, "objectSid", &out->sid, e);
	if (rc != FAS_OK)
		return rc;
	const struct attribute *guid = entry_attribute(entry, "objectGUID");
	if (!guid)
		return entry_incomplete(entry, "objectGUID", e);
	if (guid->n != 1 ||
	    guid_from_bytes(guid->values[0].data, guid->values[0].len, &out->guid, NULL) != FAS_OK)
		return entry_malformed(entry, "objectGUID", "is not one GUID of 16 bytes", e);
	return FAS_OK;
}

static enum fas_code
read_names(const struct entry *entry, const struct domain_config *config, struct account *out,
    struct fas_err *e)
{
	const char *sam, *upn;
	enum fas_code rc =
	    entry_text(entry, "sAMAccountName", sizeof(out->sam_account_name) - 1, &sam, e);
	if (rc == FAS_OK && !sam)
		return entry_incomplete(entry, "sAMAccountName", e);
	if (rc == FAS_OK)
		rc = entry_text(entry, "userPrincipalName", UPN_MAX, &upn, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(out->sam_account_name, sizeof(out->sam_account_name), "%s", sam);
	out->upn_is_implicit = !upn;
	out->upn = upn ? strdup(upn) : account_implicit_upn(sam, config);
	if (!out->upn)
		return fas_fail_nomem(e);
	/* A name that cannot stand in a certificate is the account's defect, not the caller's. */
	if (upn_check(out->upn, NULL) != FAS_OK)
		return fas_fail(e, FAS_E_DENIED, "upn_malformed",
		    "MS-ADTS 5.1.1.1.1: %s has a userPrincipalName that is not user@suffix",
		    entry->dn);
	return FAS_OK;
}

/* Nobody's logon depends on it but where a profile wants it: a strange one counts as none. */
static enum fas_code
read_mail(const struct entry *entry, struct account *out, struct fas_err *e)
{
	const char *mail = NULL;
	struct fas_err strange = {0};
	if (entry_text(entry, "mail", MAIL_MAX, &mail, &strange) != FAS_OK || !mail)
		return FAS_OK;
	out->mail = strdup(mail);
	return out->mail ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_dn(const struct entry *entry, struct account *out, struct fas_err *e)
{
	struct fas_err why = {0};
	out->dn_text = strdup(entry->dn);
	if (!out->dn_text)
		return fas_fail_nomem(e);
	enum fas_code rc = dn_from_text(entry->dn, &out->dn, &why);
	if (rc == FAS_OK || rc == FAS_E_NOMEM)
		return rc == FAS_OK ? rc : fas_fail_nomem(e);
	/* As with the UPN: the directory's defect, not the sender's. */
	return fas_fail(e, FAS_E_DENIED, why.reason, "%s", why.message);
}

static enum fas_code
read_control(const struct entry *entry, struct account *out, struct fas_err *e)
{
	int64_t control, computed, locked_at = 0;
	bool has_time;
	enum fas_code rc = entry_need_int(entry, "userAccountControl", &control, e);
	if (rc == FAS_OK)
		rc = entry_need_int(entry, "msDS-User-Account-Control-Computed", &computed, e);
	if (rc == FAS_OK)
		rc = entry_int(entry, "lockoutTime", &locked_at, &has_time, e);
	if (rc != FAS_OK)
		return rc;
	out->disabled = control & UAC_DISABLED;
	out->smartcard_required = control & UAC_SMARTCARD_REQUIRED;
	/* The bit knows lockoutDuration; lockoutTime 0 means unlocked since.  Unreadable, the bit alone decides. */
	out->locked = (computed & COMPUTED_LOCKED) && !(has_time && locked_at == 0);
	out->password_expired = computed & COMPUTED_PASSWORD_EXPIRED;
	return FAS_OK;
}

/* accountExpires: 100 ns ticks since 1601; 0 and 2^63 - 1 mean never. */
static enum fas_code
read_expiry(const struct entry *entry, int64_t now_s, struct account *out, struct fas_err *e)
{
	int64_t ticks;
	enum fas_code rc = entry_need_int(entry, "accountExpires", &ticks, e);
	if (rc != FAS_OK)
		return rc;
	if (ticks < 0)
		return entry_malformed(entry, "accountExpires", "is negative", e);
	out->expired = ticks != 0 && ticks != NEVER &&
		       ticks / TICKS_PER_SECOND - SECONDS_1601_TO_1970 <= now_s;
	return FAS_OK;
}

static enum fas_code
read_groups(const struct entry *entry, struct account *out, struct fas_err *e)
{
	const struct attribute *token = entry_attribute(entry, "tokenGroups");
	/* Every account has at least its primary group; a range ("tokenGroups;range=...") is another name, so absent. */
	if (!token)
		return entry_incomplete(entry, "tokenGroups", e);
	if (token->n > ACCOUNT_GROUPS_MAX)
		return entry_malformed(entry, "tokenGroups", "has too many values", e);
	out->groups = calloc(token->n, sizeof(*out->groups));
	if (!out->groups)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < token->n; i++) {
		const struct value *v = &token->values[i];
		if (sid_from_bytes(v->data, v->len, &out->groups[i], NULL) != FAS_OK)
			return entry_malformed(entry, "tokenGroups", "holds what is no SID", e);
	}
	out->n_groups = token->n;
	qsort(out->groups, out->n_groups, sizeof(*out->groups), compare_sids);
	return FAS_OK;
}

static enum fas_code
read_state(const struct entry *entry, int64_t now_s, struct account *out, struct fas_err *e)
{
	int64_t admin_count = 0;
	bool present;
	enum fas_code rc = read_control(entry, out, e);
	if (rc != FAS_OK)
		return rc;
	if ((rc = read_expiry(entry, now_s, out, e)) != FAS_OK)
		return rc;
	if ((rc = entry_int(entry, "adminCount", &admin_count, &present, e)) != FAS_OK)
		return rc;
	out->admin_count = admin_count != 0;
	return read_groups(entry, out, e);
}

static enum fas_code
set_domain(const struct domain_config *config, struct account *out, struct fas_err *e)
{
	out->domain = strdup(config->name);
	out->realm = strdup(config->realm);
	out->netbios = config->netbios ? strdup(config->netbios) : NULL;
	out->forest = strdup(config->forest ? config->forest : config->name);
	if (!out->domain || !out->realm || !out->forest || (config->netbios && !out->netbios))
		return fas_fail_nomem(e);
	return FAS_OK;
}

enum fas_code
account_read(const struct entry *entry, const struct domain_config *config, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	OWN(account) struct account *account = calloc(1, sizeof(*account));
	enum fas_code rc;
	if (!account)
		return fas_fail_nomem(e);
	if ((rc = read_ids(entry, account, e)) != FAS_OK)
		return rc;
	if ((rc = read_names(entry, config, account, e)) != FAS_OK)
		return rc;
	if ((rc = read_mail(entry, account, e)) != FAS_OK)
		return rc;
	if ((rc = read_dn(entry, account, e)) != FAS_OK)
		return rc;
	if ((rc = read_state(entry, now_s, account, e)) != FAS_OK)
		return rc;
	if ((rc = set_domain(config, account, e)) != FAS_OK)
		return rc;
	*out = TAKE(account);
	return FAS_OK;
}

enum fas_code
account_build(const struct entry *entry, const struct domain_config *config, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	enum fas_code rc = account_check_kind(entry, e);
	return rc == FAS_OK ? account_read(entry, config, now_s, out, e) : rc;
}

enum fas_code
account_check(const struct account *account, struct fas_err *e)
{
	const struct {
		bool bad;
		const char *reason, *finding;
	} states[] = {
	    {account->disabled, "account_disabled",
		"userAccountControl 0x2: the account is disabled"},
	    {account->expired, "account_expired", "accountExpires: the account has expired"},
	    {account->locked, "account_locked", "lockoutTime: the account is locked out"},
	};
	for (size_t i = 0; i < NELEMS(states); i++) {
		if (states[i].bad)
			return fas_fail(e, FAS_E_DENIED, states[i].reason, "%s (%s)",
			    states[i].finding, account->dn_text);
	}
	return FAS_OK;
}

/* What the account has not agrees with no claim. */
static bool
text_agrees(const char *claim, const char *value)
{
	return value && ascii_equal_nocase(claim, value);
}

enum fas_code
account_match(
    const struct account *account, const struct directory_claims *claims, struct fas_err *e)
{
	const struct {
		bool bad;
		const char *reason, *name;
	} checks[] = {
	    {claims->sid && !sid_equal(claims->sid, &account->sid), "claim_sid_mismatch",
		"objectSid"},
	    {claims->upn && !upn_equal(claims->upn, account->upn), "claim_upn_mismatch",
		"userPrincipalName"},
	    {claims->guid && !guid_equal(claims->guid, &account->guid), "claim_guid_mismatch",
		"objectGUID"},
	    {claims->email && !text_agrees(claims->email, account->mail), "claim_email_mismatch",
		"mail"},
	    {claims->forest && !text_agrees(claims->forest, account->forest),
		"claim_forest_mismatch", "the forest"},
	    {claims->domain && !text_agrees(claims->domain, account->domain) &&
		    !text_agrees(claims->domain, account->netbios),
		"claim_domain_mismatch", "the domain"},
	};
	for (size_t i = 0; i < NELEMS(checks); i++) {
		if (checks[i].bad)
			return fas_fail(e, FAS_E_DENIED, checks[i].reason,
			    "the claim differs from %s of the account (%s)", checks[i].name,
			    account->dn_text);
	}
	return FAS_OK;
}
