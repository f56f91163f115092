/*
 * What stands around a CRL's entries (RFC 5280 5.1): each part is the content of a SEQUENCE that a template writes, without
 * that one's own header, so that the entries can stand between.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/crl_parts.h"

/* TBSCertList up to nextUpdate, from crlExtensions on, and what follows it. */
struct crl_head {
	ASN1_INTEGER *version;
	X509_ALGOR *signature;
	X509_NAME *issuer;
	ASN1_TIME *this_update, *next_update;
};
struct crl_tail {
	STACK_OF(X509_EXTENSION) * extensions;
};
struct crl_trailer {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

/* RFC 5280 5.1, one field a line. */
/* clang-format off */
ASN1_SEQUENCE(crl_head) = {
	ASN1_SIMPLE(struct crl_head, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct crl_head, signature, X509_ALGOR),
	ASN1_SIMPLE(struct crl_head, issuer, X509_NAME),
	ASN1_SIMPLE(struct crl_head, this_update, ASN1_TIME),
	ASN1_SIMPLE(struct crl_head, next_update, ASN1_TIME),
} static_ASN1_SEQUENCE_END_name(struct crl_head, crl_head)

ASN1_SEQUENCE(crl_tail) = {
	ASN1_EXP_SEQUENCE_OF(struct crl_tail, extensions, X509_EXTENSION, 0),
} static_ASN1_SEQUENCE_END_name(struct crl_tail, crl_tail)

ASN1_SEQUENCE(crl_trailer) = {
	ASN1_SIMPLE(struct crl_trailer, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct crl_trailer, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct crl_trailer, crl_trailer)
    /* clang-format on */

    static void head_free(struct crl_head * head)
{
	asn1_free(head, ASN1_ITEM_rptr(crl_head));
}
static void
tail_free(struct crl_tail *tail)
{
	asn1_free(tail, ASN1_ITEM_rptr(crl_tail));
}
static void
trailer_free(struct crl_trailer *trailer)
{
	asn1_free(trailer, ASN1_ITEM_rptr(crl_trailer));
}
DEFINE_OWN(crl_head, struct crl_head *, head_free);
DEFINE_OWN(crl_tail, struct crl_tail *, tail_free);
DEFINE_OWN(crl_trailer, struct crl_trailer *, trailer_free);
DEFINE_OWN(asn1_integer, ASN1_INTEGER *, ASN1_INTEGER_free);
DEFINE_OWN(asn1_time, ASN1_TIME *, ASN1_TIME_free);
DEFINE_OWN(asn1_octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free);
DEFINE_OWN(extension, X509_EXTENSION *, X509_EXTENSION_free);
DEFINE_OWN(akid, AUTHORITY_KEYID *, AUTHORITY_KEYID_free);

void
crl_frame_done(struct crl_frame *frame)
{
	free(frame->head);
	free(frame->tail);
}

/* The SEQUENCE's content, in the same memory. */
static enum fas_code
encode_content(const ASN1_ITEM *item, void *value, uint8_t **out, size_t *len, struct fas_err *e)
{
	size_t whole = 0;
	long content = 0;
	int tag, class;
	enum fas_code rc = asn1_encode(item, value, out, &whole, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *at = *out;
	if (ASN1_get_object(&at, &content, &tag, &class, (long)whole) & 0x80)
		return fas_fail_openssl(e, "part of a CRL");
	*len = (size_t)content;
	memmove(*out, at, *len);
	return FAS_OK;
}

/* The algorithm as it stands in the outer list, so that both are the same bytes (RFC 5280 5.1.1.2). */
static bool
set_algorithm(X509_ALGOR *algorithm, enum profile_signature signature)
{
	static const int nids[] = {[SIGNATURE_RSA_SHA256] = NID_sha256WithRSAEncryption,
	    [SIGNATURE_ECDSA_SHA256] = NID_ecdsa_with_SHA256,
	    [SIGNATURE_ECDSA_SHA384] = NID_ecdsa_with_SHA384};
	int parameter = signature == SIGNATURE_RSA_SHA256 ? V_ASN1_NULL : V_ASN1_UNDEF;
	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(nids[signature]), parameter, NULL) == 1;
}

static enum fas_code
make_head(const struct issuer *issuer, const struct crl_terms *terms, struct crl_frame *out,
    struct fas_err *e)
{
	OWN(crl_head) struct crl_head *head = asn1_new(ASN1_ITEM_rptr(crl_head));
	if (!head)
		return fas_fail_nomem(e);
	X509_NAME_free(head->issuer);
	head->issuer = X509_NAME_dup(X509_get_subject_name(issuer->certificate));
	if (!head->issuer || ASN1_INTEGER_set(head->version, 1) != 1 ||
	    !set_algorithm(head->signature, issuer->published.signature) ||
	    !ASN1_TIME_set(head->this_update, (time_t)terms->this_update_s) ||
	    !ASN1_TIME_set(head->next_update, (time_t)terms->next_update_s))
		return fas_fail_openssl(e, "CRL");
	return encode_content(ASN1_ITEM_rptr(crl_head), head, &out->head, &out->head_len, e);
}

/*
 * szOID_CRL_NEXT_PUBLISH, a Time, as AD CS writes it: Windows looks for the next list from then on, and goes on with this one
 * until nextUpdate.
 */
static bool
add_next_publish(struct crl_tail *tail, int64_t when_s)
{
	uint8_t *der = NULL;
	OWN(asn1_time) ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)when_s);
	OWN(asn1_octets) ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	int len = when ? i2d_ASN1_TIME(when, &der) : 0;
	if (len <= 0 || !value) {
		OPENSSL_free(der);
		return false;
	}
	ASN1_STRING_set0(value, der, len);
	OWN(extension)
	X509_EXTENSION *extension =
	    X509_EXTENSION_create_by_NID(NULL, asn1_nid(OID_CRL_NEXT_PUBLISH), 0, value);
	return extension && X509v3_add_ext(&tail->extensions, extension, -1);
}

