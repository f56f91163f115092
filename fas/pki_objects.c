#include "fas/pki_objects.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "fas/base/file.h"

#define NAME_MAX_BYTES 96
/* A CRL that is longer is said to be so when it is put there, not when it is read. */
#define CRL_FILE_MAX ((size_t)256 * 1024 * 1024)

/* ---- names ---- */

/* The certificate's last common name, as certutil names its objects; "" when it has none. */
static void
common_name(X509 *certificate, char out[NAME_MAX_BYTES])
{
	unsigned char *text = NULL;
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, last = -1;
	out[0] = 0;
	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last));
	int len = ASN1_STRING_to_UTF8(&text, value);
	if (len > 0)
		(void)snprintf(out, NAME_MAX_BYTES, "%.*s", len, (char *)text);
	OPENSSL_free(text);
	ERR_clear_error();
}

/* By the certificate's name, or, when that cannot stand in a DN as it is, by the generation's and where it stands. */
static enum fas_code
name_certificate(struct pki_object *object, const struct published *p, size_t level,
    X509 *certificate, const char *container, struct fas_err *e)
{
	char name[NAME_MAX_BYTES];
	if (object->kind == PKI_NTAUTH)
		return pki_dn(PKI_NTAUTH, container, "NTAuthCertificates", object->dn, e);
	common_name(certificate, name);
	if (pki_dn(object->kind, container, name, object->dn, NULL) == FAS_OK)
		return FAS_OK;
	(void)snprintf(name, sizeof(name), "%s-%zu", p->stem, level);
	return pki_dn(object->kind, container, name, object->dn, e);
}

/* ---- the list ---- */

static bool
is_there(const struct pki_items *items, const struct pki_object *object)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct pki_object *other = &items->items[i].object;
		if (strcmp(other->dn, object->dn) == 0 && other->len == object->len &&
		    memcmp(other->value, object->value, object->len) == 0)
			return true;
	}
	return false;
}

/* der is the list's from here on. */
static enum fas_code
add(struct pki_items *items, const struct published *p, struct pki_object *object,
    unsigned char *der, struct fas_err *e)
{
	object->value = der;
	if (is_there(items, object)) {
		OPENSSL_free(der);
		return FAS_OK;
	}
	if (items->n == PKI_ITEMS_MAX) {
		OPENSSL_free(der);
		return fas_fail(e, FAS_E_LIMIT, "pki_too_many", "over %d objects", PKI_ITEMS_MAX);
	}
	items->items[items->n++] = (struct pki_item){.object = *object, .of = p, .der = der};
	return FAS_OK;
}

static enum fas_code
add_certificate(struct pki_items *items, const struct published *p, enum pki_kind kind,
    size_t level, X509 *certificate, const char *container, struct fas_err *e)
{
	struct pki_object object = {.kind = kind};
	unsigned char *der = NULL;
	int len = i2d_X509(certificate, &der);
	if (len <= 0)
		return fas_fail_openssl(e, "certificate of %s", p->stem);
	object.len = (size_t)len;
	enum fas_code rc = name_certificate(&object, p, level, certificate, container, e);
	if (rc == FAS_OK)
		return add(items, p, &object, der, e);
	OPENSSL_free(der);
	return rc;
}

/* Before its switch, as the next generation's: domain controllers read a copy that is hours old. */
static enum fas_code
add_renewal(
    struct pki_items *items, const struct published *p, const char *container, struct fas_err *e)
{
	size_t before = items->n;
	enum fas_code rc = add_certificate(items, p, PKI_NTAUTH, 0, p->renewal, container, e);
	if (rc == FAS_OK && items->n > before)
		items->items[before].renewal = true;
	return rc;
}

static enum fas_code
add_crl(struct pki_items *items, const struct published *p, const char *folder, struct fas_err *e)
{
	char path[PATH_MAX];
	struct pki_object object = {.kind = PKI_CDP};
	OWN(text) char *bytes = NULL;
	int n = snprintf(path, sizeof(path), "%s/crl/%s.crl", folder, p->stem);
	if (n < 0 || n >= (int)sizeof(path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", folder);
	enum fas_code rc = pki_url_dn(p->ldap_cdp, object.dn, e);
	if (rc == FAS_OK)
		rc = file_read(path, CRL_FILE_MAX, &bytes, &object.len, e);
	if (rc != FAS_OK)
		return rc;
	unsigned char *der = OPENSSL_memdup(bytes, object.len);
	return der ? add(items, p, &object, der, e) : fas_fail_nomem(e);
}

/* One that issues no more has to stand in NTAuth only as long as an administrator leaves it there. */
static bool
is_former(const struct published_list *list, const struct published *p)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct published *other = &list->items[i];
		if (other->issues && other->generation > p->generation &&
		    strcmp(other->authority, p->authority) == 0)
			return true;
	}
	return false;
}

static enum fas_code
add_generation(struct pki_items *items, const struct published *p, bool former,
    const char *container, const char *folder, const bool places[PKI_KINDS], struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	size_t root = p->n_chain - 1;
	if (places[PKI_CDP] && p->ldap_cdp)
		rc = add_crl(items, p, folder, e);
	for (size_t i = 0; rc == FAS_OK && places[PKI_AIA] && i < root; i++)
		rc = add_certificate(items, p, PKI_AIA, i, p->chain[i], container, e);
	if (rc == FAS_OK && places[PKI_AUTHORITIES])
		rc = add_certificate(items, p, PKI_AUTHORITIES, root, p->chain[root], container, e);
	if (rc == FAS_OK && places[PKI_NTAUTH] && !former)
		rc = add_certificate(items, p, PKI_NTAUTH, 0, p->chain[0], container, e);
	if (rc == FAS_OK && places[PKI_NTAUTH] && p->renewal)
		rc = add_renewal(items, p, container, e);
	return rc;
}

enum fas_code
pki_items_build(const struct published_list *list, const char *container, const char *folder,
    const bool places[PKI_KINDS], struct pki_items *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*out = (struct pki_items){.items = calloc(PKI_ITEMS_MAX, sizeof(*out->items))};
	if (!out->items)
		return fas_fail_nomem(e);
	for (size_t i = 0; rc == FAS_OK && i < list->n; i++)
		rc = add_generation(out, &list->items[i], is_former(list, &list->items[i]),
		    container, folder, places, e);
	return rc;
}

void
pki_items_done(struct pki_items *items)
{
	for (size_t i = 0; i < items->n; i++)
		OPENSSL_free(items->items[i].der);
	free(items->items);
	*items = (struct pki_items){0};
}
