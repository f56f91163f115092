/* What ca.db may forget: rows as they lie there; and when its thread ends. */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/prune.h"
#include "ca/publisher.h"
#include "ca/store.h"

#define LOGON 1 /* issuers of the store below: the logon CA, whose last CRL is of second 5000 ... */
#define SERVICE 2 /* ... and the service CA */

struct shelf {
	char folder[32], path[64];
	struct db_pool *db;
};

static enum fas_code
fill(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	return db_exec(db,
	    "INSERT INTO issuers(id,kind,authority,generation,crl_this) VALUES(1,1,'main',1,5000),"
	    "(2,3,'service',1,0)",
	    e);
}

static int
open_shelf(void **state)
{
	struct fas_err e = {0};
	struct shelf *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/fas-prune.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->path, sizeof(s->path), "%s/ca.db", s->folder);
	assert_int_equal(db_pool_open(s->path, &ca_migrations, 1, &s->db, &e), FAS_OK);
	assert_int_equal(db_write(s->db, fill, NULL, &e), FAS_OK);
	*state = s;
	return 0;
}

static int
close_shelf(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	struct shelf *s = *state;
	char path[96];
	db_pool_close(s->db);
	for (size_t i = 0; i < NELEMS(ends); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", s->path, ends[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(s->folder), 0);
	free(s);
	return 0;
}

struct piece {
	int64_t issuer, end_s;
	bool revoked;
};

static enum fas_code
put(struct db *db, void *arg, struct fas_err *e)
{
	const struct piece *p = arg;
	OWN(query)
	struct db_query q = db_query(db,
	    "INSERT INTO certificates(issuer,profile,serial,request_id,request_digest,tbs,"
	    "tbs_digest,spki_digest,created_ms,not_before,not_after,revoked_at,reason) "
	    "VALUES(?1,'x',randomblob(19),hex(randomblob(8)),x'',x'',x'',x'',0,0,?2,?3,0)",
	    e);
	db_bind_int(&q, 1, p->issuer);
	db_bind_int(&q, 2, p->end_s);
	if (p->revoked)
		db_bind_int(&q, 3, 1);
	return db_run(&q);
}

static void
add(struct shelf *s, int64_t issuer, int64_t end_s, bool revoked)
{
	struct fas_err e = {0};
	struct piece p = {issuer, end_s, revoked};
	assert_int_equal(db_write(s->db, put, &p, &e), FAS_OK);
}

static enum fas_code
count(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT COUNT(*) FROM certificates", e);
	enum fas_code rc = db_step(&q, &row);
	*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

struct cut {
	int64_t before_s, n;
	size_t limit;
};

static enum fas_code
run_cut(struct db *db, void *arg, struct fas_err *e)
{
	struct cut *c = arg;
	return store_prune(db, c->before_s, c->limit, &c->n, e);
}

/* So many went, and so many are left. */
static void
pruned(struct shelf *s, int64_t before_s, size_t limit, int64_t went, int64_t left)
{
	struct fas_err e = {0};
	int64_t n = 0;
	struct cut c = {.before_s = before_s, .limit = limit};
	assert_int_equal(db_write(s->db, run_cut, &c, &e), FAS_OK);
	assert_int_equal(c.n, went);
	assert_int_equal(db_read(s->db, count, &n, &e), FAS_OK);
	assert_int_equal(n, left);
}

static void
only_what_ended_before_goes(void **state)
{
	add(*state, LOGON, 999, false);
	add(*state, LOGON, 1000, false);
	add(*state, LOGON, 1001, false);
	pruned(*state, 1000, 100, 1, 2);
}

static void
a_revoked_one_stays_until_a_list_of_after_its_end_had_it(void **state)
{
	add(*state, LOGON, 4999, true);
	add(*state, LOGON, 5000, true);
	add(*state, LOGON, 5001, true);
	add(*state, LOGON, 9999, false);
	pruned(*state, 9000, 100, 1, 3);
}

static void
a_revoked_machine_is_on_no_list_and_goes(void **state)
{
	add(*state, SERVICE, 8000, true);
	add(*state, LOGON, 9999, false);
	pruned(*state, 9000, 100, 1, 1);
}

static void
the_newest_row_stays_since_its_number_counts(void **state)
{
	add(*state, LOGON, 10, false);
	add(*state, LOGON, 11, false);
	pruned(*state, 9000, 100, 1, 1);
	pruned(*state, 9001, 100, 0, 1);
}

static void
one_transaction_takes_no_more_than_it_may(void **state)
{
	for (int64_t i = 1; i <= 6; i++)
		add(*state, LOGON, i, false);
	pruned(*state, 9000, 2, 2, 4);
	pruned(*state, 9000, 2, 2, 2);
	pruned(*state, 9000, 2, 1, 1);
}

/* ---- the thread ---- */

static const char *first_stopped;

void __real_prune_stop(struct pruner *p);
void __wrap_prune_stop(struct pruner *p);
void __real_publisher_stop(struct publisher *p);
void __wrap_publisher_stop(struct publisher *p);

void
__wrap_prune_stop(struct pruner *p)
{
	first_stopped = first_stopped ? first_stopped : "pruner";
	__real_prune_stop(p);
}

void
__wrap_publisher_stop(struct publisher *p)
{
	first_stopped = first_stopped ? first_stopped : "publisher";
	__real_publisher_stop(p);
}

static void
it_ends_before_the_publisher_that_it_asks(void **state)
{
	struct place *place = place_new(&(struct place_options){.key = "p-256"});
	(void)state;
	first_stopped = NULL;
	place_free(place);
	assert_non_null(first_stopped);
	assert_string_equal(first_stopped, "pruner");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, open_shelf, close_shelf)
	    T(only_what_ended_before_goes),
	    T(a_revoked_one_stays_until_a_list_of_after_its_end_had_it),
	    T(a_revoked_machine_is_on_no_list_and_goes),
	    T(the_newest_row_stays_since_its_number_counts),
	    T(one_transaction_takes_no_more_than_it_may),
	    cmocka_unit_test(it_ends_before_the_publisher_that_it_asks),
	};
	return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
