#include "fas/session_store.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define PRUNE_MAX 500
#define LIST_MAX 1500 /* sessions in one list: it has to fit one message */

void
session_done(struct session *s)
{
	free(s->upn);
	free(s->realm);
	free(s->principal);
	free(s->rule);
	free(s->in_session);
	*s = (struct session){0};
}

enum fas_code
session_insert(struct db *db, const struct session *s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO "
	    "sessions(session,ticket,correlation_id,host,upn,sid,sam_account_name,realm,principal,"
	    "rule,"
	    "revoke_at_end,lease_s,created_s,expires_s,lease_until_s,state,judged_s,tried_s,policy,"
	    "in_session,facts,idp,name_id,name_id_format,session_index,browser)"
	    " SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,'live',?13,?13,?16,?17,"
	    "t.facts,json_extract(t.facts,'$.idp'),json_extract(t.facts,'$.name_id'),"
	    "json_extract(t.facts,'$.name_id_format'),json_extract(t.facts,'$.session_index'),"
	    "(SELECT c.browser FROM codes c INDEXED BY codes_claim WHERE c.claim=t.claim LIMIT 1)"
	    " FROM (SELECT 1) LEFT JOIN tickets t ON t.id=?2",
	    e);
	const char *const texts[] = {s->correlation_id, s->host, s->upn, s->sid,
	    s->sam_account_name, s->realm, s->principal, s->rule};
	const int64_t numbers[] = {
	    s->revoke_at_end, s->lease_s, s->created_s, s->expires_s, s->lease_until_s};
	db_bind_text(&q, 1, s->id);
	db_bind_int(&q, 2, s->ticket);
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(&q, (int)i + 3, texts[i]);
	for (size_t i = 0; i < NELEMS(numbers); i++)
		db_bind_int(&q, (int)i + 11, numbers[i]);
	db_bind_text(&q, 16, s->policy);
	db_bind_text(&q, 17, s->in_session);
	return db_run(&q);
}

#define SESSION_COLUMNS                                                                            \
	"session,ticket,correlation_id,host,upn,sid,sam_account_name,realm,principal,rule,revoke_" \
	"at_end,lease_s,"                                                                          \
	"created_s,expires_s,lease_until_s,state,in_session"

static enum fas_code
read_session(struct db_query *q, struct session *out, struct fas_err *e)
{
	*out = (struct session){
	    .ticket = db_column_int(q, 1),
	    .revoke_at_end = db_column_int(q, 10) != 0,
	    .lease_s = db_column_int(q, 11),
	    .created_s = db_column_int(q, 12),
	    .expires_s = db_column_int(q, 13),
	    .lease_until_s = db_column_int(q, 14),
	    .ended = strcmp(db_column_text(q, 15), "ended") == 0,
	    .held = strcmp(db_column_text(q, 15), "held") == 0,
	};
	db_column_copy(q, 0, out->id, sizeof(out->id));
	db_column_copy(q, 2, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(q, 3, out->host, sizeof(out->host));
	db_column_copy(q, 5, out->sid, sizeof(out->sid));
	db_column_copy(q, 6, out->sam_account_name, sizeof(out->sam_account_name));
	out->upn = strdup(db_column_text(q, 4));
	out->realm = strdup(db_column_text(q, 7));
	out->principal = strdup(db_column_text(q, 8));
	out->rule = strdup(db_column_text(q, 9));
	bool granted = !db_column_is_null(q, 16);
	if (granted)
		out->in_session = strdup(db_column_text(q, 16));
	if (out->upn && out->realm && out->principal && out->rule && (out->in_session || !granted))
		return FAS_OK;
	session_done(out);
	return fas_fail_nomem(e);
}

static enum fas_code
step_session(struct db_query *q, struct session *out, const char *absent, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc = db_step(q, &row);
	if (rc != FAS_OK)
		return rc;
	return row ? read_session(q, out, e)
		   : fas_fail(e, FAS_E_NOTFOUND, absent, "no such session");
}

enum fas_code
session_find(struct db *db, const char *id, struct session *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT " SESSION_COLUMNS " FROM sessions WHERE session=?1", e);
	db_bind_text(&q, 1, id);
	return step_session(&q, out, "session_unknown", e);
}

enum fas_code
session_find_overdue(struct db *db, int64_t now_s, struct session *out, struct fas_err *e)
{
	/* lease_until_s never lies beyond expires_s: one index answers for both.  What is held needs no heartbeat. */
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " SESSION_COLUMNS " FROM sessions WHERE (state='live' AND lease_until_s<=?1)"
	    " OR (state='held' AND lease_until_s<=?1 AND expires_s<=?1) LIMIT 1",
	    e);
	db_bind_int(&q, 1, now_s);
	return step_session(&q, out, "session_none", e);
}

