#include "fas/logout_store.h"

#include <string.h>

#define PRUNE_MAX 1000
#define UNSPECIFIED "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

/*
 * SAML core 3.3.4: a NameID is the same when its format is, too; unspecified says nothing of it (8.3.1).  ?1 provider,
 * ?2 NameID, ?3 format or "", ?4 the session indexes or NULL: all.
 */
#define OF_SUBJECT(idp, name_id, format, session_index)                                            \
	"(" idp "=?1 AND " name_id "=?2 AND (?3='' OR COALESCE(" format                            \
	",'') IN ('','" UNSPECIFIED "',?3)) AND (?4 IS NULL OR " session_index                     \
	" IN (SELECT value FROM json_each(?4))))"
#define OF_FACTS                                                                                   \
	OF_SUBJECT("json_extract(facts,'$.idp')", "json_extract(facts,'$.name_id')",               \
	    "json_extract(facts,'$.name_id_format')", "json_extract(facts,'$.session_index')")

static const char *
known_format(const char *format)
{
	return format && strcmp(format, UNSPECIFIED) != 0 ? format : "";
}

static void
bind_subject(struct db_query *q, const struct logout_row *row)
{
	db_bind_text(q, 1, row->idp);
	db_bind_text(q, 2, row->name_id);
	db_bind_text(q, 3, known_format(row->name_id_format));
	db_bind_text(q, 4, row->session_indexes);
}

/* ---- the message ---- */

enum fas_code
logout_insert(struct db *db, const struct logout_row *row, bool *first, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO logouts(idp,name_id,name_id_format,session_indexes,message,until,browser,"
	    "issued_s,expires_s) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO NOTHING",
	    e);
	bind_subject(&q, row);
	db_bind_text(&q, 5, row->message);
	db_bind_text(&q, 6, row->until);
	if (row->browser)
		db_bind_blob(&q, 7, row->browser, BROWSER_HASH_BYTES);
	db_bind_int(&q, 8, row->issued_s);
	db_bind_int(&q, 9, row->expires_s);
	enum fas_code rc = db_run(&q);
	*first = rc == FAS_OK && db_changes(db) == 1;
	return rc;
}

/* ---- what ends ---- */

#define END_SESSIONS                                                                               \
	"UPDATE sessions SET state='ended',ended_s=?5,ended_why=?6,revoke=revoke_at_end OR "       \
	"EXISTS(SELECT 1 FROM certificates c WHERE c.session=sessions.session AND c.key IS NOT "   \
	"NULL) WHERE state<>'ended' AND "
#define WHOSE " RETURNING session,host,upn,sid,rule,correlation_id,revoke"

static enum fas_code
record_one(struct db *db, struct db_query *q, const struct audit_record *what, struct fas_err *e)
{
	struct audit_record record = *what;
	record.session = db_column_text(q, 0);
	record.host = db_column_text(q, 1);
	record.upn = db_column_text(q, 2);
	record.sid = db_column_text(q, 3);
	record.rule = db_column_text(q, 4);
	record.correlation_id = db_column_text(q, 5);
	return audit_append(db, &record, e);
}

static enum fas_code
end_sessions(struct db *db, const struct logout_row *row, const char *why,
    const struct audit_record *record, struct logout_ended *out, struct fas_err *e)
{
	bool more = false;
	enum fas_code rc;
	OWN(query)
	struct db_query q = db_query(db,
	    row->browser ? END_SESSIONS "browser=?7" WHOSE
			 : END_SESSIONS "name_id IS NOT NULL AND " OF_SUBJECT(
			       "idp", "name_id", "name_id_format", "session_index") WHOSE,
	    e);
	if (row->browser)
		db_bind_blob(&q, 7, row->browser, BROWSER_HASH_BYTES);
	else
		bind_subject(&q, row);
	db_bind_int(&q, 5, row->now_s);
	db_bind_text(&q, 6, why);
	while ((rc = db_step(&q, &more)) == FAS_OK && more) {
		out->owed = out->owed || db_column_int(&q, 6) != 0;
		if ((rc = record_one(db, &q, record, e)) != FAS_OK)
			return rc;
		out->sessions++;
	}
	return rc;
}

