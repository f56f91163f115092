/* The pool of one database: the writer that commits what waits, the readers, the checkpointer. */
#include "fas/base/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fas/base/clock.h"
#include "fas/base/db_batch.h"

#define BATCH_MAX 64
#define READERS_MAX 16
#define CHECKPOINT_EACH_S 2
#define CHECKPOINT_PAGES 4096 /* or when the log has so many: 16 MB */
#define WRITER_NICE 10
#define LOG_PAGES_MAX 8192 /* with so many the writer waits for the checkpoint */

struct db_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t reader_free;
	struct job *first, *last;
	bool closing;
	struct db *writer, *checkpointer;
	struct db *readers[READERS_MAX];
	size_t n_readers, n_free; /* readers[0..n_free) are free */
	pthread_t writer_thread, checkpoint_thread;
	bool writer_runs, checkpoint_runs;
	pthread_cond_t checkpoint_wake, checkpoint_done;
	bool checkpoint_due, checkpoint_ended; /* the log is long; the writer has to finish it */
	atomic_bool damaged;
	struct fas_err unkept; /* why the last batch could not be kept; under the lock */
	int lock_fd;
};

enum fas_code
db_pool_check(struct db_pool *pool, struct fas_err *e)
{
	return atomic_load(&pool->damaged)
		   ? fas_fail(e, FAS_E_IO, "database_corrupt",
			 "the database is damaged, and nothing is issued with it: put back a copy "
			 "(docs/ADMIN.md, When something breaks)")
		   : FAS_OK;
}

enum fas_code
db_pool_check_writes(struct db_pool *pool, struct fas_err *e)
{
	(void)pthread_mutex_lock(&pool->lock);
	const struct fas_err why = pool->unkept;
	(void)pthread_mutex_unlock(&pool->lock);
	return why.code == FAS_OK ? FAS_OK : fas_fail(e, why.code, why.reason, "%s", why.message);
}

static void
set_unkept(struct db_pool *pool, const struct fas_err *why)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->unkept = *why;
	(void)pthread_mutex_unlock(&pool->lock);
}

/*
 * Before whoever waits is woken.  What failed for other reasons, or had nothing to write, says nothing.  Only the writer
 * changes this: it need not lock to see that there is nothing to change.
 */
static void
note_unkept(struct db_pool *pool, const struct job *batch, bool wrote)
{
	if (wrote && pool->unkept.code != FAS_OK)
		set_unkept(pool, &(struct fas_err){0});
	for (; batch; batch = batch->next) {
		if (db_batch_job_failed(batch))
			set_unkept(pool, batch->e);
	}
}

/* Cut at most BATCH_MAX jobs off the queue. */
static struct job *
take_batch(struct db_pool *pool)
{
	struct job *batch = pool->first, *end = batch;
	for (size_t n = 1; end && end->next && n < BATCH_MAX; n++)
		end = end->next;
	pool->first = end ? end->next : NULL;
	if (!pool->first)
		pool->last = NULL;
	if (end)
		end->next = NULL;
	return batch;
}

static void
wake_batch(struct job *jobs)
{
	while (jobs) {
		struct job *next = jobs->next; /* the job is gone once its caller has been woken */
		(void)sem_post(&jobs->done);
		jobs = next;
	}
}

/*
 * The log begins anew only when a checkpoint has reached its very end, which it never does while commits go on behind
 * it: under load it would grow without bounds, and each commit with it cost more.  So the checkpointer does the bulk,
 * and the writer, between two batches, the little that has come since.  Where the checkpointer gets too little of the
 * processor, the writer waits for it: the log must not depend on who is faster.
 */
static void
check_log(struct db_pool *pool)
{
	while (pool->checkpoint_due && !pool->closing && db_wal_pages(pool->writer) > LOG_PAGES_MAX)
		(void)pthread_cond_wait(&pool->checkpoint_done, &pool->lock);
	if (pool->checkpoint_ended) {
		(void)pthread_mutex_unlock(&pool->lock);
		db_checkpoint(pool->writer, false);
		(void)pthread_mutex_lock(&pool->lock);
		pool->checkpoint_ended = false;
	} else if (!pool->checkpoint_due && db_wal_pages(pool->writer) > CHECKPOINT_PAGES) {
		pool->checkpoint_due = true;
		(void)pthread_cond_signal(&pool->checkpoint_wake);
	}
}

