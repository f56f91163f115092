/* What lies at an ldap:/// URL (RFC 4516), asked as a domain controller asks its own directory. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fas/base/own.h"
#include "ldap/filter.h"
#include "ldap/identity.h"
#include "ldap/publish.h"

#define PREFIX "ldap:///"
#define FILTER_BARE "objectClass="
#define CLASS_MAX 64

static inline void
own_url(LDAPURLDesc **url)
{
	if (*url)
		ldap_free_urldesc(*url);
}

static enum fas_code
bad_url(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "url_malformed", "RFC 4516 2: %s", finding);
}

static enum fas_code
parse(const char *url, LDAPURLDesc **out, struct fas_err *e)
{
	if (strncasecmp(url, PREFIX, strlen(PREFIX)) != 0)
		return bad_url(e, "want ldap:/// and no server");
	if (ldap_url_parse(url, out) != LDAP_URL_SUCCESS)
		return bad_url(e, "no LDAP URL");
	if (((*out)->lud_host && (*out)->lud_host[0]) || !(*out)->lud_dn || !(*out)->lud_dn[0] ||
	    strlen((*out)->lud_dn) >= PKI_DN_MAX)
		return bad_url(e, "want no server, and the name of an object");
	return FAS_OK;
}

enum fas_code
pki_url_dn(const char *url, char out[PKI_DN_MAX], struct fas_err *e)
{
	OWN(url) LDAPURLDesc *parsed = NULL;
	enum fas_code rc = parse(url, &parsed, e);
	if (rc == FAS_OK)
		memcpy(out, parsed->lud_dn, strlen(parsed->lud_dn) + 1);
	return rc;
}

/* The one attribute that is asked for, without ";binary"; NULL when it is none of a PKI. */
static const char *
attribute_of(const LDAPURLDesc *url)
{
	static const char *const known[] = {"certificateRevocationList", "cACertificate"};
	const char *asked = url->lud_attrs ? url->lud_attrs[0] : NULL;
	size_t len = asked ? strcspn(asked, ";") : 0;
	if (!asked || url->lud_attrs[1] || (asked[len] && strcasecmp(asked + len, ";binary") != 0))
		return NULL;
	for (size_t i = 0; i < NELEMS(known); i++) {
		if (strlen(known[i]) == len && strncasecmp(known[i], asked, len) == 0)
			return known[i];
	}
	return NULL;
}

/* (objectClass=NAME), or nothing, which means the same of any: no other filter is followed. */
static enum fas_code
read_filter(const LDAPURLDesc *url, struct buf *out, struct fas_err *e)
{
	const char *text = url->lud_filter ? url->lud_filter : "(objectClass=*)";
	char name[CLASS_MAX] = "";
	text += *text == '(';
	if (strncasecmp(text, FILTER_BARE, strlen(FILTER_BARE)) != 0)
		return bad_url(e, "the filter is not objectClass=NAME");
	text += strlen(FILTER_BARE);
	size_t len = strcspn(text, ")");
	if (len == 0 || len >= sizeof(name) || (text[len] && text[len + 1]))
		return bad_url(e, "the filter is not objectClass=NAME");
	memcpy(name, text, len);
	name[len] = 0;
	if (strcmp(name, "*") == 0)
		buf_text(out, "(objectClass=*)");
	else
		filter_text(out, "objectClass", name);
	return buf_check(out, e);
}

static enum fas_code
search_in(struct domain *domain, const LDAPURLDesc *url, const char *filter, const char *attribute,
    struct pki_fetched *out, struct fas_err *e)
{
	const char *const wanted[] = {attribute, NULL};
	const struct dc_query query = {.base = url->lud_dn,
	    .scope = DC_BASE,
	    .filter = filter,
	    .attributes = wanted,
	    .value_max = PKI_VALUE_MAX};
	enum fas_code rc = dc_pool_search(domain->pool, &query, &out->entries, e);
	if (rc != FAS_OK || out->entries.n == 0)
		return rc;
	const struct attribute *found = entry_attribute(&out->entries.items[0], attribute);
	if (!found || found->n == 0)
		return fas_fail(e, FAS_E_NOTFOUND, "ldap_no_value", "domain %s: %.200s has no %s",
		    domain->config.name, url->lud_dn, attribute);
	out->values = found->values;
	out->n = found->n;
	return FAS_OK;
}

enum fas_code
pki_fetch(struct directory *directory, const char *url, struct pki_fetched *out, struct fas_err *e)
{
	OWN(url) LDAPURLDesc *parsed = NULL;
	OWN(buf) struct buf filter;
	*out = (struct pki_fetched){0};
	buf_init(&filter, FILTER_MAX);
	enum fas_code rc = parse(url, &parsed, e);
	if (rc != FAS_OK)
		return rc;
	const char *attribute = attribute_of(parsed);
	bool base = parsed->lud_scope == LDAP_SCOPE_BASE || parsed->lud_scope == LDAP_SCOPE_DEFAULT;
	if (!attribute || !base)
		return bad_url(e, "want one attribute of a PKI, and the scope base");
	rc = read_filter(parsed, &filter, e);
	for (size_t i = 0; rc == FAS_OK && out->n == 0 && i < directory->n; i++) {
		entries_done(&out->entries);
		rc = search_in(&directory->domains[i], parsed, buf_str(&filter), attribute, out, e);
	}
	if (rc == FAS_OK && out->n == 0)
		return fas_fail(e, FAS_E_NOTFOUND, "ldap_no_object",
		    "no configured domain has %.200s", parsed->lud_dn);
	return rc;
}

void
pki_fetched_done(struct pki_fetched *fetched)
{
	entries_done(&fetched->entries);
	fetched->values = NULL;
	fetched->n = 0;
}
