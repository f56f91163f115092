#include "ca/publisher.h"

#include <dirent.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/alarm.h"
#include "ca/crl.h"
#include "ca/hosts.h"
#include "ca/lint.h"
#include "ca/pem_file.h"
#include "ca/rotate.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/log.h"

/* Revocations that come in a burst share a CRL; well below the second that is promised. */
#define COALESCE_MS 100
#define LOOK_EACH_S 5
#define RETRY_S 1
#define CRL_FILE_MAX ((size_t)512 * 1024 * 1024)
#define AGES_EACH_US 10000000 /* whose time is over, and whose will be soon */
#define LEFTOVER_LEN 11       /* ".crl." and six letters of mkstemp */
#define LEFTOVERS_MAX 100000

struct publisher {
	struct ca *ca;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards the two flags */
	pthread_cond_t wake;
	bool kicked, stopping;
	struct ends_said said; /* the thread's own, as what follows */
	int64_t machines;      /* the host table's generation that their list has */
	size_t n_failed;       /* in the last round */
	int64_t failed[ISSUERS_MAX];
	atomic_bool begun;          /* all has been tried once */
	pthread_mutex_t publishing; /* one CRL at a time: numbers and files go up together */
};

/* ---- one CRL ---- */

struct collect {
	struct ca *ca;
	const struct issuer *issuer;
	const struct file_beside *file;
	int64_t now_s;
	struct crl_row last, row; /* the last one, and the one that is written */
	struct crl_writer writer;
};

static enum fas_code
collect_entry(const uint8_t *serial, size_t serial_len, int64_t when_s, int reason, void *arg,
    struct fas_err *e)
{
	struct collect *c = arg;
	return crl_writer_add(&c->writer, serial, serial_len, when_s, reason, e);
}

/* Not past the issuer's own end. */
static int64_t
last_moment(const struct issuer *issuer, int64_t wanted_s)
{
	return wanted_s < issuer->not_after_s ? wanted_s : issuer->not_after_s;
}

static enum fas_code
begin(struct collect *c, struct fas_err *e)
{
	const struct issuer *issuer = c->issuer;
	int64_t now_ms = clock_now_ms();
	c->row = (struct crl_row){.number = now_ms > c->last.number ? now_ms : c->last.number + 1,
	    .this_update_s = c->now_s - issuer->backdate_s,
	    .next_update_s = last_moment(issuer, c->now_s + issuer->crl_life_s)};
	const struct crl_terms terms = {.number = c->row.number,
	    .this_update_s = c->row.this_update_s,
	    .next_update_s = c->row.next_update_s,
	    .next_publish_s = last_moment(issuer, c->now_s + issuer->crl_each_s),
	    .entries = c->last.entries};
	return crl_writer_begin(&c->writer, issuer, &terms, c->file, e);
}

/*
 * RFC 5280 3.3: an entry stays until it has stood on one CRL that was issued after the certificate's end.  So what ended
 * before the last CRL's thisUpdate has been on one, and goes.
 */
static enum fas_code
collect(struct db *db, void *arg, struct fas_err *e)
{
	struct collect *c = arg;
	enum fas_code rc = store_crl_get(db, c->issuer->id, &c->last, e);
	if (rc == FAS_OK)
		rc = begin(c, e);
	if (rc != FAS_OK)
		return rc;
	return store_revoked_each(db, c->issuer->id, c->last.this_update_s, collect_entry, c, e);
}

struct advance {
	int64_t issuer;
	struct crl_row row;
};

static enum fas_code
advance(struct db *db, void *arg, struct fas_err *e)
{
	struct advance *a = arg;
	return store_crl_set(db, a->issuer, &a->row, e);
}

/* The very file that is to be published. */
static enum fas_code
lint(const struct issuer *issuer, const struct file_beside *file, int64_t previous, int64_t now_s,
    struct fas_err *e)
{
	struct lint_report report = {0};
	const struct lint_context context = {
	    .issuer = issuer->certificate, .published = &issuer->published, .now_s = now_s};
	OWN(crl_map) struct crl_map map = {0};
	enum fas_code rc = crl_map(file, &map, e);
	if (rc != FAS_OK)
		return rc;
	lint_crl(map.der, map.len, &context, (uint64_t)previous, &report);
	return lint_check(&report, e);
}

static enum fas_code
public_path(struct ca *ca, const char *folder, const char *stem, const char *suffix,
    char out[PATH_MAX], struct fas_err *e)
{
	int n =
	    snprintf(out, PATH_MAX, "%s/%s/%s.%s", ca->config->public_folder, folder, stem, suffix);
	if (n < 0 || n >= PATH_MAX)
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", stem);
	return FAS_OK;
}

