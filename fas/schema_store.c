/*
 * The schema of fas.db, as numbered migrations: a landed one is never changed, the next one is added.
 * Times are seconds since 1970; digests SHA-256.
 */
#include "fas/base/audit_statement.h"
#include "fas/service.h"

static const char *const migrations[] = {
    /* An assertion is claimed once: the row that wins is the claim. */
    "CREATE TABLE claims("
    " id INTEGER PRIMARY KEY,"
    " idp TEXT NOT NULL, assertion_id TEXT NOT NULL,"
    " claimant TEXT NOT NULL," /* kind of caller and name; only it may repeat */
    " response_digest BLOB NOT NULL,"
    " redeemed INTEGER NOT NULL DEFAULT 0,"
    " expires_s INTEGER NOT NULL,"
    " UNIQUE(idp, assertion_id)) STRICT;"
    "CREATE INDEX claims_expires ON claims(expires_s);"

    /* state: open -> used -> done | failed; open -> void when a new ticket of the same claim takes its place. */
    "CREATE TABLE tickets("
    " id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL UNIQUE,"
    " claim INTEGER NOT NULL,"
    " correlation_id TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " pool INTEGER NOT NULL," /* 1: any host that the rule names may redeem */
    " facts TEXT NOT NULL,"
    " created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " redeemer TEXT, used_s INTEGER, csr_digest BLOB, request_id TEXT UNIQUE, session TEXT,"
    " issue TEXT) STRICT;" /* what was asked of the signer: enough to ask again */
    "CREATE INDEX tickets_claim ON tickets(claim);"
    "CREATE INDEX tickets_state ON tickets(state, expires_s);"

    /* state: live -> ended; revoke: 1 while certificates still have to be revoked. */
    "CREATE TABLE sessions("
    " id INTEGER PRIMARY KEY,"
    " session TEXT NOT NULL UNIQUE,"
    " ticket INTEGER NOT NULL,"
    " correlation_id TEXT NOT NULL,"
    " host TEXT NOT NULL, upn TEXT NOT NULL, sid TEXT NOT NULL,"
    " sam_account_name TEXT NOT NULL, realm TEXT NOT NULL, principal TEXT NOT NULL,"
    " rule TEXT NOT NULL,"
    " revoke_at_end INTEGER NOT NULL,"
    " lease_s INTEGER NOT NULL,"
    " created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL, lease_until_s INTEGER NOT NULL,"
    " state TEXT NOT NULL, ended_s INTEGER, ended_why TEXT,"
    " revoke INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX sessions_state ON sessions(state, lease_until_s);"
    "CREATE INDEX sessions_revoke ON sessions(revoke) WHERE revoke=1;"

    "CREATE TABLE certificates("
    " id INTEGER PRIMARY KEY,"
    " serial TEXT NOT NULL UNIQUE,"
    " session TEXT NOT NULL,"
    " pem TEXT NOT NULL, chain TEXT NOT NULL,"
    " not_before_s INTEGER NOT NULL, not_after_s INTEGER NOT NULL) STRICT;"
    "CREATE INDEX certificates_session ON certificates(session);" AUDIT_SCHEMA,

    /* Countersigned heads; and which tickets are being redeemed, by session. */
    AUDIT_HEADS_SCHEMA "CREATE INDEX tickets_session ON tickets(session) WHERE state='used';",

    /*
     * A logon touches fewer pages.  A chain is kept once, not with every certificate.  What nobody looks for has no index:
     * that serials and request ids are unique is ca.db's to say.  A ticket's state is in no index but that of the used
     * ones; the rest are pruned by their end.
     */
    "CREATE TABLE chains(id INTEGER PRIMARY KEY, pem TEXT NOT NULL UNIQUE) STRICT;"
    "INSERT INTO chains(pem) SELECT DISTINCT chain FROM certificates;"
    "ALTER TABLE certificates RENAME TO certificates_old;"
    "CREATE TABLE certificates("
    " id INTEGER PRIMARY KEY, serial TEXT NOT NULL, session TEXT NOT NULL, pem TEXT NOT NULL,"
    " chain INTEGER NOT NULL REFERENCES chains(id),"
    " not_before_s INTEGER NOT NULL, not_after_s INTEGER NOT NULL) STRICT;"
    "INSERT INTO certificates SELECT "
    "o.id,o.serial,o.session,o.pem,c.id,o.not_before_s,o.not_after_s"
    " FROM certificates_old o JOIN chains c ON c.pem=o.chain;"
    "DROP TABLE certificates_old;"
    "CREATE INDEX certificates_session ON certificates(session);"

    "ALTER TABLE tickets RENAME TO tickets_old;"
    "CREATE TABLE tickets("
    " id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL UNIQUE,"
    " claim INTEGER NOT NULL,"
    " correlation_id TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " pool INTEGER NOT NULL,"
    " facts TEXT NOT NULL,"
    " created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " redeemer TEXT, used_s INTEGER, csr_digest BLOB, request_id TEXT, session TEXT,"
    " issue TEXT) STRICT;"
    "INSERT INTO tickets SELECT id,hash,claim,correlation_id,host,pool,facts,created_s,expires_s,"
    "state,redeemer,used_s,csr_digest,request_id,session,issue FROM tickets_old;"
    "DROP TABLE tickets_old;"
    "CREATE INDEX tickets_claim ON tickets(claim);"
    "CREATE INDEX tickets_expires ON tickets(expires_s);"
    "CREATE INDEX tickets_session ON tickets(session) WHERE state='used';",

    /*
     * What a session is judged by again (its ticket does not live so long), when that was, by which policy, and what
     * its rule grants within it: JSON, NULL = nothing.
     */
    "ALTER TABLE sessions ADD COLUMN facts TEXT;"
    "ALTER TABLE sessions ADD COLUMN policy TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE sessions ADD COLUMN judged_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN tried_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sessions ADD COLUMN in_session TEXT;"
    "UPDATE sessions SET facts=(SELECT t.facts FROM tickets t WHERE t.id=sessions.ticket)"
    " WHERE state='live';"

    /*
     * purpose: logon, in_session.  key: the signer's name for one that it keeps; NULL = the host does.  signatures_max
     * and sign_until_s: 0 = no such limit.  revoke_at_s: when it is to be revoked for itself, NULL = not.
     */
    "ALTER TABLE certificates ADD COLUMN purpose TEXT NOT NULL DEFAULT 'logon';"
    "ALTER TABLE certificates ADD COLUMN profile TEXT NOT NULL DEFAULT 'smartcard-logon';"
    "ALTER TABLE certificates ADD COLUMN key TEXT;"
    "ALTER TABLE certificates ADD COLUMN signatures INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE certificates ADD COLUMN signatures_max INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE certificates ADD COLUMN sign_until_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE certificates ADD COLUMN rate_start_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE certificates ADD COLUMN rate_used INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE certificates ADD COLUMN revoke_at_s INTEGER;"
    "ALTER TABLE certificates ADD COLUMN revoke_why TEXT;"
    "ALTER TABLE certificates ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX certificates_key ON certificates(key) WHERE key IS NOT NULL;"
    "CREATE INDEX certificates_due ON certificates(revoke_at_s)"
    " WHERE revoke_at_s IS NOT NULL AND revoked=0;"

    /* What the signer is asked for a session that lives; state: open -> done.  ask: the host's name for it. */
    "CREATE TABLE orders("
    " id INTEGER PRIMARY KEY,"
    " session TEXT NOT NULL, ask TEXT NOT NULL,"
    " csr_digest BLOB NOT NULL,"
    " request_id TEXT NOT NULL," /* the signer's */
    " issue TEXT NOT NULL,"      /* enough to ask again */
    " created_s INTEGER NOT NULL,"
    " state TEXT NOT NULL, serial TEXT,"
    " UNIQUE(session, ask)) STRICT;"
    "CREATE INDEX orders_open ON orders(session) WHERE state='open';"
    "CREATE INDEX orders_done ON orders(created_s) WHERE state='done';"
    "CREATE INDEX certificates_in_session ON certificates(not_after_s)"
    " WHERE purpose='in_session';",

    AUDIT_STATEMENTS_SCHEMA(TRAIL_FASD),

    /* The last report of what the host's own keys have signed: its number, and when it came. */
    ("ALTER TABLE sessions ADD COLUMN uses_report INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE sessions ADD COLUMN uses_s INTEGER NOT NULL DEFAULT 0;"),

    /*
     * Acts of administrators at the signer that have been applied here (fas/act.h).  until: an id (of a session, of
     * a ticket's correlation) below it is older than the act.  A session may be held: live -> held -> live | ended.
     */
    ("CREATE TABLE acts("
     " id INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, value TEXT NOT NULL,"
     " session TEXT NOT NULL, from_s INTEGER NOT NULL, to_s INTEGER NOT NULL,"
     " stops INTEGER NOT NULL, until TEXT NOT NULL, released INTEGER NOT NULL DEFAULT 0,"
     " applied_s INTEGER NOT NULL) STRICT;"
     "CREATE INDEX acts_standing ON acts(kind) WHERE released=0 AND (stops=1 OR kind='hold');"
     "CREATE INDEX acts_until ON acts(until);"),

    /* KEEPING: what has ended is found by its end, and not looked for among all. */
    "CREATE INDEX sessions_ended ON sessions(ended_s) WHERE state='ended';",

    /*
     * Browsers that sign in (fas/sign_in.h).  browser: SHA-256 of the cookie, in codes all zero where there was none.
     * used: 0 until the question's one good answer.
     */
    ("CREATE TABLE sign_ins("
     " id INTEGER PRIMARY KEY, correlation_id TEXT NOT NULL UNIQUE, request_id TEXT NOT NULL,"
     " server TEXT NOT NULL, idp TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL,"
     " browser BLOB NOT NULL, force_authn INTEGER NOT NULL,"
     " asked_s INTEGER NOT NULL, expires_s INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;"
     "CREATE INDEX sign_ins_expires ON sign_ins(expires_s);"
     "CREATE TABLE codes("
     " id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, claim INTEGER NOT NULL,"
     " correlation_id TEXT NOT NULL, storefront TEXT NOT NULL, facts TEXT NOT NULL,"
     " browser BLOB NOT NULL, created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
     " void INTEGER NOT NULL) STRICT;"
     "CREATE INDEX codes_expires ON codes(expires_s);"),

    /*
     * Single logout (fas/logout.h).  A session is found by what its provider calls it, and by the browser that signed in.
     * logouts: what has been ended, remembered for what was on its way at that moment.  Of a provider: the subject, and
     * session_indexes as JSON (NULL: all); of a browser: its hash.  until: an id below it is older than the logout;
     * issued_s: by the provider's clock, assertions up to it are over.  logouts_sent: our requests, until answered.
     */
    ("ALTER TABLE sessions ADD COLUMN idp TEXT;"
     "ALTER TABLE sessions ADD COLUMN name_id TEXT;"
     "ALTER TABLE sessions ADD COLUMN name_id_format TEXT;"
     "ALTER TABLE sessions ADD COLUMN session_index TEXT;"
     "ALTER TABLE sessions ADD COLUMN browser BLOB;"
     "UPDATE sessions SET idp=json_extract(facts,'$.idp'),name_id=json_extract(facts,'$.name_id'),"
     "name_id_format=json_extract(facts,'$.name_id_format'),"
     "session_index=json_extract(facts,'$.session_index') WHERE json_valid(facts);"
     "CREATE INDEX sessions_subject ON sessions(idp,name_id)"
     " WHERE state<>'ended' AND name_id IS NOT NULL;"
     "CREATE INDEX sessions_browser ON sessions(browser) WHERE browser IS NOT NULL;"
     "CREATE INDEX codes_browser ON codes(browser);"
     "CREATE TABLE logouts("
     " id INTEGER PRIMARY KEY, idp TEXT NOT NULL, message TEXT NOT NULL,"
     " name_id TEXT, name_id_format TEXT NOT NULL, session_indexes TEXT, browser BLOB,"
     " until TEXT NOT NULL, issued_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
     " UNIQUE(idp, message)) STRICT;"
     "CREATE INDEX logouts_subject ON logouts(idp,name_id) WHERE name_id IS NOT NULL;"
     "CREATE INDEX logouts_browser ON logouts(browser) WHERE browser IS NOT NULL;"
     "CREATE INDEX logouts_expires ON logouts(expires_s);"
     "CREATE TABLE logouts_sent("
     " id INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, correlation_id TEXT NOT NULL,"
     " server TEXT NOT NULL, idp TEXT NOT NULL, browser BLOB NOT NULL,"
     " expires_s INTEGER NOT NULL, answered INTEGER NOT NULL DEFAULT 0) STRICT;"
     "CREATE INDEX logouts_sent_expires ON logouts_sent(expires_s);"),

    /* Whose browser a ticket is of: asked for each session that begins, and not to be looked for among all codes. */
    "CREATE INDEX codes_claim ON codes(claim);",
};

const struct db_migrations fas_migrations = {migrations, NELEMS(migrations)};
