/* What limits.yaml lets the administrator's own profiles have. */
#include "ca/limits.h"

#include <string.h>

#include "fas/base/oid.h"
#include "fas/base/text.h"

#define LIST_MAX 64
#define BAD "limits_value"

/* ---- own_profiles ---- */

static enum fas_code
check_lists(const struct limits_own *own, struct fas_err *e)
{
	const struct yaml_node *const lists[] = {
	    own->purposes, own->policies, own->urls, own->mail_domains};
	for (size_t i = 0; i < NELEMS(lists); i++) {
		if (lists[i] && lists[i]->n > LIST_MAX)
			return yaml_fail(
			    lists[i], e, BAD, "%zu values, want at most %d", lists[i]->n, LIST_MAX);
	}
	for (size_t i = 0; own->mail_domains && i < own->mail_domains->n; i++) {
		const struct yaml_node *name = own->mail_domains->items[i];
		if (!hostname_is_valid(name->text))
			return yaml_fail(
			    name, e, BAD, "mail domain \"%s\" is not a DNS name", name->text);
	}
	return FAS_OK;
}

enum fas_code
limits_read_own(struct yaml_reader *top, struct limits *l, struct fas_err *e)
{
	static const char *const subjects[] = {"directory", "upn"};
	const struct yaml_node empty = {.kind = YAML_MAP};
	const struct yaml_node *node = yaml_want(top, "own_profiles", YAML_MAP);
	struct limits_own *own = &l->own;
	struct yaml_reader r;
	unsigned forms = 0;
	if (yaml_open(&r, node ? node : &empty, "\"own_profiles\"", e) != FAS_OK)
		return e->code;
	own->longest_life_s =
	    yaml_want_duration(&r, "longest_life", 60, l->longest_life_s, l->longest_life_s);
	const struct yaml_node *usages = yaml_want_texts(&r, "key_usage");
	const struct yaml_node *names = yaml_want_texts(&r, "names");
	const struct yaml_node *subject = yaml_want_texts(&r, "subjects");
	own->purposes = yaml_want_texts(&r, "purposes");
	own->policies = yaml_want_texts(&r, "policies");
	own->urls = yaml_want_texts(&r, "urls");
	own->mail_domains = yaml_want_texts(&r, "mail_domains");
	if (yaml_finish(&r) != FAS_OK ||
	    config_read_bits(usages, profile_usages, PROFILE_USAGES, BAD, &own->key_usage, e) !=
		FAS_OK ||
	    config_read_bits(names, profile_extra_names, PROFILE_EXTRA_NAMES, BAD,
		&own->extra_names, e) != FAS_OK ||
	    config_read_bits(subject, subjects, NELEMS(subjects), BAD, &forms, e) != FAS_OK)
		return e->code;
	own->upn_subject = forms >> PROFILE_SUBJECT_UPN & 1;
	return check_lists(own, e);
}

/* ---- a profile against them ---- */

static bool
has_text(const struct yaml_node *list, const char *text)
{
	for (size_t i = 0; list && i < list->n; i++) {
		if (strcmp(list->items[i]->text, text) == 0)
			return true;
	}
	return false;
}

static enum fas_code
fail_outside(const struct yaml_node *at, const char *what, const char *key, const char *name,
    struct fas_err *e)
{
	return yaml_fail(at, e, "profile_outside_limits",
	    "%s \"%s\" of profile \"%s\" is not among own_profiles: %s of the limits", key,
	    at->text ? at->text : what, name, what);
}

static enum fas_code
check_texts(const struct yaml_node *list, const struct yaml_node *allowed, const char *what,
    const char *key, const char *name, struct fas_err *e)
{
	for (size_t i = 0; list && i < list->n; i++) {
		if (!has_text(allowed, list->items[i]->text))
			return fail_outside(list->items[i], what, key, name, e);
	}
	return FAS_OK;
}

/* allowed: bits of words. */
static enum fas_code
check_bits(const struct yaml_node *list, const char *const *words, size_t n, unsigned allowed,
    const char *what, const char *name, struct fas_err *e)
{
	for (size_t i = 0; list && i < list->n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (strcmp(words[k], list->items[i]->text) == 0 && !(allowed >> k & 1))
				return fail_outside(list->items[i], what, what, name, e);
		}
	}
	return FAS_OK;
}

/* A principal is held to its domain's realm: each domain has to have one. */
static enum fas_code
check_principal(const struct limits *l, const struct profile_config *p, struct fas_err *e)
{
	if (!(p->own.extra_names & EXTRA_PRINCIPAL))
		return FAS_OK;
	for (size_t i = 0; i < l->n_domains; i++) {
		if (!l->domains[i].dns_name)
			return yaml_fail(p->names, e, "profile_outside_limits",
			    "profile \"%s\" has the name principal: every domain of the limits "
			    "needs "
			    "dns_name for it",
			    p->own.name);
	}
	return FAS_OK;
}

