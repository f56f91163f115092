#include "ldap/survey.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"
#include "ldap/account.h"
#include "ldap/identity.h"
#include "ldap/privileged.h"

#define TICKS_PER_SECOND INT64_C(10000000)
#define SECONDS_1601_TO_1970 INT64_C(11644473600)
#define NEVER INT64_C(0x7FFFFFFFFFFFFFFF)
#define DN_TEXT_MAX (ENTRY_DN_MAX + 128)

/* ---- lists ---- */

enum fas_code
survey_list_add(
    struct survey_list *list, const char *dn, const void *data, size_t len, struct fas_err *e)
{
	if (list->n == SURVEY_LIST_MAX) {
		list->more = true;
		return FAS_OK;
	}
	if (!list->items)
		list->items = calloc(SURVEY_LIST_MAX, sizeof(*list->items));
	if (!list->items)
		return fas_fail_nomem(e);
	struct survey_item *item = &list->items[list->n];
	*item = (struct survey_item){.dn = strdup(dn), .data = calloc(1, len + 1), .len = len};
	if (!item->dn || !item->data) {
		free(item->dn);
		free(item->data);
		return fas_fail_nomem(e);
	}
	memcpy(item->data, data, len);
	list->n++;
	return FAS_OK;
}

void
survey_list_done(struct survey_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].dn);
		free(list->items[i].data);
	}
	free(list->items);
	*list = (struct survey_list){0};
}

/* All values of the attribute of all entries. */
static enum fas_code
take_values(
    struct survey_list *out, const struct entries *found, const char *attribute, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < found->n; i++) {
		const struct attribute *a = entry_attribute(&found->items[i], attribute);
		for (size_t k = 0; rc == FAS_OK && a && k < a->n; k++)
			rc = survey_list_add(
			    out, found->items[i].dn, a->values[k].data, a->values[k].len, e);
	}
	out->more = out->more || found->more;
	return rc;
}

static void
take_number(const struct entry *entry, const char *name, struct survey_number *out)
{
	*out = (struct survey_number){0};
	(void)!entry_int(entry, name, &out->value, &out->known, NULL);
}

/* Ticks since 1601; 0, the largest one and a negative one mean never: not known. */
static void
take_ticks(const struct entry *entry, const char *name, struct survey_number *out)
{
	take_number(entry, name, out);
	out->known = out->known && out->value > 0 && out->value != NEVER;
	out->value = out->value / TICKS_PER_SECOND - SECONDS_1601_TO_1970;
}

bool
survey_time(const char *text, int64_t *out)
{
	static const char pattern[] = "dddddddddddddd";
	struct tm tm = {0};
	int at[6];
	for (size_t i = 0; pattern[i]; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	if (text[14] != '.' && text[14] != 'Z')
		return false;
	for (size_t i = 0; i < NELEMS(at); i++) {
		size_t from = i == 0 ? 0 : 2 + 2 * i;
		at[i] = (text[from] - '0') * 10 + text[from + 1] - '0';
	}
	tm.tm_year = at[0] * 100 + (text[2] - '0') * 10 + text[3] - '0' - 1900;
	tm.tm_mon = at[1] - 1;
	tm.tm_mday = at[2];
	tm.tm_hour = at[3];
	tm.tm_min = at[4];
	tm.tm_sec = at[5];
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

/* ---- the forest's certificates ---- */

static enum fas_code
search(struct domain *domain, enum dc_scope scope, const char *base, const char *filter,
    const char *const *wanted, struct entries *out, struct fas_err *e)
{
	const struct dc_query query = {
	    .base = base, .scope = scope, .filter = filter, .attributes = wanted};
	return dc_pool_search(domain->pool, &query, out, e);
}

/* An attribute of the root DSE that is a name, below which something stands; malloc'ed. */
static enum fas_code
below_context(
    struct domain *domain, const char *attribute, const char *below, char **out, struct fas_err *e)
{
	const char *const wanted[] = {attribute, NULL};
	const char *context = NULL;
	OWN(entries) struct entries root = {0};
	enum fas_code rc = search(domain, DC_BASE, "", "(objectClass=*)", wanted, &root, e);
	if (rc == FAS_OK && root.n == 1)
		rc = entry_text(&root.items[0], attribute, ENTRY_DN_MAX, &context, e);
	if (rc != FAS_OK)
		return rc;
	if (!context)
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "domain %s: the root DSE has no %s", domain->config.name, attribute);
	return asprintf(out, "%s%s", below, context) < 0 ? fas_fail_nomem(e) : FAS_OK;
}

/* It exists in every forest: what does not come may not be read. */
static enum fas_code
need_object(struct domain *domain, const char *base, struct fas_err *e)
{
	static const char *const wanted[] = {"objectClass", NULL};
	OWN(entries) struct entries found = {0};
	enum fas_code rc = search(domain, DC_BASE, base, "(objectClass=*)", wanted, &found, e);
	if (rc == FAS_OK && (found.n != 1 || !entry_attribute(&found.items[0], "objectClass")))
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "directory_incomplete", "%s cannot be read", base);
	return rc;
}

