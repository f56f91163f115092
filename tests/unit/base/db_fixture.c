#include "tests/unit/base/base_fixture.h"
#include "tests/unit/base/db_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOBS_MAX 32

static const char *const schema[] = {
    "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT"};

const struct db_migrations db_fixture_schema = {schema, 1};
const char count_sql[] = "SELECT count(*) FROM t";

struct db_pool *
db_fixture_open(const char *name)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	assert_good(db_pool_open(fixture_path(name), &db_fixture_schema, 2, &pool, &e), &e);
	return pool;
}

enum fas_code
insert_fn(struct db *db, void *arg, struct fas_err *e)
{
	const struct row *row = arg;
	OWN(query) struct db_query q = db_query(db, "INSERT INTO t(k,v) VALUES(?1,?2)", e);
	db_bind_int(&q, 1, row->k);
	db_bind_text(&q, 2, row->v);
	return db_run(&q);
}

enum fas_code
count_fn(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, count_sql, e);
	enum fas_code rc = db_step(&q, &row);
	if (rc == FAS_OK)
		*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

int64_t
count_rows(struct db_pool *pool)
{
	struct fas_err e = {0};
	int64_t n = -1;
	assert_good(db_read(pool, count_fn, &n, &e), &e);
	return n;
}

void *
run_queued(void *arg)
{
	struct queued *job = arg;
	job->rc = db_write(job->pool, job->fn, &job->row, &job->e);
	return NULL;
}

struct gate {
	_Atomic bool entered, open;
};

static enum fas_code
gate_fn(struct db *db, void *arg, struct fas_err *e)
{
	struct gate *gate = arg;
	(void)db;
	(void)e;
	atomic_store(&gate->entered, true);
	while (!atomic_load(&gate->open))
		(void)sched_yield();
	return FAS_OK;
}

struct gate_job {
	struct db_pool *pool;
	struct gate gate;
};

static void *
run_gate(void *arg)
{
	struct gate_job *job = arg;
	assert_int_equal(db_write(job->pool, gate_fn, &job->gate, NULL), FAS_OK);
	return NULL;
}

struct started {
	struct queued *job;
	_Atomic pid_t tid;
};

static void *
run_started(void *arg)
{
	struct started *started = arg;
	atomic_store(&started->tid, (pid_t)syscall(SYS_gettid));
	return run_queued(started->job);
}

/* Does the thread sleep?  After its start only db_write's wait makes it. */
static bool
sleeps(pid_t tid)
{
	char path[64], text[256] = {0};
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	const char *end = n ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' && end[2] == 'S';
}

void
run_in_one_batch(struct db_pool *pool, struct queued *jobs, size_t n)
{
	struct gate_job holder = {.pool = pool};
	struct started started[JOBS_MAX];
	pthread_t threads[JOBS_MAX], gate_thread;
	assert_true(n <= JOBS_MAX);
	assert_int_equal(pthread_create(&gate_thread, NULL, run_gate, &holder), 0);
	while (!atomic_load(&holder.gate.entered))
		(void)sched_yield();
	for (size_t i = 0; i < n; i++) {
		jobs[i].pool = pool;
		started[i].job = &jobs[i];
		atomic_init(&started[i].tid, 0);
		assert_int_equal(pthread_create(&threads[i], NULL, run_started, &started[i]), 0);
		while (!atomic_load(&started[i].tid) || !sleeps(atomic_load(&started[i].tid)))
			(void)sched_yield();
	}
	atomic_store(&holder.gate.open, true);
	assert_int_equal(pthread_join(gate_thread, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}
