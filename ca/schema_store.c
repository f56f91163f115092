/* The schema of ca.db, one numbered migration after the other; a released one is never changed. */
#include "ca/store.h"

#include "fas/base/audit_statement.h"

/*
 * certificates: a rowid table, and serials that begin with the time, so that both grow at their right end
 * (PERFORMANCE.md).  Revocation by user or host looks through what has not expired (index by end), which is short.
 */
static const char *const migrations[] = {
    AUDIT_SCHEMA
    "CREATE TABLE issuers("
    " id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, authority TEXT NOT NULL,"
    " generation INTEGER NOT NULL, key_file TEXT, certificate BLOB, chain TEXT, given_crl BLOB,"
    " crl_number INTEGER NOT NULL DEFAULT 0, crl_this INTEGER NOT NULL DEFAULT 0,"
    " crl_next INTEGER NOT NULL DEFAULT 0, crl_entries INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(kind, authority, generation)) STRICT;"
    "CREATE TABLE certificates("
    " id INTEGER PRIMARY KEY, issuer INTEGER NOT NULL REFERENCES issuers(id),"
    " profile TEXT NOT NULL, serial BLOB NOT NULL UNIQUE, request_id TEXT NOT NULL UNIQUE,"
    " request_digest BLOB NOT NULL, tbs BLOB NOT NULL, tbs_digest BLOB NOT NULL, signature BLOB,"
    " spki_digest BLOB NOT NULL, sid TEXT, upn TEXT, role TEXT, name TEXT, rule TEXT, host TEXT,"
    " session TEXT, correlation_id TEXT, created_ms INTEGER NOT NULL,"
    " not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, revoked_at INTEGER,"
    " reason INTEGER) STRICT;"
    "CREATE INDEX certificates_end ON certificates(not_after);"
    "CREATE INDEX certificates_session ON certificates(session) WHERE session IS NOT NULL;"
    "CREATE INDEX certificates_revoked ON certificates(issuer, serial)"
    " WHERE revoked_at IS NOT NULL;"
    "CREATE INDEX certificates_machine ON certificates(serial) WHERE role IS NOT NULL;"
    "CREATE TABLE tokens("
    " hash BLOB PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL, created_by TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER,"
    " request_id TEXT) STRICT;",

    AUDIT_HEADS_SCHEMA,

    AUDIT_STATEMENTS_SCHEMA(TRAIL_SIGNER),

    /*
     * REVOKE: what administrators have had revoked, put on hold and released.  stops: nothing more is issued to what it
     * covers; released: by which act it is over.  fasd goes by the ids: the newest row always stays.  A CRL is read from
     * its index alone, without a look at the rows.
     */
    "CREATE TABLE acts("
    " id INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, value TEXT NOT NULL,"
    " session TEXT NOT NULL, from_s INTEGER NOT NULL, to_s INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, stops INTEGER NOT NULL, released INTEGER, time_ms INTEGER NOT NULL,"
    " caller TEXT NOT NULL, correlation_id TEXT NOT NULL,"
    " certificates INTEGER NOT NULL DEFAULT 0, sessions INTEGER NOT NULL DEFAULT -1) STRICT;"
    "CREATE INDEX acts_standing ON acts(target, value)"
    " WHERE released IS NULL AND (stops=1 OR kind='hold');"
    "ALTER TABLE certificates ADD COLUMN hold INTEGER REFERENCES acts(id);"
    "CREATE INDEX certificates_hold ON certificates(hold) WHERE hold IS NOT NULL;"
    "DROP INDEX certificates_revoked;"
    "CREATE INDEX certificates_revoked ON certificates(issuer, serial, revoked_at, reason, "
    "not_after)"
    " WHERE revoked_at IS NOT NULL;",

    /*
     * LIFE: generations of a logon authority have states (enum generation_state), and at most one of them issues: what a
     * switch can leave behind is the old one or the new one.  renewals: certificates of a key that issues already, to be
     * switched to.
     */
    "ALTER TABLE issuers ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE issuers ADD COLUMN in_ntauth INTEGER NOT NULL DEFAULT 0;"
    "UPDATE issuers SET state=3 WHERE kind=1 AND certificate IS NOT NULL;"
    "UPDATE issuers SET state=2 WHERE id IN (SELECT id FROM (SELECT id, max(generation) FROM "
    "issuers"
    " WHERE kind=1 AND certificate IS NOT NULL GROUP BY authority));"
    "CREATE UNIQUE INDEX issuers_current ON issuers(authority) WHERE kind=1 AND state=2;"
    "CREATE TABLE renewals("
    " issuer INTEGER PRIMARY KEY REFERENCES issuers(id), certificate BLOB NOT NULL,"
    " chain TEXT NOT NULL, root BLOB NOT NULL, root_pem TEXT NOT NULL, root_crl BLOB,"
    " in_ntauth INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE proposals("
    " id TEXT PRIMARY KEY, operation TEXT NOT NULL, request TEXT NOT NULL, asked_by TEXT NOT NULL,"
    " asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, done_at INTEGER) STRICT;"
    "CREATE TABLE approved(what TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;",
};

const struct db_migrations ca_migrations = {migrations, NELEMS(migrations)};