/* Open tickets are few at any time: those that have not expired. */
static enum fas_code
void_tickets(struct db *db, const struct logout_row *row, size_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    row->browser ? "UPDATE tickets SET state='void' WHERE state='open' AND claim IN"
			   " (SELECT claim FROM codes WHERE browser=?7)"
			 : "UPDATE tickets SET state='void' WHERE state='open' AND expires_s>?5 "
			   "AND " OF_FACTS,
	    e);
	if (row->browser) {
		db_bind_blob(&q, 7, row->browser, BROWSER_HASH_BYTES);
	} else {
		bind_subject(&q, row);
		db_bind_int(&q, 5, row->now_s);
	}
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? (size_t)db_changes(db) : 0;
	return rc;
}

static enum fas_code
void_codes(struct db *db, const struct logout_row *row, size_t *n, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    row->browser ? "UPDATE codes SET void=1 WHERE void=0 AND browser=?7"
			 : "UPDATE codes SET void=1 WHERE void=0 AND expires_s>?5 AND " OF_FACTS,
	    e);
	if (row->browser) {
		db_bind_blob(&q, 7, row->browser, BROWSER_HASH_BYTES);
	} else {
		bind_subject(&q, row);
		/* a ticket of a code that has expired may still be open: it was voided above */
		db_bind_int(&q, 5, row->now_s);
	}
	enum fas_code rc = db_run(&q);
	*n = rc == FAS_OK ? (size_t)db_changes(db) : 0;
	return rc;
}

enum fas_code
logout_end(struct db *db, const struct logout_row *row, const char *why,
    const struct audit_record *record, struct logout_ended *out, struct fas_err *e)
{
	*out = (struct logout_ended){0};
	enum fas_code rc = end_sessions(db, row, why, record, out, e);
	if (rc == FAS_OK)
		rc = void_tickets(db, row, &out->tickets, e);
	return rc == FAS_OK ? void_codes(db, row, &out->codes, e) : rc;
}

/* ---- what is on its way ---- */

static enum fas_code
deny_if_found(struct db_query *q, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc = db_step(q, &row);
	if (rc != FAS_OK || !row)
		return rc;
	return fas_fail(e, FAS_E_DENIED, "signed_out",
	    "SAML core 3.7.3.1: the subject signed out after this was begun (logout %lld)",
	    (long long)db_column_int(q, 0));
}

/* The row names this subject and this session of it. ?1 provider, ?2 NameID, ?3 format or "", ?4 its session index. */
#define NAMES_SUBJECT                                                                              \
	"idp=?1 AND name_id=?2 AND (?3='' OR name_id_format IN ('',?3)) AND"                       \
	" (session_indexes IS NULL OR ?4 IN (SELECT value FROM json_each(session_indexes)))"

/* A session that was named is over whenever its assertion was issued; a person may begin another one. */
enum fas_code
logout_check_assertion(
    struct db *db, const struct facts *facts, int64_t issued_s, struct fas_err *e)
{
	if (!facts->name_id)
		return FAS_OK;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id FROM logouts WHERE " NAMES_SUBJECT
	    " AND (session_indexes IS NOT NULL OR issued_s>=?5) LIMIT 1",
	    e);
	db_bind_text(&q, 1, facts->idp);
	db_bind_text(&q, 2, facts->name_id);
	db_bind_text(&q, 3, known_format(facts->name_id_format));
	db_bind_text(&q, 4, facts->session_index);
	db_bind_int(&q, 5, issued_s);
	return deny_if_found(&q, e);
}

enum fas_code
logout_check_ticket(struct db *db, int64_t ticket, const char *begun, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT l.id FROM tickets t JOIN logouts l ON l.until>?2 AND"
	    " (l.browser=(SELECT c.browser FROM codes c INDEXED BY codes_claim WHERE "
	    "c.claim=t.claim LIMIT 1)"
	    " OR (l.idp=json_extract(t.facts,'$.idp') AND "
	    "l.name_id=json_extract(t.facts,'$.name_id')"
	    " AND (l.name_id_format='' OR COALESCE(json_extract(t.facts,'$.name_id_format'),'') IN"
	    " ('','" UNSPECIFIED "',l.name_id_format)) AND (l.session_indexes IS NULL OR"
	    " json_extract(t.facts,'$.session_index') IN"
	    " (SELECT value FROM json_each(l.session_indexes))))) WHERE t.id=?1 LIMIT 1",
	    e);
	db_bind_int(&q, 1, ticket);
	db_bind_text(&q, 2, begun);
	return deny_if_found(&q, e);
}

