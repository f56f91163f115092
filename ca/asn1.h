/*
 * ASN.1 for which OpenSSL has no template, or only one that decodes keys and names as it goes (X509, X509_REQ,
 * X509_PUBKEY: each runs the key through the decoder layer, 100 us and more).  RFC 5280 4.1, RFC 2986 4, RFC 4120 5.2,
 * RFC 8017 A.1.1, MS-WCCE 2.2.2.7.7.4.
 *
 * Encoding is DER by construction.  Decoding takes what OpenSSL takes (some BER); who cares compares with the
 * re-encoding: asn1_is_canonical.
 */
#ifndef CA_ASN1_H
#define CA_ASN1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

/* ---- object identifiers that this OpenSSL does not know ---- */

enum asn1_oid {
	OID_NTDS_CA_SECURITY, /* szOID_NTDS_CA_SECURITY_EXT 1.3.6.1.4.1.311.25.2 */
	OID_NTDS_OBJECTSID,   /* szOID_NTDS_OBJECTSID 1.3.6.1.4.1.311.25.2.1 */
	OID_PKINIT_SAN,       /* id-pkinit-san 1.3.6.1.5.2.2 */
	OID_CRL_NEXT_PUBLISH, /* szOID_CRL_NEXT_PUBLISH 1.3.6.1.4.1.311.21.4 */
};

/* Its NID, registered at the first call; thread-safe.  NID_undef when out of memory. */
int asn1_nid(enum asn1_oid oid);

/* ---- shapes ---- */

struct asn1_extension {
	ASN1_OBJECT *id;
	ASN1_BOOLEAN critical;
	ASN1_OCTET_STRING *value;
};
SKM_DEFINE_STACK_OF(asn1_extension, struct asn1_extension, struct asn1_extension)
SKM_DEFINE_STACK_OF(asn1_rdn, STACK_OF(X509_NAME_ENTRY), STACK_OF(X509_NAME_ENTRY))

struct asn1_spki {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *key;
};

struct asn1_tbs {
	ASN1_INTEGER *version;
	ASN1_INTEGER *serial;
	X509_ALGOR *signature;
	ASN1_TYPE *issuer; /* the bytes as they are: they have to equal the issuer's subject */
	X509_VAL *validity;
	STACK_OF(asn1_rdn) * subject;
	struct asn1_spki *spki;
	ASN1_BIT_STRING *issuer_uid, *subject_uid;
	STACK_OF(asn1_extension) * extensions;
};

