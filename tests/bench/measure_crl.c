/*
 * A CRL of a million entries: what the signer does to make one, against the library's own objects, in one run; what memory
 * it takes; and what becomes of logons while the signer that serves them makes one after the other.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <openssl/x509v3.h>
#include <sqlite3.h>

#include "ca/crl.h"
#include "ca/lint.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/wire.h"
#include "gauge.h"
#include "measure.h"
#include "phase.h"
#include "table.h"

#define ENTRIES 1000000
#define ROUNDS 3
#define SERIAL_LEN 16
#define MEGABYTE 1048576.0

/* Serial numbers as the signer makes them, sorted; times over the last eight hours. */
static void
entry(uint32_t i, uint8_t serial[SERIAL_LEN], int64_t *when_s, int64_t now_s)
{
	memset(serial, 0x5a, SERIAL_LEN);
	serial[0] = 1;
	for (int b = 0; b < 4; b++)
		serial[1 + b] = (uint8_t)(i >> (24 - 8 * b));
	*when_s = now_s - 28800 + i % 28800;
}

/* ---- the issuer ---- */

static void
issuer_open(struct issuer *out)
{
	struct fas_err e = {0};
	size_t spki_len = 0, tbs_len = 0, der_len = 0, signature_len = 0;
	uint8_t *tbs = NULL, *der = NULL, signature[KEY_SIGNATURE_MAX];
	*out = (struct issuer){.stem = "bench-1"};
	lab_check(key_generate("rsa-2048", &out->key, &e), &e);
	out->published.signature = key_algorithm(out->key);
	struct profile_ca_facts facts = {.common_name = "Bench",
	    .serial = {1},
	    .serial_len = 1,
	    .not_before_s = clock_now() - 60,
	    .not_after_s = clock_now() + 86400};
	facts.spki = key_spki(out->key, &spki_len);
	facts.spki_len = spki_len;
	lab_check(profile_build_ca(NULL, out->published.signature, &facts, &tbs, &tbs_len, &e), &e);
	lab_check(key_sign(out->key, tbs, tbs_len, signature, &signature_len, &e), &e);
	lab_check(profile_assemble(out->published.signature, tbs, tbs_len, signature, signature_len,
		      &der, &der_len, &e),
	    &e);
	const uint8_t *at = der;
	out->certificate = d2i_X509(NULL, &at, (long)der_len);
	if (!out->certificate)
		lab_die("no certificate for the CRL's issuer");
	free(tbs);
	free(der);
}

static void
issuer_close(struct issuer *issuer)
{
	X509_free(issuer->certificate);
	key_free(issuer->key);
}

/* ---- ours ---- */

static void
lint_file(const struct issuer *issuer, const struct file_beside *file)
{
	struct fas_err e = {0};
	struct lint_report report = {0};
	const struct lint_context context = {
	    .issuer = issuer->certificate, .published = &issuer->published, .now_s = clock_now()};
	OWN(crl_map) struct crl_map map = {0};
	lab_check(crl_map(file, &map, &e), &e);
	lint_crl(map.der, map.len, &context, 6, &report);
	lab_check(lint_check(&report, &e), &e);
}

/* Nanoseconds of CPU: entries, list, signature and its confirmation; *lint_ns: and the lints of the file. */
static int64_t
write_ours(const struct lab *lab, const struct issuer *issuer, int64_t *lint_ns)
{
	struct fas_err e = {0};
	char path[PATH_MAX];
	OWN(file_beside) struct file_beside file = {.fd = -1};
	OWN(crl_writer) struct crl_writer writer = {0};
	int64_t now_s = clock_now();
	const struct crl_terms terms = {.number = 7,
	    .this_update_s = now_s - 300,
	    .next_update_s = now_s + 86400,
	    .next_publish_s = now_s + 3600,
	    .entries = ENTRIES};
	(void)snprintf(path, sizeof(path), "%s/bench.crl", lab->scratch);
	int64_t begun = gauge_thread_cpu();
	lab_check(file_begin(path, 0644, &file, &e), &e);
	lab_check(crl_writer_begin(&writer, issuer, &terms, &file, &e), &e);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint8_t serial[SERIAL_LEN];
		int64_t when_s;
		entry(i, serial, &when_s, now_s);
		lab_check(crl_writer_add(&writer, serial, SERIAL_LEN, when_s, 5, &e), &e);
	}
	lab_check(crl_writer_finish(&writer, &e), &e);
	int64_t written = gauge_thread_cpu();
	lint_file(issuer, &file);
	*lint_ns = gauge_thread_cpu() - written;
	return written - begun;
}

