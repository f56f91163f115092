/* What lints share: extensions found and decoded once, the issuer's side, algorithms, times. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define UTC_TIME_END_S INT64_C(2524608000) /* 2050-01-01: GeneralizedTime from here on */

const ASN1_ITEM *
lint_slot_item(enum lint_slot slot)
{
	static ASN1_ITEM_EXP *const items[SLOTS] = {
	    [SLOT_KEY_USAGE] = ASN1_ITEM_ref(ASN1_BIT_STRING),
	    [SLOT_PURPOSES] = ASN1_ITEM_ref(EXTENDED_KEY_USAGE),
	    [SLOT_NAMES] = ASN1_ITEM_ref(GENERAL_NAMES),
	    [SLOT_SUBJECT_KEY_ID] = ASN1_ITEM_ref(ASN1_OCTET_STRING),
	    [SLOT_AUTHORITY_KEY_ID] = ASN1_ITEM_ref(AUTHORITY_KEYID),
	    [SLOT_CRL_POINTS] = ASN1_ITEM_ref(CRL_DIST_POINTS),
	    [SLOT_ACCESS] = ASN1_ITEM_ref(AUTHORITY_INFO_ACCESS),
	    [SLOT_SID] = ASN1_ITEM_ref(asn1_sid_extension),
	    [SLOT_CONSTRAINTS] = ASN1_ITEM_ref(BASIC_CONSTRAINTS),
	    [SLOT_POLICIES] = ASN1_ITEM_ref(CERTIFICATEPOLICIES),
	    [SLOT_CRL_NUMBER] = ASN1_ITEM_ref(ASN1_INTEGER),
	    [SLOT_DISTRIBUTION_POINT] = ASN1_ITEM_ref(ISSUING_DIST_POINT),
	    [SLOT_DELTA] = ASN1_ITEM_ref(ASN1_INTEGER),
	    [SLOT_NEXT_PUBLISH] = ASN1_ITEM_ref(ASN1_TIME),
	};
	return items[slot]();
}

enum lint_slot
lint_slot_of(const ASN1_OBJECT *id)
{
	static const int nids[SLOTS] = {
	    [SLOT_KEY_USAGE] = NID_key_usage,
	    [SLOT_PURPOSES] = NID_ext_key_usage,
	    [SLOT_NAMES] = NID_subject_alt_name,
	    [SLOT_SUBJECT_KEY_ID] = NID_subject_key_identifier,
	    [SLOT_AUTHORITY_KEY_ID] = NID_authority_key_identifier,
	    [SLOT_CRL_POINTS] = NID_crl_distribution_points,
	    [SLOT_ACCESS] = NID_info_access,
	    [SLOT_CONSTRAINTS] = NID_basic_constraints,
	    [SLOT_POLICIES] = NID_certificate_policies,
	    [SLOT_CRL_NUMBER] = NID_crl_number,
	    [SLOT_DISTRIBUTION_POINT] = NID_issuing_distribution_point,
	    [SLOT_DELTA] = NID_delta_crl,
	};
	int nid = OBJ_obj2nid(id);
	if (nid == NID_undef)
		return SLOTS;
	if (nid == asn1_nid(OID_NTDS_CA_SECURITY))
		return SLOT_SID;
	if (nid == asn1_nid(OID_CRL_NEXT_PUBLISH))
		return SLOT_NEXT_PUBLISH;
	for (int slot = 0; slot < SLOTS; slot++) {
		if (nids[slot] == nid)
			return (enum lint_slot)slot;
	}
	return SLOTS;
}

void
lint_extensions_read(const STACK_OF(asn1_extension) * all, struct lint_extensions *out)
{
	*out = (struct lint_extensions){.all = all};
	for (int i = 0; i < sk_asn1_extension_num(all) && i < LINT_EXTENSIONS_MAX; i++) {
		const struct asn1_extension *extension = sk_asn1_extension_value(all, i);
		enum lint_slot slot = lint_slot_of(extension->id);
		if (slot == SLOTS || out->slot[slot].at)
			continue;
		out->slot[slot].at = extension;
		out->slot[slot].value =
		    asn1_decode(lint_slot_item(slot), ASN1_STRING_get0_data(extension->value),
			(size_t)ASN1_STRING_length(extension->value));
	}
}

void
lint_extensions_done(struct lint_extensions *extensions)
{
	for (int slot = 0; slot < SLOTS; slot++) {
		if (extensions->slot[slot].value)
			asn1_free(
			    extensions->slot[slot].value, lint_slot_item((enum lint_slot)slot));
	}
}

bool
lint_issuer_name(const struct lint_run *run, const uint8_t **der, size_t *len)
{
	if (!run->context->issuer)
		return false;
	return X509_NAME_get0_der(X509_get_subject_name(run->context->issuer), der, len) == 1;
}

const ASN1_OCTET_STRING *
lint_issuer_key_id(const struct lint_run *run)
{
	return run->context->issuer ? X509_get0_subject_key_id(run->context->issuer) : NULL;
}

