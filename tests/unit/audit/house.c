#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fas/audit_head.h"
#include "fas/audit_prune.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/commands.h"

#define WORDS_MAX 16
#define PRUNE_ROUNDS 100
#define PATIENCE_MS 10000 /* the programs write meanwhile */

static const char *
database_path(struct house *house, const char *name, char path[PATH_MAX])
{
	return place_path(
	    house->place, strcmp(name, "ca.db") == 0 ? "state/ca.db" : "fas.db", path);
}

static void
open_fasd(struct house *house)
{
	struct fas_err e = {0};
	char path[PATH_MAX];
	assert_int_equal(db_pool_open(database_path(house, "fas.db", path), &fas_migrations, 2,
			     &house->service.db, &e),
	    FAS_OK);
	house->service.signer = house->place->signer;
	if (admin_start(&house->admin_config, &house->admin, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
close_fasd(struct house *house)
{
	admin_stop(house->admin);
	db_pool_close(house->service.db);
}

static int
build(void **state, const char *more)
{
	char path[PATH_MAX];
	struct house *house = calloc(1, sizeof(*house));
	assert_non_null(house);
	house_real_time();
	house->place = place_new(&(struct place_options){.key = "p-256", .pool = more});
	house->service.node = "fas1";
	house->service.audit_keep_s = HOUSE_KEEP_S;
	(void)place_path(house->place, "fasd.sock", house->config.admin_socket);
	house->config.has_admin_group = true;
	house->config.admin_group = getegid();
	house->admin_config =
	    (struct admin_config){.config = &house->config, .service = &house->service};
	(void)setenv("FAS_ADMIN", house->config.admin_socket, 1);
	(void)setenv("FAS_SIGNER_ADMIN", place_path(house->place, "admin.sock", path), 1);
	open_fasd(house);
	*state = house;
	return 0;
}

int
house_new(void **state)
{
	return build(state, "pool: {}\ncertificates: { keep: 7300d }\n");
}

int
house_new_forgetful(void **state)
{
	return build(state, NULL);
}

int
house_free(void **state)
{
	struct house *house = *state;
	close_fasd(house);
	place_free(house->place);
	free(house->out);
	free(house);
	return 0;
}

void
house_logon(struct house *house, bool recorded)
{
	struct fas_err e = {0};
	char request_id[32], correlation_id[CORRELATION_ID_MAX];
	struct signer_certificate issued = {0};
	(void)snprintf(request_id, sizeof(request_id), "request-%u", ++house->logons);
	correlation_id_new(correlation_id);
	struct signer_request request = alice(request_id);
	request.correlation_id = correlation_id;
	if (signer_issue(house->place->signer, &request, &issued, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	const struct audit_record decided = {.event = "logon_decided",
	    .outcome = "allow",
	    .correlation_id = correlation_id,
	    .upn = request.upn};
	const struct audit_record done = {.event = "certificate_issued",
	    .outcome = "done",
	    .correlation_id = correlation_id,
	    .serial = issued.serial,
	    .session = request.session};
	assert_int_equal(audit_write(house->service.db, &decided, &e), FAS_OK);
	if (recorded)
		assert_int_equal(audit_write(house->service.db, &done, &e), FAS_OK);
	signer_certificate_done(&issued);
}

void
house_countersign(struct house *house)
{
	audit_heads_round(&house->service);
}

void
house_prune(struct house *house)
{
	for (size_t i = 0; audit_prune_round(&house->service); i++)
		assert_true(i < PRUNE_ROUNDS);
}

static sqlite3 *
open_by_hand(struct house *house, const char *database)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(database_path(house, database, path), &db), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(db, PATIENCE_MS), SQLITE_OK);
	return db;
}

static void
execute(sqlite3 *db, const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

bool
house_is_guarded(struct house *house, const char *database, const char *sql)
{
	sqlite3 *db = open_by_hand(house, database);
	bool refused = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_CONSTRAINT;
	assert_int_equal(sqlite3_total_changes(db), 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return refused;
}

int64_t
house_count(struct house *house, const char *database, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = open_by_hand(house, database);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return value;
}

void
house_restart(struct house *house)
{
	close_fasd(house);
	place_restart(house->place);
	open_fasd(house);
}

void
house_tamper(struct house *house, const char *database, const char *sql)
{
	sqlite3 *db = open_by_hand(house, database);
	execute(db, "DROP TRIGGER IF EXISTS audit_kept; DROP TRIGGER IF EXISTS audit_fixed;"
		    "DROP TRIGGER IF EXISTS audit_heads_kept;"
		    "DROP TRIGGER IF EXISTS audit_heads_fixed;"
		    "DROP TRIGGER IF EXISTS audit_statements_kept;"
		    "DROP TRIGGER IF EXISTS audit_statements_fixed;");
	execute(db, sql);
	assert_true(sqlite3_total_changes(db) > 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	house_restart(house);
}

/* ---- backups ---- */

static void
stop(struct house *house)
{
	close_fasd(house);
	place_stop(house->place);
}

static void
start(struct house *house)
{
	place_start(house->place);
	open_fasd(house);
}

static void
copy_file(const char *from, const char *to)
{
	struct fas_err e = {0};
	OWN(text) char *content = NULL;
	size_t len = 0;
	assert_int_equal(file_read(from, 1 << 24, &content, &len, &e), FAS_OK);
	assert_int_equal(file_write_atomic(to, content, len, 0600, &e), FAS_OK);
}

void
house_keep(struct house *house, const char *database)
{
	char path[PATH_MAX], kept[PATH_MAX];
	stop(house);
	copy_file(database_path(house, database, path), place_path(house->place, "kept.db", kept));
	start(house);
}

void
house_put_back(struct house *house, const char *database)
{
	static const char *const beside[] = {"-wal", "-shm"};
	char path[PATH_MAX], kept[PATH_MAX], other[PATH_MAX + 8];
	stop(house);
	(void)database_path(house, database, path);
	for (size_t i = 0; i < NELEMS(beside); i++) {
		(void)snprintf(other, sizeof(other), "%s%s", path, beside[i]);
		(void)unlink(other);
	}
	copy_file(place_path(house->place, "kept.db", kept), path);
	atomic_store(&house->service.audit.rewound, false);
	start(house);
}

/* ---- the hashes, as fas/base/audit.c makes them, by a second hand ---- */

static size_t
put_int(uint8_t *at, sqlite3_int64 value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	return 8;
}

static void
hash_row(sqlite3_stmt *row, uint8_t hash[AUDIT_HASH])
{
	static const char context[] = "fas audit record 1";
	uint8_t bytes[16384];
	size_t len = sizeof(context), body = (size_t)sqlite3_column_bytes(row, 2);
	memcpy(bytes, context, len);
	memcpy(bytes + len, hash, AUDIT_HASH);
	len += AUDIT_HASH;
	len += put_int(bytes + len, sqlite3_column_int64(row, 0));
	len += put_int(bytes + len, sqlite3_column_int64(row, 1));
	assert_true(len + body < sizeof(bytes));
	memcpy(bytes + len, sqlite3_column_text(row, 2), body);
	assert_int_equal(EVP_Digest(bytes, len + body, hash, NULL, EVP_sha256(), NULL), 1);
}

static void
rebuild(sqlite3 *db)
{
	uint8_t hash[AUDIT_HASH] = {0};
	sqlite3_stmt *rows = NULL, *set = NULL, *first = NULL;
	execute(db, "BEGIN IMMEDIATE"); /* the signer may be writing of its lists meanwhile */
	/* Behind what was pruned the first record goes on from a hash that is not here. */
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT previous FROM audit ORDER BY seq LIMIT 1",
			     -1, &first, NULL),
	    SQLITE_OK);
	if (sqlite3_step(first) == SQLITE_ROW)
		memcpy(hash, sqlite3_column_blob(first, 0), AUDIT_HASH);
	(void)sqlite3_finalize(first);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT seq,time_ms,body FROM audit ORDER BY seq",
			     -1, &rows, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "UPDATE audit SET previous=?2,hash=?3 WHERE seq=?1",
			     -1, &set, NULL),
	    SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		(void)sqlite3_bind_int64(set, 1, sqlite3_column_int64(rows, 0));
		(void)sqlite3_bind_blob(set, 2, hash, AUDIT_HASH, SQLITE_TRANSIENT);
		hash_row(rows, hash);
		(void)sqlite3_bind_blob(set, 3, hash, AUDIT_HASH, SQLITE_TRANSIENT);
		assert_int_equal(sqlite3_step(set), SQLITE_DONE);
		(void)sqlite3_reset(set);
	}
	(void)sqlite3_finalize(rows);
	(void)sqlite3_finalize(set);
	execute(db, "COMMIT");
}

void
house_rebuild(struct house *house, const char *database)
{
	sqlite3 *db = open_by_hand(house, database);
	execute(db, "DROP TRIGGER IF EXISTS audit_fixed;");
	rebuild(db);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	house_restart(house);
}

/* ---- what is seen ---- */

int
house_fasctl(struct house *house, const char *line)
{
	char room[256], *argv[WORDS_MAX] = {0}, *save = NULL;
	size_t len = 0;
	int argc = 0;
	(void)snprintf(room, sizeof(room), "fasctl %s", line);
	for (char *w = strtok_r(room, " ", &save); w && argc < WORDS_MAX - 1;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	free(house->out);
	FILE *out = open_memstream(&house->out, &len);
	int rc = cli_main(&ctl_program, argc, argv, out, out);
	(void)fclose(out);
	return rc;
}

void
house_finds(struct house *house, const char *what, const char *more)
{
	int rc = house_fasctl(house, "audit verify --json");
	OWN(json) json_t *answer = json_loads(house->out, 0, NULL);
	const json_t *findings = json_object_get(answer, "findings"), *finding;
	bool seen[2] = {false, false};
	size_t i;
	json_array_foreach(findings, i, finding)
	{
		const char *found = json_string_value(json_object_get(finding, "what"));
		bool first = what && strcmp(found, what) == 0;
		bool second = more && strcmp(found, more) == 0;
		if (!first && !second)
			fail_msg("found %s as well:\n%s", found, house->out);
		seen[0] = seen[0] || first;
		seen[1] = seen[1] || second;
	}
	if (rc != (what ? CLI_DEFECT : CLI_OK) || (what && !seen[0]) || (more && !seen[1]))
		fail_msg("exit status %d, want %s %s:\n%s", rc, what ? what : "nothing",
		    more ? more : "", house->out);
}

struct counting {
	const char *event, *reason;
	size_t n;
};

static enum fas_code
count(json_t *record, void *arg, struct fas_err *e)
{
	struct counting *c = arg;
	const char *reason = json_string_value(json_object_get(record, "reason"));
	(void)e;
	if (strcmp(json_string_value(json_object_get(record, "event")), c->event) == 0 &&
	    (!c->reason || (reason && strcmp(reason, c->reason) == 0)))
		c->n++;
	return FAS_OK;
}

static enum fas_code
count_all(struct db *db, void *arg, struct fas_err *e)
{
	return audit_each(db, 0, 1000, NULL, count, arg, e);
}

size_t
house_records(struct house *house, const char *event, const char *reason)
{
	struct fas_err e = {0};
	struct counting c = {.event = event, .reason = reason};
	assert_int_equal(db_read(house->service.db, count_all, &c, &e), FAS_OK);
	return c.n;
}
