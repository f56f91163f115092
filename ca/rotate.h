/*
 * From one generation of a logon authority to the next: when, in one transaction, and what becomes of the old one.
 *
 *     pending --install--> ready --rotate--> current --rotate of the next--> retiring --last certificate expired--> retired
 *
 * The first generation is current at once.  A renewal is another certificate for the current generation's key: the same
 * switch, and nothing retires.
 */
#ifndef CA_ROTATE_H
#define CA_ROTATE_H

#include "ca/ca.h"

struct rotation {
	const char *authority;
	bool renewal;        /* switch to the renewed certificate, not to the next generation */
	bool now;            /* whatever NTAuth says; *fails is set then */
	struct issuer *to;   /* the next generation; for a renewal the current one */
	struct issuer *from; /* the current generation */
	int64_t in_ntauth_s; /* since when; 0: not known to stand there */
	int64_t not_after_s; /* of the certificate that is switched to */
	bool
	    with_crl; /* the renewal brings its root's list, which is not older than the present one */
	const char *fails; /* NULL: nothing is expected to */
};
void rotation_done(struct rotation *rotation);

/*
 * What is there to switch to, and is it time?  authority, renewal and now are given.  FAS_E_CONFLICT: "next_missing",
 * "renewal_missing", "ca_ended", "crl_not_published", "crl_stale", "ntauth_unseen", "ntauth_too_new"; FAS_E_UNAVAILABLE
 * "authority_key".
 */
MUST_CHECK enum fas_code rotation_check(
    struct ca *ca, struct rotation *rotation, int64_t now_s, struct fas_err *e);

/* One durable transaction with its record; then both are loaded and published.  "generation_changed": somebody was first. */
MUST_CHECK enum fas_code rotation_run(
    struct call *call, const struct rotation *rotation, struct fas_err *e);

/*
 * The end of a generation that issues no more, of one that never did, and of a renewal that nobody wants.
 * FAS_E_CONFLICT: "generation_current", "generation_retired", "certificates_live".
 */
MUST_CHECK enum fas_code generation_retire(
    struct call *call, const struct issuer *at, struct fas_err *e);
MUST_CHECK enum fas_code renewal_drop(
    struct call *call, const struct issuer *at, struct fas_err *e);

/* Retire those whose last certificate has expired and has stood on a CRL since, if it was revoked. */
void generations_retire_finished(struct ca *ca);

DEFINE_OWN_IN_PLACE(rotation, struct rotation, rotation_done);

#endif
