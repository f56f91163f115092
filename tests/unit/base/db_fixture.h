/* A database of one table t(k, v), and writes that wait together. */
#ifndef TESTS_UNIT_DB_FIXTURE_H
#define TESTS_UNIT_DB_FIXTURE_H

#include "fas/base/db.h"

struct row {
	int64_t k;
	const char *v; /* NULL breaks NOT NULL */
};

/* A write that a thread of its own makes; rc and e are its result. */
struct queued {
	db_fn *fn;
	struct row row;
	struct db_pool *pool;
	enum fas_code rc;
	struct fas_err e;
};

extern const struct db_migrations db_fixture_schema;
extern const char count_sql[];

struct db_pool *db_fixture_open(const char *name);
db_fn insert_fn, count_fn;
int64_t count_rows(struct db_pool *pool);
/* pthread's start routine of a struct queued. */
void *run_queued(void *arg);
/* The writer is held until all jobs stand in its queue, in their order; then they run as one batch. */
void run_in_one_batch(struct db_pool *pool, struct queued *jobs, size_t n);

#endif
