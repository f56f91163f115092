/* Sign-ins under way and their codes in fas.db.  Every function runs inside a db_fn. */
#ifndef FAS_SIGN_IN_STORE_H
#define FAS_SIGN_IN_STORE_H

#include "fas/logon_store.h"
#include "fas/sign_in.h"

#define SIGN_IN_NAME_MAX 257 /* of servers, providers, targets; with NUL */

/* One row of sign_ins: a question that a provider was asked. */
struct sign_in {
	int64_t id;
	char correlation_id[CORRELATION_ID_MAX];
	char request_id[SAML_ID_MAX + 1];
	char server[SIGN_IN_NAME_MAX], idp[SIGN_IN_NAME_MAX], target[SIGN_IN_NAME_MAX];
	char state[SIGN_IN_STATE_MAX];
	uint8_t browser[BROWSER_HASH_BYTES];
	bool force_authn, used;
	int64_t asked_s, expires_s;
};
MUST_CHECK enum fas_code sign_in_insert(
    struct db *db, const struct sign_in *sign_in, struct fas_err *e);
/* FAS_E_NOTFOUND "sign_in_unknown". */
MUST_CHECK enum fas_code sign_in_find(
    struct db *db, const char *correlation_id, struct sign_in *out, struct fas_err *e);
/* One UPDATE that wins, or FAS_E_CONFLICT "sign_in_used". */
MUST_CHECK enum fas_code sign_in_use(struct db *db, int64_t id, struct fas_err *e);

/* One row of codes. */
struct code {
	int64_t id, claim;
	uint8_t hash[TICKET_HASH_BYTES];
	char correlation_id[CORRELATION_ID_MAX];
	char storefront[HOSTNAME_MAX + 1];
	char *facts;                         /* owned */
	uint8_t browser[BROWSER_HASH_BYTES]; /* zero: it had no cookie */
	int64_t created_s, expires_s;
	bool void_; /* by a logout or a restore */
};
void code_done(struct code *code);

MUST_CHECK enum fas_code code_insert(struct db *db, const struct code *code, struct fas_err *e);
/* FAS_E_AUTH "code_unknown". */
MUST_CHECK enum fas_code code_find(
    struct db *db, const uint8_t hash[TICKET_HASH_BYTES], struct code *out, struct fas_err *e);
/* Of this very moment: FAS_E_CONFLICT "code_used" when a ticket of its assertion was redeemed, "code_void". */
MUST_CHECK enum fas_code code_check(struct db *db, const struct code *code, struct fas_err *e);

/* Whoever was on the way has to begin anew. */
MUST_CHECK enum fas_code sign_ins_void(struct db *db, struct fas_err *e);
MUST_CHECK enum fas_code sign_in_prune(struct db *db, int64_t now_s, bool *more, struct fas_err *e);

DEFINE_OWN_IN_PLACE(code, struct code, code_done);

#endif
