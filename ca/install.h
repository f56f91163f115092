/* What comes back from the root's owner, and every way in which it can be wrong. */
#ifndef CA_INSTALL_H
#define CA_INSTALL_H

#include <openssl/x509.h>

#include "ca/bundle.h"
#include "ca/issuer.h"
#include "fas/base/err.h"

struct install {
	size_t n;
	X509 *chain[BUNDLE_MAX]; /* the authority's own first, each issued by the next */
	X509 *root;
	X509_CRL *root_crl; /* or NULL */
};
void install_done(struct install *install);

/*
 * chain and root: as ca/bundle.h takes them, in any order; root NULL: the chain's own.  root_crl: PEM, or base64 of DER, or
 * NULL.  key: whose certificate is looked for.  FAS_E_CONFLICT "key_mismatch"; FAS_E_INPUT "pem_malformed",
 * "crl_malformed", "root_missing".
 */
MUST_CHECK enum fas_code install_parse(const char *chain, const char *root, const char *root_crl,
    const struct key *key, struct install *out, struct fas_err *e);
MUST_CHECK enum fas_code install_parse_crl(const char *text, X509_CRL **out, struct fas_err *e);

/*
 * Each failing check has its own reason: "key_mismatch", "not_a_ca", "no_key_cert_sign", "no_crl_sign", "path_length",
 * "not_yet_valid", "expired", "no_crl_distribution_point", "no_subject_key_id", "extended_key_usage", "chain_invalid",
 * "root_crl_issuer", "root_crl_signature", "root_crl_stale", "ca_revoked", "ca_lint" (a lint by which logons would fail,
 * with its remedy).  FAS_E_CONFLICT for the first, FAS_E_INPUT for all others.
 */
MUST_CHECK enum fas_code install_check(
    const struct install *install, const struct issuer *issuer, int64_t now_s, struct fas_err *e);

/*
 * May it take the place of present, the certificate of the same key below present_root?  What was issued has to verify
 * below it too.  FAS_E_CONFLICT "authority_ready" (it is the present one), "renewal_subject", "renewal_key_id",
 * "renewal_root".
 */
MUST_CHECK enum fas_code install_check_renewal(
    const struct install *install, X509 *present, X509 *present_root, struct fas_err *e);
/* A root's CRL by itself, as install_check does. */
MUST_CHECK enum fas_code install_check_root_crl(
    X509_CRL *crl, X509 *root, int64_t now_s, struct fas_err *e);

DEFINE_OWN_IN_PLACE(install, struct install, install_done);

#endif
