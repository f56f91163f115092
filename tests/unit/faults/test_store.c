/* The store without memory and without a disk: a transaction is whole or not there, and the chain of records holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/audit.h"
#include "fas/base/log.h"
#include "tests/unit/faults/faults.h"

static const char *const schema[] = {
    AUDIT_SCHEMA "CREATE TABLE pairs(id INTEGER PRIMARY KEY, half INTEGER NOT NULL) STRICT;"};
static const struct db_migrations migrations = {schema, 1};

static char folder[64];
static char path[96];

struct stage {
	struct db_pool *pool;
	int64_t last; /* pairs that were promised, or refused */
	int64_t promised;
};

static void
open_pool(struct stage *s)
{
	struct fas_err e = {0};
	if (db_pool_open(path, &migrations, 1, &s->pool, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

/* Two rows and a record: all three or none. */
static enum fas_code
insert_pair(struct db *db, void *arg, struct fas_err *e)
{
	const struct stage *s = arg;
	const struct audit_record record = {.event = "pair", .outcome = "done", .host = "h"};
	for (int half = 0; half < 2; half++) {
		OWN(query)
		struct db_query q = db_query(db, "INSERT INTO pairs(id,half) VALUES(?1,?2)", e);
		db_bind_int(&q, 1, 2 * s->last + half);
		db_bind_int(&q, 2, half);
		enum fas_code rc = db_run(&q);
		if (rc != FAS_OK)
			return rc;
	}
	return audit_append(db, &record, e);
}

struct counts {
	int64_t rows, records;
};

static enum fas_code
count_one(struct db *db, const char *sql, int64_t *out, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, sql, e);
	enum fas_code rc = db_step(&q, &row);
	*out = rc == FAS_OK && row ? db_column_int(&q, 0) : 0;
	return rc;
}

static enum fas_code
count_all(struct db *db, void *arg, struct fas_err *e)
{
	struct counts *c = arg;
	enum fas_code rc = count_one(db, "SELECT count(*) FROM pairs", &c->rows, e);
	return rc == FAS_OK ? count_one(db, "SELECT count(*) FROM audit", &c->records, e) : rc;
}

static void
next_pair(void *arg)
{
	struct stage *s = arg;
	s->last++;
}

static enum fas_code
run_pair(void *arg, struct fas_err *e)
{
	struct stage *s = arg;
	return db_write(s->pool, insert_pair, s, e);
}

/* What was promised is there; what was not is whole or not there. */
static void
check_pair(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct stage *s = arg;
	struct counts c = {0};
	struct fas_err e = {0};
	(void)why;
	s->promised += rc == FAS_OK;
	if (db_read(s->pool, count_all, &c, &e) != FAS_OK)
		fail_msg("afterwards: %s", e.message);
	assert_int_equal(c.rows, 2 * c.records);
	assert_true(c.records >= s->promised);
}

static void
a_transaction_is_whole_or_not_there(void **state)
{
	struct stage *s = *state;
	const struct fault_case c = {next_pair, run_pair, check_pair, true};
	(void)faults_each(FAULT_MEMORY, &c, s);
	(void)faults_each(FAULT_SYSTEM, &c, s);
	db_pool_close(s->pool);
	open_pool(s);
	check_pair(s, FAS_E_IO, NULL);
}

static enum fas_code
run_count(void *arg, struct fas_err *e)
{
	struct stage *s = arg;
	struct counts c = {0};
	return db_read(s->pool, count_all, &c, e);
}

static void
reading_fails_or_tells_all(void **state)
{
	const struct fault_case c = {.run = run_count, .may_survive = true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
}

static void
close_pool(void *arg)
{
	struct stage *s = arg;
	db_pool_close(s->pool);
	s->pool = NULL;
}

static enum fas_code
run_open(void *arg, struct fas_err *e)
{
	struct stage *s = arg;
	return db_pool_open(path, &migrations, 1, &s->pool, e);
}

static void
check_opened(void *arg, enum fas_code rc, const struct fas_err *e)
{
	struct stage *s = arg;
	(void)e;
	assert_true((rc == FAS_OK) == (s->pool != NULL));
	if (!s->pool)
		open_pool(s);
	check_pair(s, FAS_E_IO, NULL);
}

static void
a_store_that_did_not_open_opens_the_next_time(void **state)
{
	const struct fault_case c = {close_pool, run_open, check_opened, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
remove_store(void *arg)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
	char file[128];
	close_pool(arg);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
		(void)unlink(file);
	}
	((struct stage *)arg)->promised = 0;
}

static void
a_store_that_was_not_made_is_made_the_next_time(void **state)
{
	const struct fault_case c = {remove_store, run_open, check_opened, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static int
set_up(void **state)
{
	static struct stage stage;
	const char *base = getenv("TMPDIR");
	/* thousands of new databases: in memory, where there is such a folder */
	if (!base)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	(void)snprintf(folder, sizeof(folder), "%.40s/fas-faults-XXXXXX", base);
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/store.db", folder);
	open_pool(&stage);
	*state = &stage;
	return 0;
}

static int
tear_down(void **state)
{
	remove_store(*state);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_transaction_is_whole_or_not_there),
	    cmocka_unit_test(reading_fails_or_tells_all),
	    cmocka_unit_test(a_store_that_did_not_open_opens_the_next_time),
	    cmocka_unit_test(a_store_that_was_not_made_is_made_the_next_time),
	};
	return cmocka_run_group_tests_name("a store in need", tests, set_up, tear_down);
}
