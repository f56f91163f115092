/*
 * Both databases stay as large as what lives: certificates are issued and expire, logons are made and end, and the files
 * do not grow behind the first full window.  By the stores' own verbs, in a time of its own: a record each 100 ms.
 *
 * FAS_FLAT_RECORDS says how many (tests/run flat: a million).
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
#include <openssl/rand.h>

#include "ca/store.h"
#include "fas/logon_store.h"
#include "fas/service.h"
#include "fas/session_store.h"
#include "fas/base/text.h"

#define RECORDS 24000
#define BATCH 500
#define WINDOW 6000 /* records that are kept: ten minutes */
#define KEEP_S (WINDOW / 10)
#define LIFE_S 60
#define SLACK 1.1 /* of the size: pages that are half full by chance */

struct shelf {
	char folder[40], path[64];
	struct db_pool *db;
	int64_t at, records; /* the next record; in all */
	int64_t window_pages, pages;
};

static int64_t
records_wanted(void)
{
	uint64_t n = 0;
	const char *text = getenv("FAS_FLAT_RECORDS");
	return text && parse_uint(text, RECORDS, 100000000, &n) ? (int64_t)n : RECORDS;
}

static struct shelf *
shelf_new(const struct db_migrations *migrations)
{
	struct fas_err e = {0};
	struct shelf *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/fas-flat.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->path, sizeof(s->path), "%s/flat.db", s->folder);
	s->records = records_wanted();
	assert_int_equal(db_pool_open(s->path, migrations, 1, &s->db, &e), FAS_OK);
	return s;
}

static void
shelf_free(struct shelf *s)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
	char path[96];
	db_pool_close(s->db);
	for (size_t i = 0; i < NELEMS(ends); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", s->path, ends[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(s->folder), 0);
	free(s);
}

static int64_t
time_of(int64_t record)
{
	return 1000000 + record / 10;
}

static enum fas_code
count_pages(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "PRAGMA page_count", e);
	enum fas_code rc = db_step(&q, &row);
	*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

/* fill and prune take turns; the size is taken behind three windows, when all is as full as it gets, and at the end. */
static void
live(struct shelf *s, db_fn *fill, db_fn *prune)
{
	struct fas_err e = {0};
	for (s->at = 0; s->at < s->records; s->at += BATCH) {
		if (db_write(s->db, fill, s, &e) != FAS_OK ||
		    db_write(s->db, prune, s, &e) != FAS_OK)
			fail_msg("%s: %s", e.reason, e.message);
		assert_int_equal(db_read(s->db, count_pages, &s->pages, &e), FAS_OK);
		if (s->at <= (int64_t)3 * WINDOW)
			s->window_pages = s->pages;
	}
	print_message("%lld records: %lld pages behind three windows, %lld at the end\n",
	    (long long)s->records, (long long)s->window_pages, (long long)s->pages);
	assert_true((double)s->pages <= (double)s->window_pages * SLACK);
}

static int64_t
count(struct shelf *s, db_fn *fn)
{
	struct fas_err e = {0};
	int64_t n = 0;
	assert_int_equal(db_read(s->db, fn, &n, &e), FAS_OK);
	return n;
}

/* ---- ca.db ---- */

