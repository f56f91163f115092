/* Claims and tickets in fas.db.  Every function runs inside a db_fn. */
#ifndef FAS_LOGON_STORE_H
#define FAS_LOGON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/logon.h"
#include "fas/ticket.h"

#define DIGEST_BYTES 32

enum ticket_state { TICKET_OPEN, TICKET_VOID, TICKET_USED, TICKET_DONE, TICKET_FAILED };

/* One row of tickets. */
struct ticket {
	int64_t id, claim;
	uint8_t hash[TICKET_HASH_BYTES];
	char correlation_id[CORRELATION_ID_MAX];
	char host[HOSTNAME_MAX + 1];
	bool pool;
	char *facts; /* owned */
	int64_t created_s, expires_s;
	enum ticket_state state;
	char redeemer[HOSTNAME_MAX + 1]; /* from TICKET_USED on, as all that follows */
	int64_t used_s;
	uint8_t csr_digest[DIGEST_BYTES]; /* zero: the service keeps the key */
	char request_id[REQUEST_ID_MAX];
	char session[SESSION_ID_TEXT_MAX];
	char *issue; /* owned */
};
void ticket_done(struct ticket *ticket);

/* One row of claims, to be written. */
struct claim {
	const char *idp, *assertion_id;
	const char *claimant;
	const uint8_t *response_digest;
	int64_t expires_s;
};

/*
 * Claim the assertion: one INSERT that wins or conflicts.  The same claimant may repeat the same response until it was
 * redeemed (*id is then the old claim's).  FAS_E_CONFLICT "assertion_replayed" for anything else.
 */
MUST_CHECK enum fas_code claim_take(
    struct db *db, const struct claim *claim, int64_t *id, struct fas_err *e);
MUST_CHECK enum fas_code claim_set_redeemed(struct db *db, int64_t id, struct fas_err *e);
/* The id of an existing claim with the same claimant and response, redeemed or not; 0 = none. */
MUST_CHECK enum fas_code claim_find(
    struct db *db, const struct claim *claim, int64_t *id, struct fas_err *e);

/* The claim's open tickets become void. */
MUST_CHECK enum fas_code ticket_void_open(struct db *db, int64_t claim, struct fas_err *e);
MUST_CHECK enum fas_code ticket_insert(
    struct db *db, const struct ticket *ticket, struct fas_err *e);
/* FAS_E_AUTH "ticket_unknown". */
MUST_CHECK enum fas_code ticket_find(
    struct db *db, const uint8_t hash[TICKET_HASH_BYTES], struct ticket *out, struct fas_err *e);
/* The claim's ticket that was used or is open (at most one is); FAS_E_AUTH "ticket_unknown". */
MUST_CHECK enum fas_code ticket_find_by_claim(
    struct db *db, int64_t claim, struct ticket *out, struct fas_err *e);
/* Open -> used, with redeemer, csr_digest, request_id, session and issue of ticket.  *won: this call did it. */
MUST_CHECK enum fas_code ticket_use(
    struct db *db, const struct ticket *ticket, bool *won, struct fas_err *e);
/* Used, without a result: another csr_digest and issue from here on.  *won: it still was. */
MUST_CHECK enum fas_code ticket_replan(
    struct db *db, const struct ticket *ticket, bool *won, struct fas_err *e);
/* Used -> done or failed. */
MUST_CHECK enum fas_code ticket_finish(
    struct db *db, int64_t id, enum ticket_state state, struct fas_err *e);
/* The next ticket above after_id that was used before before_s and has no result; FAS_E_NOTFOUND "ticket_none". */
MUST_CHECK enum fas_code ticket_find_unfinished(
    struct db *db, int64_t after_id, int64_t before_s, struct ticket *out, struct fas_err *e);

/*
 * Drop what no check can need any more: claims past their expiry, their finished, void or expired tickets.
 * One call drops a bounded number: *more says that there may be others.
 */
MUST_CHECK enum fas_code logon_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e);
MUST_CHECK enum fas_code logon_count(
    struct db *db, int64_t now_s, int64_t *open_tickets, int64_t *claims, struct fas_err *e);

DEFINE_OWN_IN_PLACE(ticket, struct ticket, ticket_done);

#endif
