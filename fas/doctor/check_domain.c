/* How a domain is set up. */
#include <string.h>

#include "fas/base/text.h"
#include "fas/doctor/checks.h"

#define LEVEL_2008_R2 4 /* MS-ADTS 6.1.4.2, msDS-Behavior-Version */

/* Is the number known, for a check that needs it? */
static bool
has_number(const struct exam_domain *d, const struct survey_number *number, const char *attribute,
    struct report *r)
{
	struct fas_err why = d->survey.setup.why;
	if (why.code == FAS_OK && number->known)
		return true;
	(void)fas_fail(&why, FAS_E_UNAVAILABLE, "directory_incomplete",
	    "%s did not come: may this service's account read it?", attribute);
	report_unknown(r, d->survey.config->name, &why);
	return false;
}

/* Is the setup known? */
static bool
is_known(const struct exam_domain *d, struct report *r)
{
	if (d->survey.setup.why.code == FAS_OK)
		return true;
	report_unknown(r, d->survey.config->name, &d->survey.setup.why);
	return false;
}

void
check_functional_level(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct survey_number *level = &d->survey.setup.level;
		const char *name = d->survey.config->name;
		if (!has_number(d, level, "msDS-Behavior-Version", r) ||
		    level->value >= LEVEL_2008_R2)
			continue;
		json_t *f = report_finding(r, name,
		    "its functional level is %lld, want at least 4 (Windows Server 2008 R2)",
		    (long long)level->value);
		if (d->vendor == VENDOR_SAMBA)
			remedy(f, REMEDY_CONTROLLER,
			    "samba-tool domain level raise --domain-level=2008_R2");
		else
			remedy(f, REMEDY_CONTROLLER,
			    "Set-ADDomainMode -Identity %s -DomainMode Windows2016Domain", name);
	}
}

void
check_machine_quota(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const struct survey_number *quota = &d->survey.setup.machine_quota;
		const char *name = d->survey.config->name;
		if (!has_number(d, quota, "ms-DS-MachineAccountQuota", r) || quota->value == 0)
			continue;
		json_t *f = report_finding(r, name,
		    "every user may make %lld computers (ms-DS-MachineAccountQuota) and choose "
		    "their "
		    "names",
		    (long long)quota->value);
		if (d->vendor == VENDOR_SAMBA)
			remedy_ldif(f, d->survey.config->base, "replace",
			    "ms-DS-MachineAccountQuota", "0", 1);
		else
			remedy(f, REMEDY_CONTROLLER,
			    "Set-ADDomain -Identity %s -Replace @{'ms-DS-MachineAccountQuota'='0'}",
			    name);
	}
}

/* ---- suffixes ---- */

static bool
has_suffix(const struct exam *x, const char *suffix)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct survey_list *list = &x->domains[i].survey.setup.suffixes;
		for (size_t k = 0; k < list->n; k++) {
			if (ascii_equal_nocase((const char *)list->items[k].data, suffix))
				return true;
		}
	}
	return false;
}

static void
suffix_missing(struct report *r, const struct exam_domain *d, const char *suffix, const char *who)
{
	OWN(text) char *quoted = quote_powershell(suffix);
	json_t *f = report_finding(r, suffix,
	    "the forest does not know the UPN suffix %.100s, which stands at %.250s", suffix, who);
	if (d->vendor == VENDOR_SAMBA)
		remedy_ldif(
		    f, d->survey.setup.partitions, "add", "uPNSuffixes", suffix, strlen(suffix));
	else if (quoted)
		remedy(f, REMEDY_CONTROLLER, "Get-ADForest | Set-ADForest -UPNSuffixes @{Add=%s}",
		    quoted);
}

/* Is it the first account with this suffix? */
static bool
is_first(const struct survey_upns *upns, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (ascii_equal_nocase(
			upn_suffix(upns->items[i].upn), upn_suffix(upns->items[at].upn)))
			return false;
	}
	return true;
}

static void
check_rules(const struct exam *x, const struct exam_domain *d, struct report *r)
{
	size_t n = x->policy ? policy_rule_count(x->policy) : 0;
	for (size_t i = 0; i < n; i++) {
		struct policy_rule_view rule;
		policy_rule_view(x->policy, i, &rule);
		for (size_t k = 0; k < rule.n_upn_suffixes; k++) {
			if (!has_suffix(x, rule.upn_suffixes[k]))
				suffix_missing(r, d, rule.upn_suffixes[k], rule.name);
		}
	}
}

void
check_upn_suffixes(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (!is_known(d, r))
			return; /* of any domain: its suffixes might be the ones that seem unknown */
	}
	if (x->n_domains > 0)
		check_rules(x, &x->domains[0], r);
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		if (d->upns_why.code != FAS_OK)
			report_unknown(r, d->survey.config->name, &d->upns_why);
		for (size_t k = 0; k < d->upns.n; k++) {
			const struct survey_upn *item = &d->upns.items[k];
			const char *suffix = upn_suffix(item->upn);
			if (*suffix && !has_suffix(x, suffix) && is_first(&d->upns, k))
				suffix_missing(r, d, suffix, item->dn);
		}
	}
}