struct asn1_certificate {
	struct asn1_tbs *tbs;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

/* Certificate, CertificateList and CertificationRequest alike: signed bytes, algorithm, signature. */
struct asn1_signed {
	ASN1_TYPE *body;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

/* CertificationRequestInfo (RFC 2986 4.1). */
struct asn1_request {
	ASN1_INTEGER *version;
	ASN1_TYPE *subject;
	struct asn1_spki *spki;
	STACK_OF(ASN1_TYPE) * attributes;
};

struct asn1_rsa {
	ASN1_INTEGER *modulus, *exponent;
};

/* Value of the SID extension: SEQUENCE { [0] { OID, [0] OCTET STRING } }. */
struct asn1_sid_name {
	ASN1_OBJECT *id;
	ASN1_OCTET_STRING *sid;
};
struct asn1_sid_extension {
	struct asn1_sid_name *name;
};

/* KRB5PrincipalName of id-pkinit-san (RFC 4556 3.2.2). */
struct asn1_krb5_names {
	ASN1_INTEGER *type;
	STACK_OF(ASN1_GENERALSTRING) * parts;
};
struct asn1_krb5_principal {
	ASN1_GENERALSTRING *realm;
	struct asn1_krb5_names *names;
};

DECLARE_ASN1_ITEM(asn1_extension)
DECLARE_ASN1_ITEM(asn1_extensions)
DECLARE_ASN1_ITEM(asn1_rdn)
DECLARE_ASN1_ITEM(asn1_name)
DECLARE_ASN1_ITEM(asn1_spki)
DECLARE_ASN1_ITEM(asn1_tbs)
DECLARE_ASN1_ITEM(asn1_certificate)
DECLARE_ASN1_ITEM(asn1_signed)
DECLARE_ASN1_ITEM(asn1_request)
DECLARE_ASN1_ITEM(asn1_rsa)
DECLARE_ASN1_ITEM(asn1_sid_extension)
DECLARE_ASN1_ITEM(asn1_krb5_principal)

/* ---- whole values ---- */

/* A new empty value; NULL when out of memory.  asn1_free takes NULL. */
void *asn1_new(const ASN1_ITEM *item);
void asn1_free(void *value, const ASN1_ITEM *item);

/* Decode exactly len bytes; NULL when they are no such value or something is left over.  The error queue stays clean. */
void *asn1_decode(const ASN1_ITEM *item, const uint8_t *der, size_t len);

/* DER into malloc'ed memory of the caller. */
MUST_CHECK enum fas_code asn1_encode(
    const ASN1_ITEM *item, const void *value, uint8_t **der, size_t *len, struct fas_err *e);

/* Does value encode to exactly these bytes? */
bool asn1_is_canonical(const ASN1_ITEM *item, const void *value, const uint8_t *der, size_t len);

/* A SEQUENCE's DER as an ANY; NULL when out of memory. */
ASN1_TYPE *asn1_any_sequence(const uint8_t *der, size_t len);

/* Set a BIT STRING of whole octets (keys, signatures: trailing zero bits count). */
bool asn1_set_octets(ASN1_BIT_STRING *bits, const uint8_t *data, size_t len);

/* Seconds since 1970; false unless it is a time of RFC 5280 4.1.2.5's two forms, with seconds and Z. */
bool asn1_time_to_unix(const ASN1_TIME *time, int64_t *out_s);

/* ---- public keys ---- */

#define ASN1_SKI_LEN 20

enum asn1_key_type { ASN1_KEY_OTHER = 0, ASN1_KEY_RSA, ASN1_KEY_EC };

struct asn1_key {
	enum asn1_key_type type;
	int curve;            /* EC: NID of the named curve, NID_undef for explicit parameters */
	unsigned bits;        /* RSA modulus, EC field; 0 if unknown */
	unsigned exponent;    /* RSA; 0 = larger than 32 bits or negative */
	struct asn1_rsa *rsa; /* owned; RSA only */
	const uint8_t *point; /* EC; borrowed from the spki */
	size_t point_len;
};

/* What the key says about itself; false when its parts do not parse.  out is done with asn1_key_done either way. */
bool asn1_key_read(const struct asn1_spki *spki, struct asn1_key *out);
void asn1_key_done(struct asn1_key *key);

/* SHA-1 of the BIT STRING's octets (RFC 5280 4.2.1.2 method 1; a name, no security rests on it). */
bool asn1_key_id(const struct asn1_spki *spki, uint8_t out[ASN1_SKI_LEN]);

#define ASN1_OWN(shape)                                                                            \
	static inline void shape##_free(struct shape *value)                                       \
	{                                                                                          \
		asn1_free(value, ASN1_ITEM_rptr(shape));                                           \
	}                                                                                          \
	DEFINE_OWN(shape, struct shape *, shape##_free)

ASN1_OWN(asn1_spki);
ASN1_OWN(asn1_extension);
ASN1_OWN(asn1_tbs);
ASN1_OWN(asn1_certificate);
ASN1_OWN(asn1_signed);
ASN1_OWN(asn1_request);
ASN1_OWN(asn1_sid_extension);
ASN1_OWN(asn1_krb5_principal);
DEFINE_OWN_IN_PLACE(asn1_key, struct asn1_key, asn1_key_done);

#endif
