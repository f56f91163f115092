/*
 * From exec to the first answer, with empty databases and with full ones.  tests/bench/run has laid out two copies of
 * the lab's state, each with its configuration; the databases of one of them are filled here.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <sys/wait.h>

#include "client.h"
#include "fas/base/own.h"
#include "fas/base/wire.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#define STARTS 5
#define PATIENCE_NS INT64_C(30000000000)

#define COUNT "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?1) "
#define AUDIT                                                                                      \
	COUNT                                                                                      \
	"INSERT INTO audit(seq,time_ms,correlation_id,event,body,previous,hash) "                  \
	"SELECT (SELECT COALESCE(MAX(seq),0) FROM audit)+i,1,printf('%032x',i),'bench','{}',"      \
	"zeroblob(32),zeroblob(32) FROM n"

/* A hundredth is revoked and has not expired: the CRL at the start has it. */
static const char *const ledger[] = {COUNT
    "INSERT INTO certificates(issuer,profile,serial,request_id,request_digest,tbs,tbs_digest,"
    "spki_digest,sid,upn,rule,host,session,correlation_id,created_ms,not_before,not_after,"
    "revoked_at,reason) SELECT (SELECT id FROM issuers WHERE kind=1 AND certificate IS NOT NULL),"
    "'smartcard-logon',unhex(printf('01%030x',i)),printf('bench-%032x',i),zeroblob(32),"
    "zeroblob(900),zeroblob(32),zeroblob(32),'S-1-5-21-1-2-3-'||(1000+i%10000),"
    "'user@corp.example.com','vdi-users','vda1.vdi.corp.example.com',printf('%032x',i),"
    "printf('%032x',i),(unixepoch()-i%86400)*1000,unixepoch()-86400,unixepoch()+i%3600,"
    "CASE WHEN i%100=0 THEN unixepoch() END,CASE WHEN i%100=0 THEN 4 END FROM n",
    AUDIT};

static const char *const service[] = {COUNT
    "INSERT INTO sessions(session,ticket,correlation_id,host,upn,sid,sam_account_name,realm,"
    "principal,rule,revoke_at_end,lease_s,created_s,expires_s,lease_until_s,state,ended_s,"
    "ended_why) SELECT printf('%032x',i),i,printf('%032x',i),'vda1.vdi.corp.example.com',"
    "'user@corp.example.com','S-1-5-21-1-2-3-1104','user','CORP.EXAMPLE.COM','user','vdi-users',"
    "1,600,unixepoch()-60,unixepoch()+36000,unixepoch()+540,'ended',unixepoch(),'logoff' FROM n",
    COUNT
    "INSERT INTO claims(idp,assertion_id,claimant,response_digest,redeemed,expires_s) "
    "SELECT 'lab-idp',printf('_%032x',i),'storefront:a',zeroblob(32),1,unixepoch()+3600 FROM n",
    AUDIT};

/* unhex() came with SQLite 3.41. */
static void
unhex(sqlite3_context *ctx, int n, sqlite3_value **values)
{
	const unsigned char *text = sqlite3_value_text(values[0]);
	unsigned char bytes[32];
	size_t len = 0;
	(void)n;
	for (; text && text[0] && text[1] && len < sizeof(bytes); text += 2) {
		const char pair[] = {(char)text[0], (char)text[1], 0};
		bytes[len++] = (unsigned char)strtoul(pair, NULL, 16);
	}
	sqlite3_result_blob(ctx, bytes, (int)len, SQLITE_TRANSIENT);
}

static void
run_sql(sqlite3 *db, const char *sql, unsigned records)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		lab_die("%.60s: %s", sql, sqlite3_errmsg(db));
	(void)sqlite3_bind_int64(stmt, 1, records);
	int status = sqlite3_step(stmt);
	if (status != SQLITE_DONE && status != SQLITE_ROW)
		lab_die("%.60s: %s", sql, sqlite3_errmsg(db));
	(void)sqlite3_finalize(stmt);
}

