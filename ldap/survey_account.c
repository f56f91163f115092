/* Accounts in numbers: by pages, on a connection of their own, to a cap. */
#include <stdio.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"
#include "ldap/filter.h"
#include "ldap/identity.h"
#include "ldap/survey.h"

#define PERSON "(objectCategory=person)(objectClass=user)"
#define IN_CHAIN "memberOf:1.2.840.113556.1.4.1941:"
#define NAMES_A_QUERY 32
#define ALL_US (30 * INT64_C(1000000)) /* for one list, whatever its length */

/* Take one page's entries; *full: no more are wanted. */
typedef enum fas_code take_page(
    const struct entries *page, void *arg, bool *full, struct fas_err *e);

static enum fas_code
each_page(struct directory *directory, size_t i, const struct dc_query *query, take_page *take,
    void *arg, struct fas_err *e)
{
	int64_t step_us = directory->domains[i].config.timeout_ms * 1000;
	int64_t last_us = clock_monotonic_us() + ALL_US;
	OWN(dc_conn) struct dc_conn *conn = NULL;
	struct dc_cookie cookie = {.done = false};
	bool full = false;
	enum fas_code rc = survey_connect(directory, i, clock_monotonic_us() + step_us, &conn, e);
	while (rc == FAS_OK && !cookie.done && !full) {
		OWN(entries) struct entries page = {0};
		if (clock_monotonic_us() >= last_us)
			return fas_fail(e, FAS_E_TIMEOUT, "ldap_timeout",
			    "domain %s: the list is too long for its time",
			    directory->domains[i].config.name);
		rc = dc_conn_page(conn, query, &cookie, clock_monotonic_us() + step_us, &page, e);
		if (rc == FAS_OK)
			rc = take(&page, arg, &full, e);
	}
	return rc;
}

/* ---- user principal names ---- */

static const char *
text_or_empty(const struct entry *entry, const char *name, size_t max)
{
	const char *text = NULL;
	return entry_text(entry, name, max, &text, NULL) == FAS_OK && text ? text : "";
}

static void
upn_done(struct survey_upn *item)
{
	free(item->upn);
	free(item->dn);
	free(item->sam);
	free(item->other);
}

static enum fas_code
take_upns(const struct entries *page, void *arg, bool *full, struct fas_err *e)
{
	struct survey_upns *out = arg;
	for (size_t i = 0; i < page->n; i++) {
		const struct entry *entry = &page->items[i];
		if (out->n == SURVEY_ACCOUNTS_MAX) {
			*full = out->more = true;
			return FAS_OK;
		}
		const char *upn = text_or_empty(entry, "userPrincipalName", UPN_MAX);
		if (!*upn)
			continue; /* no name that anybody could give */
		struct survey_upn *item = &out->items[out->n];
		item->upn = strdup(upn);
		item->sam =
		    strdup(text_or_empty(entry, "sAMAccountName", SAM_ACCOUNT_NAME_MAX - 1));
		item->dn = strdup(entry->dn);
		if (!item->upn || !item->sam || !item->dn) {
			upn_done(item);
			return fas_fail_nomem(e);
		}
		out->n++;
	}
	return FAS_OK;
}

/* Could upn be the implicit name of an account that is not its bearer? */
static bool
may_collide(const struct survey_upn *item, const struct domain_config *config)
{
	const char *suffix = upn_suffix(item->upn);
	size_t local = strcspn(item->upn, "@");
	if (!ascii_equal_nocase(suffix, config->name) &&
	    !(config->netbios && ascii_equal_nocase(suffix, config->netbios)))
		return false;
	return local > 0 &&
	       (strlen(item->sam) != local || strncasecmp(item->sam, item->upn, local) != 0);
}

