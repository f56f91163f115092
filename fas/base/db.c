#include "fas/base/db.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "fas/base/db_failure.h"
#include "fas/base/db_room.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define STATEMENTS_MAX 64
#define BUSY_TIMEOUT_MS 5000
#define WAL_CAP_BYTES "67108864"

struct db {
	sqlite3 *handle;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
		bool in_use;
	} kept[STATEMENTS_MAX];
	size_t n_kept;
	size_t wal_pages;     /* of the log behind the last commit on this connection */
	uint64_t commits;     /* that had something to write */
	atomic_bool *damaged; /* of the pool; NULL on a bare connection */
};

/* Said once, whatever became of the request that found it: from now on nothing is issued. */
static void
note_damage(struct db *db, const char *detail)
{
	if (db && db->damaged && !atomic_exchange(db->damaged, true))
		log_event(LOG_LEVEL_ERROR, "database_damaged", "file",
		    sqlite3_db_filename(db->handle, "main"), "message", detail, "remedy",
		    DB_RESTORE, NULL);
}

static enum fas_code
fail_sqlite(struct fas_err *e, struct db *db, int status, const char *what)
{
	sqlite3 *handle = db ? db->handle : NULL;
	if (db_failure_is_damage(status))
		note_damage(db, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(status));
	return db_failure(e, handle, status, what);
}

void
db_watch(struct db *db, atomic_bool *damaged)
{
	db->damaged = damaged;
}

enum fas_code
db_exec(struct db *db, const char *sql, struct fas_err *e)
{
	int status = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	if (status != SQLITE_OK)
		return fail_sqlite(e, db, status, "database");
	return FAS_OK;
}

static int
on_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;
	(void)handle;
	(void)name;
	db->wal_pages = pages > 0 ? (size_t)pages : 0;
	db->commits++;
	return SQLITE_OK;
}

size_t
db_wal_pages(const struct db *db)
{
	return db->wal_pages;
}

uint64_t
db_commits(const struct db *db)
{
	return db->commits;
}

static enum fas_code
set_up(struct db *db, bool writer, struct fas_err *e)
{
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* temp_store: what a savepoint may have to undo is kept in memory, not in a file that is made for each batch. */
	enum fas_code rc = db_exec(db,
	    "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
	    "foreign_keys=ON;"
	    "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=" WAL_CAP_BYTES ";"
	    "PRAGMA cell_size_check=ON",
	    e);
	(void)sqlite3_wal_hook(db->handle, on_commit, db);
	if (rc == FAS_OK && !writer)
		rc = db_exec(db, "PRAGMA query_only=ON", e);
	return rc;
}

enum fas_code
db_connect(const char *path, bool writer, struct db **out, struct fas_err *e)
{
	struct db *db = calloc(1, sizeof(*db));
	if (!db)
		return fas_fail_nomem(e);
	db_room_begin();
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	if (writer)
		flags |= SQLITE_OPEN_CREATE;
	int status = sqlite3_open_v2(path, &db->handle, flags, NULL);
	enum fas_code rc = FAS_OK;
	if (status != SQLITE_OK)
		rc = fail_sqlite(e, db, status, path);
	if (rc == FAS_OK && (rc = set_up(db, writer, e)) != FAS_OK)
		fas_wrap(e, "%s", path);
	if (rc != FAS_OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return FAS_OK;
}

void *
db_handle(struct db *db)
{
	return db->handle;
}

void
db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->n_kept; i++)
		(void)sqlite3_finalize(db->kept[i].stmt);
	(void)sqlite3_close(db->handle);
	free(db);
}

static enum fas_code
read_version(struct db *db, size_t *version, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "PRAGMA user_version", e);
	bool row = false;
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK)
		*version = row ? (size_t)db_column_int(&q, 0) : 0;
	return rc;
}

