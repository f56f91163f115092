/* Many waiting writes, one transaction.  For db_writer.c. */
#ifndef FAS_BASE_DB_BATCH_H
#define FAS_BASE_DB_BATCH_H

#include <semaphore.h>

#include "fas/base/db.h"

/* One waiting db_write; lives on the stack of its caller. */
struct job {
	db_fn *fn;
	void *arg;
	struct fas_err *e;
	enum fas_code rc;
	struct job *next;
	sem_t done; /* posted without the pool's lock: who wakes has nothing left to wait for */
};

/* Run and commit all of them; each job's rc says what became of it. */
void db_batch_run(struct db *db, struct job *jobs);
/* Has this one failed for a reason of the store's own? */
bool db_batch_job_failed(const struct job *job);
/* Roll back whatever is open: also a rollback may have failed. */
void db_batch_end(struct db *db);

#endif
