/* What SQLite says, as an error of ours with its remedy.  For db.c. */
#ifndef FAS_BASE_DB_FAILURE_H
#define FAS_BASE_DB_FAILURE_H

#include <stdbool.h>

#include <sqlite3.h>

#include "fas/base/err.h"

#define DB_RESTORE "stop the program and put back a copy (docs/ADMIN.md, When something breaks)"

/* Is the file itself broken, and not just out of reach? */
bool db_failure_is_damage(int status);
/* handle may be NULL; what: the step that failed.  Codes and reasons: db_write in db.h. */
enum fas_code db_failure(struct fas_err *e, sqlite3 *handle, int status, const char *what);

#endif
