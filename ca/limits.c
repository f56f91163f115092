#include "ca/limits.h"

#include <stdlib.h>
#include <string.h>

#include "ca/config.h"
#include "fas/base/text.h"

#define SIGNATURES_DEFAULT 10000
#define SIXTY_DAYS_S ((int64_t)60 * 86400)

static enum fas_code
read_suffixes(struct yaml_reader *r, struct limits_domain *d, struct fas_err *e)
{
	d->upn_suffixes = yaml_need_texts(r, "upn_suffixes");
	if (yaml_finish(r) != FAS_OK)
		return e->code;
	if (d->upn_suffixes->n == 0 || d->upn_suffixes->n > LIMITS_SUFFIXES_MAX)
		return yaml_fail(d->upn_suffixes, e, "limits_value",
		    "%zu upn_suffixes, want 1 to %d", d->upn_suffixes->n, LIMITS_SUFFIXES_MAX);
	for (size_t i = 0; i < d->upn_suffixes->n; i++) {
		const struct yaml_node *suffix = d->upn_suffixes->items[i];
		if (!hostname_is_valid(suffix->text))
			return yaml_fail(suffix, e, "limits_value",
			    "UPN suffix \"%s\" is not a DNS name", suffix->text);
	}
	return FAS_OK;
}

static enum fas_code
read_domain(const struct yaml_node *node, struct limits_domain *d, struct fas_err *e)
{
	struct yaml_reader r;
	struct fas_err why = {0};
	if (yaml_open(&r, node, "a domain", e) != FAS_OK)
		return e->code;
	const char *sid = yaml_need_text(&r, "sid");
	d->dns_name = yaml_want_text(&r, "dns_name", NULL);
	if (read_suffixes(&r, d, e) != FAS_OK)
		return e->code;
	/* A domain's SID is S-1-5-21-X-Y-Z (MS-DTYP 2.4.2.4): never a built-in or well-known one. */
	if (sid_parse(sid, &d->sid, &why) != FAS_OK || d->sid.authority != 5 || d->sid.count != 4 ||
	    d->sid.sub[0] != 21)
		return yaml_fail(
		    node, e, "limits_value", "\"%s\" is not a domain's SID (S-1-5-21-X-Y-Z)", sid);
	if (d->dns_name && !hostname_is_valid(d->dns_name))
		return yaml_fail(
		    node, e, "limits_value", "dns_name \"%s\" is not a DNS name", d->dns_name);
	return FAS_OK;
}

