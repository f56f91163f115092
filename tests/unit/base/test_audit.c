/* The chain: whatever is changed behind its back is found, but for a cut tail (the heads kept elsewhere find that). */
#include "tests/unit/base/base_fixture.h"

#include <unistd.h>

#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fas/base/audit.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define ID "00112233445566778899aabbccddeeff"

static const char *const schema[] = {AUDIT_SCHEMA};
static const struct db_migrations migrations = {schema, 1};

static struct db_pool *
open_pool(void)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	assert_good(db_pool_open(fixture_path("audit.db"), &migrations, 1, &pool, &e), &e);
	return pool;
}

static enum fas_code
append_fn(struct db *db, void *arg, struct fas_err *e)
{
	return audit_append(db, arg, e);
}

static void
append(struct db_pool *pool, const char *event, const char *id)
{
	struct fas_err e = {0};
	struct audit_record r = {.event = event, .outcome = "done", .correlation_id = id};
	assert_good(db_write(pool, append_fn, &r, &e), &e);
}

/* A fresh trail of five records. */
static int
five_records(void **state)
{
	static const char *const rest[] = {"audit.db", "audit.db-wal", "audit.db-shm"};
	for (size_t i = 0; i < NELEMS(rest); i++)
		(void)unlink(fixture_path(rest[i]));
	struct db_pool *pool = open_pool();
	append(pool, "one", ID);
	append(pool, "two", NULL);
	append(pool, "three", ID);
	append(pool, "four", NULL);
	append(pool, "five", ID);
	*state = pool;
	return 0;
}

static int
close_trail(void **state)
{
	db_pool_close(*state);
	return 0;
}

/* The first finding, and how many records were good before it. */
struct verdict {
	int64_t records, broken_seq;
	char what[32], finding[128], head[65];
	struct audit_place place;
	size_t findings;
};

static bool
keep_first(const struct audit_finding *finding, void *arg)
{
	struct verdict *v = arg;
	if (v->findings++ == 0) {
		v->broken_seq = finding->seq;
		(void)snprintf(v->what, sizeof(v->what), "%s", finding->what);
		(void)snprintf(v->finding, sizeof(v->finding), "%s", finding->meaning);
	}
	return true;
}

static enum fas_code
verify_fn(struct db *db, void *arg, struct fas_err *e)
{
	struct verdict *v = arg;
	size_t n = 0;
	enum fas_code rc;
	do { /* in small pages: where they meet nothing is lost */
		rc = audit_check(db, &v->place, 2, &n, keep_first, v, e);
		v->records += (int64_t)n;
	} while (rc == FAS_OK && n == 2);
	return rc;
}

static struct verdict
verify(struct db_pool *pool)
{
	struct fas_err e = {0};
	struct verdict v = {0};
	assert_good(db_read(pool, verify_fn, &v, &e), &e);
	hex_encode(v.place.hash, AUDIT_HASH, v.head);
	return v;
}

