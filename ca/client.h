/*
 * fas-signer as fasd sees it: the issue socket's messages behind functions.  (docs/PROTOCOL.md has the wire form.)
 *
 * A struct signer keeps a few connections to the socket; each call borrows one, reconnects when it is broken, and has
 * a deadline.  Thread-safe.  FAS_E_UNAVAILABLE "signer_away" and FAS_E_TIMEOUT "signer_timeout" mean: try again with
 * the same request id; the signer's own refusals come through with its code and reason.
 */
#ifndef CA_CLIENT_H
#define CA_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/dn.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

struct signer;

/* Each connection is one of fas-signer's threads for as long as it is open: it has so many, and some beside (ca/issue_socket.c). */
#define SIGNER_CONNECTIONS_MAX 32

/* FAS_E_CONFIG "signer_connections": more than SIGNER_CONNECTIONS_MAX, or none. */
MUST_CHECK enum fas_code signer_new(const char *socket_path, size_t max_connections, int timeout_ms,
    struct signer **out, struct fas_err *e);
void signer_free(struct signer *signer);

#define SERIAL_HEX_MAX 41
#define REQUEST_ID_MAX 65
#define KEY_ID_MAX 33
#define SIGNATURE_MAX 512

/* One leaf certificate to be issued; all members borrowed. */
struct signer_request {
	const char
	    *request_id; /* unique; a repeat with the same content returns the first result */
	const char *correlation_id;
	const char *authority;
	const char *profile;
	const struct dn *subject;
	const struct sid *sid;
	const char *upn;
	/* What a profile of the administrator's own may make names of; each may be NULL. */
	const char *account, *realm, *mail;
	const char *const *policies; /* issuance policies beside the profile's own; OIDs */
	size_t n_policies;
	const uint8_t *spki; /* SubjectPublicKeyInfo, DER */
	size_t spki_len;
	/* Instead of spki: a key that the signer holds, "rsa-2048" etc., and what it may do. */
	const char *key_type;
	int64_t signatures;   /* at most so many ... */
	int64_t sign_until_s; /* ... and none at or after */
	int64_t validity_s;
	const char *rule, *host,
	    *session; /* for the signer's ledger: revocation by host and session */
};

struct signer_certificate {
	char *pem;       /* the certificate */
	char *chain_pem; /* issuer and root, in this order */
	char serial[SERIAL_HEX_MAX];
	char key_id[KEY_ID_MAX]; /* of a key that the signer holds; "" otherwise */
	int64_t not_before_s, not_after_s;
	int64_t pool_wait_s; /* with "pool_empty" alone */
};
void signer_certificate_done(struct signer_certificate *certificate);

/*
 * With key_type: FAS_E_UNAVAILABLE "pool_empty", and out->pool_wait_s says in how many seconds to ask again; nothing has
 * been used.  FAS_E_NOTFOUND "key_gone": a repeat, and the key has ended with an earlier fas-signer or its session.
 * FAS_E_CONFIG "pool_type": signer.yaml has no pool of this type.
 */
MUST_CHECK enum fas_code signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e);

/*
 * One signature by a key that the signer holds for this session, over a digest.  mechanism: "rsa-pkcs1", "rsa-pss" (MGF1
 * of the same hash, salt as long as the digest), "ecdsa" (r and s side by side).  hash: "sha256", "sha384", "sha512";
 * for ecdsa also "none".  out has SIGNATURE_MAX bytes.
 * FAS_E_NOTFOUND "key_unknown"; FAS_E_DENIED "sign_window", "sign_count", "sign_mechanism"; FAS_E_INPUT
 * "digest_malformed".
 */
struct signer_sign {
	const char *correlation_id, *session, *key_id, *mechanism, *hash;
	const uint8_t *digest;
	size_t digest_len;
};
MUST_CHECK enum fas_code signer_sign(struct signer *signer, const struct signer_sign *request,
    uint8_t *out, size_t *out_len, struct fas_err *e);

/* Destroy the session's keys.  A revocation of the session does it too.  Safe to repeat. */
MUST_CHECK enum fas_code signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e);

/* The pool: docs/PROTOCOL.md, op "pool.show".  A new reference. */
MUST_CHECK enum fas_code signer_pool(struct signer *signer, json_t **state, struct fas_err *e);

/*
 * A machine joins: the one-time token decides role and name, never the CSR.  Answers the service CA's certificate.
 * FAS_E_AUTH "token_invalid" (unknown, used or expired; not told apart).
 */
MUST_CHECK enum fas_code signer_enroll(struct signer *signer, const char *request_id,
    const char *token, const uint8_t *spki, size_t spki_len, struct signer_certificate *out,
    struct fas_err *e);