static enum fas_code
run_migrations(struct db *db, const struct db_migrations *m, size_t from, struct fas_err *e)
{
	char sql[64];
	enum fas_code rc = db_exec(db,
	    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT", e);
	for (size_t i = from; rc == FAS_OK && i < m->n; i++) {
		rc = db_exec(db, m->sql[i], e);
		if (rc != FAS_OK)
			fas_wrap(e, "migration %zu", i + 1);
	}
	(void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version=%d", (int)m->n);
	return rc == FAS_OK ? db_exec(db, sql, e) : rc;
}

enum fas_code
db_migrate(struct db *db, const struct db_migrations *m, struct fas_err *e)
{
	size_t version = 0;
	enum fas_code rc = read_version(db, &version, e);
	if (rc != FAS_OK)
		return rc;
	if (version > m->n)
		return fas_fail(e, FAS_E_CONFIG, "database_newer",
		    "the database has schema %zu, this program knows %zu: install the newer "
		    "version again",
		    version, m->n);
	if (version == m->n)
		return FAS_OK;
	if ((rc = db_exec(db, "BEGIN IMMEDIATE", e)) != FAS_OK)
		return rc;
	rc = run_migrations(db, m, version, e);
	if (rc == FAS_OK)
		return db_exec(db, "COMMIT", e);
	db_undo(db, "ROLLBACK");
	return rc;
}

/* An undo whose failure changes nothing: SQLite has rolled back by itself then, and COMMIT will say so. */
void
db_undo(struct db *db, const char *sql)
{
	(void)sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

bool
db_in_transaction(struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

void
db_checkpoint(struct db *db, bool truncate)
{
	(void)sqlite3_wal_checkpoint_v2(db->handle, NULL,
	    truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* A kept statement that is free, or a new one that is kept when there is room. */
static sqlite3_stmt *
find_statement(struct db *db, const char *sql, int *status)
{
	for (size_t i = 0; i < db->n_kept; i++) {
		if (db->kept[i].sql == sql && !db->kept[i].in_use) {
			db->kept[i].in_use = true;
			return db->kept[i].stmt;
		}
	}
	sqlite3_stmt *stmt = NULL;
	*status = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (*status == SQLITE_OK && db->n_kept < STATEMENTS_MAX) {
		db->kept[db->n_kept].sql = sql;
		db->kept[db->n_kept].stmt = stmt;
		db->kept[db->n_kept++].in_use = true;
	}
	return stmt;
}

struct db_query
db_query(struct db *db, const char *sql, struct fas_err *e)
{
	struct db_query q = {.db = db, .e = e};
	int status = SQLITE_OK;
	q.stmt = find_statement(db, sql, &status);
	if (status != SQLITE_OK)
		q.rc = fail_sqlite(e, db, status, "prepare");
	return q;
}

void
db_query_done(struct db_query *q)
{
	sqlite3_stmt *stmt = q->stmt;
	q->stmt = NULL;
	if (!stmt)
		return;
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	for (size_t i = 0; i < q->db->n_kept; i++) {
		if (q->db->kept[i].stmt == stmt) {
			q->db->kept[i].in_use = false;
			return;
		}
	}
	(void)sqlite3_finalize(stmt);
}

static void
bound(struct db_query *q, int status)
{
	if (status != SQLITE_OK && q->rc == FAS_OK)
		q->rc = fail_sqlite(q->e, q->db, status, "bind");
}

void
db_bind_int(struct db_query *q, int index, int64_t value)
{
	if (q->rc == FAS_OK)
		bound(q, sqlite3_bind_int64(q->stmt, index, value));
}

void
db_bind_text(struct db_query *q, int index, const char *text)
{
	if (q->rc == FAS_OK)
		bound(q, sqlite3_bind_text(q->stmt, index, text, -1, SQLITE_STATIC));
}

void
db_bind_blob(struct db_query *q, int index, const void *data, size_t len)
{
	if (q->rc == FAS_OK)
		bound(q, sqlite3_bind_blob64(q->stmt, index, data, len, SQLITE_STATIC));
}

/* A text for which there is no memory would look like NULL, and be read as "". */
static int
read_texts(sqlite3_stmt *stmt)
{
	for (int i = 0; i < sqlite3_data_count(stmt); i++) {
		if (sqlite3_column_type(stmt, i) == SQLITE_TEXT && !sqlite3_column_text(stmt, i))
			return SQLITE_NOMEM;
	}
	return SQLITE_ROW;
}

enum fas_code
db_step(struct db_query *q, bool *row)
{
	*row = false;
	if (q->rc != FAS_OK)
		return q->rc;
	int status = sqlite3_step(q->stmt);
	if (status == SQLITE_ROW)
		status = read_texts(q->stmt);
	*row = status == SQLITE_ROW;
	if (status == SQLITE_ROW || status == SQLITE_DONE)
		return FAS_OK;
	return q->rc = fail_sqlite(q->e, q->db, status, "database");
}

enum fas_code
db_run(struct db_query *q)
{
	bool row = true;
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && row)
		rc = db_step(q, &row);
	return rc;
}

enum fas_code
db_exec_kept(struct db *db, const char *sql, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, sql, e);
	return db_run(&q);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int64_t
db_column_int(struct db_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *
db_column_text(struct db_query *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q->stmt, column);
	return text ? (const char *)text : "";
}

const uint8_t *
db_column_blob(struct db_query *q, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(q->stmt, column);
	*len = (size_t)sqlite3_column_bytes(q->stmt, column);
	return data;
}

void
db_column_copy(struct db_query *q, int column, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", db_column_text(q, column));
}

bool
db_column_is_null(struct db_query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

enum fas_code
db_meta_get_int(struct db *db, const char *key, int64_t fallback, int64_t *out, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "SELECT value FROM meta WHERE key=?1", e);
	bool row = false;
	uint64_t value = 0;
	db_bind_text(&q, 1, key);
	enum fas_code rc = db_step(&q, &row);
	if (rc != FAS_OK)
		return rc;
	if (!row)
		*out = fallback;
	else if (parse_uint(db_column_text(&q, 0), 0, INT64_MAX, &value))
		*out = (int64_t)value;
	else
		return fas_fail(
		    e, FAS_E_IO, "database_corrupt", "meta value \"%s\" is no number", key);
	return FAS_OK;
}

enum fas_code
db_meta_set_int(struct db *db, const char *key, int64_t value, struct fas_err *e)
{
	char text[24];
	(void)sqlite3_snprintf(sizeof(text), text, "%lld", (long long)value);
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO meta(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET "
	    "value=excluded.value",
	    e);
	db_bind_text(&q, 1, key);
	db_bind_text(&q, 2, text);
	return db_run(&q);
}
