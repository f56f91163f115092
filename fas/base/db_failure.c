#include "fas/base/db_failure.h"

#include <errno.h>
#include <stddef.h>

#include "fas/base/macros.h"

#define MAKE_ROOM "make room on the file system of the state folder"
#define WRITABLE "make the state folder's file system writable again: dmesg says why it is not"
#define DISK "dmesg says what is wrong with the disk"

static const struct {
	int status;
	enum fas_code code;
	const char *reason, *remedy;
} failures[] = {
    {SQLITE_FULL, FAS_E_UNAVAILABLE, "disk_full", MAKE_ROOM},
    {SQLITE_BUSY, FAS_E_UNAVAILABLE, "database_busy", NULL},
    {SQLITE_LOCKED, FAS_E_UNAVAILABLE, "database_busy", NULL},
    {SQLITE_CORRUPT, FAS_E_IO, "database_corrupt", DB_RESTORE},
    {SQLITE_NOTADB, FAS_E_IO, "database_corrupt", DB_RESTORE},
    {SQLITE_READONLY, FAS_E_IO, "database_read_only", WRITABLE},
    {SQLITE_CONSTRAINT_UNIQUE, FAS_E_CONFLICT, "row_exists", NULL},
    {SQLITE_CONSTRAINT_PRIMARYKEY, FAS_E_CONFLICT, "row_exists", NULL},
    {SQLITE_CONSTRAINT_ROWID, FAS_E_CONFLICT, "row_exists", NULL},
    {SQLITE_CONSTRAINT, FAS_E_INTERNAL, "constraint_broken", NULL},
    {SQLITE_NOMEM, FAS_E_NOMEM, "out_of_memory", NULL},
    {SQLITE_IOERR, FAS_E_IO, "database_io", DISK},
};

/* Of the last call that failed on the log or on the file itself; errno may be another one's by now. */
static int
last_errno(sqlite3 *handle)
{
	int why = 0;
	sqlite3_file *log = NULL;
	(void)sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log && log->pMethods)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why);
	if (why == 0)
		(void)sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &why);
	return why != 0 ? why : sqlite3_system_errno(handle);
}

/* What the system has said is more than "disk I/O error" and "unable to open". */
static int
plain_status(sqlite3 *handle, int status)
{
	int kind = status & 0xff;
	if (!handle || (kind != SQLITE_IOERR && kind != SQLITE_CANTOPEN))
		return status;
	int why = last_errno(handle);
	if (why == ENOSPC || why == EDQUOT)
		return SQLITE_FULL;
	return why == EROFS ? SQLITE_READONLY : status;
}

bool
db_failure_is_damage(int status)
{
	return (status & 0xff) == SQLITE_CORRUPT || (status & 0xff) == SQLITE_NOTADB;
}

enum fas_code
db_failure(struct fas_err *e, sqlite3 *handle, int status, const char *what)
{
	const char *detail = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(status);
	status = plain_status(handle, status);
	for (size_t i = 0; i < NELEMS(failures); i++) {
		const char *remedy = failures[i].remedy;
		if (status == failures[i].status || (status & 0xff) == failures[i].status)
			return fas_fail(e, failures[i].code, failures[i].reason, "%s: %s%s%s", what,
			    detail, remedy ? "; " : "", remedy ? remedy : "");
	}
	return fas_fail(e, FAS_E_IO, "database_io", "%s: %s; " DISK, what, detail);
}