static enum fas_code
check_profile(const struct limits *l, const struct profile_config *p, struct fas_err *e)
{
	static const unsigned base_usage =
	    1u << 0 | 1u << 2; /* digitalSignature, keyEncipherment */
	const struct limits_own *own = &l->own;
	const char *name = p->own.name;
	if (p->own.longest_life_s > own->longest_life_s)
		return yaml_fail(p->longest_life, e, "profile_outside_limits",
		    "longest_life of profile \"%s\" is beyond the %lld s of the limits", name,
		    (long long)own->longest_life_s);
	if (p->own.subject == PROFILE_SUBJECT_UPN && !own->upn_subject)
		return fail_outside(p->subject, "subjects", "subject", name, e);
	enum fas_code rc = check_bits(p->key_usage, profile_usages, PROFILE_USAGES,
	    own->key_usage | base_usage, "key_usage", name, e);
	if (rc == FAS_OK)
		rc = check_bits(p->names, profile_extra_names, PROFILE_EXTRA_NAMES,
		    own->extra_names, "names", name, e);
	if (rc == FAS_OK)
		rc = check_texts(p->purposes, own->purposes, "purposes", "purpose", name, e);
	if (rc == FAS_OK)
		rc = check_texts(p->policies, own->policies, "policies", "policy", name, e);
	if (rc == FAS_OK)
		rc = check_texts(p->crl_urls, own->urls, "urls", "URL", name, e);
	if (rc == FAS_OK)
		rc = check_texts(p->ca_urls, own->urls, "urls", "URL", name, e);
	return rc == FAS_OK ? check_principal(l, p, e) : rc;
}

enum fas_code
limits_check_profiles(const struct limits *l, const struct signer_config *config, struct fas_err *e)
{
	for (size_t i = 0; i < config->n_profiles; i++) {
		enum fas_code rc = check_profile(l, &config->profiles[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

/* ---- issuance policies that a request asks for ---- */

enum fas_code
limits_read_policies(struct yaml_reader *r, struct limits *l, struct fas_err *e)
{
	const struct yaml_node *list = yaml_want_texts(r, "issuance_policies");
	if (list && list->n > LIST_MAX)
		return yaml_fail(list, e, BAD, "%zu values, want at most %d", list->n, LIST_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		if (!oid_is_open_policy(list->items[i]->text))
			return yaml_fail(list->items[i], e, BAD,
			    "\"%s\" is no issuance policy: want an object identifier other than "
			    "anyPolicy",
			    list->items[i]->text);
	}
	l->issuance_policies = list;
	return FAS_OK;
}

/* Each may be linked to a group of the domain: what is not named here nobody can ask for. */
enum fas_code
limits_check_policies(const struct limits *l, const struct limits_facts *f, struct fas_err *e)
{
	for (size_t i = 0; i < f->n_policies; i++) {
		if (!has_text(l->issuance_policies, f->policies[i]))
			return fas_fail(e, FAS_E_DENIED, "issuance_policy_outside_limits",
			    "limits: issuance policy %s is not among issuance_policies",
			    f->policies[i]);
	}
	return FAS_OK;
}

/* ---- a request's names ---- */

static enum fas_code
check_mail(
    const struct limits *l, const struct limits_domain *d, const char *mail, struct fas_err *e)
{
	const struct yaml_node *allowed =
	    l->own.mail_domains ? l->own.mail_domains : d->upn_suffixes;
	const char *at = mail ? strrchr(mail, '@') : NULL;
	for (size_t i = 0; at && i < allowed->n; i++) {
		if (hostname_equal(allowed->items[i]->text, at + 1))
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_DENIED, "mail_outside_limits", "%s",
	    at ? "limits: the address's domain is not among mail_domains, or upn_suffixes where "
		 "there are none"
	       : "the profile has an e-mail address, the account has none");
}

enum fas_code
limits_check_names(const struct limits *l, const struct limits_domain *d,
    const struct limits_facts *f, struct fas_err *e)
{
	unsigned names = f->own->extra_names;
	if (names & EXTRA_PRINCIPAL &&
	    (!f->realm || !d->dns_name || !hostname_equal(d->dns_name, f->realm)))
		return fas_fail(e, FAS_E_DENIED, "principal_outside_limits",
		    "limits: the principal's realm is not the domain's dns_name");
	return names & EXTRA_MAIL ? check_mail(l, d, f->mail, e) : FAS_OK;
}