static enum fas_code
write_public(struct ca *ca, const char *folder, const char *stem, const char *suffix,
    const void *data, size_t len, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = public_path(ca, folder, stem, suffix, path, e);
	return rc == FAS_OK ? file_write_atomic(path, data, len, 0644, e) : rc;
}

/* Behind the DER, which is what certificates name. */
static enum fas_code
write_pem(struct ca *ca, const char *folder, const char *stem, const char *suffix,
    const char *label, struct fas_err *e)
{
	char der[PATH_MAX], pem[PATH_MAX];
	enum fas_code rc = public_path(ca, folder, stem, suffix, der, e);
	if (rc == FAS_OK)
		rc = public_path(ca, folder, stem, "pem", pem, e);
	return rc == FAS_OK ? pem_file_write(der, pem, label, e) : rc;
}

/* What is in the ledger, as a signed list in a file beside its place; and that it is clean. */
static enum fas_code
write_own_crl(struct collect *c, struct fas_err *e)
{
	enum fas_code rc = db_read(c->ca->db, collect, c, e);
	if (rc == FAS_OK)
		rc = crl_writer_finish(&c->writer, e);
	c->row.entries = c->writer.n;
	crl_writer_done(&c->writer);
	return rc == FAS_OK ? lint(c->issuer, c->file, c->last.number, c->now_s, e) : rc;
}

/* Number durable first: a crash may leave a gap, never the same number twice. */
static enum fas_code
publish_own_crl(struct ca *ca, const struct issuer *issuer, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(file_beside) struct file_beside file = {.fd = -1};
	struct collect c = {.ca = ca, .issuer = issuer, .file = &file, .now_s = clock_now()};
	if (issuer->not_after_s <= c.now_s)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_ends",
		    "RFC 5280 6.1: the certificate of %s has ended; nothing is issued past it",
		    issuer->stem);
	enum fas_code rc = public_path(ca, "crl", issuer->stem, "crl", path, e);
	if (rc == FAS_OK)
		rc = file_begin(path, 0644, &file, e);
	if (rc == FAS_OK)
		rc = write_own_crl(&c, e);
	struct advance a = {.issuer = issuer->id, .row = c.row};
	if (rc == FAS_OK)
		rc = db_write(ca->db, advance, &a, e);
	return rc == FAS_OK ? file_commit(&file, e) : rc;
}

static void
log_published(const struct issuer *issuer, const struct fas_err *why)
{
	if (why->code != FAS_OK)
		log_error("crl_not_published", why, "issuer", issuer->stem, NULL);
	else
		log_event(LOG_LEVEL_INFO, "crl_published", "issuer", issuer->stem, NULL);
}

static enum fas_code
publish_certificate(struct ca *ca, const struct issuer *issuer, struct fas_err *e)
{
	unsigned char *encoded = NULL;
	int len = i2d_X509(issuer->certificate, &encoded);
	if (len <= 0)
		return fas_fail_openssl(e, "%s", issuer->stem);
	enum fas_code rc = write_public(ca, "ca", issuer->stem, "cer", encoded, (size_t)len, e);
	OPENSSL_free(encoded);
	return rc == FAS_OK ? write_pem(ca, "ca", issuer->stem, "cer", "CERTIFICATE", e) : rc;
}

/* Machines get the service CA's certificate with their enrolment, and never over plain HTTP. */
static enum fas_code
publish_locked(struct ca *ca, const struct issuer *issuer, struct fas_err *e)
{
	enum fas_code rc =
	    issuer->kind == ISSUER_SERVICE ? FAS_OK : publish_certificate(ca, issuer, e);
	if (rc != FAS_OK || (!issuer->key && !issuer->given_crl))
		return rc;
	if (issuer->key)
		rc = publish_own_crl(ca, issuer, e);
	else
		rc = write_public(
		    ca, "crl", issuer->stem, "crl", issuer->given_crl, issuer->given_crl_len, e);
	return rc == FAS_OK ? write_pem(ca, "crl", issuer->stem, "crl", "X509 CRL", e) : rc;
}

enum fas_code
publisher_publish(struct publisher *p, const struct issuer *issuer, struct fas_err *e)
{
	struct fas_err why = {0};
	if (!authorities_publishes(&p->ca->authorities, issuer))
		return FAS_OK;
	(void)pthread_mutex_lock(&p->publishing);
	enum fas_code rc = publish_locked(p->ca, issuer, &why);
	(void)pthread_mutex_unlock(&p->publishing);
	log_published(issuer, &why);
	return rc == FAS_OK ? FAS_OK : fas_fail(e, rc, why.reason, "%s", why.message);
}

