#include "ldap/lookup.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"
#include "ldap/account.h"
#include "ldap/filter.h"
#include "ldap/privileged.h"

#define BEARERS_MAX 4 /* more than one is ambiguous already */
#define SPECIAL_MAX (2 * DOMAINS_MAX)

static enum fas_code
not_found(struct fas_err *e, const char *by)
{
	return fas_fail(e, FAS_E_DENIED, "account_not_found", "no account with the claimed %s", by);
}

/* ---- who bears a UPN ---- */

static bool
suffix_names_domain(const char *upn, const struct domain_config *config)
{
	const char *suffix = upn_suffix(upn);
	/* KDCs take the NetBIOS name for the realm as well. */
	return ascii_equal_nocase(suffix, config->name) ||
	       (config->netbios && ascii_equal_nocase(suffix, config->netbios));
}

void
lookup_filter(struct buf *filter, const struct domain_config *config, const char *upn)
{
	size_t local = strlen(upn) - strlen(upn_suffix(upn)) - 1;
	if (!suffix_names_domain(upn, config)) {
		filter_text(filter, "userPrincipalName", upn);
		return;
	}
	buf_text(filter, "(|");
	filter_text(filter, "userPrincipalName", upn);
	buf_text(filter, "(sAMAccountName=");
	filter_value(filter, upn, local);
	buf_text(filter, "))");
}

/* The search for those who bear upn in one domain; filter is initialised here, and the query borrows from both. */
static struct dc_query
bearers_query(struct buf *filter, const struct domain_config *config, const char *upn)
{
	static const char *const wanted[] = {
	    "objectClass", "objectSid", "userPrincipalName", "sAMAccountName", NULL};
	buf_init(filter, FILTER_MAX);
	lookup_filter(filter, config, upn);
	return (struct dc_query){.base = config->base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(filter),
	    .attributes = wanted,
	    .size_limit = BEARERS_MAX};
}

/* Is upn the name under which this entry logs on? */
static bool
bears(const struct entry *entry, const struct domain_config *config, const char *upn)
{
	const char *explicit_upn, *sam;
	if (entry_text(entry, "userPrincipalName", UPN_MAX, &explicit_upn, NULL) != FAS_OK)
		return false;
	if (explicit_upn)
		return upn_equal(explicit_upn, upn);
	if (entry_text(entry, "sAMAccountName", SAM_ACCOUNT_NAME_MAX - 1, &sam, NULL) != FAS_OK ||
	    !sam)
		return false;
	OWN(text) char *implicit = account_implicit_upn(sam, config);
	return implicit && upn_equal(implicit, upn);
}

void
lookup_count(
    struct bearers *bearers, struct domain *domain, const struct entries *entries, const char *upn)
{
	bearers->n += entries->more;
	for (size_t i = 0; i < entries->n; i++) {
		const struct entry *entry = &entries->items[i];
		if (!entry_has_value(entry, "objectClass", "user"))
			continue;
		bearers->n++;
		if (!bearers->domain && bears(entry, &domain->config, upn) &&
		    entry_need_sid(entry, "objectSid", &bearers->sid, NULL) == FAS_OK)
			bearers->domain = domain;
	}
}

/* What a domain has said of a UPN already; upn NULL: nothing. */
struct heard {
	const struct domain *domain;
	const char *upn;
	struct entries entries;
};

static void
heard_done(struct heard *heard)
{
	entries_done(&heard->entries);
}

DEFINE_OWN_IN_PLACE(heard, struct heard, heard_done);

static enum fas_code
ask_bearers(struct bearers *out, struct domain *domain, const char *upn, struct fas_err *e)
{
	OWN(buf) struct buf filter;
	OWN(entries) struct entries found = {0};
	struct dc_query query = bearers_query(&filter, &domain->config, upn);
	enum fas_code rc = buf_check(&filter, e);
	if (rc == FAS_OK)
		rc = dc_pool_search(domain->pool, &query, &found, e);
	if (rc == FAS_OK)
		lookup_count(out, domain, &found, upn);
	return rc;
}

/*
 * In every domain, since a KDC maps by this name alone: one that cannot be asked is a failure, not a no.  Not asked again
 * is the one that has just answered this very question.
 */
