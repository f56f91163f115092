/*
 * ca.db behind small verbs.  Every function runs inside a db_fn (db_write for those that change something); what a
 * visitor gets is borrowed until it returns.
 */
#ifndef CA_STORE_H
#define CA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ca/profile.h"
#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/base/own.h"

#define STORE_DIGEST 32 /* SHA-256 */

extern const struct db_migrations ca_migrations;

/* ---- issuers: one row for each key ---- */

enum issuer_kind { ISSUER_LOGON = 1, ISSUER_ROOT, ISSUER_SERVICE };

/* Of a logon authority's generation; at most one of an authority is current. */
enum generation_state {
	GENERATION_PENDING, /* a key that waits for its certificate */
	GENERATION_READY,   /* certified and published; it does not issue yet */
	GENERATION_CURRENT, /* issues */
	GENERATION_RETIRING, /* issues no more; publishes its CRL until its last certificate has expired */
	GENERATION_RETIRED /* done, or given up before it ever issued */
};
const char *generation_state_name(enum generation_state state);

struct issuer_row {
	int64_t id;
	enum issuer_kind kind;
	const char *authority;
	int64_t generation;
	const char *key_file; /* name in STATE/keys; NULL: the key is elsewhere (an offline root) */
	const uint8_t *certificate; /* DER; NULL while there is none */
	size_t certificate_len;
	const char *chain;        /* PEM: this certificate, its issuers, the root; NULL as above */
	const uint8_t *given_crl; /* an offline root's CRL as it was installed, or NULL */
	size_t given_crl_len;
	/* Read only; of logon authorities. */
	enum generation_state state;
	int64_t in_ntauth_s; /* since when it is known to stand in NTAuth; 0: it is not */
};
typedef enum fas_code issuer_visit(const struct issuer_row *row, void *arg, struct fas_err *e);

/* FAS_E_CONFLICT "row_exists" when kind, authority and generation are there. */
MUST_CHECK enum fas_code store_issuer_add(
    struct db *db, const struct issuer_row *row, int64_t *id, struct fas_err *e);
/* Ready then; or current, when no other generation of its authority issues.  FAS_E_CONFLICT "authority_ready". */
MUST_CHECK enum fas_code store_issuer_certify(struct db *db, int64_t id, const uint8_t *certificate,
    size_t certificate_len, const char *chain, struct fas_err *e);
/* Another certificate for the service CA's key, and the host table's next generation: fasd asks for both. */
MUST_CHECK enum fas_code store_service_renew(struct db *db, int64_t id, const uint8_t *certificate,
    size_t certificate_len, const char *chain, int64_t *generation, struct fas_err *e);
MUST_CHECK enum fas_code store_issuers_each(
    struct db *db, issuer_visit *visit, void *arg, struct fas_err *e);

/* The last CRL of an issuer; number 0 = none yet. */
struct crl_row {
	int64_t number, this_update_s, next_update_s, entries;
};
MUST_CHECK enum fas_code store_crl_get(
    struct db *db, int64_t issuer, struct crl_row *out, struct fas_err *e);
MUST_CHECK enum fas_code store_crl_set(
    struct db *db, int64_t issuer, const struct crl_row *row, struct fas_err *e);

/* ---- generations ---- */

/* FAS_E_CONFLICT "generation_changed" when it is not in the state `from` (any more). */
MUST_CHECK enum fas_code store_generation_move(struct db *db, int64_t id,
    enum generation_state from, enum generation_state to, struct fas_err *e);
/* since_s 0: it does not stand there (any more). */
MUST_CHECK enum fas_code store_in_ntauth(
    struct db *db, int64_t issuer, bool renewal, int64_t since_s, struct fas_err *e);
/* May a certificate of this issuer still be good at since_s, and until when?  *until_s 0: none is. */
MUST_CHECK enum fas_code store_last_end(
    struct db *db, int64_t issuer, int64_t since_s, int64_t *until_s, struct fas_err *e);
/* A root's CRL, in the place of the one that was given before. */
MUST_CHECK enum fas_code store_given_crl(
    struct db *db, int64_t issuer, const uint8_t *crl, size_t len, struct fas_err *e);

