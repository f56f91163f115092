#include "ca/published.h"

#include <string.h>

#include "ca/pem.h"
#include "ca/publisher.h"
#include "fas/base/clock.h"

static json_t *
list_of(const char *const *urls, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++)
		(void)json_array_append_new(list, json_string(urls[i]));
	return list;
}

/* Where a profile of the administrator's own says that they lie. */
static json_t *
list_below(
    const char *const *bases, size_t n, const char *folder, const char *stem, const char *suffix)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++)
		(void)json_array_append_new(
		    list, json_sprintf("%s/%s/%s.%s", bases[i], folder, stem, suffix));
	return list;
}

/* Those that have places of their own; what they leave open lies where the authority's lie. */
static json_t *
own_profiles(const struct ca *ca, const struct issuer *at)
{
	const struct profile_issuer *p = &at->published;
	json_t *all = json_array();
	for (size_t i = 0; all && i < ca->config->n_profiles; i++) {
		const struct profile_own *own = &ca->config->profiles[i].own;
		if (own->n_crl_urls + own->n_ca_urls == 0)
			continue;
		json_t *cdp = own->n_crl_urls ? list_below(own->crl_urls, own->n_crl_urls, "crl",
						    at->stem, "crl")
					      : list_of(p->crl_urls, p->n_crl_urls);
		json_t *aia = own->n_ca_urls
				  ? list_below(own->ca_urls, own->n_ca_urls, "ca", at->stem, "cer")
				  : list_of(p->ca_urls, p->n_ca_urls);
		(void)json_array_append_new(
		    all, json_pack("{s:s,s:o,s:o}", "name", own->name, "cdp", cdp, "aia", aia));
	}
	return all;
}

/* Is it this generation whose key signs what is issued now? */
static bool
issues(struct ca *ca, const struct issuer *at)
{
	struct fas_err e = {0};
	OWN(issuer) struct issuer *present = NULL;
	return authorities_find(&ca->authorities, at->authority, &present, &e) == FAS_OK &&
	       present->id == at->id;
}

/* For which authorities of the rules: its own, and those that it stands in for while they cannot sign. */
static json_t *
issues_for(struct ca *ca, const struct issuer *at, int64_t now_s)
{
	json_t *names = json_array();
	for (size_t i = 0; names && i < ca->config->n_authorities; i++) {
		const char *name = ca->config->authorities[i].name;
		struct fas_err e = {0};
		OWN(issuer) struct issuer *by = NULL;
		if (authorities_able(&ca->authorities, name, now_s, &by, &e) == FAS_OK &&
		    by->id == at->id)
			(void)json_array_append_new(names, json_string(name));
	}
	return names;
}

/* A renewed certificate that waits for its switch: domain controllers have to have it before that. */
struct waiting {
	int64_t issuer;
	char *pem; /* owned; NULL: there is none */
};

static enum fas_code
find_waiting(const struct renewal_row *row, void *arg, struct fas_err *e)
{
	struct waiting *w = arg;
	if (row->issuer != w->issuer || w->pem)
		return FAS_OK;
	w->pem = pem_encode("CERTIFICATE", row->certificate, row->certificate_len);
	return w->pem ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_waiting(struct db *db, void *arg, struct fas_err *e)
{
	return store_renewals_each(db, find_waiting, arg, e);
}

static enum fas_code
describe(struct ca *ca, const struct issuer *at, json_t *all, struct fas_err *e)
{
	const struct profile_issuer *p = &at->published;
	struct waiting waiting = {.issuer = at->id};
	OWN(json) json_t *crl = NULL;
	enum fas_code rc = publisher_describe(ca, at, &crl, e);
	if (rc == FAS_OK)
		rc = db_read(ca->db, read_waiting, &waiting, e);
	OWN(text) char *renewal = waiting.pem;
	if (rc != FAS_OK)
		return rc;
	json_t *one = json_pack("{s:s,s:I,s:s,s:b,s:o,s:s,s:s*,s:o,s:o,s:s*,s:o,s:I,s:I,s:O}",
	    "authority", at->authority, "generation", (json_int_t)at->generation, "stem", at->stem,
	    "issues", issues(ca, at), "for", issues_for(ca, at, clock_now()), "chain", at->chain,
	    "renewal", renewal, "cdp", list_of(p->crl_urls, p->n_crl_urls), "aia",
	    list_of(p->ca_urls, p->n_ca_urls), "ldap_cdp", at->ldap_url[0] ? at->ldap_url : NULL,
	    "profiles", own_profiles(ca, at), "backdate", (json_int_t)at->backdate_s, "crl_each",
	    (json_int_t)at->crl_each_s, "crl", crl);
	return json_array_append_new(all, one) == 0 ? FAS_OK : fas_fail_nomem(e);
}

/* A generation is looked after until it retires, or its own certificate ends: none that it has issued lives longer. */
enum fas_code
op_published(struct call *call, struct fas_err *e)
{
	struct issuer *issuers[ISSUERS_MAX];
	OWN(json) json_t *all = json_array();
	int64_t now_s = clock_now();
	enum fas_code rc = json_finish(&call->in);
	if (rc != FAS_OK)
		return rc;
	size_t n = authorities_all(&call->ca->authorities, issuers);
	for (size_t i = 0; i < n; i++) {
		const struct issuer *at = issuers[i];
		if (rc == FAS_OK && at->kind == ISSUER_LOGON &&
		    authorities_publishes(&call->ca->authorities, at) && at->not_after_s > now_s)
			rc = describe(call->ca, at, all, e);
		issuer_unref(issuers[i]);
	}
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "published", all);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* fasd is believed: that a list lies where the administrator's file says can only be wrong, never harmful. */
enum fas_code
op_in_ldap(struct call *call, struct fas_err *e)
{
	struct issuer *issuers[ISSUERS_MAX];
	bool known = false;
	int64_t last_s = clock_now() + IN_LDAP_MAX_S;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	int64_t generation = json_need_int(&call->in, "generation", 1, INT32_MAX);
	int64_t until_s = json_need_int(&call->in, "until", 0, INT64_C(1) << 40);
	enum fas_code rc = json_finish(&call->in);
	if (rc != FAS_OK)
		return rc;
	size_t n = authorities_all(&call->ca->authorities, issuers);
	for (size_t i = 0; i < n; i++) {
		struct issuer *at = issuers[i];
		if (at->kind == ISSUER_LOGON && at->generation == generation &&
		    strcmp(at->authority, name) == 0 && at->ldap_url[0]) {
			atomic_store(&at->ldap_until_s, until_s < last_s ? until_s : last_s);
			known = true;
		}
		issuer_unref(at);
	}
	if (!known)
		return fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
		    "no generation %lld of authority \"%s\" has a place in the directory",
		    (long long)generation, name);
	call->reply = json_object();
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
