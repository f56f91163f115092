#include "ca/store.h"

#include "fas/base/macros.h"

const char *
generation_state_name(enum generation_state state)
{
	static const char *const names[] = {[GENERATION_PENDING] = "pending",
	    [GENERATION_READY] = "ready",
	    [GENERATION_CURRENT] = "current",
	    [GENERATION_RETIRING] = "retiring",
	    [GENERATION_RETIRED] = "retired"};
	return (size_t)state < NELEMS(names) ? names[state] : "unknown";
}

/* Nobody else has come between: what was looked at is what is changed. */
static enum fas_code
run_on_one(struct db *db, struct db_query *q, struct fas_err *e)
{
	enum fas_code rc = db_run(q);
	if (rc == FAS_OK && db_changes(db) != 1)
		return fas_fail(e, FAS_E_CONFLICT, "generation_changed",
		    "the generation is in another state than it was: look at fasctl ca list");
	return rc;
}

enum fas_code
store_generation_move(struct db *db, int64_t id, enum generation_state from,
    enum generation_state to, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE issuers SET state=?3 WHERE id=?1 AND kind=1 AND state=?2", e);
	db_bind_int(&q, 1, id);
	db_bind_int(&q, 2, from);
	db_bind_int(&q, 3, to);
	return run_on_one(db, &q, e);
}

enum fas_code
store_in_ntauth(struct db *db, int64_t issuer, bool renewal, int64_t since_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    renewal ? db_query(db, "UPDATE renewals SET in_ntauth=?2 WHERE issuer=?1", e)
		    : db_query(db, "UPDATE issuers SET in_ntauth=?2 WHERE id=?1", e);
	db_bind_int(&q, 1, issuer);
	db_bind_int(&q, 2, since_s);
	return run_on_one(db, &q, e);
}

/* By the index of ends: what has expired is not walked. */
enum fas_code
store_last_end(struct db *db, int64_t issuer, int64_t since_s, int64_t *until_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT not_after FROM certificates WHERE not_after>=?2 AND issuer=?1 "
	    "ORDER BY not_after DESC LIMIT 1",
	    e);
	bool row = false;
	db_bind_int(&q, 1, issuer);
	db_bind_int(&q, 2, since_s);
	enum fas_code rc = db_step(&q, &row);
	*until_s = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
store_given_crl(struct db *db, int64_t issuer, const uint8_t *crl, size_t len, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE issuers SET given_crl=?2 WHERE id=?1 AND kind=2", e);
	db_bind_int(&q, 1, issuer);
	db_bind_blob(&q, 2, crl, len);
	return run_on_one(db, &q, e);
}

/* ---- renewals ---- */

enum fas_code
store_renewal_put(struct db *db, const struct renewal_row *row, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT OR REPLACE INTO renewals(issuer,certificate,chain,root,root_pem,root_crl) "
	    "VALUES(?1,?2,?3,?4,?5,?6)",
	    e);
	db_bind_int(&q, 1, row->issuer);
	db_bind_blob(&q, 2, row->certificate, row->certificate_len);
	db_bind_text(&q, 3, row->chain);
	db_bind_blob(&q, 4, row->root, row->root_len);
	db_bind_text(&q, 5, row->root_pem);
	db_bind_blob(&q, 6, row->root_crl, row->root_crl_len);
	return db_run(&q);
}

enum fas_code
store_renewals_each(struct db *db, renewal_visit *visit, void *arg, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "SELECT issuer,certificate,in_ntauth,root_crl FROM renewals ORDER BY issuer", e);
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		struct renewal_row r = {
		    .issuer = db_column_int(&q, 0), .in_ntauth_s = db_column_int(&q, 2)};
		r.certificate = db_column_blob(&q, 1, &r.certificate_len);
		r.root_crl = db_column_blob(&q, 3, &r.root_crl_len);
		if ((rc = visit(&r, arg, e)) != FAS_OK)
			break;
	}
	return rc;
}

static enum fas_code
apply_own(struct db *db, int64_t issuer, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE issuers SET certificate=r.certificate, chain=r.chain, in_ntauth=r.in_ntauth "
	    "FROM renewals r WHERE issuers.id=?1 AND r.issuer=?1 AND issuers.state=2",
	    e);
	db_bind_int(&q, 1, issuer);
	return run_on_one(db, &q, e);
}

/* A lab's root, whose key is here, publishes a CRL of its own. */
static enum fas_code
apply_root(struct db *db, int64_t issuer, int64_t root, bool with_crl, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE issuers SET certificate=r.root, chain=r.root_pem, "
	    "given_crl=CASE WHEN issuers.key_file IS NULL THEN "
	    "coalesce(CASE WHEN ?3 THEN r.root_crl END,given_crl) END "
	    "FROM renewals r WHERE issuers.id=?2 AND issuers.kind=2 AND r.issuer=?1",
	    e);
	db_bind_int(&q, 1, issuer);
	db_bind_int(&q, 2, root);
	db_bind_int(&q, 3, with_crl);
	return run_on_one(db, &q, e);
}

enum fas_code
store_renewal_apply(struct db *db, int64_t issuer, int64_t root, bool with_crl, struct fas_err *e)
{
	enum fas_code rc = apply_own(db, issuer, e);
	if (rc == FAS_OK)
		rc = apply_root(db, issuer, root, with_crl, e);
	return rc == FAS_OK ? store_renewal_drop(db, issuer, e) : rc;
}

enum fas_code
store_renewal_drop(struct db *db, int64_t issuer, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "DELETE FROM renewals WHERE issuer=?1", e);
	db_bind_int(&q, 1, issuer);
	return run_on_one(db, &q, e);
}
