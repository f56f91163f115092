/*
 * The one door to SQLite.  SQL text stands in *_store.c files only.
 *
 * A db_pool owns one database file (WAL, synchronous=FULL, STRICT tables): one writer thread that
 * commits many waiting writes together, a few read connections, and a thread that checkpoints.
 *
 *     db_write(pool, fn, arg, e)   fn runs on the writer's connection inside a savepoint; when db_write
 *                                  returns FAS_OK its effects are durable.  When fn fails, only its own
 *                                  effects are undone.
 *     db_read(pool, fn, arg, e)    fn runs on a read connection with one consistent snapshot.
 *
 * fn must be short and must not call db_write or db_read.
 */
#ifndef FAS_BASE_DB_H
#define FAS_BASE_DB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct db; /* one connection; used by one thread at a time */
struct db_pool;

/* Migration number i + 1 of the list: SQL that takes the schema from version i to i + 1. */
struct db_migrations {
	const char *const *sql;
	size_t n;
};

/* Every database has a table meta(key, value), made before migration 1. */
MUST_CHECK enum fas_code db_meta_get_int(
    struct db *db, const char *key, int64_t fallback, int64_t *out, struct fas_err *e);
MUST_CHECK enum fas_code db_meta_set_int(
    struct db *db, const char *key, int64_t value, struct fas_err *e);

/*
 * Open or create path (mode 0600), run the missing migrations in one transaction, start the
 * threads. A schema newer than ours is FAS_E_CONFIG "database_newer"; a second process at the same
 * file is FAS_E_CONFLICT "database_in_use" (an advisory lock on path.lock).
 */
MUST_CHECK enum fas_code db_pool_open(const char *path, const struct db_migrations *migrations,
    size_t n_readers, struct db_pool **out, struct fas_err *e);
/* Waits for writes that have been accepted. */
void db_pool_close(struct db_pool *pool);

typedef enum fas_code db_fn(struct db *db, void *arg, struct fas_err *e);

/*
 * Failures of the store: FAS_E_UNAVAILABLE "disk_full", "database_busy"; FAS_E_IO
 * "database_corrupt", "database_read_only", "database_io".  fn's own errors are returned as they
 * are.
 */
MUST_CHECK enum fas_code db_write(struct db_pool *pool, db_fn *fn, void *arg, struct fas_err *e);
MUST_CHECK enum fas_code db_read(struct db_pool *pool, db_fn *fn, void *arg, struct fas_err *e);

/*
 * FAS_E_IO "database_corrupt" once SQLite has found damage in this file, until the program is started anew.  Whoever is
 * about to issue something asks first: a file that has lost one page may have lost the row that forbids it.  What takes
 * away (revoking, ending, recording) goes on as far as it can.
 */
MUST_CHECK enum fas_code db_pool_check(struct db_pool *pool, struct fas_err *e);
/* Why the store could not keep what was written last; FAS_OK once something has been kept again. */
MUST_CHECK enum fas_code db_pool_check_writes(struct db_pool *pool, struct fas_err *e);

/* One statement.  sql must be a string literal: prepared statements are kept by its address. */
struct db_query {
	struct db *db;
	void *stmt; /* sqlite3_stmt */
	struct fas_err *e;
	enum fas_code rc; /* first failure of prepare or bind; db_step and db_run return it */
};

/* Usable with OWN(query); parameters are ?1, ?2, ... */
struct db_query db_query(struct db *db, const char *sql, struct fas_err *e);
void db_query_done(struct db_query *q);
void db_bind_int(struct db_query *q, int index, int64_t value);
/* NULL binds NULL.  Borrowed until db_query_done. */
void db_bind_text(struct db_query *q, int index, const char *text);
void db_bind_blob(struct db_query *q, int index, const void *data, size_t len);

/* *row says whether there is one. */
MUST_CHECK enum fas_code db_step(struct db_query *q, bool *row);
/* Run to the end.  A broken UNIQUE or PRIMARY KEY is FAS_E_CONFLICT "row_exists". */
MUST_CHECK enum fas_code db_run(struct db_query *q);
/* Rows that the last db_run changed. */
int64_t db_changes(struct db *db);
/* The id of the row that the last INSERT on this connection has made. */
int64_t db_last_id(struct db *db);

/* Columns from 0; text is "" for NULL, never a NULL pointer; borrowed until the next step. */
int64_t db_column_int(struct db_query *q, int column);
const char *db_column_text(struct db_query *q, int column);
const uint8_t *db_column_blob(struct db_query *q, int column, size_t *len);
/* The column's text into out, cut to its size. */
void db_column_copy(struct db_query *q, int column, char *out, size_t size);
bool db_column_is_null(struct db_query *q, int column);

DEFINE_OWN_IN_PLACE(query, struct db_query, db_query_done);

/* For db_writer.c and db_snapshot.c: a bare connection, and SQLite's own (sqlite3 *). */
void *db_handle(struct db *db);
MUST_CHECK enum fas_code db_connect(
    const char *path, bool writer, struct db **out, struct fas_err *e);
/* Damage that this connection finds is noted there. */
void db_watch(struct db *db, atomic_bool *damaged);
MUST_CHECK enum fas_code db_exec(struct db *db, const char *sql, struct fas_err *e);
/* One statement that is run again and again: sql as for db_query. */
MUST_CHECK enum fas_code db_exec_kept(struct db *db, const char *sql, struct fas_err *e);
MUST_CHECK enum fas_code db_migrate(
    struct db *db, const struct db_migrations *migrations, struct fas_err *e);
void db_undo(struct db *db, const char *sql);
/* False when SQLite has rolled a transaction back by itself (disk full, I/O error). */
bool db_in_transaction(struct db *db);
void db_checkpoint(struct db *db, bool truncate);
size_t db_wal_pages(const struct db *db);
/* Those that had something to write. */
uint64_t db_commits(const struct db *db);
void db_close(struct db *db);

#endif
