/* The ledger beside the trail. */
#include "ca/countersign.h"

enum fas_code
store_serials_each(
    struct db *db, int64_t after, size_t limit, serial_visit *visit, void *arg, struct fas_err *e)
{
	bool found = false;
	enum fas_code rc;
	/* By correlation id, which has an index; the serial decides. */
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT c.id,c.serial,c.profile,c.session,c.correlation_id,c.created_ms,"
	    "c.sid IS NOT NULL,EXISTS(SELECT 1 FROM audit a WHERE"
	    " a.correlation_id=c.correlation_id AND CASE WHEN json_valid(a.body) THEN"
	    " json_extract(a.body,'$.outcome')='done'"
	    " AND json_extract(a.body,'$.serial')=lower(hex(c.serial)) END)"
	    " FROM certificates c WHERE c.id>?1 AND NOT (c.profile='restored' AND "
	    "length(c.tbs)=0) ORDER BY c.id LIMIT ?2",
	    e);
	db_bind_int(&q, 1, after);
	db_bind_int(&q, 2, (int64_t)limit);
	while ((rc = db_step(&q, &found)) == FAS_OK && found) {
		struct serial_row row = {.id = db_column_int(&q, 0),
		    .profile = db_column_text(&q, 2),
		    .session = db_column_text(&q, 3),
		    .correlation_id = db_column_text(&q, 4),
		    .created_ms = db_column_int(&q, 5),
		    .user = db_column_int(&q, 6) != 0,
		    .recorded = db_column_int(&q, 7) != 0};
		row.serial = db_column_blob(&q, 1, &row.serial_len);
		if ((rc = visit(&row, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}
