/* The store's promises in fair weather: durable, isolated, batched, migrated, locked. */
#include "tests/unit/base/base_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/base/db.h"
#include "tests/unit/base/db_fixture.h"

static void
written_row_is_read_back(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("rw.db");
	(void)state;
	assert_good(db_write(pool, insert_fn, &(struct row){1, "one"}, &e), &e);
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
	pool = db_fixture_open("rw.db");
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
}

static void
answered_write_survives_a_crash(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct db_pool *pool = NULL;
		struct row row = {1, "one"};
		bool good = db_pool_open(fixture_path("crash.db"), &db_fixture_schema, 1, &pool,
				NULL) == FAS_OK &&
			    db_write(pool, insert_fn, &row, NULL) == FAS_OK;
		_exit(good ? 0 : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct db_pool *pool = db_fixture_open("crash.db");
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
}

static void
files_are_private(void **state)
{
	static const char *const names[] = {
	    "mode.db", "mode.db-wal", "mode.db-shm", "mode.db.lock"};
	struct stat st;
	(void)state;
	mode_t old = umask(0);
	struct db_pool *pool = db_fixture_open("mode.db");
	(void)umask(old);
	for (size_t i = 0; i < NELEMS(names); i++) {
		assert_int_equal(stat(fixture_path(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
	db_pool_close(pool);
}

static void
same_key_twice_is_a_conflict(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("conflict.db");
	(void)state;
	assert_good(db_write(pool, insert_fn, &(struct row){1, "a"}, &e), &e);
	assert_failed(
	    db_write(pool, insert_fn, &(struct row){1, "b"}, &e), &e, FAS_E_CONFLICT, "row_exists");
	fas_err_clear(&e);
	assert_failed(db_write(pool, insert_fn, &(struct row){2, NULL}, &e), &e, FAS_E_INTERNAL,
	    "constraint_broken");
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
}

static enum fas_code
insert_and_fail_fn(struct db *db, void *arg, struct fas_err *e)
{
	enum fas_code rc = insert_fn(db, arg, e);
	return rc == FAS_OK ? fas_fail(e, FAS_E_DENIED, "on_purpose", "after the insert") : rc;
}

static void
failing_write_undoes_only_itself(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("undo.db");
	(void)state;
	assert_good(db_write(pool, insert_fn, &(struct row){1, "a"}, &e), &e);
	assert_failed(db_write(pool, insert_and_fail_fn, &(struct row){2, "b"}, &e), &e,
	    FAS_E_DENIED, "on_purpose");
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
}

static void
failing_write_within_a_batch_leaves_its_neighbours(void **state)
{
	struct db_pool *pool = db_fixture_open("batch-undo.db");
	struct queued jobs[] = {
	    {.fn = insert_fn, .row = {1, "a"}},
	    {.fn = insert_and_fail_fn, .row = {2, "b"}},
	    {.fn = insert_fn, .row = {1, "same key"}},
	    {.fn = insert_fn, .row = {3, "c"}},
	};
	(void)state;
	run_in_one_batch(pool, jobs, NELEMS(jobs));
	assert_good(jobs[0].rc, &jobs[0].e);
	assert_failed(jobs[1].rc, &jobs[1].e, FAS_E_DENIED, "on_purpose");
	assert_failed(jobs[2].rc, &jobs[2].e, FAS_E_CONFLICT, "row_exists");
	assert_good(jobs[3].rc, &jobs[3].e);
	assert_int_equal(count_rows(pool), 2);
	db_pool_close(pool);
}

static off_t
size_of(const char *name)
{
	struct stat st;
	return stat(fixture_path(name), &st) == 0 ? st.st_size : 0;
}

#define STEADY_WRITES 400
#define STEADY_BYTES 40000

struct steady {
	struct db_pool *pool;
	int64_t first;
	const char *text;
};

static void *
write_steadily(void *arg)
{
	const struct steady *s = arg;
	struct fas_err e = {0};
	for (int64_t i = 0; i < STEADY_WRITES; i++) {
		struct row row = {s->first + i, s->text};
		if (db_write(s->pool, insert_fn, &row, &e) != FAS_OK)
			return arg;
	}
	return NULL;
}

/* 64 MB go through it without a pause in which a checkpoint could catch up by itself. */
static void
log_stays_short_under_steady_writes(void **state)
{
	struct db_pool *pool = db_fixture_open("steady.db");
	struct steady jobs[4];
	pthread_t threads[NELEMS(jobs)];
	void *failed = NULL;
	static char text[STEADY_BYTES + 1];
	(void)state;
	memset(text, 'x', STEADY_BYTES);
	for (size_t i = 0; i < NELEMS(jobs); i++) {
		jobs[i] = (struct steady){pool, (int64_t)i * STEADY_WRITES, text};
		assert_int_equal(pthread_create(&threads[i], NULL, write_steadily, &jobs[i]), 0);
	}
	for (size_t i = 0; i < NELEMS(jobs); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_true(size_of("steady.db-wal") < 48 * 1024 * 1024);
	assert_int_equal(count_rows(pool), NELEMS(jobs) * STEADY_WRITES);
	db_pool_close(pool);
}

static void
waiting_writes_are_committed_together(void **state)
{
	struct db_pool *pool = db_fixture_open("batch.db");
	struct queued jobs[16];
	(void)state;
	for (size_t i = 0; i < NELEMS(jobs); i++)
		jobs[i] = (struct queued){.fn = insert_fn, .row = {(int64_t)i, "x"}};
	off_t before = size_of("batch.db-wal");
	run_in_one_batch(pool, jobs, NELEMS(jobs));
	for (size_t i = 0; i < NELEMS(jobs); i++)
		assert_good(jobs[i].rc, &jobs[i].e);
	/* Sixteen commits of their own would write sixteen pages at least. */
	assert_true(size_of("batch.db-wal") - before < 12 * 4120);
	assert_int_equal(count_rows(pool), 16);
	db_pool_close(pool);
}

struct writer {
	struct db_pool *pool;
	int64_t from;
	size_t good;
};

static void *
write_many(void *arg)
{
	struct writer *w = arg;
	for (int64_t i = 0; i < 50; i++) {
		struct row row = {w->from + i, "x"};
		if (db_write(w->pool, insert_fn, &row, NULL) == FAS_OK)
			w->good++;
		(void)count_rows(w->pool);
	}
	return NULL;
}

static void
many_threads_write_and_read(void **state)
{
	struct db_pool *pool = db_fixture_open("threads.db");
	pthread_t threads[8];
	struct writer writers[8];
	size_t good = 0;
	(void)state;
	/* Neighbours share half of their keys: each is won by exactly one. */
	for (size_t i = 0; i < 8; i++) {
		writers[i] = (struct writer){.pool = pool, .from = (int64_t)(25 * i)};
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		good += writers[i].good;
	}
	assert_int_equal(good, 225);
	assert_int_equal(count_rows(pool), 225);
	db_pool_close(pool);
}

static enum fas_code
count_twice_fn(struct db *db, void *arg, struct fas_err *e)
{
	struct db_pool *pool = arg;
	int64_t first = 0, second = 0;
	enum fas_code rc = count_fn(db, &first, e);
	if (rc == FAS_OK) {
		struct row row = {first + 100, "x"};
		pthread_t thread;
		struct queued job = {.fn = insert_fn, .row = row, .pool = pool};
		assert_int_equal(pthread_create(&thread, NULL, run_queued, &job), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_good(job.rc, &job.e);
		rc = count_fn(db, &second, e);
	}
	assert_int_equal(first, second);
	return rc;
}

static void
reader_sees_one_snapshot(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("snapshot.db");
	(void)state;
	assert_good(db_read(pool, count_twice_fn, pool, &e), &e);
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
}

static void
reader_cannot_write(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("ro.db");
	(void)state;
	assert_failed(db_read(pool, insert_fn, &(struct row){1, "x"}, &e), &e, FAS_E_IO,
	    "database_read_only");
	assert_int_equal(count_rows(pool), 0);
	db_pool_close(pool);
}

static void
second_user_of_the_file_is_refused(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("lock.db"), *second = NULL;
	(void)state;
	assert_failed(db_pool_open(fixture_path("lock.db"), &db_fixture_schema, 1, &second, &e), &e,
	    FAS_E_CONFLICT, "database_in_use");
	assert_null(second);
	db_pool_close(pool);
	db_pool_close(db_fixture_open("lock.db"));
}

static void
older_schema_is_brought_up(void **state)
{
	static const char *const sql[] = {
	    "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT",
	    "ALTER TABLE t ADD COLUMN w TEXT; INSERT INTO t(k,v,w) VALUES(7,'v','w')"};
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	(void)state;
	const char *path = fixture_path("up.db");
	assert_good(db_pool_open(path, &(struct db_migrations){sql, 1}, 1, &pool, &e), &e);
	db_pool_close(pool);
	assert_good(db_pool_open(path, &(struct db_migrations){sql, 2}, 1, &pool, &e), &e);
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
	assert_good(db_pool_open(path, &(struct db_migrations){sql, 2}, 0, &pool, &e), &e);
	assert_int_equal(count_rows(pool), 1);
	db_pool_close(pool);
	pool = NULL;
	assert_failed(db_pool_open(path, &(struct db_migrations){sql, 1}, 1, &pool, &e), &e,
	    FAS_E_CONFIG, "database_newer");
	assert_null(pool);
}

static void
failing_migration_changes_nothing(void **state)
{
	static const char *const bad[] = {"CREATE TABLE a(x) STRICT"};
	static const char *const half[] = {
	    "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT", "CREATE TABLE t(k)"};
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	(void)state;
	const char *path = fixture_path("half.db");
	assert_int_not_equal(
	    db_pool_open(path, &(struct db_migrations){bad, 1}, 1, &pool, &e), FAS_OK);
	fas_err_clear(&e);
	assert_int_not_equal(
	    db_pool_open(path, &(struct db_migrations){half, 2}, 1, &pool, &e), FAS_OK);
	assert_memory_equal(e.message, "migration 2: ", 13);
	fas_err_clear(&e);
	assert_good(db_pool_open(path, &(struct db_migrations){half, 1}, 1, &pool, &e), &e);
	assert_int_equal(count_rows(pool), 0);
	db_pool_close(pool);
}

static enum fas_code
meta_fn(struct db *db, void *arg, struct fas_err *e)
{
	int64_t value = 0;
	(void)arg;
	assert_good(db_meta_get_int(db, "none", 42, &value, e), e);
	assert_int_equal(value, 42);
	assert_good(db_meta_set_int(db, "key", 1, e), e);
	assert_good(db_meta_set_int(db, "key", INT64_MAX, e), e);
	assert_good(db_meta_get_int(db, "key", 0, &value, e), e);
	assert_true(value == INT64_MAX);
	assert_good(db_exec(db, "INSERT INTO meta VALUES('bad','-x')", e), e);
	return db_meta_get_int(db, "bad", 0, &value, e);
}

static void
meta_values_are_numbers(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("meta.db");
	(void)state;
	assert_failed(db_write(pool, meta_fn, NULL, &e), &e, FAS_E_IO, "database_corrupt");
	db_pool_close(pool);
}

static enum fas_code
types_fn(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	size_t len = 0;
	(void)arg;
	OWN(query)
	struct db_query q = db_query(db, "SELECT ?1, ?2, ?3, ?4", e);
	db_bind_int(&q, 1, INT64_MIN);
	db_bind_text(&q, 2, "text");
	db_bind_blob(&q, 3, "a\0b", 3);
	db_bind_text(&q, 4, NULL);
	assert_good(db_step(&q, &row), e);
	assert_true(row);
	assert_true(db_column_int(&q, 0) == INT64_MIN);
	assert_string_equal(db_column_text(&q, 1), "text");
	assert_memory_equal(db_column_blob(&q, 2, &len), "a\0b", 3);
	assert_int_equal(len, 3);
	assert_true(db_column_is_null(&q, 3));
	assert_string_equal(db_column_text(&q, 3), "");
	OWN(query) struct db_query bad = db_query(db, "SELECT nonsense FROM nowhere", e);
	db_bind_int(&bad, 1, 1);
	return db_run(&bad);
}

static void
values_cross_as_they_are_and_bad_sql_fails(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("types.db");
	(void)state;
	assert_failed(db_read(pool, types_fn, NULL, &e), &e, FAS_E_IO, "database_io");
	assert_non_null(strstr(e.message, "nowhere"));
	db_pool_close(pool);
}

static enum fas_code
nested_fn(struct db *db, void *arg, struct fas_err *e)
{
	size_t *sum = arg;
	bool row = false;
	OWN(query) struct db_query outer = db_query(db, count_sql, e);
	assert_good(db_step(&outer, &row), e);
	if (++*sum < 100)
		return nested_fn(db, arg, e);
	return FAS_OK;
}

static void
more_statements_than_are_kept_work(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = db_fixture_open("kept.db");
	size_t sum = 0;
	(void)state;
	assert_good(db_read(pool, nested_fn, &sum, &e), &e);
	sum = 0;
	assert_good(db_read(pool, nested_fn, &sum, &e), &e);
	db_pool_close(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answered_write_survives_a_crash),
	    cmocka_unit_test(written_row_is_read_back),
	    cmocka_unit_test(files_are_private),
	    cmocka_unit_test(same_key_twice_is_a_conflict),
	    cmocka_unit_test(failing_write_undoes_only_itself),
	    cmocka_unit_test(failing_write_within_a_batch_leaves_its_neighbours),
	    cmocka_unit_test(waiting_writes_are_committed_together),
	    cmocka_unit_test(log_stays_short_under_steady_writes),
	    cmocka_unit_test(many_threads_write_and_read),
	    cmocka_unit_test(reader_sees_one_snapshot),
	    cmocka_unit_test(reader_cannot_write),
	    cmocka_unit_test(second_user_of_the_file_is_refused),
	    cmocka_unit_test(older_schema_is_brought_up),
	    cmocka_unit_test(failing_migration_changes_nothing),
	    cmocka_unit_test(meta_values_are_numbers),
	    cmocka_unit_test(values_cross_as_they_are_and_bad_sql_fails),
	    cmocka_unit_test(more_statements_than_are_kept_work),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
