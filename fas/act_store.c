/* Acts in fas.db, and the sessions that they cover. */
#include "fas/act.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/audit.h"

#define UNTIL_MAX 24
#define SEEN "acts_seen"

/* ?1 target, ?2 value, ?3 session of the serial, ?4 and ?5 the range. */
#define OF_TARGET                                                                                  \
	"(?1='everything' OR (?1='upn' AND upn=?2 COLLATE NOCASE) OR (?1='sid' AND sid=?2)"        \
	" OR (?1='host' AND host=?2 COLLATE NOCASE) OR (?1='rule' AND rule=?2)"                    \
	" OR (?1='session' AND session=?2) OR (?1='serial' AND session=?3))"
/* Begun in the range, or with a certificate within the session that was. */
#define IN_RANGE                                                                                   \
	"((created_s>=?4 AND (?5=0 OR created_s<?5)) OR EXISTS(SELECT 1 FROM orders o WHERE"       \
	" o.session=sessions.session AND o.created_s>=?4 AND (?5=0 OR o.created_s<?5)))"
/* ?6: ids below it are older than the act. */
#define COVERED OF_TARGET " AND " IN_RANGE " AND session<?6"
#define WHOSE " RETURNING session,host,upn,sid,rule,correlation_id"

enum fas_code
act_last(struct db *db, int64_t *id, struct fas_err *e)
{
	return db_meta_get_int(db, SEEN, 0, id, e);
}

enum fas_code
act_rewind(struct db *db, int64_t id, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "DELETE FROM acts WHERE id>?1", e);
	db_bind_int(&q, 1, id);
	enum fas_code rc = db_run(&q);
	return rc == FAS_OK ? db_meta_set_int(db, SEEN, id, e) : rc;
}

/* Ids begin with 48 bits of milliseconds, in hex. */
static const char *
until_text(int64_t time_ms, char out[UNTIL_MAX])
{
	(void)snprintf(out, UNTIL_MAX, "%012llx", (unsigned long long)time_ms + 1);
	return out;
}

static enum fas_code
insert(struct db *db, const struct act *act, int64_t now_s, struct fas_err *e)
{
	char until[UNTIL_MAX];
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO acts(kind,target,value,session,until,id,from_s,to_s,stops,applied_s)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	    e);
	const char *const texts[] = {
	    act->kind, act->target, act->value, act->session, until_text(act->time_ms, until)};
	const int64_t numbers[] = {act->id, act->from_s, act->to_s, act->stops, now_s};
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(&q, (int)i + 1, texts[i]);
	for (size_t i = 0; i < NELEMS(numbers); i++)
		db_bind_int(&q, (int)(NELEMS(texts) + i) + 1, numbers[i]);
	return db_run(&q);
}

/* ---- sessions ---- */

static void
bind_act(struct db_query *q, const struct act *act, const char *until)
{
	db_bind_text(q, 1, act->target);
	db_bind_text(q, 2, act->value);
	db_bind_text(q, 3, act->session);
	db_bind_int(q, 4, act->from_s);
	db_bind_int(q, 5, act->to_s);
	db_bind_text(q, 6, until);
}

/* One record for each session that the statement has changed. */
static enum fas_code
record_each(struct db *db, struct db_query *q, const struct act *act,
    const struct audit_record *what, int64_t *n, struct fas_err *e)
{
	bool row = false;
	enum fas_code rc;
	while ((rc = db_step(q, &row)) == FAS_OK && row) {
		struct audit_record record = *what;
		record.outcome = "done";
		record.caller = act->caller;
		record.session = db_column_text(q, 0);
		record.host = db_column_text(q, 1);
		record.upn = db_column_text(q, 2);
		record.sid = db_column_text(q, 3);
		record.rule = db_column_text(q, 4);
		record.correlation_id = db_column_text(q, 5);
		if ((rc = audit_append(db, &record, e)) != FAS_OK)
			return rc;
		(*n)++;
	}
	return rc;
}

/*
 * Where the signer has surely revoked all of a session's certificates and destroyed its keys, nothing is owed to it: else
 * the rule's word holds, as at any other end.
 */
static enum fas_code
end_covered(struct db *db, const struct act *act, const char *until, int64_t now_s, int64_t *n,
    struct fas_err *e)
{
	char why[160];
	const struct audit_record record = {
	    .event = "session_ended", .reason = "revoked", .message = why};
	(void)snprintf(why, sizeof(why), "revoked by an administrator: act %lld, %s %.96s",
	    (long long)act->id, act->target, act->value);
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE sessions SET state='ended',ended_s=?7,ended_why=?8,revoke=CASE WHEN ?4=0 AND "
	    "?5=0"
	    " AND ?1 IN ('everything','sid','host','session') THEN 0 ELSE revoke_at_end OR EXISTS("
	    "SELECT 1 FROM certificates c WHERE c.session=sessions.session AND c.key IS NOT NULL) "
	    "END"
	    " WHERE state IN ('live','held') AND " COVERED WHOSE,
	    e);
	bind_act(&q, act, until);
	db_bind_int(&q, 7, now_s);
	db_bind_text(&q, 8, why);
	return record_each(db, &q, act, &record, n, e);
}

static enum fas_code
hold_covered(struct db *db, const struct act *act, const char *until, int64_t *n, struct fas_err *e)
{
	const struct audit_record record = {.event = "session_held", .reason = "on_hold"};
	OWN(query)
	struct db_query q = db_query(
	    db, "UPDATE sessions SET state='held' WHERE state='live' AND " COVERED WHOSE, e);
	bind_act(&q, act, until);
	return record_each(db, &q, act, &record, n, e);
}

