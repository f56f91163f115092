/*
 * Complete CRLs (RFC 5280 5), version 2: cRLNumber and authority key identifier, no critical extension (a critical
 * issuingDistributionPoint fails every logon on Samba 4.22).
 *
 * The entries are written as they come from the ledger, already in DER: X509_CRL would take a hundred times as long.
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "ca/issuer.h"
#include "fas/base/buf.h"
#include "fas/base/err.h"

#define CRL_ENTRIES_MAX 4000000
#define CRL_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct crl_entries {
	struct buf der; /* revokedCertificates' elements, one after the other */
	int64_t n;
};
void crl_entries_init(struct crl_entries *entries);
void crl_entries_done(struct crl_entries *entries);
/*
 * In the order of serials, as the caller gives them.  reason 0 (unspecified) is left out, as RFC 5280 5.3.1 asks.
 * FAS_E_LIMIT above CRL_ENTRIES_MAX.
 */
MUST_CHECK enum fas_code crl_entries_add(struct crl_entries *entries, const uint8_t *serial,
    size_t serial_len, int64_t when_s, int reason, struct fas_err *e);

/*
 * Build and sign by the issuer's own key; the signature is confirmed.  *der is the caller's.  (Lint it before it leaves.)
 */
MUST_CHECK enum fas_code crl_build(const struct issuer *issuer, const struct crl_entries *entries,
    int64_t number, int64_t this_update_s, int64_t next_update_s, uint8_t **der, size_t *der_len,
    struct fas_err *e);

/* What stands in somebody else's CRL.  FAS_E_INPUT "crl_malformed". */
struct crl_facts {
	int64_t number; /* 0 = it has none */
	int64_t this_update_s, next_update_s, entries;
};
MUST_CHECK enum fas_code crl_read(
    const uint8_t *der, size_t len, struct crl_facts *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(crl_entries, struct crl_entries, crl_entries_done);

#endif
