#include <stdio.h>
#include <string.h>

#include "fas/base/buf.h"
#include "ldap/filter.h"
#include "ldap/identity.h"
#include "ldap/machine.h"

static enum fas_code
not_found(struct fas_err *e, const char *sam, const char *realm)
{
	return fas_fail(
	    e, FAS_E_DENIED, "machine_not_found", "no machine account %.64s in %.64s", sam, realm);
}

static struct domain *
domain_by_realm(struct directory *directory, const char *realm)
{
	for (size_t i = 0; i < directory->n; i++) {
		if (strcmp(directory->domains[i].config.realm, realm) == 0)
			return &directory->domains[i];
	}
	return NULL;
}

/* The computers of one domain whose attribute has this value: their SIDs, at most two. */
static enum fas_code
search(struct domain *domain, const char *attribute, const char *value, struct entries *out,
    struct fas_err *e)
{
	static const char *const wanted[] = {"objectSid", NULL};
	OWN(buf) struct buf filter;
	buf_init(&filter, FILTER_MAX);
	filter_text(&filter, attribute, value);
	enum fas_code rc = buf_check(&filter, e);
	if (rc != FAS_OK)
		return rc;
	struct dc_query query = {.base = domain->config.base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(&filter),
	    .attributes = wanted,
	    .size_limit = 2};
	return dc_pool_search(domain->pool, &query, out, e);
}

static enum fas_code
read_by_sid(struct domain *domain, const struct sid *sid, int64_t now_s, struct machine *out,
    struct fas_err *e)
{
	OWN(entries) struct entries found = {0};
	char base[SID_TEXT_MAX + 8], text[SID_TEXT_MAX];
	(void)snprintf(base, sizeof(base), "<SID=%s>", sid_format(sid, text));
	struct dc_query query = {.base = base,
	    .scope = DC_BASE,
	    .filter = "(objectClass=*)",
	    .attributes = machine_attributes};
	enum fas_code rc = dc_pool_search(domain->pool, &query, &found, e);
	if (rc != FAS_OK)
		return rc;
	if (found.n != 1)
		return not_found(e, text, domain->config.realm);
	return machine_build(&found.items[0], &domain->config, now_s, out, e);
}

/* In every domain: two machines of one name would be one to the policy. */
static enum fas_code
check_unique(struct directory *directory, const struct machine *machine, struct fas_err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < directory->n; i++) {
		OWN(entries) struct entries found = {0};
		enum fas_code rc =
		    search(&directory->domains[i], "dNSHostName", machine->dns_name, &found, e);
		if (rc != FAS_OK)
			return rc;
		n += found.n + found.more;
	}
	if (n != 1)
		return fas_fail(e, FAS_E_DENIED, "machine_name",
		    "dNSHostName %s stands at %zu accounts, want one", machine->dns_name, n);
	return FAS_OK;
}

static enum fas_code
find(struct directory *directory, const char *realm, const char *sam, int64_t now_s,
    struct machine *out, struct fas_err *e)
{
	OWN(entries) struct entries found = {0};
	struct sid sid;
	struct domain *domain = domain_by_realm(directory, realm);
	if (!domain)
		return fas_fail(e, FAS_E_DENIED, "machine_domain",
		    "RFC 4120 6.1: no configured domain has the realm %.64s", realm);
	enum fas_code rc = search(domain, "sAMAccountName", sam, &found, e);
	if (rc != FAS_OK)
		return rc;
	if (found.n != 1 || found.more)
		return not_found(e, sam, realm);
	if ((rc = entry_need_sid(&found.items[0], "objectSid", &sid, e)) != FAS_OK)
		return rc;
	if ((rc = read_by_sid(domain, &sid, now_s, out, e)) != FAS_OK)
		return rc;
	return check_unique(directory, out, e);
}

enum fas_code
lookup_machine(struct directory *directory, const char *realm, const char *sam, int64_t now_s,
    struct machine *out, struct fas_err *e)
{
	enum fas_code rc = find(directory, realm, sam, now_s, out, e);
	if (rc != FAS_OK)
		machine_done(out);
	return rc;
}
