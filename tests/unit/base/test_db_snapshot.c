/* A moment of a database is kept while the database goes on, and its copy is whole or there is none. */
#include "tests/unit/base/base_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/base/db.h"
#include "fas/base/db_snapshot.h"
#include "fas/base/file.h"
#include "tests/unit/base/db_fixture.h"

static char folder[512];

/* A folder of each test's own, so that nothing else lies beside the copies. */
static int
own_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s", fixture_path("snapshots"));
	return mkdir(folder, 0700);
}

static int
empty_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* no copy is left */
}

/* The rows of a copy, which is behind a descriptor and has no name. */
static int64_t
rows_of(int fd, int64_t size)
{
	char *bytes = malloc((size_t)size);
	struct fas_err e = {0};
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	const char *path = fixture_path("copied.db");
	assert_good(file_write_atomic(path, bytes, (size_t)size, 0600, &e), &e);
	free(bytes);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, count_sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return n;
}

static void
write_rows(struct db_pool *pool, int64_t from, int64_t n)
{
	for (int64_t i = from; i < from + n; i++) {
		struct fas_err e = {0};
		assert_good(db_write(pool, insert_fn, &(struct row){i, "row"}, &e), &e);
	}
}

static void
the_copy_is_of_the_moment_whatever_is_written_since(void **state)
{
	struct fas_err e = {0};
	struct stat st;
	int64_t size = 0;
	OWN(fd) int fd = -1;
	OWN(db_snapshot) struct db_snapshot *snapshot = NULL;
	struct db_pool *pool = db_fixture_open("moment.db");
	(void)state;
	write_rows(pool, 1, 3);
	assert_good(db_snapshot_begin(fixture_path("moment.db"), &snapshot, &e), &e);
	write_rows(pool, 10, 40);
	assert_good(db_snapshot_copy(snapshot, folder, &fd, &size, &e), &e);
	assert_int_equal(rows_of(fd, size), 3);
	assert_int_equal(count_rows(pool), 43);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 077, 0);
	db_pool_close(pool);
}

static void
what_is_copied_can_be_read_alone(void **state)
{
	struct fas_err e = {0};
	int64_t size = 0;
	OWN(fd) int fd = -1;
	OWN(db_snapshot) struct db_snapshot *snapshot = NULL;
	struct db_pool *pool = db_fixture_open("alone.db");
	char head[20];
	(void)state;
	write_rows(pool, 1, 1);
	assert_good(db_snapshot_begin(fixture_path("alone.db"), &snapshot, &e), &e);
	assert_good(db_snapshot_copy(snapshot, folder, &fd, &size, &e), &e);
	/* File format 1 in octets 18 and 19: no log (WAL) belongs to it. */
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(head[18], 1);
	assert_int_equal(head[19], 1);
	assert_int_equal(write(fd, head, 1), -1);
	db_pool_close(pool);
}

static void
a_damaged_database_gives_no_copy(void **state)
{
	struct fas_err e = {0};
	int64_t size = 0;
	int fd = -1;
	static const char noise[2048] = {1, 2, 3, 4, 5, 6, 7, 8};
	OWN(db_snapshot) struct db_snapshot *snapshot = NULL;
	struct db_pool *pool = db_fixture_open("damaged.db");
	(void)state;
	write_rows(pool, 1, 500);
	db_pool_close(pool);
	OWN(fd) int file = open(fixture_path("damaged.db"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(file, noise, sizeof(noise), 3 * 4096), sizeof(noise));
	assert_good(db_snapshot_begin(fixture_path("damaged.db"), &snapshot, &e), &e);
	assert_failed(
	    db_snapshot_copy(snapshot, folder, &fd, &size, &e), &e, FAS_E_IO, "database_corrupt");
	assert_int_equal(fd, -1);
}

static bool locked_out;

int __real_sqlite3_backup_step(sqlite3_backup *backup, int pages);
int __wrap_sqlite3_backup_step(sqlite3_backup *backup, int pages);

int
__wrap_sqlite3_backup_step(sqlite3_backup *backup, int pages)
{
	return locked_out ? SQLITE_BUSY : __real_sqlite3_backup_step(backup, pages);
}

/* The file of the copy is empty then, and an empty database passes every check. */
static void
a_copy_that_was_locked_out_is_none(void **state)
{
	struct fas_err e = {0};
	int64_t size = 0;
	int fd = -1;
	OWN(db_snapshot) struct db_snapshot *snapshot = NULL;
	struct db_pool *pool = db_fixture_open("locked.db");
	(void)state;
	write_rows(pool, 1, 3);
	assert_good(db_snapshot_begin(fixture_path("locked.db"), &snapshot, &e), &e);
	locked_out = true;
	enum fas_code rc = db_snapshot_copy(snapshot, folder, &fd, &size, &e);
	locked_out = false;
	assert_int_not_equal(rc, FAS_OK);
	assert_non_null(strstr(e.message, "backup"));
	assert_int_equal(fd, -1);
	db_pool_close(pool);
}

static void
copies_of_a_killed_process_are_removed(void **state)
{
	char path[600];
	struct fas_err e = {0};
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/backup-abcdef", folder);
	assert_good(file_write_atomic(path, "x", 1, 0600, &e), &e);
	db_snapshot_clean(folder);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, own_folder, empty_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_copy_is_of_the_moment_whatever_is_written_since),
	    TEST(what_is_copied_can_be_read_alone),
	    TEST(a_damaged_database_gives_no_copy),
	    TEST(a_copy_that_was_locked_out_is_none),
	    TEST(copies_of_a_killed_process_are_removed),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