/* ---- all of them ---- */

static enum fas_code
read_last(struct db *db, void *arg, struct fas_err *e)
{
	struct collect *c = arg;
	return store_crl_get(db, c->issuer->id, &c->last, e);
}

/* Is a new one due: by schedule, because something was revoked since, or because it could not be published? */
static bool
is_due(struct ca *ca, const struct issuer *issuer, bool kicked, bool again)
{
	struct collect c = {.issuer = issuer};
	struct fas_err e = {0};
	if (!issuer->key)
		return again; /* what its keeper has given lies there, or does not */
	if (issuer->not_after_s <= clock_now())
		return false;
	if (again)
		return true;
	if (kicked && issuer->kind == ISSUER_LOGON)
		return true;
	if (db_read(ca->db, read_last, &c, &e) != FAS_OK)
		return true;
	int64_t age_s = clock_now() - (c.last.this_update_s + issuer->backdate_s);
	return age_s < 0 || age_s >= issuer->crl_each_s;
}

/* In the round before: it is tried again soon, and no other is made anew for it. */
static bool
has_failed(const int64_t *failed, size_t n, const struct issuer *issuer)
{
	for (size_t i = 0; i < n; i++) {
		if (failed[i] == issuer->id)
			return true;
	}
	return false;
}

/* Enrolments and renewals are among the changes; they are few. */
static bool
has_other_machines(const struct publisher *p, const struct issuer *issuer)
{
	return issuer->kind == ISSUER_SERVICE && issuer->key &&
	       hosts_generation(&p->ca->hosts) != p->machines;
}

static enum fas_code
publish_one(struct publisher *p, const struct issuer *issuer, struct fas_err *e)
{
	int64_t machines = hosts_generation(&p->ca->hosts);
	enum fas_code rc = publisher_publish(p, issuer, e);
	if (rc == FAS_OK && issuer->kind == ISSUER_SERVICE)
		p->machines = machines;
	return rc;
}

static void
publish_all(struct publisher *p, bool everything, bool kicked)
{
	struct issuer *issuers[ISSUERS_MAX];
	int64_t before[ISSUERS_MAX];
	size_t n = authorities_all(&p->ca->authorities, issuers), n_before = p->n_failed;
	memcpy(before, p->failed, sizeof(before));
	p->n_failed = 0;
	for (size_t i = 0; i < n; i++) {
		struct fas_err why = {0}; /* it is logged where it is found */
		bool again = has_failed(before, n_before, issuers[i]);
		if (authorities_publishes(&p->ca->authorities, issuers[i]) &&
		    (everything || has_other_machines(p, issuers[i]) ||
			is_due(p->ca, issuers[i], kicked, again)) &&
		    publish_one(p, issuers[i], &why) != FAS_OK)
			p->failed[p->n_failed++] = issuers[i]->id;
		issuer_unref(issuers[i]);
	}
}