/* As somebody with the file in hand. */
static void
tamper(const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(fixture_path("audit.db"), &db), SQLITE_OK);
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	assert_true(sqlite3_total_changes(db) > 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
untouched_chain_is_whole(void **state)
{
	struct verdict v = verify(*state);
	assert_int_equal(v.broken_seq, 0);
	assert_int_equal(v.records, 5);
	assert_int_equal(strlen(v.head), 64);
	assert_string_not_equal(
	    v.head, "0000000000000000000000000000000000000000000000000000000000000000");
}

static void
each_tampering_is_found(void **state)
{
	static const struct {
		const char *sql;
		int64_t seq;
		const char *finding;
		size_t findings; /* in all: an edit is one, what it moves may be more */
	} rows[] = {
	    {"UPDATE audit SET body=replace(body,'done','allow') WHERE seq=3", 3,
		"the record has been changed", 1},
	    {"UPDATE audit SET body=body||' ' WHERE seq=5", 5, "the record has been changed", 1},
	    {"UPDATE audit SET body=body||char(0)||'hidden' WHERE seq=2", 2,
		"the record has been changed", 1},
	    {"UPDATE audit SET time_ms=time_ms-1 WHERE seq=1", 1, "the record has been changed", 1},
	    {"UPDATE audit SET hash=zeroblob(32) WHERE seq=4", 4, "the record has been changed", 2},
	    {"UPDATE audit SET hash=zeroblob(31) WHERE seq=4", 4, "the record has no hash", 2},
	    {"UPDATE audit SET previous=zeroblob(32) WHERE seq=4", 4,
		"the record does not follow its predecessor", 1},
	    {"DELETE FROM audit WHERE seq=3", 4, "a record is missing before this one", 1},
	    {"DELETE FROM audit WHERE seq=1", 2, "a record is missing before this one", 1},
	    {"DELETE FROM audit WHERE seq=3; UPDATE audit SET seq=seq-1 WHERE seq>3", 3,
		"the record does not follow its predecessor", 2},
	    {"UPDATE audit SET seq=-3 WHERE seq=3; UPDATE audit SET seq=3 WHERE seq=4;"
	     "UPDATE audit SET seq=4 WHERE seq=-3",
		3, "the record does not follow its predecessor", 3},
	    {"INSERT INTO audit SELECT 6,time_ms,correlation_id,event,body,previous,hash FROM "
	     "audit "
	     "WHERE seq=5",
		6, "the record does not follow its predecessor", 1},
	    {"UPDATE audit SET correlation_id='" ID "' WHERE seq=2", 2,
		"the record's columns do not agree with its body", 1},
	    {"UPDATE audit SET correlation_id='' WHERE seq=3", 3,
		"the record's columns do not agree with its body", 1},
	    {"UPDATE audit SET event='other' WHERE seq=4", 4,
		"the record's columns do not agree with its body", 1},
	};
	for (size_t i = 0; i < NELEMS(rows); i++) {
		assert_int_equal(close_trail(state), 0);
		assert_int_equal(five_records(state), 0);
		tamper(rows[i].sql);
		struct verdict v = verify(*state);
		assert_string_equal(v.finding, rows[i].finding);
		assert_int_equal(v.broken_seq, rows[i].seq);
		assert_int_equal(v.findings, rows[i].findings);
	}
}

static void
cut_tail_changes_the_head(void **state)
{
	struct verdict before = verify(*state);
	tamper("DELETE FROM audit WHERE seq=5");
	struct verdict after = verify(*state);
	assert_int_equal(after.broken_seq, 0);
	assert_int_equal(after.records, 4);
	assert_string_not_equal(before.head, after.head);
}

static void
chain_goes_on_after_a_restart(void **state)
{
	db_pool_close(*state);
	*state = open_pool();
	append(*state, "six", NULL);
	struct verdict v = verify(*state);
	assert_int_equal(v.records, 6);
	assert_int_equal(v.broken_seq, 0);
}

static enum fas_code
append_and_fail_fn(struct db *db, void *arg, struct fas_err *e)
{
	enum fas_code rc = audit_append(db, arg, e);
	return rc == FAS_OK ? fas_fail(e, FAS_E_DENIED, "on_purpose", "undo") : rc;
}

static void
record_of_an_act_that_failed_is_undone_with_it(void **state)
{
	struct fas_err e = {0};
	struct audit_record r = {.event = "undone"};
	assert_failed(db_write(*state, append_and_fail_fn, &r, &e), &e, FAS_E_DENIED, "on_purpose");
	append(*state, "six", NULL);
	struct verdict v = verify(*state);
	assert_int_equal(v.records, 6);
	assert_int_equal(v.broken_seq, 0);
}

struct seen {
	size_t n;
	json_int_t seq[8];
	json_t *last;
};

static enum fas_code
note(json_t *body, void *arg, struct fas_err *e)
{
	struct seen *seen = arg;
	(void)e;
	seen->seq[seen->n++ % 8] = json_integer_value(json_object_get(body, "seq"));
	json_decref(seen->last);
	seen->last = json_deep_copy(body);
	return FAS_OK;
}

struct each_args {
	int64_t after;
	size_t limit;
	const char *id;
	struct seen seen;
};

static enum fas_code
each_fn(struct db *db, void *arg, struct fas_err *e)
{
	struct each_args *a = arg;
	return audit_each(db, a->after, a->limit, a->id, note, &a->seen, e);
}

static void
records_are_listed_in_order_and_by_correlation(void **state)
{
	struct fas_err e = {0};
	struct each_args all = {.after = 1, .limit = 3}, one = {.limit = 10, .id = ID};
	assert_good(db_read(*state, each_fn, &all, &e), &e);
	assert_int_equal(all.seen.n, 3);
	assert_int_equal(all.seen.seq[0], 2);
	assert_int_equal(all.seen.seq[2], 4);
	assert_good(db_read(*state, each_fn, &one, &e), &e);
	assert_int_equal(one.seen.n, 3);
	assert_int_equal(one.seen.seq[1], 3);
	assert_string_equal(json_string_value(json_object_get(one.seen.last, "event")), "five");
	assert_int_equal(strlen(json_string_value(json_object_get(one.seen.last, "hash"))), 64);
	assert_non_null(json_object_get(one.seen.last, "time"));
	json_decref(all.seen.last);
	json_decref(one.seen.last);
}

static void
record_holds_its_members_and_detail(void **state)
{
	struct fas_err e = {0};
	struct each_args args = {.after = 5, .limit = 1};
	OWN(json)
	json_t *detail =
	    json_pack("{s:i,s:s,s:s}", "count", 3, "event", "forged", "correlation_id", "forged");
	struct audit_record r = {
	    .event = "real", .upn = "\xff", .message = "why", .host = NULL, .detail = detail};
	assert_good(audit_write(*state, &r, &e), &e);
	assert_good(db_read(*state, each_fn, &args, &e), &e);
	json_t *got = args.seen.last;
	assert_string_equal(json_string_value(json_object_get(got, "event")), "real");
	assert_string_equal(json_string_value(json_object_get(got, "upn")), "(unprintable)");
	assert_int_equal(json_integer_value(json_object_get(got, "count")), 3);
	assert_null(json_object_get(got, "host"));
	assert_null(json_object_get(got, "correlation_id"));
	json_decref(got);
	assert_int_equal(verify(*state).broken_seq, 0);
}

/* ---- looking for a time ---- */

struct seek {
	int64_t time_ms, after;
};

static enum fas_code
seek_fn(struct db *db, void *arg, struct fas_err *e)
{
	struct seek *s = arg;
	return audit_seek(db, s->time_ms, &s->after, e);
}

static void
a_time_is_found_with_an_hour_in_front_of_it(void **state)
{
	static const struct seek cases[] = {{0, 0}, {INT64_C(4000000), 0}, {INT64_C(7200001), 1},
	    {INT64_C(14400000), 2}, {INT64_C(18000001), 4}, {INT64_C(90000000), 5}};
	tamper("UPDATE audit SET time_ms=seq*3600000");
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct seek s = {.time_ms = cases[i].time_ms};
		assert_good(db_read(*state, seek_fn, &s, &e), &e);
		assert_int_equal(s.after, cases[i].after);
	}
}

