/* What comes back from the root's owner, and every way in which it can be wrong. */
#ifndef CA_INSTALL_H
#define CA_INSTALL_H

#include <openssl/x509.h>

#include "ca/issuer.h"
#include "fas/base/err.h"

#define INSTALL_CHAIN_MAX 6

struct install {
	size_t n;
	X509 *chain[INSTALL_CHAIN_MAX]; /* the authority's own first */
	X509 *root;
	X509_CRL *root_crl; /* or NULL */
};
void install_done(struct install *install);

/* chain and root: PEM; root_crl: PEM, or base64 of DER, or NULL.  FAS_E_INPUT "pem_malformed", "crl_malformed". */
MUST_CHECK enum fas_code install_parse(const char *chain, const char *root, const char *root_crl,
    struct install *out, struct fas_err *e);

/*
 * Each failing check has its own reason: "key_mismatch", "not_a_ca", "no_key_cert_sign", "no_crl_sign", "path_length",
 * "not_yet_valid", "expired", "no_crl_distribution_point", "no_subject_key_id", "extended_key_usage", "chain_invalid",
 * "root_crl_issuer", "root_crl_signature", "root_crl_stale", "ca_revoked".  FAS_E_CONFLICT for the first, FAS_E_INPUT
 * for all others.
 */
MUST_CHECK enum fas_code install_check(
    const struct install *install, const struct issuer *issuer, int64_t now_s, struct fas_err *e);

DEFINE_OWN_IN_PLACE(install, struct install, install_done);

#endif
