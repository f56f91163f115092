/*
 * A database of the first schema, as version 0.1.0 left it after a few logons (tests/data/upgrade), under the
 * migrations of today: nothing is lost, and there is no way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include UPGRADE_HEADER
#include "fas/base/audit.h"
#include "fas/base/file.h"

#define TABLES_MAX 16
#define RECORDS_MAX 1000
#define DATA_MAX (1024 * 1024)

static char folder[64], path[96];

struct table {
	char name[64];
	int64_t rows;
};

/* ---- the file, without the pool ---- */

static sqlite3 *
open_bare(void)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t
ask_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return value;
}

static char *
ask_text(const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = open_bare();
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	char *copy = strdup(text ? text : "");
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	assert_non_null(copy);
	return copy;
}

static void
load_first_schema(void)
{
	struct fas_err e = {0};
	char *sql = NULL;
	size_t len = 0;
	const char *source = FAS_TEST_DATA "/upgrade/" UPGRADE_FILE;
	assert_int_equal(file_read(source, DATA_MAX, &sql, &len, &e), FAS_OK);
	sqlite3 *db = open_bare();
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
	free(sql);
}

static size_t
count_tables(struct table tables[TABLES_MAX])
{
	size_t n = 0;
	char sql[128];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = open_bare();
	assert_int_equal(
	    sqlite3_prepare_v2(db,
		"SELECT name FROM sqlite_master WHERE type='table' ORDER BY name", -1, &stmt, NULL),
	    SQLITE_OK);
	for (; n < TABLES_MAX && sqlite3_step(stmt) == SQLITE_ROW; n++) {
		(void)snprintf(tables[n].name, sizeof(tables[n].name), "%s",
		    (const char *)sqlite3_column_text(stmt, 0));
		(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%s\"", tables[n].name);
		tables[n].rows = ask_int(db, sql);
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return n;
}

static int64_t
rows_of(const struct table *tables, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(tables[i].name, name) == 0)
			return tables[i].rows;
	}
	return -1;
}

/* ---- under today's migrations ---- */

static bool
count_finding(const struct audit_finding *finding, void *arg)
{
	(void)finding;
	(*(size_t *)arg)++;
	return true;
}

static enum fas_code
check_trail(struct db *db, void *arg, struct fas_err *e)
{
	size_t n = 0, findings = 0;
	struct audit_place place = {0};
	enum fas_code rc = audit_check(db, &place, RECORDS_MAX, &n, count_finding, &findings, e);
	assert_int_equal(findings, 0);
	*(size_t *)arg = n;
	return rc;
}

static void
open_and_close(const struct db_migrations *migrations, enum fas_code want, const char *reason)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	assert_int_equal(db_pool_open(path, migrations, 1, &pool, &e), want);
	if (want == FAS_OK)
		db_pool_close(pool);
	else
		assert_string_equal(fas_err_reason(&e), reason);
}

static void
first_schema_with_data_becomes_the_present_one(void **state)
{
	struct table before[TABLES_MAX], after[TABLES_MAX];
	(void)state;
	load_first_schema();
	size_t n_before = count_tables(before);
	assert_true(rows_of(before, n_before, "audit") > 0);
	assert_true(rows_of(before, n_before, "certificates") > 0);
	open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
	size_t n_after = count_tables(after);
	assert_true(n_after >= n_before);
	for (size_t i = 0; i < n_before; i++)
		assert_int_equal(rows_of(after, n_after, before[i].name), before[i].rows);
	sqlite3 *db = open_bare();
	assert_int_equal(ask_int(db, "PRAGMA user_version"), UPGRADE_SCHEMA.n);
	(void)sqlite3_close(db);
}

#define ALL_OF(columns, from)                                                                      \
	"SELECT group_concat(text,'|') FROM (SELECT " columns " AS text FROM " from ")"
#define TICKET                                                                                     \
	ALL_OF("hex(hash)||claim||correlation_id||host||pool||facts||created_s||expires_s||state"  \
	       "||redeemer||used_s||hex(csr_digest)||request_id||session||issue",                  \
	    "tickets WHERE state='done' ORDER BY id")