static enum fas_code
issue_one(struct db *db, int64_t record, struct fas_err *e)
{
	static const uint8_t tbs[900], digest[STORE_DIGEST];
	uint8_t serial[19];
	char request_id[32], hex[2 * sizeof(serial) + 1];
	assert_int_equal(RAND_bytes(serial, sizeof(serial)), 1);
	for (size_t i = 0; i < 6; i++)
		serial[i] = (uint8_t)((uint64_t)record >> (40 - 8 * i));
	(void)snprintf(request_id, sizeof(request_id), "request-%lld", (long long)record);
	(void)hex_encode(serial, sizeof(serial), hex);
	const struct certificate_row row = {.issuer = 1,
	    .profile = "smartcard-logon",
	    .serial = serial,
	    .serial_len = sizeof(serial),
	    .request_id = request_id,
	    .request_digest = digest,
	    .tbs = tbs,
	    .tbs_len = sizeof(tbs),
	    .tbs_digest = digest,
	    .spki_digest = digest,
	    .sid = "S-1-5-21-1-2-3-1104",
	    .upn = "alice@corp.example.com",
	    .rule = "vdi-users",
	    .host = "vda1.vdi.corp.example.com",
	    .session = hex,
	    .correlation_id = hex,
	    .created_ms = time_of(record) * 1000,
	    .not_before_s = time_of(record),
	    .not_after_s = time_of(record) + LIFE_S};
	enum fas_code rc = store_certificate_add(db, &row, e);
	size_t n = 0;
	const struct revocation what = {.by = REVOKE_SERIAL,
	    .serial = serial,
	    .serial_len = sizeof(serial),
	    .kind = ISSUER_LOGON,
	    .now_s = time_of(record),
	    .reason = 5};
	return rc == FAS_OK && record % 3 == 0 ? store_revoke(db, &what, &n, e) : rc;
}

/* And a list is published each minute. */
static enum fas_code
issue(struct db *db, void *arg, struct fas_err *e)
{
	const struct shelf *s = arg;
	enum fas_code rc = FAS_OK;
	if (s->at == 0)
		rc = db_exec(db,
		    "INSERT INTO issuers(id,kind,authority,generation) VALUES(1,1,'main',1)", e);
	for (int64_t i = s->at; rc == FAS_OK && i < s->at + BATCH; i++)
		rc = issue_one(db, i, e);
	const struct crl_row crl = {
	    .number = s->at + 1, .this_update_s = time_of(s->at), .next_update_s = INT32_MAX};
	return rc == FAS_OK ? store_crl_set(db, 1, &crl, e) : rc;
}

static enum fas_code
forget_certificates(struct db *db, void *arg, struct fas_err *e)
{
	const struct shelf *s = arg;
	int64_t n = BATCH;
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && n == BATCH)
		rc = store_prune(db, time_of(s->at) - KEEP_S, BATCH, &n, e);
	return rc;
}

static enum fas_code
count_certificates(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query) struct db_query q = db_query(db, "SELECT COUNT(*) FROM certificates", e);
	enum fas_code rc = db_step(&q, &row);
	*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

static void
the_ledger_stays_as_large_as_what_is_kept(void **state)
{
	struct shelf *s = shelf_new(&ca_migrations);
	(void)state;
	live(s, issue, forget_certificates);
	assert_in_range(count(s, count_certificates), WINDOW, WINDOW + 10 * (LIFE_S + BATCH));
	shelf_free(s);
}

/* ---- fas.db ---- */

static enum fas_code
claim(struct db *db, int64_t record, const char *name, int64_t *id, struct fas_err *e)
{
	static const uint8_t digest[DIGEST_BYTES];
	const struct claim row = {.idp = "lab-idp",
	    .assertion_id = name,
	    .claimant = "storefront:storefront01",
	    .response_digest = digest,
	    .expires_s = time_of(record) + LIFE_S};
	enum fas_code rc = claim_take(db, &row, id, e);
	return rc == FAS_OK ? claim_set_redeemed(db, *id, e) : rc;
}

static enum fas_code
ticket(struct db *db, int64_t record, const char *name, int64_t claimed, int64_t *id,
    struct fas_err *e)
{
	struct ticket t = {.claim = claimed,
	    .facts = (char[]){"{\"upn\":\"alice@corp.example.com\"}"},
	    .issue = (char[]){"{}"},
	    .created_s = time_of(record),
	    .expires_s = time_of(record) + LIFE_S,
	    .used_s = time_of(record)};
	bool won = false;
	assert_int_equal(RAND_bytes(t.hash, sizeof(t.hash)), 1);
	(void)snprintf(t.correlation_id, sizeof(t.correlation_id), "%s", name);
	(void)snprintf(t.host, sizeof(t.host), "vda1.vdi.corp.example.com");
	(void)snprintf(t.session, sizeof(t.session), "%s", name);
	enum fas_code rc = ticket_insert(db, &t, e);
	*id = t.id = db_last_id(db);
	if (rc == FAS_OK)
		rc = ticket_use(db, &t, &won, e);
	return rc == FAS_OK ? ticket_finish(db, t.id, TICKET_DONE, e) : rc;
}