static enum fas_code
mark_released(struct db *db, const struct act *act, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE acts SET released=1 WHERE released=0 AND (stops=1 OR kind='hold') AND id<?5"
	    " AND target=?1 AND value=?2 COLLATE NOCASE AND from_s=?3 AND to_s=?4",
	    e);
	db_bind_text(&q, 1, act->target);
	db_bind_text(&q, 2, act->value);
	db_bind_int(&q, 3, act->from_s);
	db_bind_int(&q, 4, act->to_s);
	db_bind_int(&q, 5, act->id);
	return db_run(&q);
}

/* Does hold a stand and cover the session? */
#define STILL_HELD                                                                                 \
	"EXISTS(SELECT 1 FROM acts a WHERE a.kind='hold' AND a.released=0"                         \
	" AND sessions.session<a.until AND (a.target='everything'"                                 \
	" OR (a.target='upn' AND a.value=upn COLLATE NOCASE) OR (a.target='sid' AND a.value=sid)"  \
	" OR (a.target='host' AND a.value=host COLLATE NOCASE)"                                    \
	" OR (a.target='rule' AND a.value=rule)"                                                   \
	" OR (a.target='session' AND a.value=sessions.session)"                                    \
	" OR (a.target='serial' AND a.session=sessions.session))"                                  \
	" AND ((created_s>=a.from_s AND (a.to_s=0 OR created_s<a.to_s)) OR EXISTS("                \
	"SELECT 1 FROM orders o WHERE o.session=sessions.session AND o.created_s>=a.from_s"        \
	" AND (a.to_s=0 OR o.created_s<a.to_s))))"

/* Held by no other: it goes on, with a lease to come back in. */
static enum fas_code
let_go_on(struct db *db, const struct act *act, int64_t now_s, int64_t *n, struct fas_err *e)
{
	const struct audit_record record = {.event = "session_released"};
	OWN(query)
	struct db_query q = db_query(db,
	    "UPDATE sessions SET state='live',"
	    "lease_until_s=MIN(expires_s,MAX(lease_until_s,?1+lease_s))"
	    " WHERE state='held' AND NOT " STILL_HELD WHOSE,
	    e);
	db_bind_int(&q, 1, now_s);
	return record_each(db, &q, act, &record, n, e);
}

enum fas_code
act_apply(struct db *db, const struct act *act, int64_t now_s, int64_t *n, struct fas_err *e)
{
	char until[UNTIL_MAX];
	*n = 0;
	enum fas_code rc = insert(db, act, now_s, e);
	(void)until_text(act->time_ms, until);
	if (rc == FAS_OK && strcmp(act->kind, "revoke") == 0)
		rc = end_covered(db, act, until, now_s, n, e);
	else if (rc == FAS_OK && strcmp(act->kind, "hold") == 0)
		rc = hold_covered(db, act, until, n, e);
	else if (rc == FAS_OK && (rc = mark_released(db, act, e)) == FAS_OK)
		rc = let_go_on(db, act, now_s, n, e);
	return rc == FAS_OK ? db_meta_set_int(db, SEEN, act->id, e) : rc;
}

enum fas_code
act_prune(struct db *db, int64_t before_s, struct fas_err *e)
{
	OWN(query)
	struct db_query q = db_query(db,
	    "DELETE FROM acts WHERE applied_s<?1 AND (released=1 OR (stops=0 AND kind<>'hold'))",
	    e);
	db_bind_int(&q, 1, before_s);
	return db_run(&q);
}

/* ---- what is under way ---- */

#define OF_WHO                                                                                     \
	"(target='everything' OR (target='upn' AND value=?1 COLLATE NOCASE)"                       \
	" OR (target='sid' AND value=?2) OR (target='host' AND value=?3 COLLATE NOCASE)"           \
	" OR (target='rule' AND value=?4) OR (target='session' AND value=?5))"

static void
bind_who(struct db_query *q, const struct act_who *who)
{
	const char *const texts[] = {who->upn, who->sid, who->host, who->rule, who->session};
	for (size_t i = 0; i < NELEMS(texts); i++)
		db_bind_text(q, (int)i + 1, texts[i]);
}

static enum fas_code
check_stops(struct db *db, const struct act_who *who, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT target,id FROM acts WHERE released=0 AND (stops=1 OR kind='hold') AND stops=1"
	    " AND " OF_WHO " LIMIT 1",
	    e);
	bind_who(&q, who);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK || !row)
		return rc;
	bool all = strcmp(db_column_text(&q, 0), "everything") == 0;
	return fas_fail(e, FAS_E_DENIED, all ? "issuing_stopped" : "on_hold",
	    "an administrator has put %s on hold: act %lld", all ? "everything" : "this",
	    (long long)db_column_int(&q, 1));
}

/* An act on a past time is about what was begun then, and that is a session. */
static enum fas_code
check_since(struct db *db, const struct act_who *who, const char *begun, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT id FROM acts WHERE until>?6 AND (kind='revoke' OR (kind='hold' AND released=0))"
	    " AND to_s=0 AND " OF_WHO " LIMIT 1",
	    e);
	bind_who(&q, who);
	db_bind_text(&q, 6, begun);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK || !row)
		return rc;
	return fas_fail(e, FAS_E_DENIED, "ticket_revoked",
	    "an administrator has revoked it since it was begun: act %lld",
	    (long long)db_column_int(&q, 0));
}

enum fas_code
act_check(struct db *db, const struct act_who *who, const char *begun, struct fas_err *e)
{
	enum fas_code rc = check_stops(db, who, e);
	return rc == FAS_OK && begun ? check_since(db, who, begun, e) : rc;
}
