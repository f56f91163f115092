/* Logouts in fas.db, and what they end.  Every function runs inside a db_fn. */
#ifndef FAS_LOGOUT_STORE_H
#define FAS_LOGOUT_STORE_H

#include "fas/logout.h"
#include "fas/logon_store.h"

/* What ends, and the row that remembers it; borrowed. */
struct logout_row {
	const char *idp, *message; /* the message's ID: once for each provider */
	/* Of a provider: whom it names. */
	const char *name_id, *name_id_format;
	const char *session_indexes; /* JSON array of texts; NULL = all */
	/* Of a browser: */
	const uint8_t *browser; /* NULL: it is a provider's */
	const char *until;      /* ids from here on are younger */
	int64_t issued_s, expires_s, now_s;
};

struct logout_ended {
	size_t sessions, tickets, codes;
	bool owed; /* the signer has to be told of some of the sessions */
};

/* *first: no, this message was here before. */
MUST_CHECK enum fas_code logout_insert(
    struct db *db, const struct logout_row *row, bool *first, struct fas_err *e);
/* Sessions end, each with a copy of record; open tickets and codes are void. */
MUST_CHECK enum fas_code logout_end(struct db *db, const struct logout_row *row, const char *why,
    const struct audit_record *record, struct logout_ended *out, struct fas_err *e);

/* Facts of the browser's last sign-in, of a session or a code: malloc'ed; NULL = none. */
MUST_CHECK enum fas_code logout_find_browser(
    struct db *db, const uint8_t browser[BROWSER_HASH_BYTES], char **facts, struct fas_err *e);

/* Our own request, waiting for its answer. */
struct logout_sent {
	int64_t id;
	char request_id[SAML_ID_MAX + 1];
	char correlation_id[CORRELATION_ID_MAX];
	char server[257], idp[257];
	uint8_t browser[BROWSER_HASH_BYTES];
	int64_t expires_s;
	bool answered;
};
MUST_CHECK enum fas_code logout_sent_insert(
    struct db *db, const struct logout_sent *sent, struct fas_err *e);
/* FAS_E_NOTFOUND "logout_unknown". */
MUST_CHECK enum fas_code logout_sent_find(
    struct db *db, const char *request_id, struct logout_sent *out, struct fas_err *e);
/* One UPDATE that wins, or FAS_E_CONFLICT "logout_answered". */
MUST_CHECK enum fas_code logout_sent_answer(struct db *db, int64_t id, struct fas_err *e);

MUST_CHECK enum fas_code logout_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e);

#endif
