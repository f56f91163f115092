/* The trail beside the ledger. */
#include "fas/audit_head.h"

enum fas_code
decision_find(struct db *db, const struct issued_claim *claim, bool *found, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT EXISTS(SELECT 1 FROM audit WHERE correlation_id=?2"
	    " AND CASE WHEN json_valid(body) THEN"
	    "  (event IN ('certificate_issued','session_certificate_issued')"
	    "   AND json_extract(body,'$.serial')=?1)"
	    "  OR (event IN ('ticket_abandoned','order_abandoned')"
	    "   AND json_extract(body,'$.session')=?3) END)"
	    " OR EXISTS(SELECT 1 FROM tickets WHERE state='used' AND session=?3)"
	    " OR EXISTS(SELECT 1 FROM orders WHERE state='open' AND session=?3)",
	    e);
	db_bind_text(&q, 1, claim->serial);
	db_bind_text(&q, 2, claim->correlation_id);
	db_bind_text(&q, 3, claim->session);
	enum fas_code rc = db_step(&q, &row);
	*found = rc == FAS_OK && row && db_column_int(&q, 0) != 0;
	return rc;
}

enum fas_code
issued_each(
    struct db *db, int64_t after, size_t limit, issued_visit *visit, void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT seq,time_ms,CASE WHEN json_valid(body) THEN json_extract(body,'$.serial') END"
	    " FROM audit WHERE seq>?1 AND event IN ('certificate_issued',"
	    "'session_certificate_issued') ORDER BY seq LIMIT ?2",
	    e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		if ((rc = visit(db_column_int(&q, 0), db_column_int(&q, 1), db_column_text(&q, 2),
			 arg, e)) != FAS_OK)
			break;
	}
	return rc;
}
