#include "fas/base/db_batch.h"

#include <string.h>

#include "fas/base/clock.h"

/* One job in its savepoint; its error is its own.  A failed one that cannot be undone must not be committed: *e. */
static enum fas_code
run_job(struct db *db, struct job *job, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	job->rc = db_exec_kept(db, "SAVEPOINT job", job->e);
	if (job->rc != FAS_OK)
		return FAS_OK;
	job->rc = job->fn(db, job->arg, job->e);
	if (job->rc != FAS_OK && db_in_transaction(db))
		rc = db_exec_kept(db, "ROLLBACK TO job", e);
	enum fas_code released = db_exec_kept(db, "RELEASE job", job->rc == FAS_OK ? job->e : NULL);
	if (job->rc == FAS_OK)
		job->rc = released;
	return rc;
}

/* The commit failed: whoever thought that he had succeeded is told. */
static void
fail_batch(struct job *jobs, enum fas_code rc, const struct fas_err *why)
{
	for (struct job *job = jobs; job; job = job->next) {
		if (job->rc == FAS_OK)
			job->rc = fas_fail(job->e, rc, why->reason, "commit: %s", why->message);
	}
}

/*
 * On a full disk or an I/O error SQLite may roll back the whole transaction by itself.  What the batch did
 * before is gone then, and what came after would commit on its own: the batch ends here.
 */
static enum fas_code
check_transaction(struct db *db, const struct job *job, struct fas_err *e)
{
	if (db_in_transaction(db))
		return FAS_OK;
	if (job->rc != FAS_OK && job->e)
		return fas_fail(e, job->rc, job->e->reason, "rolled back: %s", job->e->message);
	return fas_fail(e, FAS_E_IO, "database_io", "the transaction was rolled back");
}

static enum fas_code
run_jobs(struct db *db, struct job *jobs, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (struct job *job = jobs; rc == FAS_OK && job; job = job->next) {
		rc = run_job(db, job, e);
		if (rc == FAS_OK)
			rc = check_transaction(db, job, e);
	}
	return rc;
}

/* Alone in its transaction a job needs no savepoint: when it fails, all is undone, and nothing is left to commit. */
static enum fas_code
run_alone(struct db *db, struct job *job, struct fas_err *e)
{
	job->rc = job->fn(db, job->arg, job->e);
	if (job->rc != FAS_OK)
		return fas_fail(e, job->rc, "undone", "the job has failed");
	return check_transaction(db, job, e);
}

/* Also a rollback may find no memory: then the next batch, or reader, makes up for it before it begins. */
void
db_batch_end(struct db *db)
{
	if (db_in_transaction(db) && db_exec_kept(db, "ROLLBACK", NULL) != FAS_OK)
		db_undo(db, "ROLLBACK");
}

void
db_batch_run(struct db *db, struct job *jobs)
{
	struct fas_err e = {0};
	db_batch_end(db);
	enum fas_code rc = db_exec_kept(db, "BEGIN IMMEDIATE", &e);
	if (rc == FAS_OK)
		rc = jobs->next ? run_jobs(db, jobs, &e) : run_alone(db, jobs, &e);
	if (rc == FAS_OK)
		rc = clock_store(db, &e);
	if (rc == FAS_OK)
		rc = db_exec_kept(db, "COMMIT", &e);
	if (rc == FAS_OK)
		return;
	db_batch_end(db);
	fail_batch(jobs, rc, &e);
}

/* Of the reasons that db_write can give, those that are the store's own. */
bool
db_batch_job_failed(const struct job *job)
{
	return job->rc != FAS_OK && job->e &&
	       (strcmp(job->e->reason, "disk_full") == 0 ||
		   strncmp(job->e->reason, "database_", strlen("database_")) == 0);
}
