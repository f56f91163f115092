#include "ldap/publish.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"
#include "ldap/identity.h"

#define SERVICES "CN=Public Key Services,CN=Services,"
#define NAME_MAX_BYTES 64

const char *const pki_names[PKI_KINDS] = {[PKI_CDP] = "cdp",
    [PKI_AIA] = "aia",
    [PKI_AUTHORITIES] = "authorities",
    [PKI_NTAUTH] = "ntauth"};

/* Names without ";binary": Samba takes no other (error 16), Windows takes both. */
static const char *const attributes[PKI_KINDS] = {[PKI_CDP] = "certificateRevocationList",
    [PKI_AIA] = "cACertificate",
    [PKI_AUTHORITIES] = "cACertificate",
    [PKI_NTAUTH] = "cACertificate"};

static const char *const classes[PKI_KINDS] = {[PKI_CDP] = "cRLDistributionPoint",
    [PKI_AIA] = "certificationAuthority",
    [PKI_AUTHORITIES] = "certificationAuthority",
    [PKI_NTAUTH] = "certificationAuthority"};

/* ---- names ---- */

enum fas_code
pki_container(struct directory *directory, size_t domain, char out[PKI_DN_MAX], struct fas_err *e)
{
	static const char *const wanted[] = {"configurationNamingContext", NULL};
	static const struct dc_query query = {
	    .base = "", .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	OWN(entries) struct entries root = {0};
	const char *context = NULL;
	enum fas_code rc = dc_pool_search(directory->domains[domain].pool, &query, &root, e);
	if (rc == FAS_OK && root.n == 1)
		rc = entry_text(&root.items[0], "configurationNamingContext",
		    PKI_DN_MAX - sizeof(SERVICES), &context, e);
	if (rc != FAS_OK)
		return rc;
	if (!context)
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "MS-ADTS 3.1.1.3.2: the root DSE names no configurationNamingContext");
	(void)snprintf(out, PKI_DN_MAX, SERVICES "%s", context);
	return FAS_OK;
}

enum fas_code
pki_dn(enum pki_kind kind, const char *container, const char *name, char out[PKI_DN_MAX],
    struct fas_err *e)
{
	static const char *const below[PKI_KINDS] = {[PKI_CDP] = "CN=CDP,",
	    [PKI_AIA] = "CN=AIA,",
	    [PKI_AUTHORITIES] = "CN=Certification Authorities,",
	    [PKI_NTAUTH] = ""};
	size_t len =
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -._");
	if (len == 0 || name[len] || len > NAME_MAX_BYTES || name[0] == ' ' || name[len - 1] == ' ')
		return fas_fail(e, FAS_E_INPUT, "pki_name",
		    "\"%.80s\" is no plain name for an object of the directory", name);
	int n = snprintf(out, PKI_DN_MAX, "CN=%s,%s%s", name, below[kind], container);
	return n > 0 && n < PKI_DN_MAX
		   ? FAS_OK
		   : fas_fail(e, FAS_E_INPUT, "pki_name", "the name is too long");
}

const char *
pki_parent(const char *dn)
{
	const char *comma = strchr(dn, ',');
	return comma ? comma + 1 : "";
}

/* ---- what is there ---- */

static bool
has_value(const struct attribute *attribute, const struct pki_object *object)
{
	for (size_t i = 0; attribute && i < attribute->n; i++) {
		const struct value *value = &attribute->values[i];
		if (value->len == object->len &&
		    memcmp(value->data, object->value, object->len) == 0)
			return true;
	}
	return false;
}

enum fas_code
pki_look(struct directory *directory, size_t domain, const struct pki_object *object,
    enum pki_state *out, struct fas_err *e)
{
	const char *const wanted[] = {attributes[object->kind], NULL};
	const struct dc_query query = {.base = object->dn,
	    .scope = DC_BASE,
	    .filter = "(objectClass=*)",
	    .attributes = wanted,
	    .value_max = PKI_VALUE_MAX};
	OWN(entries) struct entries found = {0};
	*out = PKI_NO_OBJECT;
	enum fas_code rc = dc_pool_search(directory->domains[domain].pool, &query, &found, e);
	if (rc != FAS_OK || found.n == 0)
		return rc;
	const struct attribute *values = entry_attribute(&found.items[0], wanted[0]);
	*out = has_value(values, object) ? PKI_THERE : PKI_NO_VALUE;
	return FAS_OK;
}

