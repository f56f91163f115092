/* The extensions of a certificate, in the order in which they are written. */
#include "ca/profile_parts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

DEFINE_OWN(purposes, EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free);
DEFINE_OWN(key_id, AUTHORITY_KEYID *, AUTHORITY_KEYID_free);
DEFINE_OWN(points, CRL_DIST_POINTS *, CRL_DIST_POINTS_free);
DEFINE_OWN(point, DIST_POINT *, DIST_POINT_free);
DEFINE_OWN(access, AUTHORITY_INFO_ACCESS *, AUTHORITY_INFO_ACCESS_free);
DEFINE_OWN(description, ACCESS_DESCRIPTION *, ACCESS_DESCRIPTION_free);

enum fas_code
profile_extension_add(struct asn1_tbs *tbs, int nid, bool critical, const ASN1_ITEM *item,
    const void *value, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = asn1_encode(item, value, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(asn1_extension)
	struct asn1_extension *extension = asn1_new(ASN1_ITEM_rptr(asn1_extension));
	if (!extension || nid == NID_undef ||
	    !ASN1_OCTET_STRING_set(extension->value, der, (int)len))
		return fas_fail_nomem(e);
	ASN1_OBJECT_free(extension->id);
	extension->id = OBJ_nid2obj(nid);
	extension->critical = critical ? 0xff : 0;
	if (!sk_asn1_extension_push(tbs->extensions, extension))
		return fas_fail_nomem(e);
	extension = NULL;
	return FAS_OK;
}

/* keyUsage, critical (RFC 5280 4.2.1.3). */
enum fas_code
profile_add_bits(struct asn1_tbs *tbs, const int *bits, size_t n, struct fas_err *e)
{
	OWN(asn1_bits) ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	for (size_t i = 0; usage && i < n; i++) {
		if (!ASN1_BIT_STRING_set_bit(usage, bits[i], 1))
			return fas_fail_nomem(e);
	}
	if (!usage)
		return fas_fail_nomem(e);
	return profile_extension_add(
	    tbs, NID_key_usage, true, ASN1_ITEM_rptr(ASN1_BIT_STRING), usage, e);
}

/* digitalSignature, and for RSA keyEncipherment: Windows filters "signature only" keys out of the logon. */
static enum fas_code
add_key_usage(struct profile_work *work, struct fas_err *e)
{
	unsigned usage = profile_usage_bits(work->facts->own, work->key.type);
	int bits[PROFILE_USAGES];
	size_t n = 0;
	for (int i = 0; i < PROFILE_USAGES; i++) {
		if (usage >> i & 1)
			bits[n++] = i;
	}
	return profile_add_bits(work->tbs, bits, n, e);
}

static enum fas_code
add_purposes(struct profile_work *work, struct fas_err *e)
{
	const struct profile_shape *shape = profile_shape(work->facts->kind);
	OWN(purposes) EXTENDED_KEY_USAGE *purposes = sk_ASN1_OBJECT_new_null();
	for (size_t i = 0; purposes && i < PROFILE_PURPOSES_MAX; i++) {
		if (shape->purposes[i] == NID_undef)
			break;
		if (!sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(shape->purposes[i])))
			return fas_fail_nomem(e);
	}
	if (!purposes)
		return fas_fail_nomem(e);
	if (work->facts->own) {
		enum fas_code rc = profile_own_purposes(work->facts->own, purposes, e);
		if (rc != FAS_OK)
			return rc;
	}
	return profile_extension_add(
	    work->tbs, NID_ext_key_usage, false, ASN1_ITEM_rptr(EXTENDED_KEY_USAGE), purposes, e);
}

/* Not critical: the subject is never empty (RFC 5280 4.2.1.6). */
static enum fas_code
add_alternative_names(struct profile_work *work, struct fas_err *e)
{
	OWN(general_names) GENERAL_NAMES *names = NULL;
	enum fas_code rc = profile_alternative_names(work->facts, &names, e);
	if (rc != FAS_OK)
		return rc;
	return profile_extension_add(
	    work->tbs, NID_subject_alt_name, false, ASN1_ITEM_rptr(GENERAL_NAMES), names, e);
}

/* MS-WCCE 2.2.2.7.7.4: the SID as ASCII text, not as the bytes of LDAP. */
static enum fas_code
add_sid(struct profile_work *work, struct fas_err *e)
{
	char text[SID_TEXT_MAX];
	if (!profile_shape(work->facts->kind)->user)
		return FAS_OK;
	if (!work->facts->sid || !sid_is_set(work->facts->sid))
		return profile_bad(e, "sid", "is missing (KB5014754)");
	OWN(asn1_sid_extension)
	struct asn1_sid_extension *extension = asn1_new(ASN1_ITEM_rptr(asn1_sid_extension));
	int nid = asn1_nid(OID_NTDS_OBJECTSID);
	if (!extension || nid == NID_undef ||
	    !ASN1_STRING_set(extension->name->sid, sid_format(work->facts->sid, text), -1))
		return fas_fail_nomem(e);
	ASN1_OBJECT_free(extension->name->id);
	extension->name->id = OBJ_nid2obj(nid);
	return profile_extension_add(work->tbs, asn1_nid(OID_NTDS_CA_SECURITY), false,
	    ASN1_ITEM_rptr(asn1_sid_extension), extension, e);
}

/* The issuer's own subjectKeyIdentifier, or what it would be by RFC 5280 4.2.1.2 (1). */
static bool
issuer_key_id(X509 *issuer, ASN1_OCTET_STRING *out)
{
	uint8_t id[ASN1_SKI_LEN];
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(issuer);
	if (own)
		return ASN1_OCTET_STRING_set(
			   out, ASN1_STRING_get0_data(own), ASN1_STRING_length(own)) == 1;
	ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(issuer);
	const struct asn1_spki spki = {.key = bits};
	return bits && asn1_key_id(&spki, id) && ASN1_OCTET_STRING_set(out, id, ASN1_SKI_LEN) == 1;
}