static enum fas_code
session(struct db *db, int64_t record, const char *name, int64_t from, struct fas_err *e)
{
	char pem[1800];
	bool won = false, owed = false;
	struct session s = {.ticket = from,
	    .upn = (char[]){"alice@corp.example.com"},
	    .realm = (char[]){"CORP.EXAMPLE.COM"},
	    .principal = (char[]){"alice"},
	    .rule = (char[]){"vdi-users"},
	    .revoke_at_end = true,
	    .lease_s = 600,
	    .created_s = time_of(record),
	    .expires_s = time_of(record) + 600,
	    .lease_until_s = time_of(record) + 600};
	memset(pem, 'x', sizeof(pem));
	pem[sizeof(pem) - 1] = 0;
	struct signer_certificate c = {.pem = pem, .chain_pem = (char[]){"chain"}};
	const struct issued_terms terms = {.purpose = "logon", .profile = "smartcard-logon"};
	(void)snprintf(s.id, sizeof(s.id), "%s", name);
	(void)snprintf(s.correlation_id, sizeof(s.correlation_id), "%s", name);
	(void)snprintf(c.serial, sizeof(c.serial), "%s", name);
	enum fas_code rc = session_insert(db, &s, e);
	if (rc == FAS_OK)
		rc = certificate_insert(db, name, &c, &terms, e);
	if (rc == FAS_OK)
		rc = session_mark_ended(db, &s, time_of(record), "logoff", &won, &owed, e);
	return rc == FAS_OK ? session_mark_revoked(db, name, e) : rc;
}

static enum fas_code
log_on(struct db *db, void *arg, struct fas_err *e)
{
	const struct shelf *s = arg;
	enum fas_code rc = FAS_OK;
	for (int64_t i = s->at; rc == FAS_OK && i < s->at + BATCH; i++) {
		char name[SESSION_ID_TEXT_MAX];
		int64_t claimed = 0, used = 0;
		(void)snprintf(name, sizeof(name), "%032llx", (unsigned long long)i);
		rc = claim(db, i, name, &claimed, e);
		if (rc == FAS_OK)
			rc = ticket(db, i, name, claimed, &used, e);
		if (rc == FAS_OK)
			rc = session(db, i, name, used, e);
	}
	return rc;
}

/* A ticket is remembered for an hour beyond its life (fas/logon_store.c): here it is made that much older. */
static enum fas_code
forget_logons(struct db *db, void *arg, struct fas_err *e)
{
	const struct shelf *s = arg;
	bool logons = true, sessions = true;
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && (logons || sessions)) {
		rc = logon_prune(db, time_of(s->at) - KEEP_S + 3600, &logons, e);
		if (rc == FAS_OK)
			rc = session_prune(db, time_of(s->at) - KEEP_S, &sessions, e);
	}
	return rc;
}

static enum fas_code
count_sessions(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db,
	    "SELECT (SELECT COUNT(*) FROM sessions)+(SELECT COUNT(*) FROM certificates)"
	    "+(SELECT COUNT(*) FROM tickets)+(SELECT COUNT(*) FROM claims)",
	    e);
	enum fas_code rc = db_step(&q, &row);
	*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

static void
fasds_store_stays_as_large_as_what_is_kept(void **state)
{
	struct shelf *s = shelf_new(&fas_migrations);
	(void)state;
	live(s, log_on, forget_logons);
	assert_in_range(count(s, count_sessions), WINDOW, 4 * (WINDOW + 10 * (LIFE_S + BATCH)));
	shelf_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ledger_stays_as_large_as_what_is_kept),
	    cmocka_unit_test(fasds_store_stays_as_large_as_what_is_kept),
	};
	return cmocka_run_group_tests_name("flat", tests, NULL, NULL);
}