bool
lint_text_is(const ASN1_STRING *string, const char *text)
{
	size_t len = strlen(text);
	return (size_t)ASN1_STRING_length(string) == len &&
	       memcmp(ASN1_STRING_get0_data(string), text, len) == 0;
}

static bool
algorithm_is(const X509_ALGOR *algorithm, int nid, int parameters)
{
	const ASN1_OBJECT *id = NULL;
	int type = V_ASN1_UNDEF;
	X509_ALGOR_get0(&id, &type, NULL, algorithm);
	return OBJ_obj2nid(id) == nid && type == parameters;
}

/* RFC 4055 5: NULL; RFC 5758 3.2: absent. */
static const struct {
	int nid, parameters;
} allowed[] = {
    [SIGNATURE_RSA_SHA256] = {NID_sha256WithRSAEncryption, V_ASN1_NULL},
    [SIGNATURE_ECDSA_SHA256] = {NID_ecdsa_with_SHA256, V_ASN1_UNDEF},
    [SIGNATURE_ECDSA_SHA384] = {NID_ecdsa_with_SHA384, V_ASN1_UNDEF},
    /* not what this house signs with, but what a foreign root may */
    {NID_sha384WithRSAEncryption, V_ASN1_NULL},
    {NID_sha512WithRSAEncryption, V_ASN1_NULL},
    {NID_ecdsa_with_SHA512, V_ASN1_UNDEF},
};

bool
lint_algorithm_is_allowed(const X509_ALGOR *algorithm)
{
	for (size_t i = 0; i < NELEMS(allowed); i++) {
		if (algorithm_is(algorithm, allowed[i].nid, allowed[i].parameters))
			return true;
	}
	return false;
}

bool
lint_algorithm_is_weak(const X509_ALGOR *algorithm)
{
	int nid = OBJ_obj2nid(algorithm->algorithm);
	return nid == NID_sha1WithRSAEncryption || nid == NID_ecdsa_with_SHA1 ||
	       nid == NID_md5WithRSAEncryption || nid == NID_sha1WithRSA;
}

bool
lint_algorithm_fits(const X509_ALGOR *algorithm, enum profile_signature signature)
{
	return algorithm_is(algorithm, allowed[signature].nid, allowed[signature].parameters);
}

bool
lint_time_form(const ASN1_TIME *time, int64_t *out_s)
{
	if (!asn1_time_to_unix(time, out_s))
		return false;
	return (ASN1_STRING_type(time) == V_ASN1_UTCTIME) == (*out_s < UTC_TIME_END_S);
}

void
lint_authority_key(struct lint_run *run)
{
	const AUTHORITY_KEYID *authority = lint_slot(run, SLOT_AUTHORITY_KEY_ID)->value;
	const ASN1_OCTET_STRING *want = lint_issuer_key_id(run);
	if (!authority || !want)
		return;
	if (!authority->keyid || ASN1_OCTET_STRING_cmp(authority->keyid, want) != 0)
		lint_say(run, "keyIdentifier is not the issuer's subjectKeyIdentifier");
}

void
lint_extensions_unique(struct lint_run *run)
{
	const STACK_OF(asn1_extension) *all = run->extensions.all;
	char name[80];
	int n = sk_asn1_extension_num(all);
	if (n > LINT_EXTENSIONS_MAX)
		lint_say(run, "%d extensions, want at most %d", n, LINT_EXTENSIONS_MAX);
	for (int i = 1; i < n && i < LINT_EXTENSIONS_MAX; i++) {
		for (int k = 0; k < i; k++) {
			const ASN1_OBJECT *id = sk_asn1_extension_value(all, i)->id;
			if (OBJ_cmp(id, sk_asn1_extension_value(all, k)->id) != 0)
				continue;
			(void)OBJ_obj2txt(name, sizeof(name), id, 0);
			lint_say(run, "%s is there more than once", name);
			return;
		}
	}
}

/* What bounds an authority's paths, no lint reads; domain controllers do (RFC 5280 4.2.1.5, 4.2.1.10, 4.2.1.11, 4.2.1.14). */
static bool
bounds_paths(const ASN1_OBJECT *id)
{
	int nid = OBJ_obj2nid(id);
	return nid == NID_policy_mappings || nid == NID_name_constraints ||
	       nid == NID_policy_constraints || nid == NID_inhibit_any_policy;
}

void
lint_extensions_known(struct lint_run *run)
{
	const STACK_OF(asn1_extension) *all = run->extensions.all;
	char name[80];
	for (int i = 0; i < sk_asn1_extension_num(all) && i < LINT_EXTENSIONS_MAX; i++) {
		const struct asn1_extension *extension = sk_asn1_extension_value(all, i);
		if (!extension->critical || lint_slot_of(extension->id) != SLOTS ||
		    (run->kind == LINT_CA && bounds_paths(extension->id)))
			continue;
		(void)OBJ_obj2txt(name, sizeof(name), extension->id, 0);
		lint_say(
		    run, "critical extension %s is unknown here and to domain controllers", name);
		return;
	}
}
