/*
 * What the signer is asked for a session that lives: as a used ticket's plan, it is durable before the signer is asked,
 * and is asked again under the same request id until there is an answer.  Every *_fn below runs inside a db_fn.
 */
#ifndef FAS_ORDER_H
#define FAS_ORDER_H

#include "fas/plan.h"

#define ORDER_ASK_MIN 16
#define ORDER_ASK_MAX 64
#define ORDERS_OPEN_MAX 4 /* of one session */

enum order_state { ORDER_OPEN, ORDER_DONE };

/* One row of orders. */
struct order {
	int64_t id; /* 0 = not there yet */
	char session[SESSION_ID_TEXT_MAX];
	char
	    correlation_id[CORRELATION_ID_MAX]; /* the session's; "" when that is no longer there */
	char ask[ORDER_ASK_MAX + 1];            /* the host's name for it */
	uint8_t csr_digest[DIGEST_BYTES];       /* zero: the service keeps the key */
	char request_id[REQUEST_ID_MAX];        /* the signer's */
	char *issue;                            /* the plan; owned */
	int64_t created_s;
	enum order_state state;
	char serial[SERIAL_HEX_MAX];
};
void order_done(struct order *order);

/* ---- order_store.c ---- */

/* *out stays empty (id 0) when there is none. */
MUST_CHECK enum fas_code order_find(
    struct db *db, const char *session, const char *ask, struct order *out, struct fas_err *e);
/* The next open one above after_id that was made before before_s; FAS_E_NOTFOUND "order_none". */
MUST_CHECK enum fas_code order_find_open(
    struct db *db, int64_t after_id, int64_t before_s, struct order *out, struct fas_err *e);
/* Sets order->id.  FAS_E_LIMIT "orders_open": too many wait for an answer; FAS_E_CONFLICT "row_exists". */
MUST_CHECK enum fas_code order_insert(struct db *db, struct order *order, struct fas_err *e);
/* Open: another csr_digest and issue from here on. */
MUST_CHECK enum fas_code order_replan(struct db *db, const struct order *order, struct fas_err *e);
/* Open -> done with this serial; *won: this call did it. */
MUST_CHECK enum fas_code order_finish(
    struct db *db, int64_t id, const char *serial, bool *won, struct fas_err *e);
/* The signer has said no, and nothing was issued: as if it had never been there. */
MUST_CHECK enum fas_code order_forget(struct db *db, int64_t id, struct fas_err *e);
/* In-session certificates older than the one of this serial are to be revoked as superseded. */
MUST_CHECK enum fas_code order_supersede(struct db *db, const char *session, const char *serial,
    int64_t now_s, int64_t at_s, struct fas_err *e);
/* Drop what nobody can ask for any more: finished orders and expired in-session certificates; *more: not yet all. */
MUST_CHECK enum fas_code order_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e);

/* ---- order.c ---- */

MUST_CHECK enum fas_code order_plan(const struct order *order, struct plan *out, struct fas_err *e);
/* Ask the signer; safe to repeat. */
MUST_CHECK enum fas_code order_issue(const struct order *order, const struct plan *plan,
    struct signer *signer, struct signer_certificate *out, struct fas_err *e);
/* Is this the signer's last word on the request id?  (An empty pool is: nothing was used.) */
bool order_is_answered(const struct fas_err *e);

/*
 * The result: certificate, older ones superseded, order done and the record, in one transaction.  Where the session has
 * ended meanwhile, or its rule grants nothing any more, the certificate is not handed out but revoked: *wanted false.
 * What somebody else has completed is not written twice.
 */
MUST_CHECK enum fas_code order_complete(struct service *service, const struct order *order,
    const struct plan *plan, const struct signer_certificate *certificate,
    struct audit_record *record, int64_t now_s, bool *wanted, struct fas_err *e);
/* The signer has refused what it was asked for the first time: there is no certificate, and no order any more. */
MUST_CHECK enum fas_code order_drop(
    struct service *service, const struct order *order, struct fas_err *e);
/*
 * It has refused a repeat: perhaps there is a certificate that nobody was given and that cannot be had any more (its key
 * ended with an earlier fas-signer, it was revoked with its session).  On record with why's reason, and no order any more.
 */
MUST_CHECK enum fas_code order_abandon(struct service *service, const struct order *order,
    const struct fas_err *why, struct audit_record *record, struct fas_err *e);

/* For the sweep: open orders that nobody works on, made before that time. */
void orders_finish(struct service *service, int64_t now_s, int64_t before_s);

DEFINE_OWN_IN_PLACE(order, struct order, order_done);

#endif