/* ---- a browser ---- */

enum fas_code
logout_find_browser(
    struct db *db, const uint8_t browser[BROWSER_HASH_BYTES], char **facts, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT facts FROM (SELECT facts,created_s FROM sessions WHERE browser=?1"
	    " UNION ALL SELECT facts,created_s FROM codes WHERE browser=?1)"
	    " WHERE facts IS NOT NULL ORDER BY created_s DESC LIMIT 1",
	    e);
	db_bind_blob(&q, 1, browser, BROWSER_HASH_BYTES);
	enum fas_code rc = db_step(&q, &row);
	*facts = NULL;
	if (rc != FAS_OK || !row)
		return rc;
	*facts = strdup(db_column_text(&q, 0));
	return *facts ? FAS_OK : fas_fail_nomem(e);
}

/* ---- our own requests ---- */

enum fas_code
logout_sent_insert(struct db *db, const struct logout_sent *s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO logouts_sent(request_id,correlation_id,server,idp,browser,expires_s)"
	    " VALUES(?1,?2,?3,?4,?5,?6)",
	    e);
	db_bind_text(&q, 1, s->request_id);
	db_bind_text(&q, 2, s->correlation_id);
	db_bind_text(&q, 3, s->server);
	db_bind_text(&q, 4, s->idp);
	db_bind_blob(&q, 5, s->browser, BROWSER_HASH_BYTES);
	db_bind_int(&q, 6, s->expires_s);
	return db_run(&q);
}

enum fas_code
logout_sent_find(struct db *db, const char *request_id, struct logout_sent *out, struct fas_err *e)
{
	bool row = false;
	size_t len = 0;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id,request_id,correlation_id,server,idp,browser,expires_s,answered"
	    " FROM logouts_sent WHERE request_id=?1",
	    e);
	db_bind_text(&q, 1, request_id);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	if (!row)
		return fas_fail(e, FAS_E_NOTFOUND, "logout_unknown",
		    "SAML core 3.2.2: InResponseTo %.80s names no LogoutRequest of ours",
		    request_id);
	*out = (struct logout_sent){.id = db_column_int(&q, 0),
	    .expires_s = db_column_int(&q, 6),
	    .answered = db_column_int(&q, 7) != 0};
	db_column_copy(&q, 1, out->request_id, sizeof(out->request_id));
	db_column_copy(&q, 2, out->correlation_id, sizeof(out->correlation_id));
	db_column_copy(&q, 3, out->server, sizeof(out->server));
	db_column_copy(&q, 4, out->idp, sizeof(out->idp));
	const uint8_t *browser = db_column_blob(&q, 5, &len);
	if (!browser || len != sizeof(out->browser))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a logout without its browser");
	memcpy(out->browser, browser, len);
	return FAS_OK;
}

enum fas_code
logout_sent_answer(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query)
	struct db_query q =
	    db_query(db, "UPDATE logouts_sent SET answered=1 WHERE id=?1 AND answered=0", e);
	db_bind_int(&q, 1, id);
	enum fas_code rc = db_run(&q);
	if (rc != FAS_OK || db_changes(db) == 1)
		return rc;
	return fas_fail(
	    e, FAS_E_CONFLICT, "logout_answered", "the LogoutRequest was answered before");
}

/* ---- housekeeping ---- */

static enum fas_code
prune_table(struct db *db, const char *sql, int64_t now_s, bool *more, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, sql, e);
	db_bind_int(&q, 1, now_s);
	db_bind_int(&q, 2, PRUNE_MAX);
	enum fas_code rc = db_run(&q);
	*more = *more || (rc == FAS_OK && db_changes(db) == PRUNE_MAX);
	return rc;
}

enum fas_code
logout_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e)
{
	*more = false;
	enum fas_code rc = prune_table(db,
	    "DELETE FROM logouts WHERE id IN (SELECT id FROM logouts WHERE expires_s<?1 LIMIT ?2)",
	    now_s, more, e);
	return rc == FAS_OK ? prune_table(db,
				  "DELETE FROM logouts_sent WHERE id IN (SELECT id FROM "
				  "logouts_sent WHERE expires_s<?1 LIMIT ?2)",
				  now_s, more, e)
			    : rc;
}
