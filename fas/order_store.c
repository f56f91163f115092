/* Orders in fas.db. */
#include <string.h>

#include "fas/order.h"

#define PRUNE_MAX 500
/* No in-session certificate lives longer (policy), so that no repeat can be of use. */
#define ORDER_MEMORY_S (2 * 86400)
#define CERTIFICATE_MEMORY_S 3600

void
order_done(struct order *order)
{
	free(order->issue);
	*order = (struct order){0};
}

#define ORDER_COLUMNS                                                                              \
	"o.id,o.session,o.ask,o.csr_digest,o.request_id,o.issue,o.created_s,o.state,o.serial,"     \
	"COALESCE(s.correlation_id,'') FROM orders o LEFT JOIN sessions s ON s.session=o.session"

static enum fas_code
read_order(struct db_query *q, struct order *out, struct fas_err *e)
{
	size_t len = 0;
	*out = (struct order){
	    .id = db_column_int(q, 0),
	    .created_s = db_column_int(q, 6),
	    .state = strcmp(db_column_text(q, 7), "done") == 0 ? ORDER_DONE : ORDER_OPEN,
	};
	const uint8_t *digest = db_column_blob(q, 3, &len);
	if (!digest || len != sizeof(out->csr_digest))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "an order without its digest");
	memcpy(out->csr_digest, digest, len);
	db_column_copy(q, 1, out->session, sizeof(out->session));
	db_column_copy(q, 2, out->ask, sizeof(out->ask));
	db_column_copy(q, 4, out->request_id, sizeof(out->request_id));
	db_column_copy(q, 8, out->serial, sizeof(out->serial));
	db_column_copy(q, 9, out->correlation_id, sizeof(out->correlation_id));
	out->issue = strdup(db_column_text(q, 5));
	return out->issue ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
order_find(
    struct db *db, const char *session, const char *ask, struct order *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT " ORDER_COLUMNS " WHERE o.session=?1 AND o.ask=?2", e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, ask);
	*out = (struct order){0};
	enum fas_code rc = db_step(&q, &row);
	return rc == FAS_OK && row ? read_order(&q, out, e) : rc;
}

enum fas_code
order_find_open(
    struct db *db, int64_t after_id, int64_t before_s, struct order *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " ORDER_COLUMNS
	    " WHERE o.state='open' AND o.id>?1 AND o.created_s<?2 ORDER BY o.id LIMIT 1",
	    e);
	db_bind_int(&q, 1, after_id);
	db_bind_int(&q, 2, before_s);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	return row ? read_order(&q, out, e)
		   : fas_fail(e, FAS_E_NOTFOUND, "order_none", "no order is open");
}

static enum fas_code
check_open(struct db *db, const char *session, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT COUNT(*) FROM orders WHERE session=?1 AND state='open'", e);
	db_bind_text(&q, 1, session);
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK && row && db_column_int(&q, 0) >= ORDERS_OPEN_MAX)
		return fas_fail(e, FAS_E_LIMIT, "orders_open",
		    "%d certificates of this session wait for the signer already", ORDERS_OPEN_MAX);
	return rc;
}

enum fas_code
order_insert(struct db *db, struct order *o, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc = check_open(db, o->session, e);
	if (rc != FAS_OK)
		return rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO orders(session,ask,request_id,issue,csr_digest,created_s,state)"
	    " VALUES(?1,?2,?3,?4,?5,?6,'open') RETURNING id",
	    e);
	db_bind_text(&q, 1, o->session);
	db_bind_text(&q, 2, o->ask);
	db_bind_text(&q, 3, o->request_id);
	db_bind_text(&q, 4, o->issue);
	db_bind_blob(&q, 5, o->csr_digest, sizeof(o->csr_digest));
	db_bind_int(&q, 6, o->created_s);
	rc = db_step(&q, &row);
	if (rc == FAS_OK && row)
		o->id = db_column_int(&q, 0);
	return rc == FAS_OK ? db_run(&q) : rc;
}

enum fas_code
order_replan(struct db *db, const struct order *o, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE orders SET csr_digest=?2,issue=?3 WHERE id=?1 AND state='open'", e);
	db_bind_int(&q, 1, o->id);
	db_bind_blob(&q, 2, o->csr_digest, sizeof(o->csr_digest));
	db_bind_text(&q, 3, o->issue);
	enum fas_code rc = db_run(&q);
	if (rc == FAS_OK && db_changes(db) != 1)
		return fas_fail(e, FAS_E_UNAVAILABLE, "order_raced",
		    "another request has finished with this one meanwhile");
	return rc;
}

enum fas_code
order_finish(struct db *db, int64_t id, const char *serial, bool *won, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE orders SET state='done',serial=?2 WHERE id=?1 AND state='open'", e);
	db_bind_int(&q, 1, id);
	db_bind_text(&q, 2, serial);
	enum fas_code rc = db_run(&q);
	*won = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

enum fas_code
order_forget(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "DELETE FROM orders WHERE id=?1 AND state='open'", e);
	db_bind_int(&q, 1, id);
	return db_run(&q);
}

enum fas_code
order_supersede(struct db *db, const char *session, const char *serial, int64_t now_s, int64_t at_s,
    struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE certificates SET revoke_at_s=?4,revoke_why='superseded' WHERE session=?1"
	    " AND purpose='in_session' AND serial<>?2 AND revoke_at_s IS NULL AND not_after_s>?3",
	    e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, serial);
	db_bind_int(&q, 3, now_s);
	db_bind_int(&q, 4, at_s);
	return db_run(&q);
}

enum fas_code
order_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e)
{
	OWN(query)
	struct db_query orders = db_query(db,
	    "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE state='done'"
	    " AND created_s<?1 LIMIT ?2)",
	    e);
	db_bind_int(&orders, 1, now_s - ORDER_MEMORY_S);
	db_bind_int(&orders, 2, PRUNE_MAX);
	enum fas_code rc = db_run(&orders);
	if (rc != FAS_OK)
		return rc;
	*more = db_changes(db) == PRUNE_MAX;
	OWN(query)
	struct db_query certificates = db_query(db,
	    "DELETE FROM certificates WHERE id IN (SELECT id FROM certificates WHERE"
	    " purpose='in_session' AND not_after_s<?1 AND (revoke_at_s IS NULL OR revoked=1)"
	    " LIMIT ?2)",
	    e);
	db_bind_int(&certificates, 1, now_s - CERTIFICATE_MEMORY_S);
	db_bind_int(&certificates, 2, PRUNE_MAX);
	rc = db_run(&certificates);
	*more = *more || (rc == FAS_OK && db_changes(db) == PRUNE_MAX);
	return rc;
}