static void
fill(const char *path, const char *const *statements, size_t n, unsigned records)
{
	sqlite3 *db = NULL;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_create_function(db, "unhex", 1, SQLITE_UTF8, NULL, unhex, NULL, NULL) !=
		SQLITE_OK)
		lab_die("%s cannot be opened", path);
	/* Nobody else has it open: ten million rows go straight into the file, which the programs turn to WAL again. */
	run_sql(db, "PRAGMA synchronous=OFF", 0);
	run_sql(db, "PRAGMA journal_mode=OFF", 0);
	run_sql(db, "PRAGMA cache_size=-1000000", 0);
	run_sql(db, "BEGIN", 0);
	for (size_t i = 0; i < n; i++)
		run_sql(db, statements[i], records);
	run_sql(db, "COMMIT", 0);
	(void)sqlite3_close(db);
}

struct program {
	const char *name, *copy; /* "empty", "full" */
	uid_t uid;
	unsigned port; /* 0: it listens at SCRATCH/COPY/run/issue.sock */
};

static _Noreturn void
become(const struct lab *lab, const struct program *p)
{
	char path[PATH_MAX], config[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", lab->programs, p->name);
	(void)snprintf(config, sizeof(config), "%s/%s/%s.yaml", lab->scratch, p->copy,
	    p->port ? "fasd" : "signer");
	if (!freopen("/dev/null", "w", stderr) || setresgid(p->uid, p->uid, p->uid) != 0 ||
	    setresuid(p->uid, p->uid, p->uid) != 0)
		_exit(126);
	(void)execl(path, p->name, "--config", config, (char *)NULL);
	_exit(127);
}

static bool
answers(const struct lab *lab, const struct program *p)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	OWN(fd) int fd = -1;
	if (p->port) {
		fd = client_dial(lab->api_host, p->port);
		return fd >= 0;
	}
	(void)snprintf(path, sizeof(path), "%s/%s/run/issue.sock", lab->scratch, p->copy);
	return wire_connect(path, &fd, &e) == FAS_OK;
}

/* Milliseconds. */
static double
start_once(const struct lab *lab, const struct program *p)
{
	const struct timespec pause = {.tv_nsec = 500000};
	int64_t begun = gauge_wall();
	pid_t pid = fork();
	if (pid == 0)
		become(lab, p);
	while (!answers(lab, p)) {
		if (gauge_wall() - begun > PATIENCE_NS || waitpid(pid, NULL, WNOHANG) != 0)
			lab_die("%s does not start with the %s state", p->name, p->copy);
		(void)nanosleep(&pause, NULL);
	}
	double ms = (double)(gauge_wall() - begun) / 1e6;
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
	return ms;
}

static void
measure_program(const struct lab *lab, const char *name, const char *row, uid_t uid, unsigned port)
{
	const struct program empty = {name, "empty", uid, port}, full = {name, "full", uid, port};
	double bare[STARTS], filled[STARTS], ratio[STARTS];
	(void)start_once(lab, &full);
	for (int i = 0; i < STARTS; i++) {
		bare[i] = start_once(lab, &empty);
		filled[i] = start_once(lab, &full);
		ratio[i] = filled[i] / bare[i];
	}
	table_add(&(struct row){.name = row,
	    .value = gauge_median(filled, STARTS),
	    .unit = "ms",
	    .reference = "the same, empty",
	    .reference_value = gauge_median(bare, STARTS),
	    .ratio = gauge_median(ratio, STARTS),
	    .goal = 100,
	    .of_value = true});
}

void
measure_start(const struct lab *lab)
{
	static char rows[2][64];
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/full/signer/ca.db", lab->scratch);
	fill(path, ledger, NELEMS(ledger), lab->records);
	(void)snprintf(path, sizeof(path), "%s/full/fasd/fas.db", lab->scratch);
	fill(path, service, NELEMS(service), lab->records);
	(void)snprintf(rows[0], sizeof(rows[0]), "start of fas-signer, %u records", lab->records);
	(void)snprintf(rows[1], sizeof(rows[1]), "start of fasd, %u records", lab->records);
	measure_program(
	    lab, "fas-signer", rows[0], (uid_t)atoi(lab_variable("BENCH_SIGNER_UID")), 0);
	measure_program(lab, "fasd", rows[1], (uid_t)atoi(lab_variable("BENCH_FASD_UID")),
	    (unsigned)atoi(lab_variable("BENCH_START_PORT")));
}