static enum fas_code
make_tail(const struct issuer *issuer, const struct crl_terms *terms, struct crl_frame *out,
    struct fas_err *e)
{
	OWN(crl_tail) struct crl_tail *tail = asn1_new(ASN1_ITEM_rptr(crl_tail));
	OWN(akid) AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	OWN(asn1_integer) ASN1_INTEGER *number = ASN1_INTEGER_new();
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer->certificate);
	if (!tail || !akid || !number || ASN1_INTEGER_set_int64(number, terms->number) != 1)
		return fas_fail_nomem(e);
	if (!ski)
		return fas_fail(e, FAS_E_CONFIG, "ca_key_id",
		    "RFC 5280 4.2.1.2: the certificate of %s has no subject key identifier",
		    issuer->stem);
	akid->keyid = ASN1_OCTET_STRING_dup(ski);
	if (!akid->keyid ||
	    X509V3_add1_i2d(&tail->extensions, NID_authority_key_identifier, akid, 0, 0) != 1 ||
	    X509V3_add1_i2d(&tail->extensions, NID_crl_number, number, 0, 0) != 1 ||
	    (terms->next_publish_s && !add_next_publish(tail, terms->next_publish_s)))
		return fas_fail_openssl(e, "CRL extensions");
	return encode_content(ASN1_ITEM_rptr(crl_tail), tail, &out->tail, &out->tail_len, e);
}

enum fas_code
crl_frame_make(const struct issuer *issuer, const struct crl_terms *terms, struct crl_frame *out,
    struct fas_err *e)
{
	OWN(crl_frame) struct crl_frame frame = {0};
	enum fas_code rc = make_head(issuer, terms, &frame, e);
	if (rc == FAS_OK)
		rc = make_tail(issuer, terms, &frame, e);
	if (rc != FAS_OK)
		return rc;
	*out = frame;
	frame = (struct crl_frame){0};
	return FAS_OK;
}

enum fas_code
crl_trailer_make(const struct issuer *issuer, const uint8_t *signature, size_t signature_len,
    uint8_t **out, size_t *len, struct fas_err *e)
{
	OWN(crl_trailer) struct crl_trailer *trailer = asn1_new(ASN1_ITEM_rptr(crl_trailer));
	if (!trailer || !set_algorithm(trailer->algorithm, issuer->published.signature) ||
	    !asn1_set_octets(trailer->signature, signature, signature_len))
		return fas_fail_nomem(e);
	return encode_content(ASN1_ITEM_rptr(crl_trailer), trailer, out, len, e);
}