/* Same role, name and key as the presented certificate of the service CA, new life; the key must not change. */
MUST_CHECK enum fas_code signer_renew(struct signer *signer, const char *request_id,
    const uint8_t *certificate, size_t certificate_len, const uint8_t *spki, size_t spki_len,
    struct signer_certificate *out, struct fas_err *e);

/* fasd's own TLS certificate: its names stand in the signer's configuration, not in the request. */
MUST_CHECK enum fas_code signer_server_certificate(struct signer *signer, const char *request_id,
    const uint8_t *spki, size_t spki_len, struct signer_certificate *out, struct fas_err *e);

/* Revoke by serial (hex) or all of one session.  reason: RFC 5280 5.3.1 name, e.g. "cessationOfOperation". */
MUST_CHECK enum fas_code signer_revoke(struct signer *signer, const char *correlation_id,
    const char *serial, const char *session, const char *reason, size_t *n_revoked,
    struct fas_err *e);

/* PEM of the service CA: the API's trust anchor for clients. */
MUST_CHECK enum fas_code signer_service_ca(struct signer *signer, char **pem, struct fas_err *e);

/* State for readyz, status and metrics: see docs/PROTOCOL.md, op "state".  A new reference. */
MUST_CHECK enum fas_code signer_state(struct signer *signer, json_t **state, struct fas_err *e);

/*
 * What is published for each generation whose certificates may still be in use: docs/PROTOCOL.md, op "published".  A new
 * reference.
 */
MUST_CHECK enum fas_code signer_published(
    struct signer *signer, json_t **published, struct fas_err *e);

/*
 * A fresh CRL of this generation lies at the ldap:/// place that "published" names, until until_s: certificates name it
 * so long.  0: it does not.
 */
MUST_CHECK enum fas_code signer_in_ldap(struct signer *signer, const char *authority,
    int64_t generation, int64_t until_s, struct fas_err *e);

/*
 * Since when this generation's certificate, or the renewed one that waits, has been seen in NTAuth, in seconds since 1970; 0:
 * it stands there no more.
 */
MUST_CHECK enum fas_code signer_in_ntauth(struct signer *signer, const char *authority,
    int64_t generation, bool renewal, int64_t since_s, struct fas_err *e);

/*
 * The host table: {"generation": N, "hosts": [{"serial", "role", "name", "revoked": bool, "not_after"}]}.
 * Blocks until the generation differs from `generation` or timeout_ms has passed; on a connection of its own.
 */
MUST_CHECK enum fas_code signer_hosts(
    struct signer *signer, int64_t generation, int timeout_ms, json_t **table, struct fas_err *e);

/* Have ca.db held as it is now, for a backup; id names that moment on the admin socket ("backup"). */
#define SNAPSHOT_ID_MAX 33
MUST_CHECK enum fas_code signer_snapshot(
    struct signer *signer, char id[SNAPSHOT_ID_MAX], struct fas_err *e);

/* Who waits in signer_hosts or signer_acts (four at most at a time) is let go, now and from here on: FAS_E_UNAVAILABLE. */
void signer_stop_waiting(struct signer *signer);

/*
 * What administrators have had revoked, put on hold or released, behind the act `after`, which is the last one that has
 * been applied: {"acts": [...], "last"} of docs/PROTOCOL.md, a new reference.  applied: [{"id", "sessions"}], borrowed.
 * Blocks until there is one or wait_ms has passed; on a connection of its own.
 */
MUST_CHECK enum fas_code signer_acts(struct signer *signer, int64_t after, json_t *applied,
    int wait_ms, json_t **reply, struct fas_err *e);

/*
 * Show where fasd's audit trail stands and take the countersigned heads behind `after` (a counter): the reply of
 * "audit.countersign", a new reference.  FAS_E_CONFLICT "audit_rewound": a trail has gone back, nothing was signed.
 */
MUST_CHECK enum fas_code signer_countersign(struct signer *signer, const char *node, int64_t seq,
    const char *head_hex, int64_t after, json_t **reply, struct fas_err *e);

/*
 * How far may the trails be pruned, and prune the signer's own as far as we hold its checkpoint.  The reply of
 * "audit.checkpoint" ("statements", "keys", "more": ask again), a new reference.
 */
struct signer_checkpoint_request {
	const char *node;
	int64_t keep_s;
	int64_t after; /* the last counter that we hold */
	int64_t holds_fasd,
	    holds_signer; /* where the checkpoints that we hold let the trails begin; 0: none */
};
MUST_CHECK enum fas_code signer_checkpoint(struct signer *signer,
    const struct signer_checkpoint_request *request, json_t **reply, struct fas_err *e);

DEFINE_OWN(signer, struct signer *, signer_free);
DEFINE_OWN_IN_PLACE(signer_certificate, struct signer_certificate, signer_certificate_done);

#endif
