/* What a restore ends in fas.db.  Every function runs inside a db_fn. */
#ifndef FAS_RESTORE_STORE_H
#define FAS_RESTORE_STORE_H

#include <stdint.h>

#include "fas/base/db.h"
#include "fas/base/err.h"

struct restored {
	int64_t sessions, tickets;
};

/*
 * Every live session ends, and the signer is to be told; every open ticket is void, and one that was used and has no result
 * is past its life, so that what the signer may have made for it is revoked.  Sign-ins under way and their codes end too.
 * No assertion of before now_s is good.
 */
MUST_CHECK enum fas_code restored_end_all(
    struct db *db, int64_t now_s, struct restored *out, struct fas_err *e);
/* 0: this database was never restored. */
MUST_CHECK enum fas_code restored_assertions_from(
    struct db *db, int64_t *from_s, struct fas_err *e);

#endif