enum fas_code
session_find_to_revoke(struct db *db, const char *after_id, struct session *out, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT " SESSION_COLUMNS
	    " FROM sessions WHERE revoke=1 AND session>?1 ORDER BY session LIMIT 1",
	    e);
	db_bind_text(&q, 1, after_id);
	return step_session(&q, out, "session_none", e);
}

static enum fas_code
why_not_live(struct db *db, const char *id, struct fas_err *e)
{
	OWN(session) struct session session = {0};
	enum fas_code rc = session_find(db, id, &session, e);
	if (rc != FAS_OK)
		return rc;
	return session.held ? fas_fail(e, FAS_E_DENIED, "session_held", "the session is on hold")
			    : fas_fail(e, FAS_E_NOTFOUND, "session_ended", "the session has ended");
}

enum fas_code
session_extend(struct db *db, const char *id, int64_t lease_until_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE sessions SET lease_until_s=?2 WHERE session=?1 AND state='live'", e);
	db_bind_text(&q, 1, id);
	db_bind_int(&q, 2, lease_until_s);
	enum fas_code rc = db_run(&q);
	return rc == FAS_OK && db_changes(db) != 1 ? why_not_live(db, id, e) : rc;
}

enum fas_code
session_mark_ended(struct db *db, const struct session *session, int64_t now_s, const char *why,
    bool *won, bool *owed, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE sessions SET state='ended',ended_s=?2,ended_why=?3,revoke=revoke_at_end"
	    " OR EXISTS(SELECT 1 FROM certificates c WHERE c.session=?1 AND c.key IS NOT NULL)"
	    " WHERE session=?1 AND state IN ('live','held') RETURNING revoke",
	    e);
	db_bind_text(&q, 1, session->id);
	db_bind_int(&q, 2, now_s);
	db_bind_text(&q, 3, why);
	enum fas_code rc = db_step(&q, won);
	*owed = rc == FAS_OK && *won && db_column_int(&q, 0) != 0;
	return rc == FAS_OK && *won ? db_run(&q) : rc;
}

enum fas_code
session_mark_revoked(struct db *db, const char *id, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db, "UPDATE sessions SET revoke=0 WHERE session=?1", e);
	db_bind_text(&q, 1, id);
	return db_run(&q);
}

/* A chain is the same for all certificates of an authority's generation: it is kept once, and stays. */
static enum fas_code
find_chain(struct db *db, const char *pem, int64_t *id, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT id FROM chains WHERE pem=?1", e);
	db_bind_text(&q, 1, pem);
	enum fas_code rc = db_step(&q, &row);
	*id = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

static enum fas_code
keep_chain(struct db *db, const char *pem, int64_t *id, struct fas_err *e)
{
	enum fas_code rc = find_chain(db, pem, id, e);
	if (rc != FAS_OK || *id)
		return rc;
	OWN(query) struct db_query q = db_query(db, "INSERT INTO chains(pem) VALUES(?1)", e);
	db_bind_text(&q, 1, pem);
	rc = db_run(&q);
	*id = db_last_id(db);
	return rc;
}

enum fas_code
certificate_insert(struct db *db, const char *session, const struct signer_certificate *certificate,
    const struct issued_terms *terms, struct fas_err *e)
{
	int64_t chain = 0;
	enum fas_code rc = keep_chain(db, certificate->chain_pem, &chain, e);
	if (rc != FAS_OK)
		return rc;
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO certificates(serial,session,pem,purpose,profile,key,revoke_why,chain,"
	    "not_before_s,not_after_s,signatures_max,sign_until_s,revoke_at_s) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,CASE WHEN ?7 IS NULL THEN NULL ELSE ?13 "
	    "END)",
	    e);
	const char *const texts[] = {certificate->serial, session, certificate->pem, terms->purpose,
	    terms->profile, certificate->key_id[0] ? certificate->key_id : NULL, terms->revoke_why};
	const int64_t numbers[] = {chain, certificate->not_before_s, certificate->not_after_s,
	    terms->signatures_max, terms->sign_until_s, terms->revoke_at_s};
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(&q, (int)i + 1, texts[i]);
	for (size_t i = 0; i < NELEMS(numbers); i++)
		db_bind_int(&q, (int)(NELEMS(texts) + i) + 1, numbers[i]);
	return db_run(&q);
}

enum fas_code
certificate_find(struct db *db, const char *session, const char *serial,
    struct signer_certificate *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT c.serial,c.pem,i.pem,c.not_before_s,c.not_after_s,c.key FROM certificates c "
	    "JOIN chains i ON i.id=c.chain WHERE c.session=?1 AND (?2 IS NULL OR c.serial=?2) "
	    "ORDER BY c.id LIMIT 1",
	    e);
	db_bind_text(&q, 1, session);
	db_bind_text(&q, 2, serial);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	if (!row)
		return fas_fail(
		    e, FAS_E_NOTFOUND, "certificate_none", "the session has no certificate yet");
	*out = (struct signer_certificate){
	    .pem = strdup(db_column_text(&q, 1)),
	    .chain_pem = strdup(db_column_text(&q, 2)),
	    .not_before_s = db_column_int(&q, 3),
	    .not_after_s = db_column_int(&q, 4),
	};
	db_column_copy(&q, 0, out->serial, sizeof(out->serial));
	db_column_copy(&q, 5, out->key_id, sizeof(out->key_id));
	if (out->pem && out->chain_pem)
		return FAS_OK;
	signer_certificate_done(out);
	return fas_fail_nomem(e);
}