static void
note_other(struct survey_upn *item, const struct entries *found)
{
	size_t local = strcspn(item->upn, "@");
	for (size_t i = 0; i < found->n && !item->other; i++) {
		const char *sam =
		    text_or_empty(&found->items[i], "sAMAccountName", SAM_ACCOUNT_NAME_MAX - 1);
		if (strlen(sam) == local && strncasecmp(sam, item->upn, local) == 0)
			item->other = strdup(found->items[i].dn);
	}
}

/* Ask for the accounts named by up to NAMES_A_QUERY items at once. */
static enum fas_code
find_others(struct domain *domain, struct survey_upn *const *items, size_t n, struct fas_err *e)
{
	static const char *const wanted[] = {"sAMAccountName", NULL};
	OWN(buf) struct buf filter;
	OWN(entries) struct entries found = {0};
	buf_init(&filter, NAMES_A_QUERY * (3 * SAM_ACCOUNT_NAME_MAX + UPN_MAX * 3));
	buf_text(&filter, "(&(objectClass=user)(|");
	for (size_t i = 0; i < n; i++) {
		buf_text(&filter, "(sAMAccountName=");
		filter_value(&filter, items[i]->upn, strcspn(items[i]->upn, "@"));
		buf_text(&filter, ")");
	}
	buf_text(&filter, "))");
	enum fas_code rc = buf_check(&filter, e);
	if (rc != FAS_OK)
		return rc;
	const struct dc_query query = {.base = domain->config.base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(&filter),
	    .attributes = wanted};
	if ((rc = dc_pool_search(domain->pool, &query, &found, e)) != FAS_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		note_other(items[i], &found);
	return FAS_OK;
}

static enum fas_code
find_collisions(struct domain *domain, struct survey_upns *upns, struct fas_err *e)
{
	struct survey_upn *asked[NAMES_A_QUERY];
	size_t n = 0;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < upns->n; i++) {
		if (may_collide(&upns->items[i], &domain->config))
			asked[n++] = &upns->items[i];
		if (n == NAMES_A_QUERY || (n > 0 && i + 1 == upns->n)) {
			rc = find_others(domain, asked, n, e);
			n = 0;
		}
	}
	return rc;
}

enum fas_code
survey_upns(struct directory *directory, size_t i, struct survey_upns *out, struct fas_err *e)
{
	static const char *const wanted[] = {"userPrincipalName", "sAMAccountName", NULL};
	const struct dc_query query = {.base = directory->domains[i].config.base,
	    .scope = DC_SUBTREE,
	    .filter = "(&" PERSON "(userPrincipalName=*))",
	    .attributes = wanted};
	*out = (struct survey_upns){.items = calloc(SURVEY_ACCOUNTS_MAX, sizeof(*out->items))};
	if (!out->items)
		return fas_fail_nomem(e);
	enum fas_code rc = each_page(directory, i, &query, take_upns, out, e);
	return rc == FAS_OK ? find_collisions(&directory->domains[i], out, e) : rc;
}

void
survey_upns_done(struct survey_upns *upns)
{
	for (size_t i = 0; i < upns->n; i++)
		upn_done(&upns->items[i]);
	free(upns->items);
	*upns = (struct survey_upns){0};
}

/* ---- mappings ---- */

struct mapping_taker {
	const char *text;
	struct survey_list *out;
};

/* An account may have other mappings beside the one that was searched for. */
static enum fas_code
take_mappings(const struct entries *page, void *arg, bool *full, struct fas_err *e)
{
	const struct mapping_taker *taker = arg;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < page->n; i++) {
		const struct attribute *a =
		    entry_attribute(&page->items[i], "altSecurityIdentities");
		for (size_t k = 0; rc == FAS_OK && a && k < a->n; k++) {
			const char *value = (const char *)a->values[k].data;
			if (utf8_is_valid(value, a->values[k].len) && !utf8_has_invisible(value) &&
			    strstr(value, taker->text))
				rc = survey_list_add(
				    taker->out, page->items[i].dn, value, a->values[k].len, e);
		}
	}
	*full = taker->out->more;
	return rc;
}

