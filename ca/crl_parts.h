/* What ca/crl*.c share. */
#ifndef CA_CRL_PARTS_H
#define CA_CRL_PARTS_H

#include "ca/crl.h"

#define CRL_HEADER_MAX 16
#define CRL_ENTRY_USUAL 49 /* octets: a serial number of ours, UTCTime, a reason */

/* Identifier and length as the library writes them, of a universal tag; how many octets. */
size_t crl_put_header(uint8_t *out, bool constructed, size_t len, int tag);

/* What stands around the entries, as the RFC has it: DER of all before revokedCertificates, and of all behind it. */
struct crl_frame {
	uint8_t *head, *tail;
	size_t head_len, tail_len;
};
MUST_CHECK enum fas_code crl_frame_make(const struct issuer *issuer, const struct crl_terms *terms,
    struct crl_frame *out, struct fas_err *e);
void crl_frame_done(struct crl_frame *frame);
/* signatureAlgorithm and signatureValue; *out is malloc'ed and the caller's. */
MUST_CHECK enum fas_code crl_trailer_make(const struct issuer *issuer, const uint8_t *signature,
    size_t signature_len, uint8_t **out, size_t *len, struct fas_err *e);

DEFINE_OWN_IN_PLACE(crl_frame, struct crl_frame, crl_frame_done);

#endif