#define LEDGER                                                                                     \
	ALL_OF("hex(serial)||request_id||hex(request_digest)||hex(tbs)", "certificates ORDER BY "  \
									 "id")

/* The same story in the words of the first schema and of the present one. */
static const struct {
	const char *file, *first, *present;
} stories[] = {
    {"fas-1.sql",
	ALL_OF("id||serial||session||pem||chain||not_before_s||not_after_s",
	    "certificates ORDER BY id"),
	ALL_OF("c.id||c.serial||c.session||c.pem||i.pem||c.not_before_s||c.not_after_s",
	    "certificates c JOIN chains i ON i.id=c.chain ORDER BY c.id")},
    {"fas-1.sql", TICKET, TICKET},
    {"ca-1.sql", LEDGER, LEDGER},
};

static void
rows_say_the_same_as_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < NELEMS(stories); i++) {
		if (strcmp(stories[i].file, UPGRADE_FILE) != 0)
			continue;
		load_first_schema();
		char *before = ask_text(stories[i].first);
		open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
		char *after = ask_text(stories[i].present);
		assert_true(strlen(before) > 0);
		assert_string_equal(after, before);
		free(before);
		free(after);
		assert_int_equal(unlink(path), 0);
	}
}

#ifdef UPGRADE_FAS
static void
live_sessions_keep_what_they_are_judged_by(void **state)
{
	(void)state;
	load_first_schema();
	open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
	sqlite3 *db = open_bare();
	assert_int_equal(ask_int(db, "SELECT count(*) FROM sessions WHERE state='live' AND "
				     "json_valid(facts) AND policy='' AND in_session IS NULL"),
	    1);
	(void)sqlite3_close(db);
}
#endif

static void
trail_of_the_first_schema_still_verifies(void **state)
{
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	size_t records = 0;
	(void)state;
	load_first_schema();
	assert_int_equal(db_pool_open(path, &UPGRADE_SCHEMA, 1, &pool, &e), FAS_OK);
	assert_int_equal(db_read(pool, check_trail, &records, &e), FAS_OK);
	assert_true(records > 0);
	db_pool_close(pool);
}

static void
upgraded_database_has_the_schema_of_a_new_one(void **state)
{
	struct table upgraded[TABLES_MAX], fresh[TABLES_MAX];
	(void)state;
	load_first_schema();
	open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
	size_t n = count_tables(upgraded);
	assert_int_equal(unlink(path), 0);
	open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
	assert_int_equal(count_tables(fresh), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(upgraded[i].name, fresh[i].name);
}

static void
newer_database_is_refused_and_left_alone(void **state)
{
	(void)state;
	const struct db_migrations older = {UPGRADE_SCHEMA.sql, UPGRADE_SCHEMA.n - 1};
	load_first_schema();
	open_and_close(&UPGRADE_SCHEMA, FAS_OK, NULL);
	open_and_close(&older, FAS_E_CONFIG, "database_newer");
	sqlite3 *db = open_bare();
	assert_int_equal(ask_int(db, "PRAGMA user_version"), UPGRADE_SCHEMA.n);
	(void)sqlite3_close(db);
}

/* ---- fixture ---- */

static int
make_folder(void **state)
{
	(void)state;
	const char *top = getenv("TMPDIR");
	(void)snprintf(folder, sizeof(folder), "%s/upgrade.XXXXXX", top && *top ? top : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/a.db", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	char name[128];
	(void)state;
	for (size_t i = 0; i < NELEMS(ends); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	return rmdir(folder);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_FOLDER(first_schema_with_data_becomes_the_present_one),
	    IN_A_FOLDER(rows_say_the_same_as_before),
#ifdef UPGRADE_FAS
	    IN_A_FOLDER(live_sessions_keep_what_they_are_judged_by),
#endif
	    IN_A_FOLDER(trail_of_the_first_schema_still_verifies),
	    IN_A_FOLDER(upgraded_database_has_the_schema_of_a_new_one),
	    IN_A_FOLDER(newer_database_is_refused_and_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
