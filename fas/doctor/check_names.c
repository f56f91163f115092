/* Names and mappings by which one account could be taken for another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"
#include "fas/doctor/checks.h"

static bool
is_known(const struct exam_domain *d, struct report *r)
{
	if (d->upns_why.code == FAS_OK) {
		if (d->upns.more)
			report_note(r, "%s: the first %d accounts were looked at",
			    d->survey.config->name, SURVEY_ACCOUNTS_MAX);
		return true;
	}
	report_unknown(r, d->survey.config->name, &d->upns_why);
	return false;
}

/* Let the account's UPN be its own implicit name, which the directory keeps unique. */
static void
remedy_upn(json_t *f, const struct exam_domain *d, const struct survey_upn *item)
{
	char upn[UPN_MAX + HOSTNAME_MAX + 2];
	int len = snprintf(upn, sizeof(upn), "%s@%s", item->sam, d->survey.config->name);
	if (len < 0 || (size_t)len >= sizeof(upn))
		return;
	if (d->vendor == VENDOR_SAMBA) {
		remedy_ldif(f, item->dn, "replace", "userPrincipalName", upn, (size_t)len);
		return;
	}
	OWN(text) char *dn = quote_powershell(item->dn);
	OWN(text) char *name = quote_powershell(upn);
	if (dn && name)
		remedy(f, REMEDY_CONTROLLER, "Set-ADUser -Identity %s -UserPrincipalName %s", dn,
		    name);
}

void
check_upn_collisions(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (!is_known(d, r))
			continue;
		for (size_t k = 0; k < d->upns.n; k++) {
			const struct survey_upn *item = &d->upns.items[k];
			if (item->other)
				remedy_upn(report_finding(r, item->dn,
					       "its UPN %.120s is also the implicit name of %.200s",
					       item->upn, item->other),
				    d, item);
		}
	}
}

/* Among those of one name: first whose own it is, since the remedy gives the others theirs. */
static int
compare_upns(const void *a, const void *b)
{
	const struct survey_upn *const *x = a, *const *y = b;
	int order = strcasecmp((*x)->upn, (*y)->upn);
	if (order == 0)
		order = ((*x)->other != NULL) - ((*y)->other != NULL);
	return order != 0 ? order : strcmp((*x)->dn, (*y)->dn);
}

static void
judge_sorted(const struct exam_domain *d, const struct survey_upn **sorted, struct report *r)
{
	for (size_t k = 1; k < d->upns.n; k++) {
		if (strcasecmp(sorted[k]->upn, sorted[k - 1]->upn) == 0)
			remedy_upn(
			    report_finding(r, sorted[k]->dn, "its UPN %.120s is that of %.200s too",
				sorted[k]->upn, sorted[k - 1]->dn),
			    d, sorted[k]);
	}
}

void
check_upn_duplicates(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct survey_upn **sorted = calloc(d->upns.n + 1, sizeof(*sorted));
		if (sorted && is_known(d, r)) {
			for (size_t k = 0; k < d->upns.n; k++)
				sorted[k] = &d->upns.items[k];
			qsort(sorted, d->upns.n, sizeof(*sorted), compare_upns);
			judge_sorted(d, sorted, r);
		}
		free(sorted);
	}
}

static void
remedy_mapping(json_t *f, const struct exam_domain *d, const struct survey_item *item)
{
	if (d->vendor == VENDOR_SAMBA) {
		remedy_ldif(f, item->dn, "delete", "altSecurityIdentities", item->data, item->len);
		return;
	}
	OWN(text) char *dn = quote_powershell(item->dn);
	OWN(text) char *value = quote_powershell((const char *)item->data);
	if (dn && value)
		remedy(f, REMEDY_CONTROLLER,
		    "Set-ADUser -Identity %s -Remove @{altSecurityIdentities=%s}", dn, value);
}

/*
 * The SID in our certificates says which account is meant.  A mapping by name that points to our authority can only agree
 * with it or contradict it: a KDC that finds both differ refuses, and one that looks at mappings first maps wrongly.
 */
void
check_mappings(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (d->mappings_why.code != FAS_OK)
			report_unknown(r, d->survey.config->name, &d->mappings_why);
		for (size_t k = 0; k < d->mappings.n; k++) {
			const struct survey_item *item = &d->mappings.items[k];
			remedy_mapping(report_finding(r, item->dn,
					   "its altSecurityIdentities maps certificates of this "
					   "service: %.250s",
					   (const char *)item->data),
			    d, item);
		}
	}
}
