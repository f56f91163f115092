/*
 * Certificate profiles: structured facts in, the bytes to be signed out.  (CERTIFICATES.md's table; RFC 5280.)
 *
 * A profile never sees a key: the issuer signs tbs through one verb, so that a file and a token look the same.
 */
#ifndef CA_PROFILE_H
#define CA_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "fas/base/dn.h"
#include "fas/base/err.h"
#include "fas/base/names.h"

#define PROFILE_SERIAL_MAX 20 /* RFC 5280 4.1.2.2 */
#define PROFILE_URLS_MAX 4
#define PROFILE_DNS_MAX 16

enum profile_kind {
	PROFILE_SMARTCARD_LOGON, /* a user's logon: logon CA */
	PROFILE_CLIENT_AUTH,     /* a user's in-session certificate: logon CA */
	PROFILE_KDC,             /* a domain controller: logon CA, by an administrator's hand */
	PROFILE_SERVICE_SERVER,  /* fasd's API: service CA */
	PROFILE_SERVICE_CLIENT, /* storefronts and hosts: service CA; clientAuth, role in an OU, name as dNSName */
};

/* "smartcard-logon", "client-auth", "kdc", "service-server", "service-client"; false if it is none. */
bool profile_parse(const char *name, enum profile_kind *out);
const char *profile_name(enum profile_kind kind);

/* The signature that the issuer's key makes; RSA keys sign PKCS#1 v1.5 with SHA-256 (Samba refuses PSS). */
enum profile_signature { SIGNATURE_RSA_SHA256, SIGNATURE_ECDSA_SHA256, SIGNATURE_ECDSA_SHA384 };

/* What is the same for every certificate of one CA generation; made once, shared by threads, immutable. */
struct profile_issuer {
	X509 *certificate; /* borrowed */
	enum profile_signature signature;
	const char *
	    crl_urls[PROFILE_URLS_MAX]; /* CDP, http:// first; n may be 0 for the service CA only */
	size_t n_crl_urls;
	const char *ca_urls[PROFILE_URLS_MAX]; /* AIA caIssuers */
	size_t n_ca_urls;
};

/* ---- profiles of the administrator's own (signer.yaml, `profiles`) ---- */

#define PROFILE_NAME_MAX 33 /* with NUL; [a-z0-9][a-z0-9-]* */
#define PROFILE_OIDS_MAX 8

enum profile_subject { PROFILE_SUBJECT_DIRECTORY, PROFILE_SUBJECT_UPN };

/* Names in subjectAltName beside the UPN, as bits in this order; their words are profile_extra_names. */
enum profile_extra_name { EXTRA_SID_URI = 1, EXTRA_PRINCIPAL = 2, EXTRA_MAIL = 4 };
#define PROFILE_EXTRA_NAMES 3
extern const char *const profile_extra_names[PROFILE_EXTRA_NAMES];

/* keyUsage's bits by their names in RFC 5280 4.2.1.3; the two of authorities are not among them. */
#define PROFILE_USAGES 5
extern const char *const profile_usages[PROFILE_USAGES];

/* What it has that the built-in one which it is like has not; all members borrowed, immutable. */
struct profile_own {
	char name[PROFILE_NAME_MAX];
	enum profile_kind like;                 /* PROFILE_SMARTCARD_LOGON or PROFILE_CLIENT_AUTH */
	int64_t longest_life_s;                 /* 0: as the limits say */
	unsigned key_usage;                     /* bit i: bit i of keyUsage; 0: as like */
	const char *purposes[PROFILE_OIDS_MAX]; /* dotted OIDs, beside those of like */
	size_t n_purposes;
	const char *policies[PROFILE_OIDS_MAX]; /* issuance policies */
	size_t n_policies;
	unsigned extra_names; /* bits of enum profile_extra_name */
	enum profile_subject subject;
	/* http:// URLs without a slash at the end, in place of the authority's publish_urls; n 0: those */
	const char *crl_urls[PROFILE_URLS_MAX], *ca_urls[PROFILE_URLS_MAX];
	size_t n_crl_urls, n_ca_urls;
};

