/* Reports of uses in fas.db.  Every function runs inside a db_fn. */
#ifndef FAS_USES_STORE_H
#define FAS_USES_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/db.h"
#include "fas/base/err.h"

/* The number of the last report on record and when it came; 0 = none yet. */
MUST_CHECK enum fas_code uses_last(
    struct db *db, const char *session, int64_t *report, int64_t *reported_s, struct fas_err *e);
MUST_CHECK enum fas_code uses_note(
    struct db *db, const char *session, int64_t report, int64_t now_s, struct fas_err *e);
/* Added to what the certificate's key has signed; *counted: it is one of the session, and the host keeps its key. */
MUST_CHECK enum fas_code uses_count(struct db *db, const char *session, const char *serial,
    int64_t signatures, bool *counted, struct fas_err *e);

#endif
