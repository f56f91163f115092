#include "ca/asn1.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

/* The modules' text of the RFCs, one field a line. */
/* clang-format off */
ASN1_SEQUENCE(asn1_extension) = {
	ASN1_SIMPLE(struct asn1_extension, id, ASN1_OBJECT),
	ASN1_OPT(struct asn1_extension, critical, ASN1_FBOOLEAN),
	ASN1_SIMPLE(struct asn1_extension, value, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_name(struct asn1_extension, asn1_extension)

ASN1_ITEM_TEMPLATE(asn1_rdn) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, asn1_rdn, X509_NAME_ENTRY)
ASN1_ITEM_TEMPLATE_END(asn1_rdn)

ASN1_ITEM_TEMPLATE(asn1_name) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, asn1_name, asn1_rdn)
ASN1_ITEM_TEMPLATE_END(asn1_name)

ASN1_ITEM_TEMPLATE(asn1_extensions) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, asn1_extensions, asn1_extension)
ASN1_ITEM_TEMPLATE_END(asn1_extensions)

ASN1_SEQUENCE(asn1_spki) = {
	ASN1_SIMPLE(struct asn1_spki, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct asn1_spki, key, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct asn1_spki, asn1_spki)

ASN1_SEQUENCE(asn1_tbs) = {
	ASN1_EXP_OPT(struct asn1_tbs, version, ASN1_INTEGER, 0),
	ASN1_SIMPLE(struct asn1_tbs, serial, ASN1_INTEGER),
	ASN1_SIMPLE(struct asn1_tbs, signature, X509_ALGOR),
	ASN1_SIMPLE(struct asn1_tbs, issuer, ASN1_ANY),
	ASN1_SIMPLE(struct asn1_tbs, validity, X509_VAL),
	ASN1_SIMPLE(struct asn1_tbs, subject, asn1_name),
	ASN1_SIMPLE(struct asn1_tbs, spki, asn1_spki),
	ASN1_IMP_OPT(struct asn1_tbs, issuer_uid, ASN1_BIT_STRING, 1),
	ASN1_IMP_OPT(struct asn1_tbs, subject_uid, ASN1_BIT_STRING, 2),
	ASN1_EXP_SEQUENCE_OF_OPT(struct asn1_tbs, extensions, asn1_extension, 3),
} ASN1_SEQUENCE_END_name(struct asn1_tbs, asn1_tbs)

ASN1_SEQUENCE(asn1_certificate) = {
	ASN1_SIMPLE(struct asn1_certificate, tbs, asn1_tbs),
	ASN1_SIMPLE(struct asn1_certificate, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct asn1_certificate, signature, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct asn1_certificate, asn1_certificate)

ASN1_SEQUENCE(asn1_signed) = {
	ASN1_SIMPLE(struct asn1_signed, body, ASN1_ANY),
	ASN1_SIMPLE(struct asn1_signed, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct asn1_signed, signature, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct asn1_signed, asn1_signed)

ASN1_SEQUENCE(asn1_request) = {
	ASN1_SIMPLE(struct asn1_request, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct asn1_request, subject, ASN1_ANY),
	ASN1_SIMPLE(struct asn1_request, spki, asn1_spki),
	ASN1_IMP_SET_OF_OPT(struct asn1_request, attributes, ASN1_ANY, 0),
} ASN1_SEQUENCE_END_name(struct asn1_request, asn1_request)

ASN1_SEQUENCE(asn1_rsa) = {
	ASN1_SIMPLE(struct asn1_rsa, modulus, ASN1_INTEGER),
	ASN1_SIMPLE(struct asn1_rsa, exponent, ASN1_INTEGER),
} ASN1_SEQUENCE_END_name(struct asn1_rsa, asn1_rsa)

ASN1_SEQUENCE(asn1_sid_name) = {
	ASN1_SIMPLE(struct asn1_sid_name, id, ASN1_OBJECT),
	ASN1_EXP(struct asn1_sid_name, sid, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END_name(struct asn1_sid_name, asn1_sid_name)

ASN1_SEQUENCE(asn1_sid_extension) = {
	ASN1_IMP(struct asn1_sid_extension, name, asn1_sid_name, 0),
} ASN1_SEQUENCE_END_name(struct asn1_sid_extension, asn1_sid_extension)

ASN1_SEQUENCE(asn1_krb5_names) = {
	ASN1_EXP(struct asn1_krb5_names, type, ASN1_INTEGER, 0),
	ASN1_EXP_SEQUENCE_OF(struct asn1_krb5_names, parts, ASN1_GENERALSTRING, 1),
} static_ASN1_SEQUENCE_END_name(struct asn1_krb5_names, asn1_krb5_names)

ASN1_SEQUENCE(asn1_krb5_principal) = {
	ASN1_EXP(struct asn1_krb5_principal, realm, ASN1_GENERALSTRING, 0),
	ASN1_EXP(struct asn1_krb5_principal, names, asn1_krb5_names, 1),
} ASN1_SEQUENCE_END_name(struct asn1_krb5_principal, asn1_krb5_principal)
/* clang-format on */

static const struct {
	const char *dotted, *name;
} own_oids[] = {
    [OID_NTDS_CA_SECURITY] = {"1.3.6.1.4.1.311.25.2", "ms-ntds-sec-ext"},
    [OID_NTDS_OBJECTSID] = {"1.3.6.1.4.1.311.25.2.1", "ms-ntds-obj-sid"},
    [OID_PKINIT_SAN] = {"1.3.6.1.5.2.2", "id-pkinit-san"},
    [OID_CRL_NEXT_PUBLISH] = {"1.3.6.1.4.1.311.21.4", "ms-crl-next-publish"},
};
static int own_nids[NELEMS(own_oids)];
static CRYPTO_ONCE own_nids_once = CRYPTO_ONCE_STATIC_INIT;

/* A later OpenSSL knows some of them: then its own NID is the one. */
static void
register_oids(void)
{
	for (size_t i = 0; i < NELEMS(own_oids); i++) {
		own_nids[i] = OBJ_txt2nid(own_oids[i].dotted);
		if (own_nids[i] == NID_undef)
			own_nids[i] =
			    OBJ_create(own_oids[i].dotted, own_oids[i].name, own_oids[i].name);
	}
}

int
asn1_nid(enum asn1_oid oid)
{
	if (!CRYPTO_THREAD_run_once(&own_nids_once, register_oids))
		return NID_undef;
	return own_nids[oid];
}

void *
asn1_new(const ASN1_ITEM *item)
{
	return ASN1_item_new(item);
}

void
asn1_free(void *value, const ASN1_ITEM *item)
{
	ASN1_item_free(value, item);
}

void *
asn1_decode(const ASN1_ITEM *item, const uint8_t *der, size_t len)
{
	const uint8_t *at = der;
	if (len == 0 || len > INT32_MAX)
		return NULL;
	void *value = ASN1_item_d2i(NULL, &at, (long)len, item);
	if (value && at != der + len) {
		ASN1_item_free(value, item);
		value = NULL;
	}
	if (!value)
		ERR_clear_error();
	return value;
}

enum fas_code
asn1_encode(const ASN1_ITEM *item, const void *value, uint8_t **der, size_t *len, struct fas_err *e)
{
	int size = ASN1_item_i2d(value, NULL, item);
	if (size <= 0)
		return fas_fail_openssl(e, "X.690: a value does not encode");
	uint8_t *memory = malloc((size_t)size);
	if (!memory)
		return fas_fail_nomem(e);
	uint8_t *at = memory;
	(void)ASN1_item_i2d(value, &at, item);
	*der = memory;
	*len = (size_t)size;
	return FAS_OK;
}

/* Far above every structure that is looked at here; without an allocation no want of memory is taken for bad DER. */
#define CANONICAL_MAX 32768

bool
asn1_is_canonical(const ASN1_ITEM *item, const void *value, const uint8_t *der, size_t len)
{
	uint8_t again[CANONICAL_MAX], *at = again;
	return len <= sizeof(again) && ASN1_item_i2d(value, NULL, item) == (int)len &&
	       ASN1_item_i2d(value, &at, item) == (int)len && memcmp(again, der, len) == 0;
}

ASN1_TYPE *
asn1_any_sequence(const uint8_t *der, size_t len)
{
	ASN1_TYPE *any = ASN1_TYPE_new();
	ASN1_STRING *text = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	if (!any || !text || len > INT32_MAX || !ASN1_STRING_set(text, der, (int)len)) {
		ASN1_TYPE_free(any);
		ASN1_STRING_free(text);
		return NULL;
	}
	ASN1_TYPE_set(any, V_ASN1_SEQUENCE, text);
	return any;
}

bool
asn1_set_octets(ASN1_BIT_STRING *bits, const uint8_t *data, size_t len)
{
	if (len > INT32_MAX || !ASN1_STRING_set(bits, data, (int)len))
		return false;
	/* without the flag OpenSSL drops trailing zero bits, as in a named bit list */
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	return true;
}

bool
asn1_time_to_unix(const ASN1_TIME *time, int64_t *out_s)
{
	int want = ASN1_STRING_type(time) == V_ASN1_UTCTIME ? 13 : 15;
	const unsigned char *text = ASN1_STRING_get0_data(time);
	struct tm tm;
	if (ASN1_STRING_length(time) != want || text[want - 1] != 'Z' ||
	    !ASN1_TIME_to_tm(time, &tm)) {
		ERR_clear_error();
		return false;
	}
	*out_s = timegm(&tm);
	return true;
}