static enum fas_code
add_authority_key_id(struct profile_work *work, const uint8_t *own_id, struct fas_err *e)
{
	OWN(key_id) AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	if (!authority || !(authority->keyid = ASN1_OCTET_STRING_new()))
		return fas_fail_nomem(e);
	bool set = work->issuer ? issuer_key_id(work->issuer->certificate, authority->keyid)
				: ASN1_OCTET_STRING_set(authority->keyid, own_id, ASN1_SKI_LEN);
	if (!set)
		return fas_fail_openssl(e, "RFC 5280 4.2.1.1: the issuer has no key identifier");
	return profile_extension_add(work->tbs, NID_authority_key_identifier, false,
	    ASN1_ITEM_rptr(AUTHORITY_KEYID), authority, e);
}

enum fas_code
profile_add_key_ids(struct profile_work *work, struct fas_err *e)
{
	uint8_t id[ASN1_SKI_LEN];
	OWN(asn1_octets) ASN1_OCTET_STRING *subject = ASN1_OCTET_STRING_new();
	if (!subject || !asn1_key_id(work->tbs->spki, id) ||
	    !ASN1_OCTET_STRING_set(subject, id, ASN1_SKI_LEN))
		return fas_fail_nomem(e);
	enum fas_code rc = profile_extension_add(work->tbs, NID_subject_key_identifier, false,
	    ASN1_ITEM_rptr(ASN1_OCTET_STRING), subject, e);
	if (rc != FAS_OK)
		return rc;
	return add_authority_key_id(work, id, e);
}

/* One DistributionPoint whose fullName lists every place of the one CRL (RFC 5280 4.2.1.13). */
static enum fas_code
add_crl_urls(struct profile_work *work, struct fas_err *e)
{
	OWN(points) CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
	OWN(point) DIST_POINT *point = DIST_POINT_new();
	if (!points || !point || !(point->distpoint = DIST_POINT_NAME_new()) ||
	    !(point->distpoint->name.fullname = GENERAL_NAMES_new()))
		return fas_fail_nomem(e);
	point->distpoint->type = 0; /* fullName */
	for (size_t i = 0; i < work->issuer->n_crl_urls; i++) {
		OWN(general_name) GENERAL_NAME *url = NULL;
		enum fas_code rc = profile_url(work->issuer->crl_urls[i], &url, e);
		if (rc != FAS_OK)
			return rc;
		if (!sk_GENERAL_NAME_push(point->distpoint->name.fullname, url))
			return fas_fail_nomem(e);
		url = NULL;
	}
	if (!sk_DIST_POINT_push(points, point))
		return fas_fail_nomem(e);
	point = NULL;
	return profile_extension_add(work->tbs, NID_crl_distribution_points, false,
	    ASN1_ITEM_rptr(CRL_DIST_POINTS), points, e);
}

/* caIssuers (RFC 5280 4.2.2.1). */
static enum fas_code
add_ca_urls(struct profile_work *work, struct fas_err *e)
{
	OWN(access) AUTHORITY_INFO_ACCESS *access = sk_ACCESS_DESCRIPTION_new_null();
	if (!access)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < work->issuer->n_ca_urls; i++) {
		OWN(description) ACCESS_DESCRIPTION *one = ACCESS_DESCRIPTION_new();
		if (!one)
			return fas_fail_nomem(e);
		GENERAL_NAME_free(one->location);
		one->location = NULL;
		one->method = OBJ_nid2obj(NID_ad_ca_issuers);
		enum fas_code rc = profile_url(work->issuer->ca_urls[i], &one->location, e);
		if (rc != FAS_OK)
			return rc;
		if (!sk_ACCESS_DESCRIPTION_push(access, one))
			return fas_fail_nomem(e);
		one = NULL;
	}
	return profile_extension_add(
	    work->tbs, NID_info_access, false, ASN1_ITEM_rptr(AUTHORITY_INFO_ACCESS), access, e);
}

/* A domain logon needs both; only what the service CA issues may go without. */
enum fas_code
profile_add_locations(struct profile_work *work, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	const struct profile_issuer *issuer = work->issuer;
	bool may_lack = work->facts && profile_shape(work->facts->kind)->service;
	if (issuer->n_crl_urls > PROFILE_URLS_MAX || issuer->n_ca_urls > PROFILE_URLS_MAX)
		return profile_bad(e, "issuer", "has more than 4 URLs of a kind");
	if (issuer->n_crl_urls == 0 && !may_lack)
		return profile_bad(e, "issuer", "publishes no CRL (KB281245)");
	if (issuer->n_crl_urls > 0)
		rc = add_crl_urls(work, e);
	if (rc == FAS_OK && issuer->n_ca_urls > 0)
		rc = add_ca_urls(work, e);
	return rc;
}

enum fas_code
profile_extensions(struct profile_work *work, struct fas_err *e)
{
	enum fas_code rc;
	if ((rc = add_key_usage(work, e)) != FAS_OK)
		return rc;
	if ((rc = add_purposes(work, e)) != FAS_OK)
		return rc;
	if ((rc = add_alternative_names(work, e)) != FAS_OK)
		return rc;
	if ((rc = profile_add_key_ids(work, e)) != FAS_OK)
		return rc;
	if ((rc = profile_add_locations(work, e)) != FAS_OK)
		return rc;
	if ((rc = profile_add_policies(work, e)) != FAS_OK)
		return rc;
	return add_sid(work, e);
}
