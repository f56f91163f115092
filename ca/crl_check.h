/*
 * Would a domain controller take this CRL?  (RFC 5280 6.3.3.)  For the watchdog, which gets it from wherever a
 * certificate says that it lies: the octets are foreign.  A list of a million entries is walked without an object for
 * each, and its signature is verified over the octets as they lie.
 */
#ifndef CA_CRL_CHECK_H
#define CA_CRL_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "fas/base/err.h"

#define CRL_NUMBER_TEXT_MAX 41 /* 20 octets in hex (RFC 5280 5.2.3) */

struct crl_seen {
	int64_t this_update_s, next_update_s; /* 0: it says none */
	char number[CRL_NUMBER_TEXT_MAX];     /* hex without leading zeros; "" = it has none */
	size_t entries;
};

/*
 * signer: the certificate whose key has to have signed it; borrowed.  out holds what could be read, also after a
 * refusal.
 *
 * FAS_E_INPUT "crl_malformed"; FAS_E_DENIED "crl_wrong_issuer" (another authority's), "crl_wrong_signature" (this
 * authority's name, another key, or altered), "crl_algorithm" (one that is not verified here), "crl_partial" (a delta,
 * or one with a critical extension: domain controllers do not use it), "crl_not_begun", "crl_ended".
 */
MUST_CHECK enum fas_code crl_check(const uint8_t *der, size_t len, X509 *signer, int64_t now_s,
    struct crl_seen *out, struct fas_err *e);

/* The last step alone, of one that was checked before: "crl_not_begun", "crl_ended". */
MUST_CHECK enum fas_code crl_check_times(
    const struct crl_seen *seen, int64_t now_s, struct fas_err *e);

/* As strcmp compares: by value.  "" is below any. */
int crl_number_compare(const char *a, const char *b);

#endif