/* A new certificate of a key that has one, until the switch to it. */
struct renewal_row {
	int64_t issuer;
	const uint8_t *certificate; /* DER */
	size_t certificate_len;
	const char *chain; /* PEM */
	const uint8_t *root;
	size_t root_len;
	const char *root_pem;
	const uint8_t *root_crl; /* or NULL */
	size_t root_crl_len;
	int64_t in_ntauth_s; /* read only */
};
/* In the place of an earlier one. */
MUST_CHECK enum fas_code store_renewal_put(
    struct db *db, const struct renewal_row *row, struct fas_err *e);
typedef enum fas_code renewal_visit(const struct renewal_row *row, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code store_renewals_each(
    struct db *db, renewal_visit *visit, void *arg, struct fas_err *e);
/*
 * The waiting certificate, its chain and its root's take the place of the present ones; with_crl: so does the offline
 * root's list that came with it, if one did.  "generation_changed".
 */
MUST_CHECK enum fas_code store_renewal_apply(
    struct db *db, int64_t issuer, int64_t root, bool with_crl, struct fas_err *e);
MUST_CHECK enum fas_code store_renewal_drop(struct db *db, int64_t issuer, struct fas_err *e);

/* ---- certificates ---- */

/* SQL: a domain controller's, that has this name: all of them stand side by side in its row's. */
#define STORE_OF_CONTROLLER(name)                                                                  \
	"(+profile='kdc' AND instr(' '||lower(certificates.name)||' ',' '||lower(" name ")||' "    \
	"')>0)"

struct certificate_row {
	int64_t id; /* grows with time */
	int64_t issuer;
	const char *profile;
	const uint8_t *serial;
	size_t serial_len;
	const char *request_id;
	const uint8_t *request_digest; /* STORE_DIGEST */
	const uint8_t *tbs;
	size_t tbs_len;
	const uint8_t *tbs_digest; /* STORE_DIGEST */
	const uint8_t *signature; /* kept only where it could not be made again: ECDSA; else NULL */
	size_t signature_len;
	const uint8_t *spki_digest; /* STORE_DIGEST */
	const char *sid, *upn;      /* users, else NULL */
	const char *role, *name;    /* machines, else NULL */
	const char *rule, *host, *session;
	const char *correlation_id;
	int64_t created_ms;
	int64_t not_before_s, not_after_s;
	int64_t revoked_at_s; /* 0 = not revoked */
	int reason;           /* RFC 5280 5.3.1 */
};
typedef enum fas_code certificate_visit(
    const struct certificate_row *row, void *arg, struct fas_err *e);

/* id and revocation are not read.  FAS_E_CONFLICT "row_exists": serial or request id. */
MUST_CHECK enum fas_code store_certificate_add(
    struct db *db, const struct certificate_row *row, struct fas_err *e);
/* *found false: visit was not called. */
MUST_CHECK enum fas_code store_certificate_by_request(struct db *db, const char *request_id,
    certificate_visit *visit, void *arg, bool *found, struct fas_err *e);
MUST_CHECK enum fas_code store_certificate_by_serial(struct db *db, const uint8_t *serial,
    size_t serial_len, certificate_visit *visit, void *arg, bool *found, struct fas_err *e);
MUST_CHECK enum fas_code store_certificate_sign(struct db *db, const uint8_t *serial,
    size_t serial_len, const uint8_t *signature, size_t signature_len, struct fas_err *e);

/* NULL or 0 members do not select. */
struct certificate_filter {
	const char *upn, *sid, *host, *session;
	const char *state;            /* "valid", "revoked", "expired" */
	const uint8_t *before_serial; /* only what was made before this one */
	size_t before_serial_len;
	int64_t now_s;
	size_t limit;
};
/* Newest first. */
MUST_CHECK enum fas_code store_certificates_each(struct db *db,
    const struct certificate_filter *filter, certificate_visit *visit, void *arg,
    struct fas_err *e);

/* Users' certificates that were made since, newest first: for the rates. */
typedef enum fas_code rate_visit(const char *sid, int64_t when_s, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code store_rates_each(
    struct db *db, int64_t since_s, rate_visit *visit, void *arg, struct fas_err *e);

/* ---- revocation ---- */

#define REASON_HOLD 6 /* certificateHold, RFC 5280 5.3.1 */

enum revoke_by {
	REVOKE_SERIAL,
	REVOKE_SESSION,
	REVOKE_HOST,
	REVOKE_UPN,
	REVOKE_SID,
	REVOKE_MACHINE,
	/* users' certificates alone: a domain controller's is named by its serial */
	REVOKE_RULE,
	REVOKE_EVERYTHING,
	REVOKE_SELECTORS
};

struct revocation {
	enum revoke_by by;
	const uint8_t *serial; /* REVOKE_SERIAL */
	size_t serial_len;
	const char *text;      /* all others */
	enum issuer_kind kind; /* only certificates of such issuers */
	int64_t from_s, to_s;  /* made at or after, and before; 0: no such end */
	int64_t now_s;
	int reason;
	int64_t act; /* by which they are put on hold */
};
/*
 * Certificates that are not revoked for good yet and have not expired.  One that was on hold keeps that date (X.509
 * 8.5.2.2: it is the one of the hold).  *n: how many.
 */
MUST_CHECK enum fas_code store_revoke(
    struct db *db, const struct revocation *what, size_t *n, struct fas_err *e);
/* On hold, until what->act is released: those that are neither revoked nor on hold. */
MUST_CHECK enum fas_code store_hold(
    struct db *db, const struct revocation *what, size_t *n, struct fas_err *e);
/* Good again: what an act that `release` has released had put on hold. */
MUST_CHECK enum fas_code store_release(
    struct db *db, int64_t release, size_t *n, struct fas_err *e);

/* What an administrator has had done, in the order of id: fasd applies each to its sessions (ca/act.h). */
struct act_row {
	int64_t id;
	const char *kind;    /* "revoke", "hold", "release" */
	const char *target;  /* as it is named on the wire: "serial", "upn", ... "everything" */
	const char *value;   /* "" with "everything" */
	const char *session; /* of a serial's certificate; else "" */
	int64_t from_s, to_s;
	int reason;
	bool stops; /* nothing more is issued to what it covers */
	int64_t time_ms;
	const char *caller, *correlation_id;
	int64_t certificates;
	int64_t sessions; /* that fasd has ended, put on hold or let go on; -1: not told yet */
};
typedef enum fas_code act_visit(const struct act_row *row, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code store_act_add(
    struct db *db, const struct act_row *row, int64_t *id, struct fas_err *e);
MUST_CHECK enum fas_code store_act_count(
    struct db *db, int64_t id, size_t certificates, struct fas_err *e);
/* What stands in the way with just this target, value and range is over by act `release`.  *n: how many such acts. */
MUST_CHECK enum fas_code store_act_release(
    struct db *db, const struct act_row *release, int64_t id, size_t *n, struct fas_err *e);
/* Behind after, the oldest first. */
MUST_CHECK enum fas_code store_acts_each(
    struct db *db, int64_t after, size_t limit, act_visit *visit, void *arg, struct fas_err *e);
/* Those in force: holds, and what stops issuing. */
MUST_CHECK enum fas_code store_holds_standing(struct db *db, int64_t *n, struct fas_err *e);
MUST_CHECK enum fas_code store_acts_standing(
    struct db *db, size_t limit, act_visit *visit, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code store_act_last(struct db *db, int64_t *id, struct fas_err *e);
/* Has fasd ever applied one? */
MUST_CHECK enum fas_code store_acts_applied(struct db *db, bool *any, struct fas_err *e);
/* Does one stop this issue?  All borrowed; *target is "" or what the act names ("everything", "upn", ...). */
struct act_question {
	const char *upn, *sid, *host, *rule;
};
#define ACT_TARGET_MAX 16
MUST_CHECK enum fas_code store_act_stops(struct db *db, const struct act_question *question,
    char target[ACT_TARGET_MAX], struct fas_err *e);
/* fasd has applied it: to so many sessions.  And how many it said; -1: nothing yet. */
MUST_CHECK enum fas_code store_act_applied(
    struct db *db, int64_t id, int64_t sessions, struct fas_err *e);
MUST_CHECK enum fas_code store_act_sessions(
    struct db *db, int64_t id, int64_t *sessions, struct fas_err *e);

typedef enum fas_code revoked_visit(const uint8_t *serial, size_t serial_len, int64_t when_s,
    int reason, void *arg, struct fas_err *e);
/* Of one issuer, sorted by serial; those that expired before since_s are left out. */
MUST_CHECK enum fas_code store_revoked_each(struct db *db, int64_t issuer, int64_t since_s,
    revoked_visit *visit, void *arg, struct fas_err *e);

/* ---- machines ---- */

/* Certificates of hosts and storefronts that have not expired, by serial, behind after (NULL = from the first). */
MUST_CHECK enum fas_code store_machines_each(struct db *db, int64_t now_s, const uint8_t *after,
    size_t after_len, size_t limit, certificate_visit *visit, void *arg, struct fas_err *e);
/* The host table's generation; bump raises it. */
MUST_CHECK enum fas_code store_generation(
    struct db *db, bool bump, int64_t *generation, struct fas_err *e);

struct token_row {
	const uint8_t *hash; /* STORE_DIGEST; the token itself is nowhere on record */
	const char *role, *name, *created_by;
	int64_t created_s, expires_s;
};
MUST_CHECK enum fas_code store_token_add(
    struct db *db, const struct token_row *row, struct fas_err *e);

#define TOKEN_ROLE_MAX 16
#define TOKEN_NAME_MAX 254
struct token_facts {
	char role[TOKEN_ROLE_MAX], name[TOKEN_NAME_MAX];
};
/* *found only for a token that is unused and has not expired. */
MUST_CHECK enum fas_code store_token_find(struct db *db, const uint8_t *hash, int64_t now_s,
    struct token_facts *out, bool *found, struct fas_err *e);
/* The one use.  *won false: somebody else was first, or it has expired. */
MUST_CHECK enum fas_code store_token_claim(struct db *db, const uint8_t *hash, int64_t now_s,
    const char *request_id, bool *won, struct fas_err *e);
/* Unused tokens of this machine are void. */
MUST_CHECK enum fas_code store_tokens_void(
    struct db *db, const char *name, int64_t now_s, struct fas_err *e);

/* ---- acts that wait for a second person ---- */

#define PROPOSAL_ID_MAX 33
struct proposal_row {
	const char *id, *operation;
	const char *request; /* JSON, as it will be run */
	const char *asked_by;
	int64_t asked_s, expires_s;
};
typedef enum fas_code proposal_visit(const struct proposal_row *row, void *arg, struct fas_err *e);

/* Those that have expired or are done go.  FAS_E_LIMIT "proposals_too_many" when max wait already. */
MUST_CHECK enum fas_code store_proposal_add(
    struct db *db, const struct proposal_row *row, int64_t max, struct fas_err *e);
/* Those that wait at now_s; id NULL: all of them. */
MUST_CHECK enum fas_code store_proposals_each(struct db *db, const char *id, int64_t now_s,
    proposal_visit *visit, void *arg, struct fas_err *e);
/* The one use.  FAS_E_CONFLICT "proposal_gone": it is done, has expired, or was withdrawn. */
MUST_CHECK enum fas_code store_proposal_claim(
    struct db *db, const char *id, int64_t now_s, struct fas_err *e);

/* A text that two persons have agreed on, by its name; *out is the caller's, NULL when there is none. */
MUST_CHECK enum fas_code store_approved_get(
    struct db *db, const char *what, char **out, struct fas_err *e);
MUST_CHECK enum fas_code store_approved_put(
    struct db *db, const char *what, const char *text, struct fas_err *e);
/* ---- pruning ---- */

/* No certificate that ended before is on record any more, but for revoked ones that no CRL has had since; 0: none went. */
MUST_CHECK enum fas_code store_floor(struct db *db, int64_t *floor_s, struct fas_err *e);
/* The first end of a certificate on record; 0: there is none. */
MUST_CHECK enum fas_code store_oldest_end(struct db *db, int64_t *end_s, struct fas_err *e);
/* At most limit certificates, and tokens, that ended before before_s, which is then the floor.  *n: certificates. */
MUST_CHECK enum fas_code store_prune(
    struct db *db, int64_t before_s, size_t limit, int64_t *n, struct fas_err *e);

/* ---- after a restore ---- */

/* An entry of a CRL that is newer than the database. */
struct revoked_row {
	int64_t issuer;
	const uint8_t *serial;
	size_t serial_len;
	int64_t when_s, until_s; /* until: of a certificate that is not on record */
	int reason;
};
/* *known false: a certificate of after the backup; its serial is on record from now on, without its bytes. */
MUST_CHECK enum fas_code store_merge_revoked(
    struct db *db, const struct revoked_row *row, bool *known, struct fas_err *e);
/* No unused token is good any more; *n: how many. */
MUST_CHECK enum fas_code store_tokens_void_all(
    struct db *db, int64_t now_s, int64_t *n, struct fas_err *e);

/* ---- counts ---- */

MUST_CHECK enum fas_code store_count_certificates(struct db *db, int64_t *n, struct fas_err *e);

#endif
