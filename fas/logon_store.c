#include "fas/logon_store.h"

#include <string.h>

#define PRUNE_MAX 1000 /* rows dropped in one transaction: others wait behind it */
/* A finished ticket is kept this long beyond its life, so that a late repeat is told "used", not "unknown". */
#define TICKET_MEMORY_S 3600

static const char *const state_names[] = {
    [TICKET_OPEN] = "open",
    [TICKET_VOID] = "void",
    [TICKET_USED] = "used",
    [TICKET_DONE] = "done",
    [TICKET_FAILED] = "failed",
};

void
ticket_done(struct ticket *ticket)
{
	free(ticket->facts);
	free(ticket->issue);
	ticket->facts = NULL;
	ticket->issue = NULL;
}

/* ---- claims ---- */

static enum fas_code
insert_claim(struct db *db, const struct claim *c, bool *won, int64_t *id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO claims(idp,assertion_id,claimant,response_digest,expires_s) "
	    "VALUES(?1,?2,?3,?4,?5)"
	    " ON CONFLICT DO NOTHING",
	    e);
	db_bind_text(&q, 1, c->idp);
	db_bind_text(&q, 2, c->assertion_id);
	db_bind_text(&q, 3, c->claimant);
	db_bind_blob(&q, 4, c->response_digest, DIGEST_BYTES);
	db_bind_int(&q, 5, c->expires_s);
	enum fas_code rc = db_run(&q);
	*won = rc == FAS_OK && db_changes(db) == 1;
	if (*won)
		*id = db_last_id(db);
	return rc;
}

static enum fas_code
select_claim(struct db *db, const struct claim *c, int64_t *id, bool *redeemed, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,redeemed FROM claims WHERE idp=?1 AND assertion_id=?2 AND claimant=?3 AND "
	    "response_digest=?4",
	    e);
	db_bind_text(&q, 1, c->idp);
	db_bind_text(&q, 2, c->assertion_id);
	db_bind_text(&q, 3, c->claimant);
	db_bind_blob(&q, 4, c->response_digest, DIGEST_BYTES);
	enum fas_code rc = db_step(&q, &row);
	*id = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	*redeemed = rc == FAS_OK && row && db_column_int(&q, 1) != 0;
	return rc;
}

enum fas_code
claim_take(struct db *db, const struct claim *claim, int64_t *id, struct fas_err *e)
{
	bool won = false, redeemed = false;
	enum fas_code rc = insert_claim(db, claim, &won, id, e);
	if (rc != FAS_OK || won)
		return rc;
	if ((rc = select_claim(db, claim, id, &redeemed, e)) != FAS_OK)
		return rc;
	if (*id != 0 && !redeemed)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFLICT, "assertion_replayed",
	    "SAML profiles 4.1.4.5: assertion %.80s of provider %s was accepted before",
	    claim->assertion_id, claim->idp);
}

enum fas_code
claim_find(struct db *db, const struct claim *claim, int64_t *id, struct fas_err *e)
{
	bool redeemed = false;
	return select_claim(db, claim, id, &redeemed, e);
}

enum fas_code
claim_set_redeemed(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "UPDATE claims SET redeemed=1 WHERE id=?1", e);
	db_bind_int(&q, 1, id);
	return db_run(&q);
}

/* ---- tickets ---- */

enum fas_code
ticket_void_open(struct db *db, int64_t claim, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE tickets SET state='void' WHERE claim=?1 AND state='open'", e);
	db_bind_int(&q, 1, claim);
	return db_run(&q);
}

enum fas_code
ticket_insert(struct db *db, const struct ticket *t, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO "
	    "tickets(hash,claim,correlation_id,host,pool,facts,created_s,expires_s,state)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,'open')",
	    e);
	db_bind_blob(&q, 1, t->hash, TICKET_HASH_BYTES);
	db_bind_int(&q, 2, t->claim);
	db_bind_text(&q, 3, t->correlation_id);
	db_bind_text(&q, 4, t->host);
	db_bind_int(&q, 5, t->pool);
	db_bind_text(&q, 6, t->facts);
	db_bind_int(&q, 7, t->created_s);
	db_bind_int(&q, 8, t->expires_s);
	return db_run(&q);
}

static enum fas_code
parse_state(const char *text, enum ticket_state *out, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(state_names); i++) {
		if (strcmp(text, state_names[i]) == 0) {
			*out = (enum ticket_state)i;
			return FAS_OK;
		}
	}
	return fas_fail(e, FAS_E_IO, "database_corrupt", "a ticket in state \"%.16s\"", text);
}

static bool
copy_bytes(struct db_query *q, int column, uint8_t *out, size_t size)
{
	size_t len = 0;
	const uint8_t *data = db_column_blob(q, column, &len);
	if (!data || len != size)
		return false;
	memcpy(out, data, size);
	return true;
}

#define TICKET_COLUMNS                                                                             \
	"id,claim,hash,correlation_id,host,pool,facts,created_s,expires_s,state,redeemer,csr_"     \
	"digest,request_id,"                                                                       \
	"session,issue,used_s"

