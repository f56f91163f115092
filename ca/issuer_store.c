#include "ca/store.h"

enum fas_code
store_issuer_add(struct db *db, const struct issuer_row *row, int64_t *id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO issuers(kind,authority,generation,key_file,certificate,chain,given_crl) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7) RETURNING id",
	    e);
	bool inserted = false;
	db_bind_int(&q, 1, row->kind);
	db_bind_text(&q, 2, row->authority);
	db_bind_int(&q, 3, row->generation);
	db_bind_text(&q, 4, row->key_file);
	db_bind_blob(&q, 5, row->certificate, row->certificate_len);
	db_bind_text(&q, 6, row->chain);
	db_bind_blob(&q, 7, row->given_crl, row->given_crl_len);
	enum fas_code rc = db_step(&q, &inserted);
	if (rc == FAS_OK && inserted)
		*id = db_column_int(&q, 0);
	return rc == FAS_OK ? db_run(&q) : rc;
}

enum fas_code
store_issuer_certify(struct db *db, int64_t id, const uint8_t *certificate, size_t certificate_len,
    const char *chain, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE issuers SET certificate=?2, chain=?3, state=CASE WHEN EXISTS(SELECT 1 FROM "
	    "issuers c WHERE c.kind=1 AND c.state=2 AND c.authority=issuers.authority) THEN 1 "
	    "ELSE 2 END WHERE id=?1 AND certificate IS NULL AND state=0",
	    e);
	db_bind_int(&q, 1, id);
	db_bind_blob(&q, 2, certificate, certificate_len);
	db_bind_text(&q, 3, chain);
	enum fas_code rc = db_run(&q);
	if (rc == FAS_OK && db_changes(db) != 1)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "this authority has its certificate already");
	return rc;
}

enum fas_code
store_service_renew(struct db *db, int64_t id, const uint8_t *certificate, size_t certificate_len,
    const char *chain, int64_t *generation, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE issuers SET certificate=?2, chain=?3 WHERE id=?1 AND kind=3", e);
	db_bind_int(&q, 1, id);
	db_bind_blob(&q, 2, certificate, certificate_len);
	db_bind_text(&q, 3, chain);
	enum fas_code rc = db_run(&q);
	return rc == FAS_OK ? store_generation(db, true, generation, e) : rc;
}

static const char *
text_or_null(struct db_query *q, int column)
{
	return db_column_is_null(q, column) ? NULL : db_column_text(q, column);
}

enum fas_code
store_issuers_each(struct db *db, issuer_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,kind,authority,generation,key_file,certificate,chain,given_crl,state,"
	    "in_ntauth FROM issuers ORDER BY id",
	    e);
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		struct issuer_row r = {.id = db_column_int(&q, 0),
		    .kind = (enum issuer_kind)db_column_int(&q, 1),
		    .authority = db_column_text(&q, 2),
		    .generation = db_column_int(&q, 3),
		    .key_file = text_or_null(&q, 4),
		    .chain = text_or_null(&q, 6),
		    .state = (enum generation_state)db_column_int(&q, 8),
		    .in_ntauth_s = db_column_int(&q, 9)};
		r.certificate = db_column_blob(&q, 5, &r.certificate_len);
		r.given_crl = db_column_blob(&q, 7, &r.given_crl_len);
		if ((rc = visit(&r, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

enum fas_code
store_crl_get(struct db *db, int64_t issuer, struct crl_row *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "SELECT crl_number,crl_this,crl_next,crl_entries FROM issuers WHERE id=?1", e);
	bool row = false;
	db_bind_int(&q, 1, issuer);
	enum fas_code rc = db_step(&q, &row);
	*out = (struct crl_row){0};
	if (rc != FAS_OK || !row)
		return rc;
	out->number = db_column_int(&q, 0);
	out->this_update_s = db_column_int(&q, 1);
	out->next_update_s = db_column_int(&q, 2);
	out->entries = db_column_int(&q, 3);
	return FAS_OK;
}

enum fas_code
store_crl_set(struct db *db, int64_t issuer, const struct crl_row *row, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE issuers SET crl_number=?2, crl_this=?3, crl_next=?4, crl_entries=?5 "
	    "WHERE id=?1 AND crl_number<?2",
	    e);
	db_bind_int(&q, 1, issuer);
	db_bind_int(&q, 2, row->number);
	db_bind_int(&q, 3, row->this_update_s);
	db_bind_int(&q, 4, row->next_update_s);
	db_bind_int(&q, 5, row->entries);
	enum fas_code rc = db_run(&q);
	if (rc == FAS_OK && db_changes(db) != 1)
		return fas_fail(e, FAS_E_CONFLICT, "crl_number",
		    "RFC 5280 5.2.3: cRLNumber %lld is not above the last one",
		    (long long)row->number);
	return rc;
}
