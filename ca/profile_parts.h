/* Between the profile's own files: the certificate under construction, and the parts that are put into it. */
#ifndef CA_PROFILE_PARTS_H
#define CA_PROFILE_PARTS_H

#include "ca/asn1.h"
#include "ca/profile.h"

#define PROFILE_PURPOSES_MAX 3
#define PROFILE_COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 appendix A.1 */

/* What the kinds differ in; CERTIFICATES.md's table and the list. */
struct profile_shape {
	const char *name;
	bool user;                          /* else a machine */
	bool service;                       /* issued by the service CA, which may have no CRL */
	int purposes[PROFILE_PURPOSES_MAX]; /* NIDs in the order of the extension; NID_undef ends */
};
const struct profile_shape *profile_shape(enum profile_kind kind);

struct profile_work {
	const struct profile_issuer *issuer; /* NULL = self-issued */
	const struct profile_facts *facts;   /* NULL = a CA certificate */
	struct asn1_tbs *tbs;
	struct asn1_key key;
};
void profile_work_done(struct profile_work *work);
DEFINE_OWN_IN_PLACE(profile_work, struct profile_work, profile_work_done);

/* What a leaf and a CA certificate have in common. */
struct profile_common {
	enum profile_signature signature;
	const uint8_t *serial;
	size_t serial_len;
	int64_t not_before_s, not_after_s;
	const uint8_t *spki;
	size_t spki_len;
};
/* Version, serial, algorithm, validity, key; and the issuer's name when there is an issuer. */
MUST_CHECK enum fas_code profile_start(
    struct profile_work *work, const struct profile_common *common, struct fas_err *e);

/* FAS_E_INPUT "profile_facts": field finding. */
enum fas_code profile_bad(struct fas_err *e, const char *field, const char *finding);

bool profile_set_algorithm(X509_ALGOR *algorithm, enum profile_signature signature);

/* ---- profile_names.c ---- */

MUST_CHECK enum fas_code profile_name_add(
    STACK_OF(asn1_rdn) * name, const char *type, const char *value, struct fas_err *e);
/* The subject that the facts ask for. */
MUST_CHECK enum fas_code profile_subject(struct profile_work *work, struct fas_err *e);
/* subjectAltName of the facts, a new value. */
MUST_CHECK enum fas_code profile_alternative_names(
    const struct profile_facts *facts, GENERAL_NAMES **out, struct fas_err *e);
/* GeneralNames of URLs, a new value. */
MUST_CHECK enum fas_code profile_url(const char *url, GENERAL_NAME **out, struct fas_err *e);

/* otherName { id, [0] EXPLICIT value } (RFC 5280 4.2.1.6); takes value. */
MUST_CHECK enum fas_code profile_other_name(
    GENERAL_NAMES *names, int nid, ASN1_TYPE *value, struct fas_err *e);
/* A GeneralName over a string of one of the simple choices; a new value or NULL. */
GENERAL_NAME *profile_simple_name(int choice, int string, const void *data, size_t len);
/* KRB5PrincipalName of n parts as id-pkinit-san (RFC 4556 3.2.2). */
MUST_CHECK enum fas_code profile_principal(GENERAL_NAMES *names, const char *realm, int type,
    const char *const *parts, size_t n, struct fas_err *e);

/* ---- profile_own.c ---- */

/* The subject of an own profile's form. */
MUST_CHECK enum fas_code profile_own_subject(struct profile_work *work, struct fas_err *e);
/* Add the names that the profile has beside the UPN. */
MUST_CHECK enum fas_code profile_own_names(
    const struct profile_facts *facts, GENERAL_NAMES *names, struct fas_err *e);
MUST_CHECK enum fas_code profile_own_purposes(
    const struct profile_own *own, EXTENDED_KEY_USAGE *purposes, struct fas_err *e);
/* keyUsage as a set of bits: digitalSignature and, for RSA, keyEncipherment; or own's, less what the key cannot do. */
unsigned profile_usage_bits(const struct profile_own *own, enum asn1_key_type key);
/* Is it an address "local@domain" of ASCII without spaces and quotes, the domain a host name? */
bool profile_mail_is_valid(const char *mail);
/* Can it stand as one part of a principal's name: ASCII, without @, / and backslash? */
bool profile_account_is_valid(const char *account);

/* A new object of a dotted OID; FAS_E_INPUT "profile_facts" for any other text. */
MUST_CHECK enum fas_code profile_oid(const char *text, ASN1_OBJECT **out, struct fas_err *e);

/* ---- profile_policies.c ---- */

/* certificatePolicies, when there are any. */
MUST_CHECK enum fas_code profile_add_policies(struct profile_work *work, struct fas_err *e);

/* ---- profile_extensions.c ---- */

MUST_CHECK enum fas_code profile_extension_add(struct asn1_tbs *tbs, int nid, bool critical,
    const ASN1_ITEM *item, const void *value, struct fas_err *e);
MUST_CHECK enum fas_code profile_add_bits(
    struct asn1_tbs *tbs, const int *bits, size_t n, struct fas_err *e);
MUST_CHECK enum fas_code profile_add_key_ids(struct profile_work *work, struct fas_err *e);
MUST_CHECK enum fas_code profile_add_locations(struct profile_work *work, struct fas_err *e);
/* Everything that a leaf has. */
MUST_CHECK enum fas_code profile_extensions(struct profile_work *work, struct fas_err *e);

DEFINE_OWN(general_name, GENERAL_NAME *, GENERAL_NAME_free);
DEFINE_OWN(general_names, GENERAL_NAMES *, GENERAL_NAMES_free);
DEFINE_OWN(asn1_any, ASN1_TYPE *, ASN1_TYPE_free);
DEFINE_OWN(asn1_bits, ASN1_BIT_STRING *, ASN1_BIT_STRING_free);
DEFINE_OWN(asn1_octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free);

#endif