/* ---- the library's ---- */

static void
add_revoked(X509_CRL *crl, uint32_t i, int64_t now_s, ASN1_ENUMERATED *reason)
{
	uint8_t bytes[SERIAL_LEN];
	int64_t when_s;
	entry(i, bytes, &when_s, now_s);
	X509_REVOKED *r = X509_REVOKED_new();
	BIGNUM *bn = BN_bin2bn(bytes, SERIAL_LEN, NULL);
	ASN1_INTEGER *serial = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)when_s);
	if (!r || !serial || !when || X509_REVOKED_set_serialNumber(r, serial) != 1 ||
	    X509_REVOKED_set_revocationDate(r, when) != 1 ||
	    X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0) != 1 ||
	    X509_CRL_add0_revoked(crl, r) != 1)
		lab_die("X509_CRL: an entry");
	ASN1_TIME_free(when);
	ASN1_INTEGER_free(serial);
	BN_free(bn);
}

/* The same steps: entries, list, signature and its confirmation, into a file; and its objects are given back. */
static int64_t
write_by_library(const struct lab *lab, const struct issuer *issuer, EVP_PKEY *key)
{
	struct fas_err e = {0};
	char path[PATH_MAX];
	OWN(file_beside) struct file_beside file = {.fd = -1};
	(void)snprintf(path, sizeof(path), "%s/bench.crl", lab->scratch);
	int64_t now_s = clock_now(), begun = gauge_thread_cpu();
	unsigned char *der = NULL;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)now_s - 300);
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)now_s + 86400);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	if (!crl || !from || !to || !reason || ASN1_ENUMERATED_set(reason, 5) != 1)
		lab_die("X509_CRL");
	(void)X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	(void)X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
	(void)X509_CRL_set1_lastUpdate(crl, from);
	(void)X509_CRL_set1_nextUpdate(crl, to);
	for (uint32_t i = 0; i < ENTRIES; i++)
		add_revoked(crl, i, now_s, reason);
	(void)X509_CRL_sort(crl);
	int len = X509_CRL_sign(crl, key, EVP_sha256()) > 0 ? i2d_X509_CRL(crl, &der) : -1;
	if (len <= 0 || X509_CRL_verify(crl, key) != 1)
		lab_die("X509_CRL: signature");
	lab_check(file_begin(path, 0644, &file, &e), &e);
	lab_check(file_write_at(file.fd, path, der, (size_t)len, 0, &e), &e);
	OPENSSL_free(der);
	X509_CRL_free(crl);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_ENUMERATED_free(reason);
	return gauge_thread_cpu() - begun;
}

/* ---- memory ---- */

/* What the process has at most of its own, above what it has now: in a child, so that nothing is left of it. */
static double
memory_of_ours(const struct lab *lab, const struct issuer *issuer)
{
	int out[2];
	double most = 0;
	if (pipe(out) != 0)
		lab_die("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		int64_t lint_ns = 0, before = gauge_memory(getpid());
		gauge_watch_begin();
		(void)write_ours(lab, issuer, &lint_ns);
		most = (double)(gauge_watch_end() - before) / MEGABYTE;
		_exit(write(out[1], &most, sizeof(most)) == (ssize_t)sizeof(most) ? 0 : 1);
	}
	(void)close(out[1]);
	if (pid < 0 || read(out[0], &most, sizeof(most)) != (ssize_t)sizeof(most))
		lab_die("the CRL's memory was not measured");
	(void)close(out[0]);
	(void)waitpid(pid, NULL, 0);
	return most;
}

