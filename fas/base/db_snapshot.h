/*
 * One moment of a database that goes on being written: first the moment is fixed, by a read transaction of a connection of
 * its own, then it is copied by SQLite's backup interface.  So two databases can be copied as they were at one moment.
 *
 * While a snapshot is held the database's log (WAL) cannot begin anew: it grows with what is written.
 */
#ifndef FAS_BASE_DB_SNAPSHOT_H
#define FAS_BASE_DB_SNAPSHOT_H

#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct db_snapshot;

/* path: the database's file, which must be there.  Quick, whatever its size. */
MUST_CHECK enum fas_code db_snapshot_begin(
    const char *path, struct db_snapshot **out, struct fas_err *e);
void db_snapshot_free(struct db_snapshot *snapshot);

/*
 * Copy it to a file of its own in folder, and check that copy page by page.  The file is without a name when this returns:
 * *fd (the caller's) is all that is left of it, open for reading.  Takes as long as the disk does.
 * FAS_E_IO "database_corrupt": the copy is damaged, as the database is.
 */
MUST_CHECK enum fas_code db_snapshot_copy(
    struct db_snapshot *snapshot, const char *folder, int *fd, int64_t *size, struct fas_err *e);
/* Remove copies in folder that a killed process has left. */
void db_snapshot_clean(const char *folder);

DEFINE_OWN(db_snapshot, struct db_snapshot *, db_snapshot_free);

#endif