static const char *const certificate_wanted[] = {"cACertificate", "whenChanged", NULL};

static enum fas_code
read_container(struct domain *domain, const struct survey_pki *pki, const char *name,
    struct survey_list *out, struct fas_err *e)
{
	char base[DN_TEXT_MAX];
	OWN(entries) struct entries found = {0};
	(void)snprintf(base, sizeof(base), "CN=%s,%s", name, pki->base);
	enum fas_code rc = search(domain, DC_SUBTREE, base, "(objectClass=certificationAuthority)",
	    certificate_wanted, &found, e);
	return rc == FAS_OK ? take_values(out, &found, "cACertificate", e) : rc;
}

static enum fas_code
read_ntauth(struct domain *domain, struct survey_pki *pki, struct fas_err *e)
{
	char base[DN_TEXT_MAX];
	const char *when = NULL;
	OWN(entries) struct entries found = {0};
	(void)snprintf(base, sizeof(base), "CN=NTAuthCertificates,%s", pki->base);
	enum fas_code rc =
	    search(domain, DC_BASE, base, "(objectClass=*)", certificate_wanted, &found, e);
	if (rc != FAS_OK || found.n == 0)
		return rc;
	pki->has_ntauth = true;
	if (entry_text(&found.items[0], "whenChanged", 32, &when, NULL) != FAS_OK || !when ||
	    !survey_time(when, &pki->ntauth_changed_s))
		pki->ntauth_changed_s = 0;
	return take_values(&pki->ntauth, &found, "cACertificate", e);
}

static void
read_pki(struct domain *domain, struct survey_pki *out)
{
	struct fas_err *e = &out->why;
	enum fas_code rc = below_context(domain, "configurationNamingContext",
	    "CN=Public Key Services,CN=Services,", &out->base, e);
	if (rc == FAS_OK)
		rc = need_object(domain, out->base, e);
	if (rc == FAS_OK)
		rc = read_ntauth(domain, out, e);
	if (rc == FAS_OK)
		rc = read_container(domain, out, "Certification Authorities", &out->roots, e);
	if (rc == FAS_OK)
		(void)!read_container(domain, out, "AIA", &out->intermediates, e);
}

/* ---- how the domain is set up ---- */

/* The names of the forest's domains are suffixes without being said so. */
static enum fas_code
read_suffixes(struct domain *domain, struct survey_setup *out, struct fas_err *e)
{
	static const char *const wanted[] = {"uPNSuffixes", "dnsRoot", NULL};
	OWN(entries) struct entries found = {0};
	enum fas_code rc = search(domain, DC_SUBTREE, out->partitions,
	    "(|(objectClass=crossRefContainer)(&(objectClass=crossRef)(nETBIOSName=*)))", wanted,
	    &found, e);
	if (rc == FAS_OK)
		rc = take_values(&out->suffixes, &found, "uPNSuffixes", e);
	return rc == FAS_OK ? take_values(&out->suffixes, &found, "dnsRoot", e) : rc;
}

