/*
 * New authorities: key first (durably in its file, then on record), certificate or request after.  All of it is an
 * administrator's act or the first start; nothing here is on the path of a logon.
 */
#ifndef CA_MAKE_H
#define CA_MAKE_H

#include <stdint.h>

#include "ca/config.h"
#include "ca/issuer.h"
#include "fas/base/audit.h"
#include "fas/base/db.h"
#include "fas/base/err.h"

/*
 * Where, and on whose behalf: about names the caller and the correlation id; each step completes it and puts it on record
 * in the step's own transaction.
 */
struct making {
	const struct signer_config *config;
	struct db_pool *db;
	struct audit_record *about;
};

#define CA_NAME_MAX 64 /* octets of a common name (RFC 5280 A.1) */

/* The service CA: P-256, self-signed for ten years, path length 0. */
MUST_CHECK enum fas_code make_service_ca(const struct making *m, struct fas_err *e);

/*
 * Another certificate for the same key and name, for ten years from now: whatever the present one verifies, this one does,
 * and the other way round.  *generation: of the host table.
 */
MUST_CHECK enum fas_code make_service_renewal(
    const struct making *m, const struct issuer *service, int64_t *generation, struct fas_err *e);

/* A key for a new generation of a logon authority, on record without a certificate. */
MUST_CHECK enum fas_code make_authority_key(const struct making *m, const char *authority,
    int64_t generation, const char *key_type, struct fas_err *e);

/*
 * The name of a generation: the configured one, then "NAME G2" and so on.  Each key has a name of its own, since there are
 * verifiers that tell CRLs apart by their issuer's name alone (MIT's KDC) and take the wrong one.  FAS_E_CONFIG
 * "common_name_length" above the 64 characters of RFC 5280 A.1.
 */
MUST_CHECK enum fas_code make_common_name(const struct authority_config *config, int64_t generation,
    char out[CA_NAME_MAX + 1], struct fas_err *e);

/* PKCS#10 (RFC 2986) of an issuer's key: name, CA:TRUE, key usages and key identifier as its certificate needs them. */
MUST_CHECK enum fas_code make_request(const struct issuer *issuer,
    const struct authority_config *config, char **pem, struct fas_err *e);

/*
 * For a lab: a root beside the authority (its own key and record), and the authority's certificate below it.
 */
MUST_CHECK enum fas_code make_lab_root(
    const struct making *m, const char *authority, int64_t generation, struct fas_err *e);
MUST_CHECK enum fas_code make_lab_certificate(const struct making *m, const struct issuer *root,
    const struct issuer *issuer, struct fas_err *e);

/* What an authority gets: its certificate, the chain, and, when it is not on record already, the root's. */
struct certify {
	const struct issuer *issuer;
	const uint8_t *der;
	size_t len;
	const char *chain;   /* PEM: the certificate, its issuers, the root */
	const uint8_t *root; /* DER; NULL = on record already */
	size_t root_len;
	const char *root_pem;
	const uint8_t *root_crl; /* DER, or NULL */
	size_t root_crl_len;
};
/* One transaction with its record.  FAS_E_CONFLICT "authority_ready". */
MUST_CHECK enum fas_code make_certified(
    const struct making *m, const char *event, const struct certify *c, struct fas_err *e);
/* The same for a key that has a certificate: kept until the switch to it, in the place of an earlier one. */
MUST_CHECK enum fas_code make_renewal(
    const struct making *m, const struct certify *c, struct fas_err *e);

#endif
