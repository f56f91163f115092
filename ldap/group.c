#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"
#include "ldap/dn_text.h"
#include "ldap/filter.h"
#include "ldap/lookup.h"

#define GROUP_NAME_MAX 2048
#define GROUP_TYPE_SECURITY INT64_C(0x80000000) /* MS-ADTS 2.2.12 */

static enum fas_code
not_found(struct fas_err *e, const char *name, const char *finding)
{
	return fas_fail(e, FAS_E_NOTFOUND, "group_not_found", "group \"%.200s\" %s", name, finding);
}

static struct domain *
domain_by_name(struct directory *directory, const char *name)
{
	for (size_t i = 0; i < directory->n; i++) {
		const struct domain_config *c = &directory->domains[i].config;
		if (ascii_equal_nocase(c->name, name) ||
		    (c->netbios && ascii_equal_nocase(c->netbios, name)))
			return &directory->domains[i];
	}
	return NULL;
}

static struct domain *
domain_by_dn(struct directory *directory, const struct dn *dn)
{
	struct domain *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < directory->n; i++) {
		struct dn base = {0};
		if (dn_from_text(directory->domains[i].config.base, &base, NULL) == FAS_OK &&
		    base.n > longest && dn_is_below(dn, &base)) {
			best = &directory->domains[i];
			longest = base.n;
		}
		dn_done(&base);
	}
	return best;
}

/* tokenGroups holds security groups only: a rule about a distribution group would silently never match. */
static enum fas_code
judge_group(const char *name, const struct entries *found, struct sid *out, struct fas_err *e)
{
	int64_t type;
	if (found->n == 0)
		return not_found(e, name, "is not there");
	if (found->n > 1 || found->more)
		return not_found(e, name, "is not the only one of its name");
	const struct entry *entry = &found->items[0];
	if (!entry_has_value(entry, "objectClass", "group"))
		return not_found(e, name, "is no group");
	enum fas_code rc = entry_need_int(entry, "groupType", &type, e);
	if (rc != FAS_OK)
		return rc;
	if (!(type & GROUP_TYPE_SECURITY))
		return not_found(e, name,
		    "is a distribution group, which no logon carries: want a security group");
	return entry_need_sid(entry, "objectSid", out, e);
}

static enum fas_code
search_group(struct domain *domain, const char *name, struct dc_query *query, struct sid *out,
    struct fas_err *e)
{
	static const char *const wanted[] = {"objectClass", "objectSid", "groupType", NULL};
	OWN(entries) struct entries found = {0};
	query->attributes = wanted;
	query->size_limit = 2;
	enum fas_code rc = dc_pool_search(domain->pool, query, &found, e);
	return rc == FAS_OK ? judge_group(name, &found, out, e) : rc;
}

static enum fas_code
group_by_dn(struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	struct dn dn = {0};
	if (dn_from_text(name, &dn, NULL) != FAS_OK)
		return not_found(e, name, "is no distinguished name (RFC 4514)");
	struct domain *domain = domain_by_dn(directory, &dn);
	dn_done(&dn);
	if (!domain)
		return not_found(e, name, "lies in no configured domain");
	struct dc_query query = {.base = name, .scope = DC_BASE, .filter = "(objectClass=*)"};
	return search_group(domain, name, &query, out, e);
}

static enum fas_code
group_by_account_name(struct domain *domain, const char *name, const char *account_name,
    struct sid *out, struct fas_err *e)
{
	OWN(buf) struct buf filter;
	buf_init(&filter, FILTER_MAX);
	buf_text(&filter, "(&(objectClass=group)");
	filter_text(&filter, "sAMAccountName", account_name);
	buf_text(&filter, ")");
	enum fas_code rc = buf_check(&filter, e);
	if (rc != FAS_OK)
		return rc;
	struct dc_query query = {
	    .base = domain->config.base, .scope = DC_SUBTREE, .filter = buf_str(&filter)};
	return search_group(domain, name, &query, out, e);
}

/* sAMAccountName holds none of \ and @ (MS-SAMR 3.1.1.6), and a DN begins with a type and '='. */
enum fas_code
lookup_group(struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	size_t len = strlen(name);
	if (len == 0 || len > GROUP_NAME_MAX || !utf8_is_valid(name, len) ||
	    utf8_has_invisible(name))
		return not_found(e, "", "is empty, too long, or holds invisible characters");
	if (strncasecmp(name, "CN=", 3) == 0 || strncasecmp(name, "OU=", 3) == 0)
		return group_by_dn(directory, name, out, e);
	OWN(text) char *copy = strdup(name);
	if (!copy)
		return fas_fail_nomem(e);
	char *backslash = strchr(copy, '\\'), *at = strrchr(copy, '@');
	char *split = backslash ? backslash : at;
	if (!split || split == copy || !split[1])
		return not_found(
		    e, name, "is not DOMAIN\\name, name@domain or a distinguished name");
	*split = 0;
	struct domain *domain = domain_by_name(directory, backslash ? copy : split + 1);
	if (!domain)
		return not_found(e, name, "lies in no configured domain");
	return group_by_account_name(domain, name, backslash ? split + 1 : copy, out, e);
}
