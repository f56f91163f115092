#include "fas/refusals.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/audit.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define WAITING_MAX 256
#define REASONS_MAX 32
#define ADDRESS_MAX 64

struct refusal {
	char reason[FAS_ERR_REASON_MAX];
	char message[160];
	char correlation_id[CORRELATION_ID_MAX];
	char caller[CALLER_TEXT_MAX];
	char address[ADDRESS_MAX];
	const char *route;
};

struct bucket {
	struct refusal_rate rate;
	int64_t tokens;
	int64_t filled_us;
};

struct tally {
	char reason[FAS_ERR_REASON_MAX];
	uint64_t n;
};

struct refusals {
	struct refusals_config config;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool stopping;
	struct bucket unknown, known;
	struct refusal waiting[WAITING_MAX];
	size_t n_waiting;
	struct tally tallies[REASONS_MAX + 1]; /* the last one: all other reasons */
	size_t n_tallies;
};

struct refusals_config
refusals_defaults(struct db_pool *db, struct metrics *metrics)
{
	return (struct refusals_config){.db = db,
	    .metrics = metrics,
	    .unknown = {60, 5000},
	    .known = {300, 200},
	    .summary_s = 60};
}

static bool
bucket_take(struct bucket *b, int64_t now_us)
{
	int64_t each_us = (int64_t)b->rate.each_ms * 1000;
	int64_t more = (now_us - b->filled_us) / each_us;
	if (more > 0) {
		b->tokens = b->tokens + more > (int64_t)b->rate.burst ? (int64_t)b->rate.burst
								      : b->tokens + more;
		b->filled_us += more * each_us;
	}
	if (b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}

/* Called with the lock held. */
static void
count(struct refusals *refusals, const char *reason)
{
	size_t i = 0;
	while (i < refusals->n_tallies && strcmp(refusals->tallies[i].reason, reason) != 0)
		i++;
	if (i == refusals->n_tallies && i < REASONS_MAX) {
		(void)snprintf(refusals->tallies[i].reason, FAS_ERR_REASON_MAX, "%s", reason);
		refusals->n_tallies++;
	}
	refusals->tallies[i].n++;
}

void
refusals_note(struct refusals *refusals, const struct caller *caller, const char *address,
    const char *route, const char *correlation_id, const struct fas_err *why)
{
	bool is_known = caller && caller->kind != CALLER_NONE;
	if (!refusals)
		return;
	pthread_mutex_lock(&refusals->lock);
	bool fits =
	    refusals->n_waiting < WAITING_MAX &&
	    bucket_take(is_known ? &refusals->known : &refusals->unknown, clock_monotonic_us());
	if (fits) {
		struct refusal *r = &refusals->waiting[refusals->n_waiting++];
		(void)snprintf(r->reason, sizeof(r->reason), "%s", fas_err_reason(why));
		(void)snprintf(r->message, sizeof(r->message), "%s", why->message);
		(void)snprintf(r->correlation_id, sizeof(r->correlation_id), "%s", correlation_id);
		(void)snprintf(r->address, sizeof(r->address), "%s", address ? address : "");
		r->caller[0] = 0;
		if (is_known)
			caller_format(caller, r->caller);
		r->route = route;
		pthread_cond_signal(&refusals->wake);
	} else {
		count(refusals, fas_err_reason(why));
	}
	pthread_mutex_unlock(&refusals->lock);
	metrics_add(
	    refusals->config.metrics, fits ? METRIC_REFUSAL_RECORDED : METRIC_REFUSAL_UNRECORDED);
}

/* ---- the thread ---- */

struct batch {
	struct refusal refusals[WAITING_MAX];
	size_t n;
};

static enum fas_code
append_one(struct db *db, const struct refusal *r, struct fas_err *e)
{
	OWN(json) json_t *detail = json_object();
	if (r->address[0])
		(void)json_object_set_new(detail, "address", json_string(r->address));
	if (r->route)
		(void)json_object_set_new(detail, "route", json_string(r->route));
	struct audit_record record = {.event = "request_refused",
	    .outcome = "deny",
	    .reason = r->reason,
	    .correlation_id = r->correlation_id,
	    .caller = r->caller[0] ? r->caller : NULL,
	    .message = r->message,
	    .detail = detail};
	enum fas_code rc = audit_append(db, &record, e);
	if (rc == FAS_OK)
		audit_log(&record);
	return rc;
}

static enum fas_code
append_batch(struct db *db, void *arg, struct fas_err *e)
{
	const struct batch *batch = arg;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < batch->n && rc == FAS_OK; i++)
		rc = append_one(db, &batch->refusals[i], e);
	return rc;
}