static json_t *
session_to_json(struct db_query *q)
{
	char created[TIME_TEXT_MAX], expires[TIME_TEXT_MAX], lease[TIME_TEXT_MAX];
	json_t *object =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:I}", "id",
		db_column_text(q, 0), "host", db_column_text(q, 1), "upn", db_column_text(q, 2),
		"sid", db_column_text(q, 3), "rule", db_column_text(q, 4), "state",
		db_column_text(q, 5), "created_at", time_format(db_column_int(q, 6), created),
		"expires_at", time_format(db_column_int(q, 7), expires), "lease_until",
		time_format(db_column_int(q, 8), lease), "correlation_id", db_column_text(q, 9),
		"ended_why", db_column_text(q, 10), "custody",
		db_column_int(q, 12) ? "service" : "host", "in_session_allowed",
		(int)db_column_int(q, 13), "keys", (json_int_t)db_column_int(q, 14),
		"in_session_certificates", (json_int_t)db_column_int(q, 15), "signatures",
		(json_int_t)db_column_int(q, 16));
	json_t *serials = json_loads(db_column_text(q, 11), 0, NULL);
	if (object && serials)
		(void)json_object_set(object, "serials", serials);
	json_decref(serials);
	return object;
}

enum fas_code
session_list_json(struct db *db, bool all, const char *id, json_t *array, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	/* custody: of the logon's key, whose certificate is the first. */
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT "
	    "s.session,s.host,s.upn,s.sid,s.rule,s.state,s.created_s,s.expires_s,s.lease_until_s,"
	    "s.correlation_id,COALESCE(s.ended_why,''),json_group_array(c.serial),"
	    "COALESCE(SUM(c.purpose='logon' AND c.key IS NOT NULL),0),s.in_session IS NOT NULL,"
	    "COUNT(c.key),COALESCE(SUM(c.purpose='in_session'),0),COALESCE(SUM(c.signatures),0)"
	    " FROM (SELECT * FROM sessions WHERE CASE WHEN ?3 IS NULL THEN ?1 OR state<>'ended'"
	    " ELSE session=?3 END ORDER BY id DESC LIMIT ?2) s"
	    " LEFT JOIN certificates c ON c.session=s.session GROUP BY s.id ORDER BY s.id DESC",
	    e);
	db_bind_int(&q, 1, all);
	db_bind_int(&q, 2, LIST_MAX);
	db_bind_text(&q, 3, id);
	while ((rc = db_step(&q, &row)) == FAS_OK && row) {
		if (json_array_append_new(array, session_to_json(&q)) != 0)
			return fas_fail_nomem(e);
	}
	return rc;
}

enum fas_code
session_count_live(struct db *db, int64_t *out, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q =
	    db_query(db, "SELECT COUNT(*) FROM sessions WHERE state IN ('live','held')", e);
	enum fas_code rc = db_step(&q, &row);
	*out = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

enum fas_code
session_prune(struct db *db, int64_t before_s, bool *more, struct fas_err *e)
{
	OWN(query)
	struct db_query certificates = db_query(db,
	    "DELETE FROM certificates WHERE session IN (SELECT session FROM sessions WHERE "
	    "state='ended' AND revoke=0"
	    " AND ended_s<?1 ORDER BY ended_s LIMIT ?2)",
	    e);
	db_bind_int(&certificates, 1, before_s);
	db_bind_int(&certificates, 2, PRUNE_MAX);
	enum fas_code rc = db_run(&certificates);
	if (rc != FAS_OK)
		return rc;
	OWN(query)
	struct db_query orders = db_query(db,
	    "DELETE FROM orders WHERE state='done' AND session IN (SELECT session FROM sessions "
	    "WHERE "
	    "state='ended' AND revoke=0 AND ended_s<?1 ORDER BY ended_s LIMIT ?2)",
	    e);
	db_bind_int(&orders, 1, before_s);
	db_bind_int(&orders, 2, PRUNE_MAX);
	if ((rc = db_run(&orders)) != FAS_OK)
		return rc;
	OWN(query)
	struct db_query sessions = db_query(db,
	    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE state='ended' AND "
	    "revoke=0 AND ended_s<?1"
	    " ORDER BY ended_s LIMIT ?2)",
	    e);
	db_bind_int(&sessions, 1, before_s);
	db_bind_int(&sessions, 2, PRUNE_MAX);
	rc = db_run(&sessions);
	*more = rc == FAS_OK && db_changes(db) == PRUNE_MAX;
	return rc;
}
