/* Sessions and their certificates in fas.db.  Every function runs inside a db_fn. */
#ifndef FAS_SESSION_STORE_H
#define FAS_SESSION_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/logon.h"

struct session {
	char id[SESSION_ID_TEXT_MAX];
	int64_t ticket;
	char correlation_id[CORRELATION_ID_MAX];
	char host[HOSTNAME_MAX + 1];
	char *upn; /* owned */
	char sid[SID_TEXT_MAX];
	char sam_account_name[SAM_ACCOUNT_NAME_MAX];
	char *realm, *principal, *rule;  /* owned */
	char *in_session;                /* owned: what is granted (fas/terms.h), or NULL */
	char policy[CORRELATION_ID_MAX]; /* to be inserted only; then it is the standing's */
	bool revoke_at_end;
	int64_t lease_s;
	int64_t created_s, expires_s, lease_until_s;
	bool ended;
	bool held; /* by an administrator, until it is released */
};
void session_done(struct session *session);

/* The facts of its ticket go with it.  FAS_E_CONFLICT "row_exists" when it is there already. */
MUST_CHECK enum fas_code session_insert(
    struct db *db, const struct session *session, struct fas_err *e);
/* FAS_E_NOTFOUND "session_unknown". */
MUST_CHECK enum fas_code session_find(
    struct db *db, const char *id, struct session *out, struct fas_err *e);
/* Of one that lives.  FAS_E_NOTFOUND "session_ended", FAS_E_DENIED "session_held". */
MUST_CHECK enum fas_code session_extend(
    struct db *db, const char *id, int64_t lease_until_s, struct fas_err *e);
/*
 * Live or held -> ended; *won: this call did it.  *owed: the signer has still to be told, since certificates are to be revoked or
 * it keeps a key.
 */
MUST_CHECK enum fas_code session_mark_ended(struct db *db, const struct session *session,
    int64_t now_s, const char *why, bool *won, bool *owed, struct fas_err *e);
MUST_CHECK enum fas_code session_mark_revoked(struct db *db, const char *id, struct fas_err *e);

/* A live session past its lease or cap, or a held one past its cap; FAS_E_NOTFOUND "session_none". */
MUST_CHECK enum fas_code session_find_overdue(
    struct db *db, int64_t now_s, struct session *out, struct fas_err *e);
/* An ended session of which the signer is still to be told; FAS_E_NOTFOUND "session_none". */
MUST_CHECK enum fas_code session_find_to_revoke(
    struct db *db, const char *after_id, struct session *out, struct fas_err *e);

/* What a certificate is for and what its key may do; the key's name is the certificate's own, "" = the host's key. */
struct issued_terms {
	const char *purpose; /* "logon", "in_session" */
	const char *profile;
	int64_t signatures_max, sign_until_s; /* 0 = no such limit */
	const char
	    *revoke_why; /* it is wanted by nobody: to be revoked from revoke_at_s on; or NULL */
	int64_t revoke_at_s;
};

/* A session's certificate: the reply to a repeated redemption. */
MUST_CHECK enum fas_code certificate_insert(struct db *db, const char *session,
    const struct signer_certificate *certificate, const struct issued_terms *terms,
    struct fas_err *e);
/* Of the session; serial NULL: the first, its logon's.  FAS_E_NOTFOUND "certificate_none". */
MUST_CHECK enum fas_code certificate_find(struct db *db, const char *session, const char *serial,
    struct signer_certificate *out, struct fas_err *e);

/* id NULL: live ones, or all; else the one of this id. */
MUST_CHECK enum fas_code session_list_json(
    struct db *db, bool all, const char *id, json_t *array, struct fas_err *e);
MUST_CHECK enum fas_code session_count_live(struct db *db, int64_t *out, struct fas_err *e);
/* Drop ended sessions and their certificates that ended before before_s; *more: not yet all. */
MUST_CHECK enum fas_code session_prune(
    struct db *db, int64_t before_s, bool *more, struct fas_err *e);

DEFINE_OWN_IN_PLACE(session, struct session, session_done);

#endif