static void
measure_building(const struct lab *lab)
{
	struct issuer issuer;
	double ours[ROUNDS], lints[ROUNDS], library[ROUNDS], ratio[ROUNDS];
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	issuer_open(&issuer);
	double memory = memory_of_ours(lab, &issuer);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t lint_ns = 0;
		int64_t written_ns = write_ours(lab, &issuer, &lint_ns);
		ours[i] = (double)(written_ns + lint_ns) / 1e6;
		lints[i] = (double)lint_ns / 1e6;
		library[i] = (double)write_by_library(lab, &issuer, key) / 1e6;
		ratio[i] = ours[i] / library[i];
	}
	table_add(&(struct row){.name = "CRL of 1M entries: encode, sign, confirm, lint",
	    .value = gauge_median(ours, ROUNDS),
	    .unit = "ms",
	    .reference = "X509_CRL",
	    .reference_value = gauge_median(library, ROUNDS),
	    .ratio = gauge_median(ratio, ROUNDS),
	    .goal = 1.0 / 40});
	table_add(&(struct row){.name = "CRL of 1M entries: of it the lints",
	    .value = gauge_median(lints, ROUNDS),
	    .unit = "ms"});
	table_add(&(struct row){.name = "CRL of 1M entries: memory above the rest",
	    .value = memory,
	    .unit = "MB",
	    .goal = 16,
	    .of_value = true});
	EVP_PKEY_free(key);
	issuer_close(&issuer);
}

/* ---- logons meanwhile ---- */

#define COALESCE_MS 100 /* the publisher's */
#define CHUNK 20000     /* rows of one transaction: the signer writes between */
#define ASK_MS 60000

/* A million certificates of another session each, revoked and not expired, in the ledger of the signer that runs. */
static const char fill_sql[] =
    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i+1 FROM n WHERE i+1<?1+?2) "
    "INSERT INTO certificates(issuer,profile,serial,request_id,request_digest,tbs,tbs_digest,"
    "spki_digest,sid,upn,rule,host,session,correlation_id,created_ms,not_before,not_after,"
    "revoked_at,reason) SELECT (SELECT id FROM issuers WHERE kind=1 AND certificate IS NOT NULL),"
    "'smartcard-logon',CAST(printf('\001crl-%011d',i) AS BLOB),printf('crl-bench-%d',i),"
    "zeroblob(32),zeroblob(1),zeroblob(32),zeroblob(32),'S-1-5-21-1-2-3-1104','u@bench.example',"
    "'bench','bench.example.com',printf('crl-bench-%d',i),printf('%032x',i),unixepoch()*1000,"
    "unixepoch()-300,unixepoch()+7200,unixepoch()-i%28800,5 FROM n";
static const char clear_sql[] =
    "DELETE FROM certificates WHERE id IN (SELECT id FROM certificates WHERE rule='bench' LIMIT ?2)"
    " AND ?1>=0";

/* A file beside the signer's configuration. */
static void
lab_file(const char *name, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s", lab_variable("FAS_SIGNER_CONFIG"));
	char *slash = strrchr(out, '/');
	if (!slash || slash - out > PATH_MAX - 64)
		lab_die("the signer's configuration has no path");
	(void)snprintf(slash, 64, "%s", name);
}

static void
change_ledger(const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	lab_file("/signer/ca.db", path);
	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_busy_timeout(db, 30000) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		lab_die("%s: %s", path, db ? sqlite3_errmsg(db) : "");
	for (int i = 0; i < ENTRIES; i += CHUNK) {
		(void)sqlite3_reset(stmt);
		(void)sqlite3_bind_int64(stmt, 1, i);
		(void)sqlite3_bind_int64(stmt, 2, CHUNK);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			lab_die("%s: %s", path, sqlite3_errmsg(db));
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
}

/* One after the other, as the publisher does while something is revoked all the time. */
struct publishing {
	pthread_t thread;
	atomic_bool over;
	unsigned n;
	double ms;
	json_int_t entries;
};

static void
publish_once(struct publishing *p)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "crl.publish");
	int64_t begun = gauge_wall();
	lab_check(wire_ask(lab_variable("FAS_SIGNER_ADMIN"), request, ASK_MS, &reply, &e), &e);
	p->ms += (double)(gauge_wall() - begun) / 1e6;
	p->n++;
	json_t *at, *all = json_object_get(reply, "published");
	size_t i;
	json_array_foreach(all, i, at)
	{
		json_int_t entries = json_integer_value(json_object_get(at, "entries"));
		p->entries = entries > p->entries ? entries : p->entries;
	}
}

