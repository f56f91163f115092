#include "ca/store.h"

#include <string.h>

#define COLUMNS                                                                                    \
	"id,issuer,profile,serial,request_id,request_digest,tbs,tbs_digest,signature,spki_digest," \
	"sid,upn,role,name,rule,host,session,correlation_id,created_ms,not_before,not_after,"      \
	"revoked_at,reason"

enum fas_code
store_certificate_add(struct db *db, const struct certificate_row *row, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO certificates(issuer,profile,serial,request_id,request_digest,tbs,"
	    "tbs_digest,spki_digest,sid,upn,role,name,rule,host,session,correlation_id,created_ms,"
	    "not_before,not_after) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)",
	    e);
	const char *const texts[] = {row->sid, row->upn, row->role, row->name, row->rule, row->host,
	    row->session, row->correlation_id};
	db_bind_int(&q, 1, row->issuer);
	db_bind_text(&q, 2, row->profile);
	db_bind_blob(&q, 3, row->serial, row->serial_len);
	db_bind_text(&q, 4, row->request_id);
	db_bind_blob(&q, 5, row->request_digest, STORE_DIGEST);
	db_bind_blob(&q, 6, row->tbs, row->tbs_len);
	db_bind_blob(&q, 7, row->tbs_digest, STORE_DIGEST);
	db_bind_blob(&q, 8, row->spki_digest, STORE_DIGEST);
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(&q, 9 + (int)i, texts[i]);
	db_bind_int(&q, 17, row->created_ms);
	db_bind_int(&q, 18, row->not_before_s);
	db_bind_int(&q, 19, row->not_after_s);
	return db_run(&q);
}

static const char *
text_or_null(struct db_query *q, int column)
{
	return db_column_is_null(q, column) ? NULL : db_column_text(q, column);
}

static enum fas_code
digest_column(struct db_query *q, int column, const uint8_t **out, struct fas_err *e)
{
	size_t len = 0;
	*out = db_column_blob(q, column, &len);
	if (*out && len == STORE_DIGEST)
		return FAS_OK;
	return fas_fail(e, FAS_E_IO, "database_corrupt", "a certificate's record has no digest");
}

static enum fas_code
visit_row(struct db_query *q, certificate_visit *visit, void *arg, struct fas_err *e)
{
	struct certificate_row r = {.id = db_column_int(q, 0), .issuer = db_column_int(q, 1)};
	enum fas_code rc = digest_column(q, 5, &r.request_digest, e);
	if (rc == FAS_OK)
		rc = digest_column(q, 7, &r.tbs_digest, e);
	if (rc == FAS_OK)
		rc = digest_column(q, 9, &r.spki_digest, e);
	if (rc != FAS_OK)
		return rc;
	r.profile = db_column_text(q, 2);
	r.serial = db_column_blob(q, 3, &r.serial_len);
	r.request_id = db_column_text(q, 4);
	r.tbs = db_column_blob(q, 6, &r.tbs_len);
	r.signature = db_column_blob(q, 8, &r.signature_len);
	const char **const texts[] = {
	    &r.sid, &r.upn, &r.role, &r.name, &r.rule, &r.host, &r.session, &r.correlation_id};
	for (size_t i = 0; i < NELEMS(texts); i++)
		*texts[i] = text_or_null(q, 10 + (int)i);
	r.created_ms = db_column_int(q, 18);
	r.not_before_s = db_column_int(q, 19);
	r.not_after_s = db_column_int(q, 20);
	r.revoked_at_s = db_column_int(q, 21);
	r.reason = (int)db_column_int(q, 22);
	return visit(&r, arg, e);
}

static enum fas_code
visit_one(struct db_query *q, certificate_visit *visit, void *arg, bool *found, struct fas_err *e)
{
	enum fas_code rc = db_step(q, found);
	return rc == FAS_OK && *found ? visit_row(q, visit, arg, e) : rc;
}