static void
write_batch(struct refusals *refusals, struct batch *batch)
{
	struct fas_err e = {0};
	if (batch->n > 0 && db_write(refusals->config.db, append_batch, batch, &e) != FAS_OK)
		log_error("refusals_not_recorded", &e, NULL);
}

static void
write_sum(struct refusals *refusals, const struct tally *tallies)
{
	struct fas_err e = {0};
	OWN(json) json_t *detail = json_object();
	for (size_t i = 0; i <= REASONS_MAX; i++) {
		if (tallies[i].n > 0)
			(void)json_object_set_new(detail,
			    tallies[i].reason[0] ? tallies[i].reason : "other",
			    json_integer((json_int_t)tallies[i].n));
	}
	if (json_object_size(detail) == 0)
		return;
	const struct audit_record record = {.event = "requests_refused_sum",
	    .outcome = "deny",
	    .message = "refusals beyond the rate that is recorded one by one",
	    .detail = detail};
	if (audit_write(refusals->config.db, &record, &e) != FAS_OK)
		log_error("refusals_not_recorded", &e, NULL);
}

/* Wait until there is something to write, until that time, or until the end. */
static void
await_work(struct refusals *refusals, int64_t until_us)
{
	const struct timespec deadline = clock_deadline_at(until_us);
	while (refusals->n_waiting == 0 && !refusals->stopping) {
		if (pthread_cond_timedwait(&refusals->wake, &refusals->lock, &deadline) != 0)
			return;
	}
}

static void *
run(void *arg)
{
	struct refusals *refusals = arg;
	struct batch *batch = malloc(sizeof(*batch));
	bool stopping = false;
	const int64_t each_us = (int64_t)refusals->config.summary_s * 1000000;
	int64_t sum_at_us = clock_monotonic_us() + each_us;
	while (batch && !stopping) {
		struct tally tallies[REASONS_MAX + 1] = {0};
		pthread_mutex_lock(&refusals->lock);
		await_work(refusals, sum_at_us);
		stopping = refusals->stopping;
		memcpy(batch->refusals, refusals->waiting,
		    refusals->n_waiting * sizeof(batch->refusals[0]));
		batch->n = refusals->n_waiting;
		refusals->n_waiting = 0;
		if (stopping || clock_monotonic_us() >= sum_at_us) {
			memcpy(tallies, refusals->tallies, sizeof(tallies));
			memset(refusals->tallies, 0, sizeof(refusals->tallies));
			refusals->n_tallies = 0;
			sum_at_us = clock_monotonic_us() + each_us;
		}
		pthread_mutex_unlock(&refusals->lock);
		write_batch(refusals, batch);
		write_sum(refusals, tallies);
	}
	free(batch);
	return NULL;
}

enum fas_code
refusals_start(const struct refusals_config *config, struct refusals **out, struct fas_err *e)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));
	if (!refusals)
		return fas_fail_nomem(e);
	refusals->config = *config;
	refusals->unknown =
	    (struct bucket){config->unknown, config->unknown.burst, clock_monotonic_us()};
	refusals->known = (struct bucket){config->known, config->known.burst, clock_monotonic_us()};
	pthread_mutex_init(&refusals->lock, NULL);
	clock_cond_init(&refusals->wake);
	if (pthread_create(&refusals->thread, NULL, run, refusals) != 0) {
		free(refusals);
		return fas_fail(e, FAS_E_IO, "io_error", "no thread for the record of refusals");
	}
	*out = refusals;
	return FAS_OK;
}

void
refusals_stop(struct refusals *refusals)
{
	if (!refusals)
		return;
	pthread_mutex_lock(&refusals->lock);
	refusals->stopping = true;
	pthread_cond_signal(&refusals->wake);
	pthread_mutex_unlock(&refusals->lock);
	pthread_join(refusals->thread, NULL);
	pthread_cond_destroy(&refusals->wake);
	pthread_mutex_destroy(&refusals->lock);
	free(refusals);
}
