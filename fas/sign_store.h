/* The keys that the signer holds for users, as fas.db knows them.  Every function runs inside a db_fn. */
#ifndef FAS_SIGN_STORE_H
#define FAS_SIGN_STORE_H

#include "fas/session_store.h"

/* One key: its certificate's row. */
struct user_key {
	int64_t id;
	bool in_session; /* what it is for; else the logon */
	char serial[SERIAL_HEX_MAX];
	int64_t not_after_s;
	int64_t signatures, signatures_max, sign_until_s; /* made; and limits, 0 = none */
	int64_t rate_start_s, rate_used;                  /* of the present period */
	int64_t revoke_at_s;                              /* 0 = not to be revoked */
};

/* *found false: the session has no such key. */
MUST_CHECK enum fas_code user_key_find(struct db *db, const char *session, const char *key,
    struct user_key *out, bool *found, struct fas_err *e);

/*
 * Count one signature; rate_period_s 0 = no rate.  *counted false: all that may be made are made, or all of this period.
 */
MUST_CHECK enum fas_code user_key_count(struct db *db, const struct user_key *key, int64_t now_s,
    int64_t rate_count, int64_t rate_period_s, bool *counted, struct fas_err *e);
/* The period's limit has been run into, and that is on record: once a period. */
MUST_CHECK enum fas_code user_key_mark_limited(
    struct db *db, const struct user_key *key, struct fas_err *e);

#endif