enum fas_code
pki_exists(struct directory *directory, size_t domain, const char *dn, bool *out, struct fas_err *e)
{
	static const char *const wanted[] = {"objectClass", NULL};
	const struct dc_query query = {
	    .base = dn, .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	OWN(entries) struct entries found = {0};
	enum fas_code rc = dc_pool_search(directory->domains[domain].pool, &query, &found, e);
	*out = rc == FAS_OK && found.n == 1;
	return rc;
}

enum fas_code
pki_account(struct directory *directory, size_t domain, struct sid *out, struct fas_err *e)
{
	struct domain_identity identity;
	enum fas_code rc = domain_identify(&directory->domains[domain], &identity, e);
	if (rc == FAS_OK)
		*out = identity.own;
	return rc;
}

/* ---- to put it there ---- */

static const uint8_t none[1] = {0}; /* what must be there, and has nothing to say */

static void
set_text(struct dc_change *change, const char *attribute, const char *text)
{
	change->values[change->n++] = (struct dc_value){attribute, text, strlen(text)};
}

/* A new object; certificationAuthority must have both lists (MS-ADSC), and one octet will do. */
static struct dc_change
addition(const struct pki_object *object)
{
	struct dc_change change = {.act = DC_ADD, .dn = object->dn};
	set_text(&change, "objectClass", classes[object->kind]);
	change.values[change.n++] =
	    (struct dc_value){attributes[object->kind], object->value, object->len};
	if (object->kind == PKI_CDP)
		return change;
	change.values[change.n++] =
	    (struct dc_value){"certificateRevocationList", none, sizeof(none)};
	change.values[change.n++] =
	    (struct dc_value){"authorityRevocationList", none, sizeof(none)};
	return change;
}

static enum fas_code
put_container(struct dc_pool *pool, const char *dn, struct fas_err *e)
{
	struct dc_change change = {.act = DC_ADD, .dn = pki_parent(dn)};
	set_text(&change, "objectClass", "container");
	return dc_pool_change(pool, &change, e);
}

static enum fas_code
put_new(struct dc_pool *pool, const struct pki_object *object, struct fas_err *e)
{
	struct fas_err missing = {0};
	const struct dc_change change = addition(object);
	enum fas_code rc = dc_pool_change(pool, &change, &missing);
	if (rc == FAS_E_NOTFOUND && object->kind == PKI_CDP) {
		fas_err_clear(&missing);
		rc = put_container(pool, object->dn, &missing);
		if (rc == FAS_OK)
			rc = dc_pool_change(pool, &change, &missing);
	}
	return rc == FAS_OK ? FAS_OK : fas_fail(e, rc, missing.reason, "%s", missing.message);
}

enum fas_code
pki_put(struct directory *directory, size_t domain, const struct pki_object *object,
    enum pki_state state, struct fas_err *e)
{
	struct dc_pool *pool = directory->domains[domain].pool;
	const struct dc_change change = {.act = object->kind == PKI_CDP ? DC_REPLACE : DC_ADD_VALUE,
	    .dn = object->dn,
	    .values = {{attributes[object->kind], object->value, object->len}},
	    .n = 1};
	if (object->len > PKI_VALUE_MAX)
		return fas_fail(e, FAS_E_LIMIT, "pki_too_large",
		    "%zu octets are too many for one value of the directory, want %d at most",
		    object->len, PKI_VALUE_MAX);
	switch (state) {
	case PKI_THERE:
		return FAS_OK;
	case PKI_NO_OBJECT:
		return put_new(pool, object, e);
	case PKI_NO_VALUE:
		break;
	}
	return dc_pool_change(pool, &change, e);
}
