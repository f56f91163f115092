#include "fas/base/db_snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/base/db.h"
#include "fas/base/db_failure.h"
#include "fas/base/file.h"

#define PREFIX "backup-"
#define SUFFIXES_MAX 3

struct db_snapshot {
	struct db *db;
};

/* A transaction begins to read, and with that its moment is fixed, only at its first statement. */
static enum fas_code
fix_moment(struct db *db, struct fas_err *e)
{
	enum fas_code rc = db_exec(db, "BEGIN", e);
	return rc == FAS_OK ? db_exec(db, "SELECT COUNT(*) FROM sqlite_schema", e) : rc;
}

enum fas_code
db_snapshot_begin(const char *path, struct db_snapshot **out, struct fas_err *e)
{
	OWN(db_snapshot) struct db_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return fas_fail_nomem(e);
	enum fas_code rc = db_connect(path, false, &s->db, e);
	if (rc == FAS_OK)
		rc = fix_moment(s->db, e);
	if (rc == FAS_OK)
		*out = TAKE(s);
	return rc;
}

void
db_snapshot_free(struct db_snapshot *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

/* ---- the copy ---- */

static enum fas_code
copy_pages(sqlite3 *from, sqlite3 *to, struct fas_err *e)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return db_failure(e, to, sqlite3_errcode(to), "backup");
	/* sqlite3_backup_finish forgets a step that was only locked out (SQLITE_BUSY): what is there then passes as whole. */
	int status = sqlite3_backup_step(backup, -1);
	int end = sqlite3_backup_finish(backup);
	if (status == SQLITE_DONE)
		status = end;
	return status == SQLITE_OK ? FAS_OK : db_failure(e, to, status, "backup");
}

static int
take_verdict(void *arg, int n, char **values, char **names)
{
	bool *good = arg;
	(void)names;
	*good = n == 1 && values[0] && strcmp(values[0], "ok") == 0;
	return 0;
}

/* As one file, without a log beside it; and whole. */
static enum fas_code
finish_copy(sqlite3 *copy, struct fas_err *e)
{
	bool good = false;
	int status = sqlite3_exec(copy, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (status == SQLITE_OK)
		status = sqlite3_exec(copy, "PRAGMA quick_check(1)", take_verdict, &good, NULL);
	if (status != SQLITE_OK)
		return db_failure(e, copy, status, "the copy");
	return good ? FAS_OK
		    : fas_fail(e, FAS_E_IO, "database_corrupt",
			  "the database is damaged: its copy would be no backup (docs/ADMIN.md, "
			  "When "
			  "something breaks)");
}

static enum fas_code
copy_to(struct db_snapshot *s, const char *path, struct fas_err *e)
{
	sqlite3 *copy = NULL;
	int status = sqlite3_open_v2(path, &copy,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	enum fas_code rc = status == SQLITE_OK ? FAS_OK : db_failure(e, copy, status, path);
	/* Nobody needs it after a crash: what fasctl writes of it is made durable there. */
	if (rc == FAS_OK &&
	    sqlite3_exec(copy, "PRAGMA synchronous=OFF", NULL, NULL, NULL) != SQLITE_OK)
		rc = db_failure(e, copy, sqlite3_errcode(copy), path);
	if (rc == FAS_OK)
		rc = copy_pages(db_handle(s->db), copy, e);
	if (rc == FAS_OK)
		rc = finish_copy(copy, e);
	(void)sqlite3_close(copy);
	return rc;
}

static void
remove_copy(const char *path)
{
	static const char *const suffixes[SUFFIXES_MAX] = {"-journal", "-wal", "-shm"};
	char beside[PATH_MAX + 16];
	(void)unlink(path);
	for (size_t i = 0; i < SUFFIXES_MAX; i++) {
		(void)snprintf(beside, sizeof(beside), "%s%s", path, suffixes[i]);
		(void)unlink(beside);
	}
}

enum fas_code
db_snapshot_copy(
    struct db_snapshot *s, const char *folder, int *fd, int64_t *size, struct fas_err *e)
{
	char path[PATH_MAX];
	struct stat st;
	enum fas_code rc = file_join(path, sizeof(path), folder, PREFIX "XXXXXX", e);
	if (rc != FAS_OK)
		return rc;
	/* mkstemp: mode 0600 before SQLite writes the first page. */
	OWN(fd) int made = mkostemp(path, O_CLOEXEC);
	if (made < 0)
		return fas_fail_errno(e, "%s", path);
	rc = copy_to(s, path, e);
	OWN(fd) int copy = rc == FAS_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (rc == FAS_OK && (copy < 0 || fstat(copy, &st) != 0))
		rc = fas_fail_errno(e, "%s", path);
	remove_copy(path);
	if (rc != FAS_OK)
		return rc;
	*size = st.st_size;
	*fd = copy;
	copy = -1;
	return FAS_OK;
}

void
db_snapshot_clean(const char *folder)
{
	char path[PATH_MAX];
	struct fas_err ignored = {0};
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
		    file_join(path, sizeof(path), folder, entry->d_name, &ignored) == FAS_OK)
			(void)unlink(path);
	}
	if (dir)
		(void)closedir(dir);
}
