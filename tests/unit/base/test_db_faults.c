/* The store in foul weather: full disk, damaged pages, a file that is none. */
#include "tests/unit/base/base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/base/file.h"
#include "tests/unit/base/db_fixture.h"

static _Atomic int write_errno, read_errno;

static ssize_t
faulty_pwrite(int fd, const void *data, size_t len, off_t at)
{
	int error = atomic_load(&write_errno);
	if (error) {
		errno = error;
		return -1;
	}
	return pwrite(fd, data, len, at);
}

static ssize_t
faulty_pread(int fd, void *data, size_t len, off_t at)
{
	int error = atomic_load(&read_errno);
	if (error) {
		errno = error;
		return -1;
	}
	return pread(fd, data, len, at);
}

/* What the disk has left, as fallocate finds it. */
static _Atomic int room_errno;
int __wrap_fallocate(int fd, int mode, off_t from, off_t len);
int __real_fallocate(int fd, int mode, off_t from, off_t len);

int
__wrap_fallocate(int fd, int mode, off_t from, off_t len)
{
	int error = atomic_load(&room_errno);
	if (error) {
		errno = error;
		return -1;
	}
	return __real_fallocate(fd, mode, from, len);
}

/* SQLite's own door for tests of its VFS. */
static int
setup(void **state)
{
	static const char *const writes[] = {"pwrite", "pwrite64"}, *const reads[] = {
									"pread", "pread64"};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	for (size_t i = 0; i < NELEMS(writes); i++) {
		(void)vfs->xSetSystemCall(vfs, writes[i], (sqlite3_syscall_ptr)faulty_pwrite);
		(void)vfs->xSetSystemCall(vfs, reads[i], (sqlite3_syscall_ptr)faulty_pread);
	}
	return fixture_setup(state);
}

static void
write_fails_as(int error, enum fas_code code, const char *reason)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("fault.db");
	assert_good(db_write(pool, insert_fn, &(struct row){1, "before"}, &e), &e);
	atomic_store(&write_errno, error);
	enum fas_code rc = db_write(pool, insert_fn, &(struct row){2, "lost"}, &e);
	atomic_store(&write_errno, 0);
	assert_failed(rc, &e, code, reason);
	fas_err_clear(&e);
	assert_failed(db_pool_check_writes(pool, &e), &e, code, reason);
	assert_int_equal(count_rows(pool), 1);
	fas_err_clear(&e);
	/* a refusal of the job's own says nothing about the store */
	assert_failed(db_write(pool, insert_fn, &(struct row){1, "again"}, &e), &e, FAS_E_CONFLICT,
	    "row_exists");
	fas_err_clear(&e);
	assert_failed(db_pool_check_writes(pool, &e), &e, code, reason);
	fas_err_clear(&e);
	assert_good(db_write(pool, insert_fn, &(struct row){3, "after"}, &e), &e);
	assert_good(db_pool_check_writes(pool, &e), &e);
	assert_int_equal(count_rows(pool), 2);
	db_pool_close(pool);
	pool = db_fixture_open("fault.db");
	assert_int_equal(count_rows(pool), 2);
	db_pool_close(pool);
	assert_int_equal(unlink(fixture_path("fault.db")), 0);
}

static void
full_disk_is_told_and_passes(void **state)
{
	(void)state;
	write_fails_as(ENOSPC, FAS_E_UNAVAILABLE, "disk_full");
	write_fails_as(EDQUOT, FAS_E_UNAVAILABLE, "disk_full");
}

/* What is mapped and has no room is a signal and no error. */
static void
a_logs_index_without_room_is_a_full_disk_and_no_end(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	(void)state;
	db_pool_close(db_fixture_open("room.db"));
	atomic_store(&room_errno, ENOSPC);
	enum fas_code rc = db_pool_open(fixture_path("room.db"), &db_fixture_schema, 2, &pool, &e);
	atomic_store(&room_errno, EOPNOTSUPP);
	assert_failed(rc, &e, FAS_E_UNAVAILABLE, "disk_full");
	fas_err_clear(&e);
	pool = db_fixture_open("room.db");
	assert_good(db_write(pool, insert_fn, &(struct row){1, "without room ahead"}, &e), &e);
	db_pool_close(pool);
	atomic_store(&room_errno, 0);
}

static void
broken_disk_is_told_and_passes(void **state)
{
	(void)state;
	write_fails_as(EIO, FAS_E_IO, "database_io");
}

static void
disk_that_has_become_read_only_is_told_and_passes(void **state)
{
	(void)state;
	write_fails_as(EROFS, FAS_E_IO, "database_read_only");
}

/* A job so large that its pages are written before the commit, onto a disk that is full by then. */
static enum fas_code
overflow_fn(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	atomic_store(&write_errno, ENOSPC);
	enum fas_code rc = db_exec(db,
	    "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i<10000)"
	    "INSERT INTO t SELECT i, hex(zeroblob(1000)) FROM n",
	    e);
	atomic_store(&write_errno, 0);
	return rc;
}

