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

/* All members borrowed; which ones are needed depends on the kind. */
struct profile_facts {
	enum profile_kind kind;
	uint8_t serial
	    [PROFILE_SERIAL_MAX]; /* big-endian, positive: first bit clear, first byte not 0 */
	size_t serial_len;
	int64_t not_before_s, not_after_s;
	const uint8_t *spki; /* DER SubjectPublicKeyInfo */
	size_t spki_len;
	const struct dn *subject;     /* users */
	const struct sid *sid;        /* users */
	const char *upn;              /* users */
	const char *const *dns_names; /* machines; service-server also takes IPv4/IPv6 literals */
	size_t n_dns_names;
	const char *role; /* service-client: "host" or "storefront" */
	const char *
	    realm; /* kdc: adds otherName krbtgt/REALM@REALM; NULL = DNS names only, as Windows DCs have */
};

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