static enum fas_code
read_domains(struct yaml_reader *r, struct limits *l, struct fas_err *e)
{
	const struct yaml_node *list = yaml_need(r, "domains", YAML_LIST);
	if (!list)
		return FAS_OK;
	if (list->n > LIMITS_DOMAINS_MAX)
		return yaml_fail(list, e, "limits_value", "%zu domains, want at most %d", list->n,
		    LIMITS_DOMAINS_MAX);
	for (size_t i = 0; i < list->n; i++) {
		enum fas_code rc = read_domain(list->items[i], &l->domains[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	l->n_domains = list->n;
	return FAS_OK;
}

/* A list of at most LIMITS_SIDS_MAX texts, NULL when absent. */
static enum fas_code
read_list(struct yaml_reader *r, const char *key, const struct yaml_node **out, struct fas_err *e)
{
	*out = yaml_want_texts(r, key);
	if (*out && (*out)->n > LIMITS_SIDS_MAX)
		return yaml_fail(*out, e, "limits_value", "%zu values in \"%s\", want at most %d",
		    (*out)->n, key, LIMITS_SIDS_MAX);
	return FAS_OK;
}

static enum fas_code
read_refusals(struct yaml_reader *r, struct limits *l, struct fas_err *e)
{
	const struct yaml_node *rids = NULL, *sids = NULL;
	uint64_t rid = 0;
	struct fas_err why = {0};
	if (read_list(r, "allow_rids", &rids, e) != FAS_OK ||
	    read_list(r, "refuse_sids", &sids, e) != FAS_OK)
		return e->code;
	for (size_t i = 0; rids && i < rids->n; i++) {
		if (!parse_uint(rids->items[i]->text, 1, UINT32_MAX, &rid))
			return yaml_fail(rids->items[i], e, "limits_value", "\"%s\" is no RID",
			    rids->items[i]->text);
		l->allow_rids[l->n_allow_rids++] = (uint32_t)rid;
	}
	for (size_t i = 0; sids && i < sids->n; i++) {
		if (sid_parse(sids->items[i]->text, &l->refuse_sids[i], &why) != FAS_OK)
			return yaml_fail(sids->items[i], e, "limits_value", "\"%s\" is no SID",
			    sids->items[i]->text);
		l->n_refuse_sids++;
	}
	return FAS_OK;
}

/* Only users' profiles can be named: machines' certificates have operations of their own. */
static enum fas_code
read_profiles(
    struct yaml_reader *r, const struct signer_config *config, struct limits *l, struct fas_err *e)
{
	const struct yaml_node *list = yaml_need_texts(r, "profiles");
	enum profile_kind kind;
	l->profile_names = list;
	for (size_t i = 0; list && i < list->n; i++) {
		const struct yaml_node *name = list->items[i];
		if (config && signer_config_profile(config, name->text))
			continue;
		if (!profile_parse(name->text, &kind) ||
		    (kind != PROFILE_SMARTCARD_LOGON && kind != PROFILE_CLIENT_AUTH))
			return yaml_fail(name, e, "limits_value",
			    "\"%s\" is neither smartcard-logon nor client-auth nor a profile of "
			    "signer.yaml",
			    name->text);
		l->profiles[kind] = true;
	}
	return FAS_OK;
}

static void
read_rate(struct yaml_reader *r, const char *key, int64_t count, struct rate_limit *out,
    struct fas_err *e)
{
	struct yaml_reader inner;
	const struct yaml_node *node = yaml_want(r, key, YAML_MAP);
	*out = (struct rate_limit){.count = count, .period_s = 600};
	if (!node || yaml_open(&inner, node, key, e) != FAS_OK)
		return;
	out->count = yaml_want_int(&inner, "count", 1, LIMITS_RATE_MAX, count);
	out->period_s = yaml_want_duration(&inner, "period", 16, 86400, 600);
	(void)!yaml_finish(
	    &inner); /* the first error stands in e, and the outer reader reports it */
}

static enum fas_code
read_rates(struct yaml_reader *r, struct limits *l, struct fas_err *e)
{
	struct yaml_reader inner;
	const struct yaml_node empty = {.kind = YAML_MAP};
	const struct yaml_node *node = yaml_want(r, "rate", YAML_MAP);
	if (yaml_open(&inner, node ? node : &empty, "\"rate\"", e) != FAS_OK)
		return e->code;
	read_rate(&inner, "per_sid", 30, &l->per_sid, e);
	read_rate(&inner, "total", 60000, &l->total, e);
	return yaml_finish(&inner);
}

static enum fas_code
read_limits(const struct signer_config *config, struct limits *l, struct fas_err *e)
{
	struct yaml_reader r;
	if (yaml_open(&r, yaml_root(l->doc), "the signer's limits", e) != FAS_OK)
		return e->code;
	l->refuse_rids_below =
	    (uint32_t)yaml_want_int(&r, "refuse_rids_below", 0, UINT32_MAX, 1000);
	l->longest_life_s = yaml_want_duration(&r, "longest_life", 60, SIXTY_DAYS_S, 3600);
	l->signatures_per_key =
	    yaml_want_int(&r, "signatures_per_key", 1, INT32_MAX, SIGNATURES_DEFAULT);
	if (read_domains(&r, l, e) != FAS_OK || read_refusals(&r, l, e) != FAS_OK ||
	    read_profiles(&r, config, l, e) != FAS_OK || limits_read_own(&r, l, e) != FAS_OK ||
	    limits_read_policies(&r, l, e) != FAS_OK || read_rates(&r, l, e) != FAS_OK ||
	    yaml_finish(&r) != FAS_OK)
		return e->code;
	return config ? limits_check_profiles(l, config, e) : FAS_OK;
}

enum fas_code
limits_parse(const char *name, const char *text, size_t len, const struct signer_config *config,
    struct limits **out, struct fas_err *e)
{
	OWN(limits) struct limits *l = calloc(1, sizeof(*l));
	if (!l)
		return fas_fail_nomem(e);
	enum fas_code rc = yaml_parse(name, text, len, &l->doc, e);
	if (rc == FAS_OK)
		rc = read_limits(config, l, e);
	if (rc == FAS_OK)
		*out = TAKE(l);
	return rc;
}

enum fas_code
limits_load(const char *path, uid_t owner, const struct signer_config *config, struct limits **out,
    struct fas_err *e)
{
	OWN(limits) struct limits *l = calloc(1, sizeof(*l));
	if (!l)
		return fas_fail_nomem(e);
	enum fas_code rc = yaml_load(path, &l->doc, e);
	if (rc == FAS_OK)
		rc = config_owner_check(path, owner, e);
	if (rc == FAS_OK)
		rc = read_limits(config, l, e);
	if (rc == FAS_OK)
		*out = TAKE(l);
	return rc;
}

void
limits_free(struct limits *limits)
{
	if (!limits)
		return;
	yaml_doc_free(limits->doc);
	free(limits);
}

static const struct limits_domain *
find_domain(const struct limits *l, const struct sid *sid)
{
	for (size_t i = 0; i < l->n_domains; i++) {
		if (sid_in_domain(sid, &l->domains[i].sid))
			return &l->domains[i];
	}
	return NULL;
}

static enum fas_code
check_sid(const struct limits *l, const struct sid *sid, struct fas_err *e)
{
	char text[SID_TEXT_MAX];
	uint32_t rid = sid_rid(sid);
	bool allowed = rid >= l->refuse_rids_below;
	for (size_t i = 0; !allowed && i < l->n_allow_rids; i++)
		allowed = l->allow_rids[i] == rid;
	if (!allowed)
		return fas_fail(e, FAS_E_DENIED, "rid_refused",
		    "limits: RID %u is below %u and not among allow_rids", rid,
		    l->refuse_rids_below);
	for (size_t i = 0; i < l->n_refuse_sids; i++) {
		if (sid_equal(&l->refuse_sids[i], sid))
			return fas_fail(e, FAS_E_DENIED, "sid_refused",
			    "limits: %s is among refuse_sids", sid_format(sid, text));
	}
	return FAS_OK;
}

static enum fas_code
check_upn(const struct limits_domain *d, const char *upn, struct fas_err *e)
{
	enum fas_code rc = upn_check(upn, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < d->upn_suffixes->n; i++) {
		if (hostname_equal(d->upn_suffixes->items[i]->text, upn_suffix(upn)))
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_DENIED, "upn_outside_limits",
	    "limits: UPN suffix \"%s\" is not among this domain's upn_suffixes", upn_suffix(upn));
}

/*
 * The subject begins, root first, with the domain's DC parts and goes on with a part that is none (CERTIFICATES.md:
 * hosts of another domain resolve by DN, so a foreign domain's DN would be a foreign account).
 */
static enum fas_code
check_subject(const struct limits_domain *d, const struct dn *subject, struct fas_err *e)
{
	char spelt[HOSTNAME_MAX + 1] = "";
	size_t n_dc = 0, len = 0;
	while (n_dc < subject->n && ascii_equal_nocase(subject->rdns[n_dc].type, "DC"))
		n_dc++;
	if (n_dc == 0 || n_dc == subject->n)
		return fas_fail(e, FAS_E_DENIED, "subject_outside_limits",
		    "limits: the subject has %zu DC parts of %zu, want a domain and an account in "
		    "it",
		    n_dc, subject->n);
	for (size_t i = n_dc; i < subject->n; i++) {
		if (ascii_equal_nocase(subject->rdns[i].type, "DC"))
			return fas_fail(e, FAS_E_DENIED, "subject_outside_limits",
			    "limits: the subject has a DC part below the account's container");
	}
	for (size_t i = n_dc; d->dns_name && i > 0; i--) {
		size_t add = strlen(subject->rdns[i - 1].value);
		if (len + add + 2 > sizeof(spelt))
			break;
		if (len > 0)
			spelt[len++] = '.';
		memcpy(spelt + len, subject->rdns[i - 1].value, add + 1);
		len += add;
	}
	if (d->dns_name && !hostname_equal(spelt, d->dns_name))
		return fas_fail(e, FAS_E_DENIED, "subject_outside_limits",
		    "limits: the subject's domain is \"%s\", want \"%s\"", spelt, d->dns_name);
	return FAS_OK;
}

/* By its own name: that the built-in one which it is like is there says nothing. */
static bool
is_allowed(const struct limits *l, const struct limits_facts *f)
{
	if (!f->own)
		return l->profiles[f->profile];
	for (size_t i = 0; l->profile_names && i < l->profile_names->n; i++) {
		if (strcmp(l->profile_names->items[i]->text, f->own->name) == 0)
			return true;
	}
	return false;
}

static enum fas_code
check_terms(const struct limits *l, const struct limits_facts *f, struct fas_err *e)
{
	int64_t longest_s = f->own ? l->own.longest_life_s : l->longest_life_s;
	if (!is_allowed(l, f))
		return fas_fail(e, FAS_E_DENIED, "profile_outside_limits",
		    "limits: profile %s is not among those of the issue socket",
		    f->own ? f->own->name : profile_name(f->profile));
	if (f->validity_s > longest_s)
		return fas_fail(e, FAS_E_DENIED, "life_outside_limits",
		    "limits: %lld s asked for, longest_life is %lld s", (long long)f->validity_s,
		    (long long)longest_s);
	if (f->signatures > l->signatures_per_key)
		return fas_fail(e, FAS_E_DENIED, "signatures_outside_limits",
		    "limits: %lld signatures asked for, signatures_per_key is %lld",
		    (long long)f->signatures, (long long)l->signatures_per_key);
	return limits_check_policies(l, f, e);
}

enum fas_code
limits_check(const struct limits *l, const struct limits_facts *f, struct fas_err *e)
{
	char text[SID_TEXT_MAX];
	enum fas_code rc = check_terms(l, f, e);
	if (rc != FAS_OK)
		return rc;
	const struct limits_domain *d = find_domain(l, f->sid);
	if (!d)
		return fas_fail(e, FAS_E_DENIED, "sid_outside_limits",
		    "limits: %s lies in none of the domains", sid_format(f->sid, text));
	rc = check_sid(l, f->sid, e);
	if (rc == FAS_OK)
		rc = check_upn(d, f->upn, e);
	if (rc == FAS_OK)
		rc = check_subject(d, f->subject, e);
	return rc == FAS_OK && f->own ? limits_check_names(l, d, f, e) : rc;
}