static void *
publisher_main(void *arg)
{
	struct publisher *p = arg;
	int64_t looked_us = 0;
	(void)pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		const struct timespec until =
		    clock_deadline((p->n_failed > 0 ? RETRY_S : LOOK_EACH_S) * 1000);
		if (!p->kicked && p->begun)
			(void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
		if (p->kicked && !p->stopping) {
			struct timespec pause = {.tv_nsec = COALESCE_MS * 1000000L};
			(void)pthread_mutex_unlock(&p->lock);
			(void)nanosleep(&pause, NULL);
			(void)pthread_mutex_lock(&p->lock);
		}
		bool kicked = p->kicked;
		p->kicked = false;
		(void)pthread_mutex_unlock(&p->lock);
		publish_all(p, !p->begun, kicked);
		atomic_store(&p->begun, true);
		if (clock_monotonic_us() >= looked_us + AGES_EACH_US) {
			generations_retire_finished(p->ca);
			alarm_log(p->ca, &p->said);
			looked_us = clock_monotonic_us();
		}
		(void)pthread_mutex_lock(&p->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* What a crash has left beside a list or a certificate: "main-1.crl.Xy12Zz". */
static bool
is_leftover(const char *name)
{
	size_t len = strlen(name);
	const char *end = len > LEFTOVER_LEN ? name + len - LEFTOVER_LEN : "";
	return strncmp(end, ".crl.", 5) == 0 || strncmp(end, ".cer.", 5) == 0 ||
	       strncmp(end, ".pem.", 5) == 0;
}

/* A list may be long: nobody else would ever take them away. */
static void
remove_leftovers(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (size_t i = 0; i < LEFTOVERS_MAX; i++) {
		const struct dirent *at = readdir(folder);
		if (!at)
			break;
		if (is_leftover(at->d_name))
			(void)unlinkat(dirfd(folder), at->d_name, 0);
	}
	(void)closedir(folder);
}

static enum fas_code
make_folders(const struct signer_config *config, struct fas_err *e)
{
	char crl[PATH_MAX], ca[PATH_MAX];
	enum fas_code rc = file_make_folder(config->public_folder, 0755, e);
	if (rc == FAS_OK)
		rc = file_join(crl, sizeof(crl), config->public_folder, "crl", e);
	if (rc == FAS_OK)
		rc = file_join(ca, sizeof(ca), config->public_folder, "ca", e);
	if (rc == FAS_OK)
		rc = file_make_folder(crl, 0755, e);
	if (rc == FAS_OK)
		rc = file_make_folder(ca, 0755, e);
	if (rc == FAS_OK) {
		remove_leftovers(crl);
		remove_leftovers(ca);
	}
	return rc;
}

enum fas_code
publisher_start(struct ca *ca, struct fas_err *e)
{
	struct publisher *p = calloc(1, sizeof(*p));
	if (!p)
		return fas_fail_nomem(e);
	p->ca = ca;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->publishing, NULL);
	clock_cond_init(&p->wake);
	ca->publisher = p;
	enum fas_code rc = make_folders(ca->config, e);
	if (rc != FAS_OK)
		return rc;
	/*
	 * All of it once, beside the start: a long list does not hold up whoever asks.  What cannot be published is logged
	 * and tried again: the other authorities go on.
	 */
	p->running = pthread_create(&p->thread, NULL, publisher_main, p) == 0;
	return p->running ? FAS_OK
			  : fas_fail(e, FAS_E_UNAVAILABLE, "no_thread",
				"cannot start the publisher's thread");
}

bool
publisher_has_begun(struct publisher *p)
{
	return atomic_load(&p->begun);
}

void
publisher_kick(struct publisher *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->kicked = true;
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
}

void
publisher_stop(struct publisher *p)
{
	if (!p)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
	if (p->running)
		(void)pthread_join(p->thread, NULL);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_mutex_destroy(&p->publishing);
	(void)pthread_cond_destroy(&p->wake);
	free(p);
}

enum fas_code
publisher_is_out(struct ca *ca, const struct issuer *issuer, int64_t now_s, struct fas_err *e)
{
	char path[PATH_MAX];
	struct crl_facts facts = {0};
	struct fas_err why = {0};
	OWN(text) char *der = NULL;
	size_t len = 0;
	int n =
	    snprintf(path, sizeof(path), "%s/crl/%s.crl", ca->config->public_folder, issuer->stem);
	if (n < 0 || n >= (int)sizeof(path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	if (file_read(path, CRL_FILE_MAX, &der, &len, &why) != FAS_OK ||
	    crl_read((const uint8_t *)der, len, &facts, &why) != FAS_OK)
		return fas_fail(e, FAS_E_CONFLICT, "crl_not_published",
		    "the CRL of %s is not published: %s", issuer->stem, why.message);
	if (facts.next_update_s <= now_s)
		return fas_fail(e, FAS_E_CONFLICT, "crl_stale",
		    "RFC 5280 5.1.2.5: the published CRL of %s has ended", issuer->stem);
	return FAS_OK;
}

enum fas_code
publisher_describe(struct ca *ca, const struct issuer *issuer, json_t **out, struct fas_err *e)
{
	char file[ISSUER_STEM_MAX + 8];
	struct collect c = {.issuer = issuer};
	struct crl_facts given = {0};
	enum fas_code rc = db_read(ca->db, read_last, &c, e);
	if (rc == FAS_OK && issuer->given_crl)
		rc = crl_read(issuer->given_crl, issuer->given_crl_len, &given, e);
	if (rc != FAS_OK)
		return rc;
	if (issuer->given_crl)
		c.last = (struct crl_row){
		    given.number, given.this_update_s, given.next_update_s, given.entries};
	(void)snprintf(file, sizeof(file), "%s.crl", issuer->stem);
	*out = json_pack("{s:s,s:I,s:I,s:I,s:I,s:s,s:I}", "authority", issuer->authority,
	    "generation", (json_int_t)issuer->generation, "number", (json_int_t)c.last.number,
	    "this_update", (json_int_t)c.last.this_update_s, "next_update",
	    (json_int_t)c.last.next_update_s, "file", file, "entries", (json_int_t)c.last.entries);
	return *out ? FAS_OK : fas_fail_nomem(e);
}