/*
 * While the processors are all busy, those who work go first and then wait together: each commit serves more of them
 * (a twentieth of a logon's CPU).  On Linux the value is the thread's own.  Without it all works as well.
 */
static void
step_back(void)
{
	(void)setpriority(PRIO_PROCESS, 0, WRITER_NICE);
}

static void *
writer_main(void *arg)
{
	struct db_pool *pool = arg;
	(void)pthread_setname_np(pthread_self(), "db-write");
	step_back();
	(void)pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->first && !pool->closing)
			(void)pthread_cond_wait(&pool->work, &pool->lock);
		if (!pool->first)
			break;
		struct job *batch = take_batch(pool);
		(void)pthread_mutex_unlock(&pool->lock);
		uint64_t commits = db_commits(pool->writer);
		db_batch_run(pool->writer, batch);
		note_unkept(pool, batch, db_commits(pool->writer) != commits);
		wake_batch(batch);
		(void)pthread_mutex_lock(&pool->lock);
		check_log(pool);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void *
checkpoint_main(void *arg)
{
	struct db_pool *pool = arg;
	(void)pthread_setname_np(pthread_self(), "db-checkpoint");
	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->closing) {
		const struct timespec until = clock_deadline(CHECKPOINT_EACH_S * 1000);
		while (!pool->closing && !pool->checkpoint_due &&
		       pthread_cond_timedwait(&pool->checkpoint_wake, &pool->lock, &until) == 0)
			continue;
		(void)pthread_mutex_unlock(&pool->lock);
		db_checkpoint(pool->checkpointer, false);
		(void)pthread_mutex_lock(&pool->lock);
		pool->checkpoint_due = false;
		pool->checkpoint_ended = true;
		(void)pthread_cond_signal(&pool->checkpoint_done);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

enum fas_code
db_write(struct db_pool *pool, db_fn *fn, void *arg, struct fas_err *e)
{
	struct job job = {.fn = fn, .arg = arg, .e = e};
	(void)sem_init(&job.done, 0, 0);
	(void)pthread_mutex_lock(&pool->lock);
	if (pool->last)
		pool->last->next = &job;
	else
		pool->first = &job;
	pool->last = &job;
	(void)pthread_mutex_unlock(&pool->lock);
	/* Behind the unlock, here and below: whoever wakes must not run into the lock at once. */
	(void)pthread_cond_signal(&pool->work);
	while (sem_wait(&job.done) != 0 && errno == EINTR)
		continue;
	(void)sem_destroy(&job.done);
	return job.rc;
}

static struct db *
take_reader(struct db_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	while (pool->n_free == 0)
		(void)pthread_cond_wait(&pool->reader_free, &pool->lock);
	struct db *db = pool->readers[--pool->n_free];
	(void)pthread_mutex_unlock(&pool->lock);
	return db;
}

static void
give_reader(struct db_pool *pool, struct db *db)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->readers[pool->n_free++] = db;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)pthread_cond_signal(&pool->reader_free);
}

enum fas_code
db_read(struct db_pool *pool, db_fn *fn, void *arg, struct fas_err *e)
{
	struct db *db = take_reader(pool);
	db_batch_end(db);
	enum fas_code rc = db_exec_kept(db, "BEGIN", e);
	if (rc == FAS_OK) {
		rc = fn(db, arg, e);
		if (db_exec_kept(db, "COMMIT", NULL) != FAS_OK)
			db_batch_end(db);
	}
	give_reader(pool, db);
	return rc;
}

