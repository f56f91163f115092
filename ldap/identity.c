#include "ldap/identity.h"

#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "ldap/dn_text.h"
#include "ldap/filter.h"

#define IDENTITY_LIFE_US (INT64_C(3600) * 1000000)
#define OWN_SIDS_MAX 64

/* The search's one entry. */
static enum fas_code
search_one(
    struct domain *domain, const struct dc_query *query, struct entries *out, struct fas_err *e)
{
	enum fas_code rc = dc_pool_search(domain->pool, query, out, e);
	if (rc == FAS_OK && out->n != 1)
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "domain %s: \"%s\" cannot be read", domain->config.name, query->base);
	return rc;
}

static bool
same_dn(const char *a, const char *b)
{
	struct dn x = {0}, y = {0};
	bool same = dn_from_text(a, &x, NULL) == FAS_OK && dn_from_text(b, &y, NULL) == FAS_OK &&
		    x.n == y.n && dn_is_below(&x, &y);
	dn_done(&x);
	dn_done(&y);
	return same;
}

static enum fas_code
check_naming_context(const struct domain *domain, const struct entry *root, struct fas_err *e)
{
	const char *context;
	enum fas_code rc = entry_text(root, "defaultNamingContext", ENTRY_DN_MAX, &context, e);
	if (rc != FAS_OK)
		return rc;
	if (!context || !same_dn(context, domain->config.base))
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_wrong_domain",
		    "domain %s: the controller serves \"%.200s\", want \"%s\"", domain->config.name,
		    context ? context : "", domain->config.base);
	return FAS_OK;
}

/*
 * Who this service is: the root DSE tells the SIDs of the connection's token (MS-ADTS 3.1.1.3.2, tokenGroups), in no
 * promised order; the one of them that is an account is its owner.
 */
static enum fas_code
read_own(struct domain *domain, const struct entry *root, struct sid *out, struct fas_err *e)
{
	static const char *const wanted[] = {"objectSid", NULL};
	OWN(buf) struct buf filter = {0};
	OWN(entries) struct entries found = {0};
	const struct attribute *token = entry_attribute(root, "tokenGroups");
	if (!token || token->n > OWN_SIDS_MAX)
		return entry_incomplete(root, "tokenGroups", e);
	buf_init(&filter, OWN_SIDS_MAX * 4 * SID_BYTES_MAX);
	buf_text(&filter, "(&(objectClass=user)(|");
	for (size_t i = 0; i < token->n; i++) {
		struct sid sid;
		if (sid_from_bytes(token->values[i].data, token->values[i].len, &sid, NULL) ==
		    FAS_OK)
			filter_sid(&filter, "objectSid", &sid);
	}
	buf_text(&filter, "))");
	enum fas_code rc = buf_check(&filter, e);
	if (rc != FAS_OK)
		return rc;
	struct dc_query query = {.base = domain->config.base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(&filter),
	    .attributes = wanted};
	if ((rc = dc_pool_search(domain->pool, &query, &found, e)) != FAS_OK)
		return rc;
	if (found.n > 1)
		return entry_malformed(root, "tokenGroups", "names several accounts, want one", e);
	return found.n == 1 ? entry_need_sid(&found.items[0], "objectSid", out, e) : FAS_OK;
}

/* DnsAdmins has no fixed RID; its name is the same in every language. */
static enum fas_code
read_dns_admins(struct domain *domain, struct sid *out, struct fas_err *e)
{
	static const char *const wanted[] = {"objectSid", NULL};
	OWN(entries) struct entries found = {0};
	struct dc_query query = {.base = domain->config.base,
	    .scope = DC_SUBTREE,
	    .filter = "(&(objectClass=group)(sAMAccountName=DnsAdmins))",
	    .attributes = wanted};
	enum fas_code rc = dc_pool_search(domain->pool, &query, &found, e);
	if (rc != FAS_OK || found.n == 0)
		return rc;
	return entry_need_sid(&found.items[0], "objectSid", out, e);
}

static enum fas_code
read_identity(struct domain *domain, struct domain_identity *out, struct fas_err *e)
{
	static const char *const root_wanted[] = {"defaultNamingContext", "tokenGroups", NULL};
	static const char *const base_wanted[] = {"objectSid", NULL};
	OWN(entries) struct entries root = {0}, base = {0};
	struct dc_query query = {
	    .base = "", .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = root_wanted};
	enum fas_code rc = search_one(domain, &query, &root, e);
	if (rc != FAS_OK)
		return rc;
	if ((rc = check_naming_context(domain, &root.items[0], e)) != FAS_OK)
		return rc;
	query.base = domain->config.base;
	query.attributes = base_wanted;
	if ((rc = search_one(domain, &query, &base, e)) != FAS_OK)
		return rc;
	if ((rc = entry_need_sid(&base.items[0], "objectSid", &out->sid, e)) != FAS_OK)
		return rc;
	if ((rc = read_own(domain, &root.items[0], &out->own, e)) != FAS_OK)
		return rc;
	return read_dns_admins(domain, &out->dns_admins, e);
}

enum fas_code
domain_identify(struct domain *domain, struct domain_identity *out, struct fas_err *e)
{
	int64_t now_us = clock_monotonic_us();
	struct domain_identity fresh = {0};
	struct fas_err failure = {0};
	pthread_mutex_lock(&domain->lock);
	bool known = domain->known;
	bool current = known && now_us - domain->read_us < IDENTITY_LIFE_US;
	*out = domain->identity;
	if (known && !current)
		domain->read_us = now_us; /* this thread reads; the others go on with the old one */
	pthread_mutex_unlock(&domain->lock);
	if (current)
		return FAS_OK;
	enum fas_code rc = read_identity(domain, &fresh, &failure);
	if (rc != FAS_OK && known) {
		log_error("identity_not_renewed", &failure, "domain", domain->config.name, NULL);
		return FAS_OK;
	}
	if (rc != FAS_OK)
		return fas_fail(e, rc, failure.reason, "%s", failure.message);
	pthread_mutex_lock(&domain->lock);
	domain->identity = fresh;
	domain->known = true;
	domain->read_us = now_us;
	pthread_mutex_unlock(&domain->lock);
	*out = fresh;
	return FAS_OK;
}