static enum fas_code
read_ticket(struct db_query *q, struct ticket *out, struct fas_err *e)
{
	*out = (struct ticket){
	    .id = db_column_int(q, 0),
	    .claim = db_column_int(q, 1),
	    .pool = db_column_int(q, 5) != 0,
	    .created_s = db_column_int(q, 7),
	    .expires_s = db_column_int(q, 8),
	    .used_s = db_column_int(q, 15),
	};
	enum fas_code rc = parse_state(db_column_text(q, 9), &out->state, e);
	if (rc != FAS_OK)
		return rc;
	bool used = !db_column_is_null(q, 11);
	if (!copy_bytes(q, 2, out->hash, sizeof(out->hash)) ||
	    (used && !copy_bytes(q, 11, out->csr_digest, sizeof(out->csr_digest))))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a ticket without its digests");
	db_column_copy(q, 3, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(q, 4, out->host, sizeof(out->host));
	db_column_copy(q, 10, out->redeemer, sizeof(out->redeemer));
	db_column_copy(q, 12, out->request_id, sizeof(out->request_id));
	db_column_copy(q, 13, out->session, sizeof(out->session));
	out->facts = strdup(db_column_text(q, 6));
	out->issue = strdup(db_column_text(q, 14));
	if (out->facts && out->issue)
		return FAS_OK;
	ticket_done(out);
	return fas_fail_nomem(e);
}

static enum fas_code
step_ticket(struct db_query *q, struct ticket *out, enum fas_code absent, const char *reason,
    struct fas_err *e)
{
	bool row = false;
	enum fas_code rc = db_step(q, &row);
	if (rc != FAS_OK)
		return rc;
	return row ? read_ticket(q, out, e) : fas_fail(e, absent, reason, "no such ticket");
}

enum fas_code
ticket_find(
    struct db *db, const uint8_t hash[TICKET_HASH_BYTES], struct ticket *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "SELECT " TICKET_COLUMNS " FROM tickets WHERE hash=?1", e);
	db_bind_blob(&q, 1, hash, TICKET_HASH_BYTES);
	return step_ticket(&q, out, FAS_E_AUTH, "ticket_unknown", e);
}

enum fas_code
ticket_find_by_claim(struct db *db, int64_t claim, struct ticket *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " TICKET_COLUMNS
	    " FROM tickets WHERE claim=?1 AND state<>'void' ORDER BY id DESC LIMIT 1",
	    e);
	db_bind_int(&q, 1, claim);
	return step_ticket(&q, out, FAS_E_AUTH, "ticket_unknown", e);
}

enum fas_code
ticket_find_unfinished(
    struct db *db, int64_t after_id, int64_t before_s, struct ticket *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " TICKET_COLUMNS " FROM tickets INDEXED BY tickets_session"
	    " WHERE state='used' AND id>?1 AND used_s<?2 ORDER BY id LIMIT 1",
	    e);
	db_bind_int(&q, 1, after_id);
	db_bind_int(&q, 2, before_s);
	return step_ticket(&q, out, FAS_E_NOTFOUND, "ticket_none", e);
}

enum fas_code
ticket_use(struct db *db, const struct ticket *t, bool *won, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE tickets SET "
	    "state='used',redeemer=?2,csr_digest=?3,request_id=?4,session=?5,issue=?6,used_s=?7"
	    " WHERE id=?1 AND state='open'",
	    e);
	db_bind_int(&q, 1, t->id);
	db_bind_text(&q, 2, t->redeemer);
	db_bind_blob(&q, 3, t->csr_digest, DIGEST_BYTES);
	db_bind_text(&q, 4, t->request_id);
	db_bind_text(&q, 5, t->session);
	db_bind_text(&q, 6, t->issue);
	db_bind_int(&q, 7, t->used_s);
	enum fas_code rc = db_run(&q);
	*won = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

enum fas_code
ticket_replan(struct db *db, const struct ticket *t, bool *won, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE tickets SET csr_digest=?2,issue=?3 WHERE id=?1 AND state='used'", e);
	db_bind_int(&q, 1, t->id);
	db_bind_blob(&q, 2, t->csr_digest, DIGEST_BYTES);
	db_bind_text(&q, 3, t->issue);
	enum fas_code rc = db_run(&q);
	*won = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

enum fas_code
ticket_finish(struct db *db, int64_t id, enum ticket_state state, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE tickets SET state=?2 WHERE id=?1 AND state='used'", e);
	db_bind_int(&q, 1, id);
	db_bind_text(&q, 2, state_names[state]);
	return db_run(&q);
}

/* ---- housekeeping ---- */

enum fas_code
logon_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e)
{
	OWN(query)
	struct db_query tickets = db_query(db,
	    "DELETE FROM tickets WHERE id IN (SELECT id FROM tickets WHERE state<>'used' AND "
	    "expires_s<?1 ORDER BY expires_s LIMIT ?2)",
	    e);
	db_bind_int(&tickets, 1, now_s - TICKET_MEMORY_S);
	db_bind_int(&tickets, 2, PRUNE_MAX);
	enum fas_code rc = db_run(&tickets);
	if (rc != FAS_OK)
		return rc;
	*more = db_changes(db) == PRUNE_MAX;
	OWN(query)
	struct db_query claims = db_query(db,
	    "DELETE FROM claims WHERE id IN (SELECT id FROM claims WHERE expires_s<?1 LIMIT ?2)",
	    e);
	db_bind_int(&claims, 1, now_s);
	db_bind_int(&claims, 2, PRUNE_MAX);
	rc = db_run(&claims);
	*more = *more || (rc == FAS_OK && db_changes(db) == PRUNE_MAX);
	return rc;
}

enum fas_code
logon_count(struct db *db, int64_t now_s, int64_t *open_tickets, int64_t *claims, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT (SELECT COUNT(*) FROM tickets WHERE state='open' AND expires_s>?1), (SELECT "
	    "COUNT(*) FROM claims)",
	    e);
	db_bind_int(&q, 1, now_s);
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK && row) {
		*open_tickets = db_column_int(&q, 0);
		*claims = db_column_int(&q, 1);
	}
	return rc;
}