static enum fas_code
find_bearers(struct directory *directory, const char *upn, const struct heard *heard,
    struct bearers *out, struct fas_err *e)
{
	*out = (struct bearers){0};
	for (size_t i = 0; i < directory->n; i++) {
		struct domain *domain = &directory->domains[i];
		enum fas_code rc = FAS_OK;
		if (heard->upn && domain == heard->domain && strcmp(heard->upn, upn) == 0)
			lookup_count(out, domain, &heard->entries, upn);
		else
			rc = ask_bearers(out, domain, upn, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
ambiguous(struct fas_err *e, const struct bearers *bearers)
{
	return fas_fail(e, FAS_E_DENIED, "account_ambiguous",
	    "MS-PKCA 3.1.5.2.1: a KDC maps by UPN, and %zu accounts bear this one, explicitly or "
	    "as "
	    "sAMAccountName@domain; want one",
	    bearers->n);
}

/* Is the account the only one that its UPN means? */
static enum fas_code
check_unambiguous(struct directory *directory, const struct account *account,
    const struct heard *heard, struct fas_err *e)
{
	struct bearers bearers;
	enum fas_code rc = find_bearers(directory, account->upn, heard, &bearers, e);
	if (rc != FAS_OK)
		return rc;
	if (bearers.n > 1)
		return ambiguous(e, &bearers);
	if (bearers.n == 0 || !bearers.domain || !sid_equal(&bearers.sid, &account->sid))
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "%s is not found by its own UPN", account->dn_text);
	return FAS_OK;
}

/* ---- one account by its SID or GUID ---- */

/*
 * The entry at base, "<SID=...>" or "<GUID=...>" (MS-ADTS 3.1.1.3.1.2.4); and in the same breath, where a UPN will have
 * to be looked for, who bears it.
 */
static enum fas_code
ask_account(struct domain *domain, const char *base, const char *upn, struct entries *found,
    struct heard *heard, struct fas_err *e)
{
	OWN(buf) struct buf filter;
	struct entries answers[2] = {0};
	struct dc_query queries[2] = {{.base = base,
	    .scope = DC_BASE,
	    .filter = "(objectClass=*)",
	    .attributes = account_attributes}};
	buf_init(&filter, FILTER_MAX);
	if (upn)
		queries[1] = bearers_query(&filter, &domain->config, upn);
	enum fas_code rc = buf_check(&filter, e);
	if (rc == FAS_OK)
		rc = dc_pool_search_all(domain->pool, queries, upn ? 2 : 1, answers, e);
	*found = answers[0];
	*heard = (struct heard){domain, upn, answers[1]};
	return rc;
}

/* upn: as ask_account.  *out stays NULL when there is none. */
static enum fas_code
read_account(struct domain *domain, const char *base, const char *upn, int64_t now_s,
    struct account **out, struct heard *heard, struct fas_err *e)
{
	OWN(entries) struct entries found = {0};
	OWN(account) struct account *account = NULL;
	struct domain_identity identity;
	enum fas_code rc = domain_identify(domain, &identity, e);
	if (rc != FAS_OK)
		return rc;
	rc = ask_account(domain, base, upn, &found, heard, e);
	if (rc != FAS_OK || found.n == 0)
		return rc;
	if ((rc = account_build(&found.items[0], &domain->config, now_s, &account, e)) != FAS_OK)
		return rc;
	/* A controller may know objects of other domains; they are found there. */
	if (sid_in_domain(&account->sid, &identity.sid))
		*out = TAKE(account);
	return FAS_OK;
}

static enum fas_code
read_by_sid(struct domain *domain, const struct sid *sid, const char *upn, int64_t now_s,
    struct account **out, struct heard *heard, struct fas_err *e)
{
	char base[SID_TEXT_MAX + 8], text[SID_TEXT_MAX];
	(void)snprintf(base, sizeof(base), "<SID=%s>", sid_format(sid, text));
	enum fas_code rc = read_account(domain, base, upn, now_s, out, heard, e);
	if (rc == FAS_OK && (!*out || !sid_equal(&(*out)->sid, sid))) {
		account_free(TAKE(*out));
		return not_found(e, "objectSid");
	}
	return rc;
}

/* ---- by which claim ---- */

/* In the one domain whose SID it is; upn: as ask_account. */
static enum fas_code
read_in_its_domain(struct directory *directory, const struct sid *sid, const char *upn,
    int64_t now_s, struct account **out, struct heard *heard, struct fas_err *e)
{
	struct fas_err unknown = {0};
	for (size_t i = 0; i < directory->n; i++) {
		struct domain *domain = &directory->domains[i];
		struct domain_identity identity;
		struct fas_err failure = {0};
		if (domain_identify(domain, &identity, &failure) != FAS_OK) {
			(void)fas_fail(
			    &unknown, failure.code, failure.reason, "%s", failure.message);
			continue;
		}
		if (sid_in_domain(sid, &identity.sid))
			return read_by_sid(domain, sid, upn, now_s, out, heard, e);
	}
	if (unknown.code != FAS_OK)
		return fas_fail(e, unknown.code, unknown.reason, "%s", unknown.message);
	return not_found(e, "objectSid");
}

/* upn: the other claim, if any; only a guess at the account's, so that its bearers are known already when it is right. */
static enum fas_code
find_by_sid(struct directory *directory, const struct sid *sid, const char *upn, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	OWN(heard) struct heard heard = {0};
	enum fas_code rc = read_in_its_domain(directory, sid, upn, now_s, out, &heard, e);
	return rc == FAS_OK ? check_unambiguous(directory, *out, &heard, e) : rc;
}

static enum fas_code
find_by_upn(struct directory *directory, const char *upn, int64_t now_s, struct account **out,
    struct fas_err *e)
{
	OWN(heard) struct heard heard = {0};
	struct bearers bearers;
	enum fas_code rc = upn_check(upn, e);
	if (rc != FAS_OK)
		return rc;
	if ((rc = find_bearers(directory, upn, &heard, &bearers, e)) != FAS_OK)
		return rc;
	if (bearers.n > 1)
		return ambiguous(e, &bearers);
	if (!bearers.domain)
		return not_found(e, "userPrincipalName");
	rc = read_by_sid(bearers.domain, &bearers.sid, NULL, now_s, out, &heard, e);
	if (rc != FAS_OK)
		return rc;
	/* It may have been renamed between the two searches. */
	return upn_equal((*out)->upn, upn) ? FAS_OK : not_found(e, "userPrincipalName");
}

static enum fas_code
find_by_guid(struct directory *directory, const struct guid *guid, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	OWN(heard) struct heard heard = {0};
	char base[GUID_TEXT_MAX + 8], text[GUID_TEXT_MAX];
	(void)snprintf(base, sizeof(base), "<GUID=%s>", guid_format(guid, text));
	for (size_t i = 0; i < directory->n; i++) {
		enum fas_code rc =
		    read_account(&directory->domains[i], base, NULL, now_s, out, &heard, e);
		if (rc != FAS_OK)
			return rc;
		if (*out && guid_equal(&(*out)->guid, guid))
			return check_unambiguous(directory, *out, &heard, e);
		account_free(TAKE(*out));
	}
	return not_found(e, "objectGUID");
}

/* Every domain's: a group of one may have members of another. */
static enum fas_code
mark_privileged(struct directory *directory, struct account *account, struct fas_err *e)
{
	struct sid special[SPECIAL_MAX];
	size_t n = 0;
	for (size_t i = 0; i < directory->n && n + 2 <= NELEMS(special); i++) {
		struct domain_identity identity;
		enum fas_code rc = domain_identify(&directory->domains[i], &identity, e);
		if (rc != FAS_OK)
			return rc;
		special[n++] = identity.own;
		special[n++] = identity.dns_admins;
	}
	account->privileged = account_is_privileged(account, special, n);
	return FAS_OK;
}

enum fas_code
lookup_account(struct directory *directory, const struct directory_claims *claims, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	OWN(account) struct account *account = NULL;
	const char *upn =
	    claims->upn && upn_check(claims->upn, NULL) == FAS_OK ? claims->upn : NULL;
	enum fas_code rc;
	if (claims->sid)
		rc = find_by_sid(directory, claims->sid, upn, now_s, &account, e);
	else if (claims->upn)
		rc = find_by_upn(directory, claims->upn, now_s, &account, e);
	else if (claims->guid)
		rc = find_by_guid(directory, claims->guid, now_s, &account, e);
	else
		return fas_fail(e, FAS_E_INTERNAL, "internal", "no claim to find an account by");
	if (rc == FAS_OK)
		rc = mark_privileged(directory, account, e);
	if (rc == FAS_OK)
		*out = TAKE(account);
	return rc;
}

enum fas_code
lookup_again(struct directory *directory, const struct sid *sid, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	OWN(account) struct account *account = NULL;
	OWN(heard) struct heard heard = {0};
	enum fas_code rc = read_in_its_domain(directory, sid, NULL, now_s, &account, &heard, e);
	if (rc == FAS_OK)
		rc = mark_privileged(directory, account, e);
	if (rc == FAS_OK)
		*out = TAKE(account);
	return rc;
}