static enum fas_code
visit_all(struct db_query *q, certificate_visit *visit, void *arg, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(q, &row)) == FAS_OK && row) {
		if ((rc = visit_row(q, visit, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
store_certificate_by_request(struct db *db, const char *request_id, certificate_visit *visit,
    void *arg, bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT " COLUMNS " FROM certificates WHERE request_id=?1", e);
	db_bind_text(&q, 1, request_id);
	return visit_one(&q, visit, arg, found, e);
}

enum fas_code
store_certificate_by_serial(struct db *db, const uint8_t *serial, size_t serial_len,
    certificate_visit *visit, void *arg, bool *found, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "SELECT " COLUMNS " FROM certificates WHERE serial=?1", e);
	db_bind_blob(&q, 1, serial, serial_len);
	return visit_one(&q, visit, arg, found, e);
}

enum fas_code
store_certificate_sign(struct db *db, const uint8_t *serial, size_t serial_len,
    const uint8_t *signature, size_t signature_len, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE certificates SET signature=?2 WHERE serial=?1 AND signature IS NULL", e);
	db_bind_blob(&q, 1, serial, serial_len);
	db_bind_blob(&q, 2, signature, signature_len);
	return db_run(&q);
}

enum fas_code
store_certificates_each(struct db *db, const struct certificate_filter *f, certificate_visit *visit,
    void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS " FROM certificates"
	    " WHERE (?1 IS NULL OR id<(SELECT id FROM certificates WHERE serial=?1))"
	    " AND (?2 IS NULL OR upn=?2 COLLATE NOCASE) AND (?3 IS NULL OR sid=?3)"
	    " AND (?4 IS NULL OR host=?4 COLLATE NOCASE OR " STORE_OF_CONTROLLER(
		"?4") ") AND (?5 IS NULL OR session=?5)"
		      " AND (?6 IS NULL OR ?6=CASE WHEN revoked_at IS NOT NULL THEN 'revoked'"
		      " WHEN not_after<?7 THEN 'expired' ELSE 'valid' END)"
		      " ORDER BY id DESC LIMIT ?8",
	    e);
	db_bind_blob(&q, 1, f->before_serial, f->before_serial_len);
	db_bind_text(&q, 2, f->upn);
	db_bind_text(&q, 3, f->sid);
	db_bind_text(&q, 4, f->host);
	db_bind_text(&q, 5, f->session);
	db_bind_text(&q, 6, f->state);
	db_bind_int(&q, 7, f->now_s);
	db_bind_int(&q, 8, (int64_t)f->limit);
	return visit_all(&q, visit, arg, e);
}

enum fas_code
store_rates_each(struct db *db, int64_t since_s, rate_visit *visit, void *arg, struct fas_err *e)
{
	/* From the newest back to the first that is too old: no index by time is needed. */
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT sid,created_ms/1000 FROM certificates ORDER BY id DESC", e);
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		int64_t when_s = db_column_int(&q, 1);
		if (when_s < since_s)
			break;
		if (!db_column_is_null(&q, 0) &&
		    (rc = visit(db_column_text(&q, 0), when_s, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
store_machines_each(struct db *db, int64_t now_s, const uint8_t *after, size_t after_len,
    size_t limit, certificate_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " COLUMNS " FROM certificates WHERE role IS NOT NULL AND serial>?1 "
	    "AND not_after>=?2 ORDER BY serial LIMIT ?3",
	    e);
	db_bind_blob(&q, 1, after ? after : (const uint8_t *)"", after_len);
	db_bind_int(&q, 2, now_s);
	db_bind_int(&q, 3, (int64_t)limit);
	return visit_all(&q, visit, arg, e);
}

enum fas_code
store_count_certificates(struct db *db, int64_t *n, struct fas_err *e)
{
	/* ids are given in sequence and rows go only by pruning: the largest id counts what was ever made. */
	OWN(query) struct db_query q = db_query(db, "SELECT MAX(id) FROM certificates", e);
	bool row = false;
	enum fas_code rc = db_step(&q, &row);
	*n = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}