static void *
publish_on(void *arg)
{
	struct publishing *p = arg;
	const struct timespec pause = {.tv_nsec = COALESCE_MS * 1000000L};
	while (!atomic_load(&p->over)) {
		publish_once(p);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

static void *
publish_in_thread(void *arg)
{
	publish_once(arg);
	return NULL;
}

/* Until the new list lies where it is served, in ms: its PEM follows, and then the answer. */
static double
time_to_place(struct publishing *p)
{
	char path[PATH_MAX];
	struct stat before, now;
	const struct timespec pause = {.tv_nsec = 1000000};
	lab_file("/public/crl/main-1.crl", path);
	if (stat(path, &before) != 0)
		lab_die("%s is not there", path);
	now = before;
	int64_t begun = gauge_wall();
	if (pthread_create(&p->thread, NULL, publish_in_thread, p) != 0)
		lab_die("no thread");
	while (now.st_ino == before.st_ino) {
		(void)nanosleep(&pause, NULL);
		if (gauge_wall() - begun > ASK_MS * INT64_C(1000000) || stat(path, &now) != 0)
			lab_die("no new %s", path);
	}
	int64_t there = gauge_wall();
	(void)pthread_join(p->thread, NULL);
	return (double)(there - begun) / 1e6;
}

static void
measure_alone(const struct lab *lab)
{
	double place[ROUNDS], cpu[ROUNDS];
	struct publishing p = {0};
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before = gauge_process_cpu(lab->signer);
		place[i] = time_to_place(&p);
		cpu[i] = (double)(gauge_process_cpu(lab->signer) - before) / 1e6;
	}
	table_add(&(struct row){.name = "CRL of 1M entries: from the ledger to its place",
	    .value = gauge_median(place, ROUNDS),
	    .unit = "ms"});
	table_add(&(struct row){.name = "the same and its PEM, the signer's CPU",
	    .value = gauge_median(cpu, ROUNDS),
	    .unit = "ms CPU"});
}

static void
measure_meanwhile(const struct lab *lab, const struct material *material)
{
	struct phases quiet, busy;
	struct publishing p = {0};
	change_ledger(fill_sql);
	measure_alone(lab);
	int64_t before = 0, most = 0;
	double rate = phase_half_of_saturation(lab, material);
	for (unsigned i = 0; i < PHASES; i++) {
		phase_run(lab, material, rate, &quiet, i);
		int64_t at_rest = gauge_memory(lab->signer);
		before = at_rest > before ? at_rest : before;
		atomic_store(&p.over, false);
		if (pthread_create(&p.thread, NULL, publish_on, &p) != 0)
			lab_die("no thread");
		phase_run(lab, material, rate, &busy, i);
		int64_t now = gauge_memory(lab->signer);
		most = now > most ? now : most;
		atomic_store(&p.over, true);
		(void)pthread_join(p.thread, NULL);
	}
	if (p.entries < ENTRIES)
		lab_die("the CRLs that were made have %lld entries", (long long)p.entries);
	phases_add("logon while CRLs of 1M entries are made", "no CRL under way", &busy, &quiet, 2);
	table_add(&(struct row){.name = "CRL of 1M entries: from the ledger to its place, at load",
	    .value = p.ms / p.n,
	    .unit = "ms"});
	table_add(&(struct row){.name = "signer's memory meanwhile, above the rest",
	    .value = (double)(most - before) / MEGABYTE,
	    .unit = "MB",
	    .goal = 16,
	    .of_value = true});
	change_ledger(clear_sql);
	publish_once(&p);
}

void
measure_crl(const struct lab *lab, const struct material *material)
{
	measure_building(lab);
	measure_meanwhile(lab, material);
}
