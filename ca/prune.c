#include "ca/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ca/backup.h"
#include "ca/publisher.h"
#include "ca/store.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

#define STEP_S INT64_C(86400)
#define EACH_MINUTES 60
#define MINUTE_MS 60000
#define BEGIN_MS 200
#define BATCH 500           /* rows in one transaction: others wait behind it */
#define BATCHES_MAX 1000000 /* in one round */
#define PAUSE_NS 2000000    /* between two, for whoever waits */

struct pruner {
	struct ca *ca;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards the flag */
	pthread_cond_t wake;
	bool stopping;
};

/* ---- one round ---- */

struct round {
	int64_t now_s, keep_s;
	int64_t before_s; /* what ended before goes; 0: nothing is due */
	int64_t n;
	struct audit_record record;
};

/* A user's certificate that may still live is never gone: `audit verify` relies on it. */
static int64_t
keep_s(struct ca *ca)
{
	(void)pthread_rwlock_rdlock(&ca->limits_lock);
	int64_t life_s = ca->limits->longest_life_s;
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return ca->config->certificates_keep_s > life_s ? ca->config->certificates_keep_s : life_s;
}

static enum fas_code
find_due(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	int64_t oldest_s = 0, floor_s = 0, due_s = r->now_s - r->keep_s;
	enum fas_code rc = store_oldest_end(db, &oldest_s, e);
	if (rc == FAS_OK)
		rc = store_floor(db, &floor_s, e);
	if (rc != FAS_OK || oldest_s == 0 || oldest_s >= due_s)
		return rc;
	int64_t step_s = (floor_s > oldest_s ? floor_s : oldest_s) + STEP_S;
	r->before_s = due_s < step_s ? due_s : step_s;
	if (r->before_s <= floor_s)
		r->before_s = 0;
	return FAS_OK;
}

static enum fas_code
prune_batch(struct db *db, void *arg, struct fas_err *e)
{
	struct round *r = arg;
	return store_prune(db, r->before_s, BATCH, &r->n, e);
}

static enum fas_code
put_on_record(struct ca *ca, int64_t n, int64_t before_s, struct fas_err *e)
{
	char count[24], before[24], correlation_id[CORRELATION_ID_MAX];
	(void)snprintf(count, sizeof(count), "%lld", (long long)n);
	(void)snprintf(before, sizeof(before), "%lld", (long long)before_s);
	correlation_id_new(correlation_id);
	OWN(json) json_t *detail = audit_detail("count", count, "ended_before", before, NULL);
	const struct audit_record record = {.event = "certificates_pruned",
	    .outcome = "done",
	    .caller = "fas-signer",
	    .correlation_id = correlation_id,
	    .detail = detail};
	return detail ? audit_write(ca->db, &record, e) : fas_fail_nomem(e);
}

static bool
is_stopping(struct ca *ca)
{
	struct pruner *p = ca->pruner;
	if (!p)
		return false;
	(void)pthread_mutex_lock(&p->lock);
	bool stopping = p->stopping;
	(void)pthread_mutex_unlock(&p->lock);
	return stopping;
}

enum fas_code
prune_round(struct ca *ca, int64_t *n, struct fas_err *e)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct round r = {.keep_s = keep_s(ca)};
	*n = 0;
	enum fas_code rc = clock_checked(ca->config->clock_skew_s, &r.now_s, e);
	if (rc == FAS_OK)
		rc = db_read(ca->db, find_due, &r, e);
	for (size_t i = 0; rc == FAS_OK && r.before_s && i < BATCHES_MAX; i++) {
		rc = db_write(ca->db, prune_batch, &r, e);
		*n += rc == FAS_OK ? r.n : 0;
		if (rc != FAS_OK || r.n < BATCH || is_stopping(ca))
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (rc == FAS_OK && *n > 0)
		rc = put_on_record(ca, *n, r.before_s, e);
	return rc;
}

/* ---- the thread ---- */

static void *
pruner_main(void *arg)
{
	struct pruner *p = arg;
	(void)pthread_setname_np(pthread_self(), "prune");
	(void)pthread_mutex_lock(&p->lock);
	for (int64_t minute = 0; !p->stopping;) {
		int64_t n = 0;
		struct fas_err e = {0};
		/* A revoked certificate leaves behind a list that has carried it: the lists of the start come first. */
		bool begun = publisher_has_begun(p->ca->publisher);
		const struct timespec until = clock_deadline(begun ? MINUTE_MS : BEGIN_MS);
		(void)pthread_mutex_unlock(&p->lock);
		if (begun && minute++ % EACH_MINUTES == 0 && prune_round(p->ca, &n, &e) != FAS_OK)
			log_error("certificates_not_pruned", &e, NULL);
		backup_expire(p->ca);
		(void)pthread_mutex_lock(&p->lock);
		while (!p->stopping && pthread_cond_timedwait(&p->wake, &p->lock, &until) == 0)
			continue;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

enum fas_code
prune_start(struct ca *ca, struct fas_err *e)
{
	struct pruner *p = calloc(1, sizeof(*p));
	if (!p)
		return fas_fail_nomem(e);
	p->ca = ca;
	(void)pthread_mutex_init(&p->lock, NULL);
	clock_cond_init(&p->wake);
	ca->pruner = p;
	p->running = pthread_create(&p->thread, NULL, pruner_main, p) == 0;
	return p->running ? FAS_OK
			  : fas_fail(e, FAS_E_UNAVAILABLE, "no_thread",
				"cannot start the pruner's thread");
}

void
prune_stop(struct pruner *p)
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
	(void)pthread_cond_destroy(&p->wake);
	free(p);
}
