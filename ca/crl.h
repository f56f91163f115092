/*
 * Complete CRLs (RFC 5280 5), version 2: cRLNumber, authority key identifier and Microsoft's next publication, no critical
 * extension (a critical issuingDistributionPoint fails every logon on Samba 4.22).
 *
 * A list of a million entries takes a tenth of a second and a quarter of a megabyte: entries come from the ledger one by one
 * and go, in DER, to where they will stay in the file that is published; what stands around them follows, and is signed
 * there.  (X509_CRL takes forty times as long, and hundreds of megabytes.)
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "ca/give_way.h"
#include "ca/issuer.h"
#include "fas/base/buf.h"
#include "fas/base/err.h"
#include "fas/base/file.h"

#define CRL_ENTRIES_MAX 4000000
#define CRL_ENTRY_MAX 80 /* octets */

/*
 * What entries have in common, so that the next one costs little: the shape of the last, and the days of the last few.  All
 * zero at first.
 */
#define CRL_DAYS 4
struct crl_form {
	struct crl_day {
		int64_t day;
		uint8_t der[24];
		size_t len; /* 0: none yet */
	} days[CRL_DAYS];
	uint8_t last[CRL_ENTRY_MAX];
	size_t len, serial_len, when_len; /* len 0: none yet */
	size_t serial_at, when_at;
	bool has_reason; /* its last octet */
};
/*
 * One element of revokedCertificates into out; 0: the serial number is not positive, or the time cannot be written.  reason 0
 * (unspecified) is left out, as RFC 5280 5.3.1 asks.
 */
size_t crl_entry_format(struct crl_form *form, const uint8_t *serial, size_t serial_len,
    int64_t when_s, int reason, uint8_t out[CRL_ENTRY_MAX]);

struct crl_terms {
	int64_t number;
	int64_t this_update_s, next_update_s;
	int64_t
	    next_publish_s; /* when the next one comes, if nothing is revoked before; 0: not said */
	int64_t entries;    /* about so many; to be wrong costs a moment */
};

struct crl_frame;

struct crl_writer {
	const struct issuer *issuer;  /* borrowed, as `to` */
	const struct file_beside *to; /* the entries lie there already, where they will stay */
	struct crl_frame *frame;      /* what stands around them */
	uint8_t *waiting;             /* not yet in the file */
	size_t waiting_len;
	size_t at, len; /* of the entries, in the file */
	int64_t n;
	struct crl_form form;
	struct give_way way;
};
/* to: an empty file. */
MUST_CHECK enum fas_code crl_writer_begin(struct crl_writer *writer, const struct issuer *issuer,
    const struct crl_terms *terms, const struct file_beside *to, struct fas_err *e);
void crl_writer_done(struct crl_writer *writer);
/* In the order of serials, as the caller gives them.  FAS_E_LIMIT "crl_too_large". */
MUST_CHECK enum fas_code crl_writer_add(struct crl_writer *writer, const uint8_t *serial,
    size_t serial_len, int64_t when_s, int reason, struct fas_err *e);
/* The whole list, signed by the issuer's own key; the signature is confirmed.  (Lint it before it leaves.) */
MUST_CHECK enum fas_code crl_writer_finish(struct crl_writer *writer, struct fas_err *e);

/* A file's content as the kernel has it, for reading only. */
struct crl_map {
	const uint8_t *der;
	size_t len;
};
MUST_CHECK enum fas_code crl_map(
    const struct file_beside *file, struct crl_map *out, struct fas_err *e);
void crl_unmap(struct crl_map *map);

/* What stands in somebody else's CRL.  FAS_E_INPUT "crl_malformed". */
struct crl_facts {
	int64_t number; /* 0 = it has none */
	int64_t this_update_s, next_update_s, entries;
};
MUST_CHECK enum fas_code crl_read(
    const uint8_t *der, size_t len, struct crl_facts *out, struct fas_err *e);
/* RFC 5280 5.2.3: in the place of the present one it would take revocations back. */
bool crl_is_older(const struct crl_facts *next, const struct crl_facts *present);

DEFINE_OWN_IN_PLACE(crl_writer, struct crl_writer, crl_writer_done);
DEFINE_OWN_IN_PLACE(crl_map, struct crl_map, crl_unmap);

#endif
