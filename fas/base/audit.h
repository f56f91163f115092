/*
 * The audit trail: one hash-chained record for every decision, issue, refusal and administrator's
 * act.
 *
 * Each record's hash covers its predecessor's hash, its number, its time and its body, so an
 * edited, removed or reordered record is found by audit_verify.  The table lives in the same
 * database as what it records and is written in the same transaction: there is no act without its
 * record, and no record without its act.
 *
 * No assertion, ticket, token or key goes into a record.
 */
#ifndef FAS_BASE_AUDIT_H
#define FAS_BASE_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/db.h"
#include "fas/base/err.h"

/* SQL of the table; belongs to the first migration of every database that has a trail. */
#define AUDIT_SCHEMA                                                                               \
	"CREATE TABLE audit(seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, correlation_id "    \
	"TEXT NOT NULL,"                                                                           \
	" event TEXT NOT NULL, body TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL) "   \
	"STRICT;"                                                                                  \
	"CREATE INDEX audit_correlation ON audit(correlation_id);"

#define CORRELATION_ID_MAX 33
/*
 * 32 hex digits: one id from assertion to rule, account, certificate and key operation.  48 bits of milliseconds since
 * 1970, then 80 random bits: what is made together lies together in every index, and costs it one page, not one each.
 */
void correlation_id_new(char out[CORRELATION_ID_MAX]);
/* 32 lower-case hex digits? */
bool correlation_id_is_valid(const char *id);

/* All members borrowed; NULL = not known or not applicable, and then left out of the record. */
struct audit_record {
	const char
	    *event; /* stable name: "logon_decided", "certificate_issued", "ticket_refused", ... */
	const char *outcome;        /* "allow", "deny", "error" or "done" */
	const char *reason;         /* stable code of a refusal or error */
	const char *correlation_id; /* "" when NULL */
	const char *caller;         /* "host:vda1.corp.example.com", "uid:0", ... */
	const char *idp;
	const char *authn_context; /* how the provider says it knew the user */
	const char *storefront;
	const char *host;
	const char *rule;
	const char *upn;
	const char *sid;
	const char *serial;  /* lower-case hex */
	const char *session; /* session id */
	const char *message; /* for people: what was found and what was expected */
	json_t *detail;      /* object, members added as they are; borrowed */
};

/* Append within a write transaction (call it inside a db_fn). */
MUST_CHECK enum fas_code audit_append(
    struct db *db, const struct audit_record *record, struct fas_err *e);
/* The same, leaving out numbers up to `least`: behind a gap that was acknowledged (fas/base/audit_statement.h). */
MUST_CHECK enum fas_code audit_append_at(
    struct db *db, const struct audit_record *record, int64_t least, struct fas_err *e);

/* The same record as one line of the log: call it after the transaction is durable. */
void audit_log(const struct audit_record *record);
/*
 * Whether records go to the log (and with it to the journal) at all; default: they do.  What the database did not take is
 * logged in any case.
 */
void audit_set_journal(bool on);

/* Append in a transaction of its own, then log; what the database did not take is logged with unrecorded=yes. */
MUST_CHECK enum fas_code audit_write(
    struct db_pool *pool, const struct audit_record *record, struct fas_err *e);

/* Visitor of audit_each; body is the record's JSON with seq, time (text), time_ms and hash added. */
typedef enum fas_code audit_visit(json_t *body, void *arg, struct fas_err *e);

/* Records with seq > after in order, at most limit; correlation_id NULL = all.  Call it inside a
 * db_fn. */
MUST_CHECK enum fas_code audit_each(struct db *db, int64_t after, size_t limit,
    const char *correlation_id, audit_visit *visit, void *arg, struct fas_err *e);

#define AUDIT_CLOCK_MARGIN_MS 3600000 /* as far as clock_skew lets a clock run backwards */

/* The same with {"seq", "time_ms", "hash", "body"}, body being the text that was hashed, byte for byte. */
MUST_CHECK enum fas_code audit_each_text(
    struct db *db, int64_t after, size_t limit, audit_visit *visit, void *arg, struct fas_err *e);

/*
 * *after: behind which record to look for those of this time or later.  Records are in order of time but for a clock that
 * was set back a little: some older ones may follow.
 */
MUST_CHECK enum fas_code audit_seek(
    struct db *db, int64_t time_ms, int64_t *after, struct fas_err *e);

#define AUDIT_HASH 32 /* SHA-256 */

/* Where one has got to in the chain: the last record looked at and its hash; zero: before the first. */
struct audit_place {
	int64_t seq;
	uint8_t hash[AUDIT_HASH];
};

#define AUDIT_NUMBERS_SKIPPED "numbers_skipped"

struct audit_finding {
	int64_t seq;
	int64_t before;      /* the record that stands before it, 0 = none */
	const char *what;    /* "record_edited", ...: stable */
	const char *meaning; /* for people */
};
/* False: enough, stop. */
typedef bool audit_found(const struct audit_finding *finding, void *arg);

/*
 * Recompute the chain behind *place, at most limit records: *n is how many, *place moves to the last of them.  A record
 * that does not fit is told, and the next one is measured against it, so that each break is told once.
 */
MUST_CHECK enum fas_code audit_check(struct db *db, struct audit_place *place, size_t limit,
    size_t *n, audit_found *found, void *arg, struct fas_err *e);

/* Where the trail begins. */
struct audit_begin {
	int64_t seq;     /* of its first record, 0 when empty */
	int64_t time_ms; /* of that */
	/* Behind which to check: what the first record says to follow when older ones were pruned, else zero. */
	struct audit_place before;
};
MUST_CHECK enum fas_code audit_begin(struct db *db, struct audit_begin *out, struct fas_err *e);

/* Highest seq, 0 when empty. */
MUST_CHECK enum fas_code audit_last(struct db *db, int64_t *seq, struct fas_err *e);
/* Highest seq and its hash as stored; zero when empty. */
MUST_CHECK enum fas_code audit_head_place(
    struct db *db, struct audit_place *out, struct fas_err *e);
/* The stored hash of one record; *found false when there is no such record. */
MUST_CHECK enum fas_code audit_hash_at(
    struct db *db, int64_t seq, uint8_t out[AUDIT_HASH], bool *found, struct fas_err *e);
/* FAS_E_CONFLICT "audit_rewound": the trail has no such record, or another one under this number. */
MUST_CHECK enum fas_code audit_expect(
    struct db *db, const struct audit_place *place, struct fas_err *e);

#endif