enum fas_code
survey_mappings(struct directory *directory, size_t i, const char *text, struct survey_list *out,
    struct fas_err *e)
{
	static const char *const wanted[] = {"altSecurityIdentities", NULL};
	struct mapping_taker taker = {.text = text, .out = out};
	OWN(buf) struct buf filter;
	buf_init(&filter, FILTER_MAX);
	buf_text(&filter, "(&(objectClass=user)(altSecurityIdentities=X509:*");
	filter_value(&filter, text, strlen(text));
	buf_text(&filter, "*))");
	enum fas_code rc = buf_check(&filter, e);
	if (rc != FAS_OK)
		return rc;
	const struct dc_query query = {.base = directory->domains[i].config.base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(&filter),
	    .attributes = wanted};
	return each_page(directory, i, &query, take_mappings, &taker, e);
}

/* ---- members of a group ---- */

static enum fas_code
take_members(const struct entries *page, void *arg, bool *full, struct fas_err *e)
{
	struct survey_members *out = arg;
	for (size_t i = 0; i < page->n; i++) {
		if (out->n == SURVEY_MEMBERS_MAX) {
			*full = out->more = true;
			return FAS_OK;
		}
		struct survey_member *member = &out->items[out->n];
		if (entry_need_sid(&page->items[i], "objectSid", &member->sid, NULL) != FAS_OK)
			continue;
		member->dn = strdup(page->items[i].dn);
		if (!member->dn)
			return fas_fail_nomem(e);
		out->n++;
	}
	return FAS_OK;
}

void
survey_members_done(struct survey_members *members)
{
	while (members->n > 0)
		free(members->items[--members->n].dn);
}

/* The group's DN, by which memberOf knows it; malloc'ed, NULL when this domain does not have it. */
static enum fas_code
find_group(struct domain *domain, const struct sid *group, char **out, struct fas_err *e)
{
	static const char *const wanted[] = {"objectSid", NULL};
	char base[SID_TEXT_MAX + 8], sid[SID_TEXT_MAX];
	OWN(entries) struct entries found = {0};
	(void)snprintf(base, sizeof(base), "<SID=%s>", sid_format(group, sid));
	const struct dc_query query = {
	    .base = base, .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	enum fas_code rc = dc_pool_search(domain->pool, &query, &found, e);
	if (rc != FAS_OK || found.n != 1)
		return rc;
	*out = strdup(found.items[0].dn);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
members_in(struct directory *directory, size_t i, const struct sid *group,
    struct survey_members *out, struct fas_err *e)
{
	static const char *const wanted[] = {"objectSid", NULL};
	OWN(text) char *dn = NULL;
	OWN(buf) struct buf filter;
	buf_init(&filter, 3 * ENTRY_DN_MAX + 256);
	enum fas_code rc = find_group(&directory->domains[i], group, &dn, e);
	if (rc != FAS_OK || !dn)
		return rc;
	buf_text(&filter, "(&" PERSON "(|");
	filter_text(&filter, IN_CHAIN, dn);
	buf_printf(&filter, "(primaryGroupID=%u)))", sid_rid(group));
	if ((rc = buf_check(&filter, e)) != FAS_OK)
		return rc;
	const struct dc_query query = {.base = directory->domains[i].config.base,
	    .scope = DC_SUBTREE,
	    .filter = buf_str(&filter),
	    .attributes = wanted};
	return each_page(directory, i, &query, take_members, out, e);
}

/* Only the domain that has the group knows its SID as a base; members of other domains are foreign principals there. */
enum fas_code
survey_members(struct directory *directory, const struct sid *group, struct survey_members *out,
    struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*out = (struct survey_members){0};
	for (size_t i = 0; rc == FAS_OK && i < directory->n; i++)
		rc = members_in(directory, i, group, out, e);
	return rc;
}
