#include "ca/crl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/asn1.h"

/* TBSCertList (RFC 5280 5.1), with the entries as one finished value. */
struct crl_tbs {
	ASN1_INTEGER *version;
	X509_ALGOR *signature;
	X509_NAME *issuer;
	ASN1_TIME *this_update, *next_update;
	ASN1_STRING *revoked;
	STACK_OF(X509_EXTENSION) * extensions;
};

/* clang-format off: the RFC's text, one field a line */
ASN1_SEQUENCE(crl_tbs) =
    {
	ASN1_SIMPLE(struct crl_tbs, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct crl_tbs, signature, X509_ALGOR),
	ASN1_SIMPLE(struct crl_tbs, issuer, X509_NAME),
	ASN1_SIMPLE(struct crl_tbs, this_update, ASN1_TIME),
	ASN1_SIMPLE(struct crl_tbs, next_update, ASN1_TIME),
	ASN1_OPT(struct crl_tbs, revoked, ASN1_SEQUENCE),
	ASN1_EXP_SEQUENCE_OF(struct crl_tbs, extensions, X509_EXTENSION, 0),
} static_ASN1_SEQUENCE_END_name(struct crl_tbs, crl_tbs)
    /* clang-format on */

    static void crl_tbs_free(struct crl_tbs * tbs)
{
	asn1_free(tbs, ASN1_ITEM_rptr(crl_tbs));
}
DEFINE_OWN(crl_tbs, struct crl_tbs *, crl_tbs_free);
DEFINE_OWN(asn1_time, ASN1_TIME *, ASN1_TIME_free);
DEFINE_OWN(asn1_integer, ASN1_INTEGER *, ASN1_INTEGER_free);
DEFINE_OWN(akid, AUTHORITY_KEYID *, AUTHORITY_KEYID_free);
DEFINE_OWN(x509_crl, X509_CRL *, X509_CRL_free);

void
crl_entries_init(struct crl_entries *entries)
{
	*entries = (struct crl_entries){0};
	buf_init(&entries->der, CRL_BYTES_MAX);
}

void
crl_entries_done(struct crl_entries *entries)
{
	buf_done(&entries->der);
}

/* Identifier and length as the library writes them. */
static size_t
put_header(uint8_t *out, bool constructed, size_t len, int tag)
{
	uint8_t *at = out;
	ASN1_put_object(&at, constructed, (int)len, tag, V_ASN1_UNIVERSAL);
	return (size_t)(at - out);
}

/* UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 5.1.2.6). */
static size_t
put_time(uint8_t out[32], int64_t when_s)
{
	uint8_t *at = out;
	OWN(asn1_time) ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)when_s);
	int len = when ? i2d_ASN1_TIME(when, NULL) : 0;
	if (len <= 0 || len > 32)
		return 0;
	return (size_t)i2d_ASN1_TIME(when, &at);
}

/* Extensions { reasonCode (2.5.29.21), an ENUMERATED in an OCTET STRING }. */
static size_t
put_reason(uint8_t out[32], int reason)
{
	static const uint8_t oid[] = {0x55, 0x1d, 0x15};
	uint8_t *at = out;
	if (reason == 0)
		return 0;
	at += put_header(at, true, 12, V_ASN1_SEQUENCE);
	at += put_header(at, true, 10, V_ASN1_SEQUENCE);
	at += put_header(at, false, sizeof(oid), V_ASN1_OBJECT);
	memcpy(at, oid, sizeof(oid));
	at += sizeof(oid);
	at += put_header(at, false, 3, V_ASN1_OCTET_STRING);
	at += put_header(at, false, 1, V_ASN1_ENUMERATED);
	*at++ = (uint8_t)reason;
	return (size_t)(at - out);
}

enum fas_code
crl_entries_add(struct crl_entries *entries, const uint8_t *serial, size_t serial_len,
    int64_t when_s, int reason, struct fas_err *e)
{
	uint8_t header[16], number[8], when[32], why[32];
	if (++entries->n > CRL_ENTRIES_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "crl_too_large", "over %d entries", CRL_ENTRIES_MAX);
	if (serial_len == 0 || serial_len > PROFILE_SERIAL_MAX || (serial[0] & 0x80))
		return fas_fail(e, FAS_E_IO, "database_corrupt",
		    "RFC 5280 4.1.2.2: a serial number on record is not positive");
	size_t number_len = put_header(number, false, serial_len, V_ASN1_INTEGER);
	size_t when_len = put_time(when, when_s), why_len = put_reason(why, reason);
	if (when_len == 0)
		return fas_fail_openssl(e, "time of a revocation");
	size_t len = number_len + serial_len + when_len + why_len;
	buf_append(&entries->der, header, put_header(header, true, len, V_ASN1_SEQUENCE));
	buf_append(&entries->der, number, number_len);
	buf_append(&entries->der, serial, serial_len);
	buf_append(&entries->der, when, when_len);
	buf_append(&entries->der, why, why_len);
	return buf_check(&entries->der, e);
}

