/*
 * Countersigning the heads of both audit trails (fas/base/audit_head.h): fasd shows where its trail stands, the signer
 * signs that and where its own stands, numbered without gaps, and never signs a trail that has gone back.
 */
#ifndef CA_COUNTERSIGN_H
#define CA_COUNTERSIGN_H

#include "ca/ca.h"

/*
 * Load the audit key, STATE/keys/audit-N.key; make one (P-256) at first start, and the next one when the present file
 * is gone, which goes on record as "audit_key_made".
 */
MUST_CHECK enum fas_code countersign_init(struct ca *ca, struct fas_err *e);
void countersign_done(struct ca *ca);

call_fn op_countersign;  /* issue socket: "audit.countersign" */
call_fn op_audit_verify; /* admin socket, as the three below */
call_fn op_audit_heads;
call_fn op_audit_hashes;
call_fn op_audit_serials; /* certificates in order: has each its record in this trail? */
call_fn op_audit_known;   /* which of these serials are not in ca.db */

/* ---- ca.db (countersign_store.c): inside a db_fn ---- */

struct serial_row {
	int64_t id;
	const uint8_t *serial;
	size_t serial_len;
	const char *profile, *session, *correlation_id;
	int64_t created_ms;
	bool user;     /* issued at fasd's request for an account */
	bool recorded; /* this trail has the record of its issue */
};
typedef enum fas_code serial_visit(const struct serial_row *row, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code store_serials_each(
    struct db *db, int64_t after, size_t limit, serial_visit *visit, void *arg, struct fas_err *e);

#endif