static void
batch_that_sqlite_rolled_back_is_lost_for_all_and_nobody_is_told_otherwise(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("batch.db");
	struct queued jobs[] = {
	    {.fn = insert_fn, .row = {1, "before"}},
	    {.fn = overflow_fn},
	    {.fn = insert_fn, .row = {2, "behind"}},
	};
	(void)state;
	run_in_one_batch(pool, jobs, NELEMS(jobs));
	int64_t good = 0;
	assert_failed(jobs[1].rc, &jobs[1].e, FAS_E_UNAVAILABLE, "disk_full");
	for (size_t i = 0; i < NELEMS(jobs); i++)
		good += jobs[i].rc == FAS_OK;
	/* What was answered is there, what was refused is not. */
	assert_int_equal(count_rows(pool), good);
	assert_good(db_write(pool, insert_fn, &(struct row){3, "after"}, &e), &e);
	assert_int_equal(count_rows(pool), good + 1);
	db_pool_close(pool);
}

static void
overwrite(const char *name, off_t at, size_t len)
{
	unsigned char junk[4096];
	memset(junk, 0xa5, sizeof(junk));
	OWN(fd) int fd = open(fixture_path(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, at), (ssize_t)len);
}

static void
damaged_page_is_corruption(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("page.db");
	struct stat st;
	int64_t n = 0;
	(void)state;
	for (int64_t i = 0; i < 2000; i++) {
		struct row row = {i, "a row that fills its share of several pages of the file"};
		assert_good(db_write(pool, insert_fn, &row, &e), &e);
	}
	db_pool_close(pool);
	assert_int_equal(stat(fixture_path("page.db"), &st), 0);
	for (off_t at = 4 * 4096; at < st.st_size; at += 4096)
		overwrite("page.db", at, 4096);
	pool = db_fixture_open("page.db");
	assert_good(db_pool_check(pool, &e), &e); /* nobody has looked there yet */
	assert_failed(db_read(pool, count_fn, &n, &e), &e, FAS_E_IO, "database_corrupt");
	fas_err_clear(&e);
	assert_failed(db_write(pool, insert_fn, &(struct row){1500, "x"}, &e), &e, FAS_E_IO,
	    "database_corrupt");
	fas_err_clear(&e);
	/* Remembered: also what needs none of those pages is not to be relied on. */
	assert_failed(db_pool_check(pool, &e), &e, FAS_E_IO, "database_corrupt");
	db_pool_close(pool);
}

/* A bad sector: SQLite says "malformed", and what stood there is lost. */
static void
page_that_cannot_be_read_is_damage(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("sector.db");
	(void)state;
	assert_good(db_write(pool, insert_fn, &(struct row){1, "x"}, &e), &e);
	db_pool_close(pool); /* nothing of it is in memory any more */
	pool = db_fixture_open("sector.db");
	int64_t n = 0;
	atomic_store(&read_errno, EIO);
	enum fas_code rc = db_read(pool, count_fn, &n, &e);
	atomic_store(&read_errno, 0);
	assert_failed(rc, &e, FAS_E_IO, "database_corrupt");
	fas_err_clear(&e);
	assert_failed(db_pool_check(pool, &e), &e, FAS_E_IO, "database_corrupt");
	db_pool_close(pool);
}

static void
a_disk_in_need_is_no_damage(void **state)
{
	struct fas_err e = {0};
	static const int errors[] = {EIO, ENOSPC, EROFS};
	struct db_pool *pool = db_fixture_open("need.db");
	(void)state;
	for (size_t i = 0; i < NELEMS(errors); i++) {
		fas_err_clear(&e);
		atomic_store(&write_errno, errors[i]);
		enum fas_code rc = db_write(pool, insert_fn, &(struct row){1, "x"}, &e);
		atomic_store(&write_errno, 0);
		assert_int_not_equal(rc, FAS_OK);
		fas_err_clear(&e);
		assert_good(db_pool_check(pool, &e), &e);
	}
	db_pool_close(pool);
}

static void
file_that_is_no_database_is_corruption(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	static const char text[] =
	    "this file is longer than a database's header of one hundred bytes, "
	    "and yet it does not begin like one, so it is refused";
	(void)state;
	const char *path = fixture_path("text.db");
	assert_good(file_write_atomic(path, text, sizeof(text), 0600, &e), &e);
	assert_failed(
	    db_pool_open(path, &db_fixture_schema, 1, &pool, &e), &e, FAS_E_IO, "database_corrupt");
	assert_null(pool);
}

static void
missing_folder_is_an_error_of_the_system(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	(void)state;
	assert_failed(db_pool_open(fixture_path("no/such.db"), &db_fixture_schema, 1, &pool, &e),
	    &e, FAS_E_IO, "io_error");
	char path[5000];
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = 0;
	fas_err_clear(&e);
	assert_failed(db_pool_open(path, &db_fixture_schema, 1, &pool, &e), &e, FAS_E_CONFIG,
	    "path_too_long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_disk_is_told_and_passes),
	    cmocka_unit_test(a_logs_index_without_room_is_a_full_disk_and_no_end),
	    cmocka_unit_test(broken_disk_is_told_and_passes),
	    cmocka_unit_test(disk_that_has_become_read_only_is_told_and_passes),
	    cmocka_unit_test(a_disk_in_need_is_no_damage),
	    cmocka_unit_test(page_that_cannot_be_read_is_damage),
	    cmocka_unit_test(
		batch_that_sqlite_rolled_back_is_lost_for_all_and_nobody_is_told_otherwise),
	    cmocka_unit_test(damaged_page_is_corruption),
	    cmocka_unit_test(file_that_is_no_database_is_corruption),
	    cmocka_unit_test(missing_folder_is_an_error_of_the_system),
	};
	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
