#include "fas/sign_in_store.h"

#include <string.h>

#define PRUNE_MAX 1000
/* A finished one is kept so long beyond its life, so that a late repeat is told "used" or "expired", not "unknown". */
#define MEMORY_S 3600

void
code_done(struct code *code)
{
	free(code->facts);
	code->facts = NULL;
}

/* ---- questions ---- */

enum fas_code
sign_in_insert(struct db *db, const struct sign_in *s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO sign_ins(correlation_id,request_id,server,idp,target,state,browser,"
	    "force_authn,asked_s,expires_s,used) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,0)",
	    e);
	db_bind_text(&q, 1, s->correlation_id);
	db_bind_text(&q, 2, s->request_id);
	db_bind_text(&q, 3, s->server);
	db_bind_text(&q, 4, s->idp);
	db_bind_text(&q, 5, s->target);
	db_bind_text(&q, 6, s->state);
	db_bind_blob(&q, 7, s->browser, BROWSER_HASH_BYTES);
	db_bind_int(&q, 8, s->force_authn);
	db_bind_int(&q, 9, s->asked_s);
	db_bind_int(&q, 10, s->expires_s);
	return db_run(&q);
}

static bool
copy_hash(struct db_query *q, int column, uint8_t *out, size_t size)
{
	size_t len = 0;
	const uint8_t *data = db_column_blob(q, column, &len);
	if (data && len == size)
		memcpy(out, data, size);
	return data && len == size;
}

static enum fas_code
read_sign_in(struct db_query *q, struct sign_in *out, struct fas_err *e)
{
	*out = (struct sign_in){
	    .id = db_column_int(q, 0),
	    .force_authn = db_column_int(q, 8) != 0,
	    .asked_s = db_column_int(q, 9),
	    .expires_s = db_column_int(q, 10),
	    .used = db_column_int(q, 11) != 0,
	};
	db_column_copy(q, 1, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(q, 2, out->request_id, sizeof(out->request_id));
	db_column_copy(q, 3, out->server, sizeof(out->server));
	db_column_copy(q, 4, out->idp, sizeof(out->idp));
	db_column_copy(q, 5, out->target, sizeof(out->target));
	db_column_copy(q, 6, out->state, sizeof(out->state));
	if (copy_hash(q, 7, out->browser, sizeof(out->browser)))
		return FAS_OK;
	return fas_fail(e, FAS_E_IO, "database_corrupt", "a sign-in without its browser");
}

enum fas_code
sign_in_find(struct db *db, const char *correlation_id, struct sign_in *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,correlation_id,request_id,server,idp,target,state,browser,force_authn,"
	    "asked_s,expires_s,used FROM sign_ins WHERE correlation_id=?1",
	    e);
	db_bind_text(&q, 1, correlation_id);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	return row ? read_sign_in(&q, out, e)
		   : fas_fail(e, FAS_E_NOTFOUND, "sign_in_unknown",
			 "SAML bindings 3.5.3: no sign-in has this RelayState");
}

enum fas_code
sign_in_use(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "UPDATE sign_ins SET used=1 WHERE id=?1 AND used=0", e);
	db_bind_int(&q, 1, id);
	enum fas_code rc = db_run(&q);
	if (rc != FAS_OK || db_changes(db) == 1)
		return rc;
	return fas_fail(e, FAS_E_CONFLICT, "sign_in_used",
	    "SAML profiles 4.1.4.3: the request was answered before");
}

/* ---- codes ---- */

enum fas_code
code_insert(struct db *db, const struct code *c, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO codes(hash,claim,correlation_id,storefront,facts,browser,created_s,"
	    "expires_s,void) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,0)",
	    e);
	db_bind_blob(&q, 1, c->hash, TICKET_HASH_BYTES);
	db_bind_int(&q, 2, c->claim);
	db_bind_text(&q, 3, c->correlation_id);
	db_bind_text(&q, 4, c->storefront);
	db_bind_text(&q, 5, c->facts);
	db_bind_blob(&q, 6, c->browser, BROWSER_HASH_BYTES);
	db_bind_int(&q, 7, c->created_s);
	db_bind_int(&q, 8, c->expires_s);
	return db_run(&q);
}

static enum fas_code
read_code(struct db_query *q, struct code *out, struct fas_err *e)
{
	*out = (struct code){
	    .id = db_column_int(q, 0),
	    .claim = db_column_int(q, 2),
	    .created_s = db_column_int(q, 7),
	    .expires_s = db_column_int(q, 8),
	    .void_ = db_column_int(q, 9) != 0,
	};
	db_column_copy(q, 3, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(q, 4, out->storefront, sizeof(out->storefront));
	if (!copy_hash(q, 1, out->hash, sizeof(out->hash)) ||
	    !copy_hash(q, 6, out->browser, sizeof(out->browser)))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a code without its hashes");
	out->facts = strdup(db_column_text(q, 5));
	return out->facts ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
code_find(struct db *db, const uint8_t hash[TICKET_HASH_BYTES], struct code *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,hash,claim,correlation_id,storefront,facts,browser,created_s,expires_s,void"
	    " FROM codes WHERE hash=?1",
	    e);
	db_bind_blob(&q, 1, hash, TICKET_HASH_BYTES);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	return row ? read_code(&q, out, e)
		   : fas_fail(e, FAS_E_AUTH, "code_unknown", "there is no such code");
}

/* A claim that was pruned is older than any code. */
enum fas_code
code_check(struct db *db, const struct code *code, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT codes.void,claims.redeemed FROM codes JOIN claims ON claims.id=codes.claim"
	    " WHERE codes.id=?1",
	    e);
	db_bind_int(&q, 1, code->id);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	if (!row || db_column_int(&q, 0) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "code_void",
		    "the person has signed out since, or the service was restored");
	if (db_column_int(&q, 1) != 0)
		return fas_fail(
		    e, FAS_E_CONFLICT, "code_used", "a ticket for this code was redeemed before");
	return FAS_OK;
}

/* ---- housekeeping ---- */

enum fas_code
sign_ins_void(struct db *db, struct fas_err *e)
{
	OWN(query) struct db_query codes = db_query(db, "UPDATE codes SET void=1 WHERE void=0", e);
	enum fas_code rc = db_run(&codes);
	if (rc != FAS_OK)
		return rc;
	OWN(query) struct db_query sign_ins = db_query(db, "DELETE FROM sign_ins", e);
	return db_run(&sign_ins);
}

enum fas_code
sign_in_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e)
{
	OWN(query)
	struct db_query sign_ins = db_query(db,
	    "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE expires_s<?1 LIMIT "
	    "?2)",
	    e);
	db_bind_int(&sign_ins, 1, now_s - MEMORY_S);
	db_bind_int(&sign_ins, 2, PRUNE_MAX);
	enum fas_code rc = db_run(&sign_ins);
	if (rc != FAS_OK)
		return rc;
	*more = db_changes(db) == PRUNE_MAX;
	OWN(query)
	struct db_query codes = db_query(db,
	    "DELETE FROM codes WHERE id IN (SELECT id FROM codes WHERE expires_s<?1 LIMIT ?2)", e);
	db_bind_int(&codes, 1, now_s - MEMORY_S);
	db_bind_int(&codes, 2, PRUNE_MAX);
	rc = db_run(&codes);
	*more = *more || (rc == FAS_OK && db_changes(db) == PRUNE_MAX);
	return rc;
}