static void
a_trail_that_was_pruned_is_searched_where_it_begins(void **state)
{
	struct fas_err e = {0};
	struct seek s = {.time_ms = 0};
	tamper("DELETE FROM audit WHERE seq<4; UPDATE audit SET time_ms=seq*3600000");
	assert_good(db_read(*state, seek_fn, &s, &e), &e);
	assert_true(s.after < 4);
	s.time_ms = INT64_C(18000001);
	assert_good(db_read(*state, seek_fn, &s, &e), &e);
	assert_int_equal(s.after, 4);
}

/* ---- copies in the log ---- */

static size_t
entries(int fd)
{
	char entry[8192];
	size_t n = 0;
	while (recv(fd, entry, sizeof(entry), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static void
records_are_copied_unless_they_shall_not_be(void **state)
{
	struct fas_err e = {0};
	const struct audit_record r = {.event = "copied", .outcome = "done"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture_path("journal"));
	OWN(fd) int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	log_set_level(LOG_LEVEL_INFO);
	log_to_journal(address.sun_path);
	assert_good(audit_write(*state, &r, &e), &e);
	assert_int_equal(entries(fd), 1);
	audit_set_journal(false);
	assert_good(audit_write(*state, &r, &e), &e);
	audit_log(&r);
	assert_int_equal(entries(fd), 0);
	tamper("UPDATE audit SET hash=zeroblob(3)"); /* no record can follow */
	assert_int_equal(audit_write(*state, &r, &e), FAS_E_IO);
	assert_int_equal(entries(fd), 1); /* its only copy */
	audit_set_journal(true);
	log_to_journal(NULL);
}

static enum fas_code
last_fn(struct db *db, void *arg, struct fas_err *e)
{
	return audit_last(db, arg, e);
}

static void
last_number_is_told(void **state)
{
	struct fas_err e = {0};
	int64_t seq = -1;
	assert_good(db_read(*state, last_fn, &seq, &e), &e);
	assert_int_equal(seq, 5);
	tamper("DELETE FROM audit");
	assert_good(db_read(*state, last_fn, &seq, &e), &e);
	assert_int_equal(seq, 0);
	assert_int_equal(verify(*state).records, 0);
}

static void
nothing_is_chained_to_a_damaged_record(void **state)
{
	struct fas_err e = {0};
	struct audit_record r = {.event = "six"};
	tamper("UPDATE audit SET hash=x'00' WHERE seq=5");
	assert_failed(db_write(*state, append_fn, &r, &e), &e, FAS_E_IO, "database_corrupt");
	tamper("UPDATE audit SET body='{' WHERE seq=2");
	struct each_args all = {.limit = 10};
	fas_err_clear(&e);
	assert_failed(db_read(*state, each_fn, &all, &e), &e, FAS_E_IO, "database_corrupt");
	json_decref(all.seen.last);
}

static void
correlation_ids_are_new_and_valid(void **state)
{
	char a[CORRELATION_ID_MAX], b[CORRELATION_ID_MAX];
	(void)state;
	correlation_id_new(a);
	correlation_id_new(b);
	assert_true(correlation_id_is_valid(a));
	assert_string_not_equal(a, b);
	assert_false(correlation_id_is_valid("0011"));
	assert_false(correlation_id_is_valid("00112233445566778899AABBCCDDEEFF"));
	assert_false(correlation_id_is_valid("00112233445566778899aabbccddeeff0"));
}

static void
correlation_ids_begin_with_their_time(void **state)
{
	char id[CORRELATION_ID_MAX], digits[13] = "";
	(void)state;
	int64_t before_ms = clock_now_ms();
	correlation_id_new(id);
	int64_t after_ms = clock_now_ms();
	memcpy(digits, id, 12);
	int64_t made_ms = (int64_t)strtoull(digits, NULL, 16);
	assert_true(made_ms >= before_ms && made_ms <= after_ms);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, five_records, close_trail)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(untouched_chain_is_whole),
	    TEST(each_tampering_is_found),
	    TEST(cut_tail_changes_the_head),
	    TEST(chain_goes_on_after_a_restart),
	    TEST(record_of_an_act_that_failed_is_undone_with_it),
	    TEST(records_are_listed_in_order_and_by_correlation),
	    TEST(record_holds_its_members_and_detail),
	    TEST(last_number_is_told),
	    TEST(a_time_is_found_with_an_hour_in_front_of_it),
	    TEST(a_trail_that_was_pruned_is_searched_where_it_begins),
	    TEST(records_are_copied_unless_they_shall_not_be),
	    TEST(nothing_is_chained_to_a_damaged_record),
	    cmocka_unit_test(correlation_ids_are_new_and_valid),
	    cmocka_unit_test(correlation_ids_begin_with_their_time),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
