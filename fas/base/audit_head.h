/*
 * Countersigned heads of an audit trail: the signer's word that at this time the trail's record number seq had this
 * hash.  They are numbered without gaps over both trails, signed by a key that signs nothing else, and kept in ca.db
 * and, as copies, in fas.db: whoever cuts or rebuilds one trail cannot make the other database agree.
 */
#ifndef FAS_BASE_AUDIT_HEAD_H
#define FAS_BASE_AUDIT_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/audit.h"
#include "fas/base/db.h"
#include "fas/base/err.h"

/* SQL of the tables; a migration of ca.db and of fas.db.  What is on record stays as it is. */
#define AUDIT_HEADS_SCHEMA                                                                         \
	"CREATE TABLE audit_heads(counter INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key "     \
	"INTEGER NOT NULL, trail TEXT NOT NULL, node TEXT NOT NULL, seq INTEGER NOT NULL, head "   \
	"BLOB NOT NULL, signature BLOB NOT NULL, UNIQUE(trail, seq)) STRICT;"                      \
	"CREATE TRIGGER audit_heads_kept BEFORE DELETE ON audit_heads BEGIN "                      \
	"SELECT RAISE(ABORT, 'countersignatures are append-only'); END;"                           \
	"CREATE TRIGGER audit_heads_fixed BEFORE UPDATE ON audit_heads BEGIN "                     \
	"SELECT RAISE(ABORT, 'countersignatures are append-only'); END;"                           \
	"CREATE TABLE audit_keys(id INTEGER PRIMARY KEY, spki BLOB NOT NULL, since_ms INTEGER "    \
	"NOT NULL) STRICT;"

#define TRAIL_FASD "fasd"
#define TRAIL_SIGNER "signer"
#define TRAIL_NAME_MAX 8
#define AUDIT_NODE_MAX 17
#define AUDIT_SIGNATURE_MAX 80 /* ECDSA P-256, DER: at most 72 */
#define AUDIT_KEY_MAX 128      /* SubjectPublicKeyInfo of P-256: 91 octets */
#define AUDIT_KEYS_MAX 64

struct audit_head {
	int64_t counter; /* from 1, of both trails together */
	int64_t time_ms;
	int64_t key; /* number of the signer's audit key */
	char trail[TRAIL_NAME_MAX];
	char node[AUDIT_NODE_MAX]; /* fasd's node, "" for the signer's own trail */
	int64_t seq;
	uint8_t hash[AUDIT_HASH];
	uint8_t signature[AUDIT_SIGNATURE_MAX];
	size_t signature_len;
};

/*
 * The bytes that are signed: a context that no certificate, CRL or request begins with, the numbers in fixed widths,
 * then both names, each behind its length.  Returns the length.
 */
#define AUDIT_HEAD_MESSAGE_MAX 128
size_t audit_head_message(const struct audit_head *head, uint8_t out[AUDIT_HEAD_MESSAGE_MAX]);

/* Does this key (SubjectPublicKeyInfo, DER) confirm it?  FAS_E_CRYPTO "signature_wrong". */
MUST_CHECK enum fas_code audit_head_verify(
    const struct audit_head *head, const uint8_t *spki, size_t spki_len, struct fas_err *e);

/* {"counter", "time_ms", "key", "trail", "node", "seq", "head" (hex), "signature" (base64)}; a new reference or NULL. */
json_t *audit_head_to_json(const struct audit_head *head);
MUST_CHECK enum fas_code audit_head_from_json(
    json_t *object, struct audit_head *out, struct fas_err *e);

/* A public key of the signer's by its number. */
struct audit_key {
	int64_t id;
	uint8_t spki[AUDIT_KEY_MAX];
	size_t spki_len;
};
struct audit_keys {
	size_t n;
	struct audit_key keys[AUDIT_KEYS_MAX];
};
const struct audit_key *audit_keys_find(const struct audit_keys *keys, int64_t id);
/* [{"id", "spki"}] and back. */
json_t *audit_keys_to_json(const struct audit_keys *keys);
MUST_CHECK enum fas_code audit_keys_from_json(
    json_t *list, struct audit_keys *out, struct fas_err *e);

/* ---- the tables (audit_head_store.c): inside a db_fn ---- */

/* FAS_E_CONFLICT "row_exists": this counter, or this record of this trail, is there. */
MUST_CHECK enum fas_code audit_head_add(
    struct db *db, const struct audit_head *head, struct fas_err *e);
/* By counter; *found false when there is none. */
MUST_CHECK enum fas_code audit_head_get(
    struct db *db, int64_t counter, struct audit_head *out, bool *found, struct fas_err *e);
/* The one with the highest counter, of this trail or (NULL) of both. */
MUST_CHECK enum fas_code audit_head_last(
    struct db *db, const char *trail, struct audit_head *out, bool *found, struct fas_err *e);
/* Of this trail: the first one behind record seq; the one before it. */
MUST_CHECK enum fas_code audit_head_next(struct db *db, const char *trail, int64_t seq,
    struct audit_head *out, bool *found, struct fas_err *e);
MUST_CHECK enum fas_code audit_head_before(struct db *db, const char *trail, int64_t seq,
    struct audit_head *out, bool *found, struct fas_err *e);
/*
 * Of this trail, behind record seq: the last one that was made within a day of since_ms (0: of the first one), none after
 * limit_ms; where there is none, the first one after that.  One that is dated later is passed over: a clock had run ahead.
 */
MUST_CHECK enum fas_code audit_head_pick(struct db *db, const char *trail, int64_t seq,
    int64_t since_ms, int64_t limit_ms, struct audit_head *out, bool *found, struct fas_err *e);
typedef enum fas_code audit_head_visit(const struct audit_head *head, void *arg, struct fas_err *e);
/* With counter > after, in order, at most limit. */
MUST_CHECK enum fas_code audit_heads_each(struct db *db, int64_t after, size_t limit,
    audit_head_visit *visit, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code audit_key_add(
    struct db *db, const struct audit_key *key, int64_t now_ms, struct fas_err *e);
MUST_CHECK enum fas_code audit_keys_load(struct db *db, struct audit_keys *out, struct fas_err *e);

#endif