static enum fas_code
read_domain(struct domain *domain, struct survey_setup *out, struct fas_err *e)
{
	static const char *const wanted[] = {
	    "msDS-Behavior-Version", "ms-DS-MachineAccountQuota", NULL};
	OWN(entries) struct entries found = {0};
	enum fas_code rc =
	    search(domain, DC_BASE, domain->config.base, "(objectClass=*)", wanted, &found, e);
	if (rc != FAS_OK || found.n == 0)
		return rc;
	take_number(&found.items[0], "msDS-Behavior-Version", &out->level);
	take_number(&found.items[0], "ms-DS-MachineAccountQuota", &out->machine_quota);
	return FAS_OK;
}

static void
read_setup(struct domain *domain, struct survey_setup *out)
{
	struct fas_err *e = &out->why;
	enum fas_code rc = below_context(
	    domain, "configurationNamingContext", "CN=Partitions,", &out->partitions, e);
	if (rc == FAS_OK)
		rc = need_object(domain, out->partitions, e);
	if (rc == FAS_OK)
		rc = read_suffixes(domain, out, e);
	if (rc == FAS_OK)
		(void)!read_domain(domain, out, e);
}

/* ---- the service's own account ---- */

static enum fas_code
read_own_entry(struct domain *domain, const struct domain_identity *identity,
    const struct entry *entry, int64_t now_s, struct survey_own *out, struct fas_err *e)
{
	struct survey_number control;
	enum fas_code rc = account_read(entry, &domain->config, now_s, &out->account, e);
	if (rc != FAS_OK)
		return rc;
	out->account->privileged = account_is_privileged(out->account, &identity->dns_admins, 1);
	take_number(entry, "userAccountControl", &control);
	out->control = control.value;
	take_number(entry, "msDS-SupportedEncryptionTypes", &out->encryption);
	take_ticks(entry, "accountExpires", &out->expires_s);
	take_ticks(entry, "msDS-UserPasswordExpiryTimeComputed", &out->password_ends_s);
	return FAS_OK;
}

static void
read_own(struct domain *domain, int64_t now_s, struct survey_own *out)
{
	static const char *const more[] = {
	    "msDS-SupportedEncryptionTypes", "msDS-UserPasswordExpiryTimeComputed"};
	const char *wanted[ENTRY_ATTRIBUTES_MAX] = {more[0], more[1]};
	char base[SID_TEXT_MAX + 8], sid[SID_TEXT_MAX];
	struct domain_identity identity;
	OWN(entries) struct entries found = {0};
	size_t n = NELEMS(more);
	for (size_t i = 0; account_attributes[i] && n + 1 < NELEMS(wanted); i++)
		wanted[n++] = account_attributes[i];
	if (domain_identify(domain, &identity, &out->why) != FAS_OK || !sid_is_set(&identity.own))
		return;
	(void)snprintf(base, sizeof(base), "<SID=%s>", sid_format(&identity.own, sid));
	if (search(domain, DC_BASE, base, "(objectClass=*)", wanted, &found, &out->why) != FAS_OK)
		return;
	if (found.n == 1)
		(void)!read_own_entry(domain, &identity, &found.items[0], now_s, out, &out->why);
	else
		(void)fas_fail(&out->why, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "%s, this service's own account, cannot be read", sid);
}

/* ---- the whole ---- */

void
survey_read(struct directory *directory, size_t i, int64_t now_s, struct survey *out)
{
	struct domain *domain = &directory->domains[i];
	*out = (struct survey){.config = &domain->config};
	read_pki(domain, &out->pki);
	read_setup(domain, &out->setup);
	read_own(domain, now_s, &out->own);
}

void
survey_done(struct survey *survey)
{
	free(survey->pki.base);
	survey_list_done(&survey->pki.ntauth);
	survey_list_done(&survey->pki.roots);
	survey_list_done(&survey->pki.intermediates);
	free(survey->setup.partitions);
	survey_list_done(&survey->setup.suffixes);
	account_free(survey->own.account);
	*survey = (struct survey){0};
}