/*
 * May a user's certificate be good for this purpose at all?  False for what gives power over others or the domain, whatever
 * a file says: any purpose, server and KDC, OCSP, enrolment and key recovery agents; and smart card logon beside that of
 * the built-in profile.
 */
bool profile_purpose_is_open(const char *oid);

/* ---- issuance policies (RFC 5280 4.2.1.4) ---- */

#define PROFILE_ASKED_POLICIES_MAX 4 /* that one request asks for, beside those of its profile */
#define PROFILE_POLICIES_MAX (PROFILE_OIDS_MAX + PROFILE_ASKED_POLICIES_MAX)

/* What certificatePolicies has: the profile's own (NULL: none), then those asked for that are not among them. */
size_t profile_policies(const struct profile_own *own, const char *const *asked, size_t n_asked,
    const char *out[PROFILE_POLICIES_MAX]);

/* All members borrowed; which ones are needed depends on the kind. */
struct profile_facts {
	enum profile_kind kind;
	const struct profile_own *own; /* users; like is kind.  NULL: the built-in profile */
	uint8_t serial
	    [PROFILE_SERIAL_MAX]; /* big-endian, positive: first bit clear, first byte not 0 */
	size_t serial_len;
	int64_t not_before_s, not_after_s;
	const uint8_t *spki; /* DER SubjectPublicKeyInfo */
	size_t spki_len;
	const struct dn *subject;   /* users */
	const struct sid *sid;      /* users */
	const char *upn;            /* users */
	const char *account, *mail; /* users, for an own profile's names; account: sAMAccountName */
	const char *const *policies; /* users: issuance policies beside the profile's own */
	size_t n_policies;
	const char *const *dns_names; /* machines; service-server also takes IPv4/IPv6 literals */
	size_t n_dns_names;
	const char *role; /* service-client: "host" or "storefront" */
	const char *
	    realm; /* kdc: adds otherName krbtgt/REALM@REALM; NULL = DNS names only, as Windows DCs have */
		   /* users: account's, for an own profile's principal */
};
/* The name under which it goes into the records. */
const char *profile_facts_name(const struct profile_facts *facts);

/*
 * Build the TBSCertificate, DER.  *tbs is malloc'ed and the caller's.
 * FAS_E_INPUT "profile_facts" when a needed fact is missing or unusable (names the field); "profile_life" when the
 * validity lies outside the issuer's own.
 */
MUST_CHECK enum fas_code profile_build(const struct profile_issuer *issuer,
    const struct profile_facts *facts, uint8_t **tbs, size_t *tbs_len, struct fas_err *e);

/* Certificate or CertificateList of signed bytes: SEQUENCE { tbs, algorithm, BIT STRING }.  *der is the caller's. */
MUST_CHECK enum fas_code profile_assemble(enum profile_signature algorithm, const uint8_t *tbs,
    size_t tbs_len, const uint8_t *signature, size_t signature_len, uint8_t **der, size_t *der_len,
    struct fas_err *e);

/*
 * A CA certificate or request, for ca init: the root (self-issued, lab or service CA) or a subordinate below issuer.
 * path_len -1 = absent.  The extensions of CERTIFICATES.md, "CA certificate".
 */
struct profile_ca_facts {
	const char *common_name;
	const char *organization; /* or NULL */
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t serial_len;
	int64_t not_before_s, not_after_s;
	int path_len;
	const uint8_t *spki;
	size_t spki_len;
};
/* issuer NULL = self-issued; then signature says with what algorithm it will be signed. */
MUST_CHECK enum fas_code profile_build_ca(const struct profile_issuer *issuer,
    enum profile_signature signature, const struct profile_ca_facts *facts, uint8_t **tbs,
    size_t *tbs_len, struct fas_err *e);

/* Algorithm for a key: RSA -> RSA_SHA256, P-256 -> ECDSA_SHA256, P-384 -> ECDSA_SHA384; else "profile_key". */
MUST_CHECK enum fas_code profile_signature_for(
    EVP_PKEY *key, enum profile_signature *out, struct fas_err *e);

#endif