/* ---- the list ---- */

static enum fas_code
set_entries(struct crl_tbs *tbs, const struct crl_entries *entries, struct fas_err *e)
{
	uint8_t header[16];
	/* RFC 5280 5.1.2.6: without entries the list is absent, never empty. */
	if (entries->n == 0)
		return FAS_OK;
	size_t len = put_header(header, true, entries->der.len, V_ASN1_SEQUENCE);
	size_t whole = len + entries->der.len;
	tbs->revoked = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	uint8_t *der = OPENSSL_malloc(whole);
	if (!tbs->revoked || !der) {
		OPENSSL_free(der);
		return fas_fail_nomem(e);
	}
	memcpy(der, header, len);
	memcpy(der + len, entries->der.data, entries->der.len);
	ASN1_STRING_set0(tbs->revoked, der, (int)whole);
	return FAS_OK;
}

static enum fas_code
set_extensions(struct crl_tbs *tbs, const struct issuer *issuer, int64_t number, struct fas_err *e)
{
	OWN(akid) AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	OWN(asn1_integer) ASN1_INTEGER *crl_number = ASN1_INTEGER_new();
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer->certificate);
	if (!akid || !crl_number || ASN1_INTEGER_set_int64(crl_number, number) != 1)
		return fas_fail_nomem(e);
	if (!ski)
		return fas_fail(e, FAS_E_CONFIG, "ca_key_id",
		    "RFC 5280 4.2.1.2: the certificate of %s has no subject key identifier",
		    issuer->stem);
	akid->keyid = ASN1_OCTET_STRING_dup(ski);
	if (!akid->keyid ||
	    X509V3_add1_i2d(&tbs->extensions, NID_authority_key_identifier, akid, 0, 0) != 1 ||
	    X509V3_add1_i2d(&tbs->extensions, NID_crl_number, crl_number, 0, 0) != 1)
		return fas_fail_openssl(e, "CRL extensions");
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
build_tbs(const struct issuer *issuer, const struct crl_entries *entries, int64_t number,
    int64_t this_update_s, int64_t next_update_s, uint8_t **der, size_t *len, struct fas_err *e)
{
	OWN(crl_tbs) struct crl_tbs *tbs = asn1_new(ASN1_ITEM_rptr(crl_tbs));
	if (!tbs)
		return fas_fail_nomem(e);
	X509_NAME_free(tbs->issuer);
	tbs->issuer = X509_NAME_dup(X509_get_subject_name(issuer->certificate));
	if (!tbs->issuer || ASN1_INTEGER_set(tbs->version, 1) != 1 ||
	    !set_algorithm(tbs->signature, issuer->published.signature) ||
	    !ASN1_TIME_set(tbs->this_update, (time_t)this_update_s) ||
	    !ASN1_TIME_set(tbs->next_update, (time_t)next_update_s))
		return fas_fail_openssl(e, "CRL");
	enum fas_code rc = set_entries(tbs, entries, e);
	if (rc == FAS_OK)
		rc = set_extensions(tbs, issuer, number, e);
	return rc == FAS_OK ? asn1_encode(ASN1_ITEM_rptr(crl_tbs), tbs, der, len, e) : rc;
}

enum fas_code
crl_build(const struct issuer *issuer, const struct crl_entries *entries, int64_t number,
    int64_t this_update_s, int64_t next_update_s, uint8_t **der, size_t *der_len, struct fas_err *e)
{
	OWN(bytes) uint8_t *tbs = NULL;
	size_t tbs_len = 0, signature_len = 0;
	uint8_t signature[KEY_SIGNATURE_MAX];
	enum fas_code rc =
	    build_tbs(issuer, entries, number, this_update_s, next_update_s, &tbs, &tbs_len, e);
	if (rc != FAS_OK)
		return rc;
	return issuer_sign(issuer, tbs, tbs_len, signature, &signature_len, der, der_len, e);
}

enum fas_code
crl_read(const uint8_t *der, size_t len, struct crl_facts *out, struct fas_err *e)
{
	const uint8_t *at = der;
	*out = (struct crl_facts){0};
	OWN(x509_crl) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
	const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;
	if (!next || at != der + len ||
	    !asn1_time_to_unix(X509_CRL_get0_lastUpdate(crl), &out->this_update_s) ||
	    !asn1_time_to_unix(next, &out->next_update_s)) {
		ERR_clear_error();
		return fas_fail(e, FAS_E_INPUT, "crl_malformed",
		    "RFC 5280 5.1: not one CRL in DER with thisUpdate and nextUpdate");
	}
	OWN(asn1_integer)
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if (number && ASN1_INTEGER_get_int64(&out->number, number) != 1)
		out->number = INT64_MAX; /* up to 20 octets are allowed; ours fit */
	out->entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	if (out->entries < 0)
		out->entries = 0;
	ERR_clear_error();
	return FAS_OK;
}