static enum fas_code
lock_file(struct db_pool *pool, const char *path, struct fas_err *e)
{
	char lock_path[PATH_MAX];
	if (snprintf(lock_path, sizeof(lock_path), "%s.lock", path) >= (int)sizeof(lock_path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	pool->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (pool->lock_fd < 0)
		return fas_fail_errno(e, "%s", lock_path);
	if (flock(pool->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return FAS_OK;
	if (errno == EWOULDBLOCK)
		return fas_fail(
		    e, FAS_E_CONFLICT, "database_in_use", "%s is in use by another process", path);
	return fas_fail_errno(e, "%s", lock_path);
}

/* The file exists with its mode before SQLite opens it: nothing in it is ever readable by others. */
static enum fas_code
create_private(const char *path, struct fas_err *e)
{
	OWN(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 ? FAS_OK : fas_fail_errno(e, "%s", path);
}

static enum fas_code
connect_all(struct db_pool *pool, const char *path, const struct db_migrations *m, size_t n_readers,
    struct fas_err *e)
{
	enum fas_code rc = lock_file(pool, path, e);
	if (rc == FAS_OK)
		rc = create_private(path, e);
	if (rc == FAS_OK)
		rc = db_connect(path, true, &pool->writer, e);
	if (rc == FAS_OK)
		rc = db_migrate(pool->writer, m, e);
	if (rc == FAS_OK)
		rc = clock_load(pool->writer, e);
	if (rc == FAS_OK)
		rc = db_connect(path, true, &pool->checkpointer, e);
	for (size_t i = 0; rc == FAS_OK && i < n_readers && i < READERS_MAX; i++) {
		rc = db_connect(path, false, &pool->readers[i], e);
		if (rc == FAS_OK)
			pool->n_free = ++pool->n_readers;
	}
	for (size_t i = 0; rc == FAS_OK && i < pool->n_readers; i++)
		db_watch(pool->readers[i], &pool->damaged);
	if (rc == FAS_OK) {
		db_watch(pool->writer, &pool->damaged);
		db_watch(pool->checkpointer, &pool->damaged);
	}
	return rc;
}

static enum fas_code
start_threads(struct db_pool *pool, struct fas_err *e)
{
	pool->writer_runs = pthread_create(&pool->writer_thread, NULL, writer_main, pool) == 0;
	pool->checkpoint_runs =
	    pthread_create(&pool->checkpoint_thread, NULL, checkpoint_main, pool) == 0;
	if (!pool->writer_runs || !pool->checkpoint_runs)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "no_thread", "cannot start the database's threads");
	return FAS_OK;
}

enum fas_code
db_pool_open(const char *path, const struct db_migrations *migrations, size_t n_readers,
    struct db_pool **out, struct fas_err *e)
{
	struct db_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return fas_fail_nomem(e);
	pool->lock_fd = -1;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->work, NULL);
	(void)pthread_cond_init(&pool->reader_free, NULL);
	(void)pthread_cond_init(&pool->checkpoint_done, NULL);
	clock_cond_init(&pool->checkpoint_wake);
	enum fas_code rc = connect_all(pool, path, migrations, n_readers ? n_readers : 1, e);
	if (rc == FAS_OK)
		rc = start_threads(pool, e);
	if (rc != FAS_OK) {
		db_pool_close(pool);
		return rc;
	}
	*out = pool;
	return FAS_OK;
}

static void
stop_threads(struct db_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	(void)pthread_cond_broadcast(&pool->work);
	(void)pthread_cond_broadcast(&pool->checkpoint_wake);
	(void)pthread_cond_broadcast(&pool->checkpoint_done);
	(void)pthread_mutex_unlock(&pool->lock);
	if (pool->writer_runs)
		(void)pthread_join(pool->writer_thread, NULL);
	if (pool->checkpoint_runs)
		(void)pthread_join(pool->checkpoint_thread, NULL);
}

void
db_pool_close(struct db_pool *pool)
{
	if (!pool)
		return;
	stop_threads(pool);
	for (size_t i = 0; i < pool->n_readers; i++)
		db_close(pool->readers[i]);
	db_close(pool->checkpointer);
	if (pool->writer)
		db_checkpoint(pool->writer, true);
	db_close(pool->writer);
	if (pool->lock_fd >= 0)
		(void)close(pool->lock_fd);
	(void)pthread_mutex_destroy(&pool->lock);
	(void)pthread_cond_destroy(&pool->work);
	(void)pthread_cond_destroy(&pool->reader_free);
	(void)pthread_cond_destroy(&pool->checkpoint_wake);
	(void)pthread_cond_destroy(&pool->checkpoint_done);
	free(pool);
}
