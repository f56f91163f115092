#include "fas/background.h"

#include <pthread.h>
#include <stdlib.h>

#include "fas/act.h"
#include "fas/audit_head.h"
#include "fas/audit_prune.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/macros.h"
#include "fas/ends.h"

#define HOSTS_WAIT_MS                                                                              \
	2000 /* the signer answers at once when the table changes; so long may an end take */
#define HOSTS_RETRY_S 1
#define ACTS_WAIT_MS 2000
#define TASKS 6

/* One of the rounds, and whose it is. */
struct round {
	struct background *background;
	struct background_round what;
};

struct background {
	struct background_config config;
	struct round rounds[BACKGROUND_ROUNDS_MAX];
	pthread_mutex_t lock;
	struct ends_said said;   /* of the thread that maintains */
	pthread_mutex_t renewal; /* guards the times of the API's certificate, and what follows */
	bool behind;             /* it comes from before the service CA's renewal */
	pthread_cond_t wake;
	bool stopping;
	size_t n_threads;
	pthread_t threads[TASKS + BACKGROUND_ROUNDS_MAX];
};

static bool
is_ending(struct background *b)
{
	pthread_mutex_lock(&b->lock);
	bool ending = b->stopping;
	pthread_mutex_unlock(&b->lock);
	return ending;
}

/* Sleep; false when it is over. */
static bool
pause_s(struct background *b, unsigned seconds)
{
	const struct timespec until = clock_deadline((int64_t)seconds * 1000);
	pthread_mutex_lock(&b->lock);
	while (!b->stopping && pthread_cond_timedwait(&b->wake, &b->lock, &until) == 0)
		;
	bool go_on = !b->stopping;
	pthread_mutex_unlock(&b->lock);
	return go_on;
}

enum fas_code
background_fetch_hosts(
    struct signer *signer, struct caller_table *callers, int wait_ms, struct fas_err *e)
{
	OWN(json) json_t *table = NULL;
	int64_t known = caller_table_generation(callers);
	enum fas_code rc =
	    signer_hosts(signer, known < 0 ? 0 : known, known < 0 ? 0 : wait_ms, &table, e);
	if (rc != FAS_OK)
		return rc;
	if (known >= 0 && json_integer_value(json_object_get(table, "generation")) == known)
		return FAS_OK;
	return caller_table_update(callers, table, e);
}

/* ---- the API's certificate ---- */

/* Status and metrics say when it ends. */
static void
tell_service(struct background *b)
{
	atomic_store(&b->config.service->api_not_before_s, b->config.not_before_s);
	atomic_store(&b->config.service->api_not_after_s, b->config.not_after_s);
}

/* Renewed by an administrator?  Machines show certificates of the renewed one, and have to be shown it. */
static void
look_at_service_ca(struct background *b)
{
	struct fas_err e = {0};
	OWN(text) char *pem = NULL;
	bool added = false;
	if (signer_service_ca(b->config.service->signer, &pem, &e) != FAS_OK)
		return; /* that it is away is said elsewhere; the next round asks again */
	if (caller_table_trust(b->config.callers, pem, &added, &e) != FAS_OK)
		log_error("service_ca_not_taken", &e, NULL);
	else if (added)
		log_event(LOG_LEVEL_INFO, "service_ca_taken", NULL);
	b->behind = b->behind || added;
}

/* Under the lock of renewals. */
static void
renew_certificate(struct background *b)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate issued = {0};
	const struct background_config *c = &b->config;
	enum fas_code rc = identity_certificate(c->service->signer, c->key, &issued, &e);
	if (rc == FAS_OK)
		rc = http_tls_replace(c->tls, (const char *)c->key->pem.data, issued.pem, &e);
	if (rc != FAS_OK) {
		log_error("api_certificate_not_renewed", &e, NULL);
		return;
	}
	b->config.not_before_s = issued.not_before_s;
	b->config.not_after_s = issued.not_after_s;
	b->behind = false;
	tell_service(b);
	log_event(LOG_LEVEL_INFO, "api_certificate_renewed", "serial", issued.serial, NULL);
}

void
background_renew_certificate(struct background *b)
{
	pthread_mutex_lock(&b->renewal);
	look_at_service_ca(b);
	renew_certificate(b);
	pthread_mutex_unlock(&b->renewal);
}

static void
renew_if_due(struct background *b)
{
	pthread_mutex_lock(&b->renewal);
	look_at_service_ca(b);
	if (b->behind ||
	    identity_is_due(b->config.not_before_s, b->config.not_after_s, clock_now()))
		renew_certificate(b);
	pthread_mutex_unlock(&b->renewal);
}

/* ---- what the signer says ---- */

/* While the signer is away the last table stays: it is said once when it goes and once when it is back. */
static void *
follow_hosts(void *arg)
{
	struct background *b = arg;
	bool away = false, go_on = true;
	while (go_on) {
		struct fas_err e = {0};
		int64_t known = caller_table_generation(b->config.callers);
		enum fas_code rc = background_fetch_hosts(
		    b->config.service->signer, b->config.callers, HOSTS_WAIT_MS, &e);
		if (caller_table_generation(b->config.callers) != known)
			renew_if_due(b);
		if (rc != FAS_OK && !away && !is_ending(b))
			log_error("host_table_away", &e, NULL);
		if (rc == FAS_OK && away)
			log_event(LOG_LEVEL_INFO, "host_table_back", NULL);
		away = rc != FAS_OK;
		go_on = pause_s(b, away ? HOSTS_RETRY_S : 0);
	}
	return NULL;
}

/* An administrator waits for the answer: the signer gives it as soon as there is an act. */
static void *
follow_acts(void *arg)
{
	struct background *b = arg;
	bool away = false, go_on = true;
	while (go_on) {
		struct fas_err e = {0};
		enum fas_code rc = acts_follow(b->config.service, ACTS_WAIT_MS, &e);
		if (rc != FAS_OK && !away && !is_ending(b))
			log_error("acts_away", &e, NULL);
		away = rc != FAS_OK;
		go_on = pause_s(b, away ? HOSTS_RETRY_S : 0);
	}
	return NULL;
}

static void *
sweep(void *arg)
{
	struct background *b = arg;
	do {
		service_sweep(b->config.service);
	} while (pause_s(b, b->config.sweep_s));
	return NULL;
}

static void *
maintain(void *arg)
{
	struct background *b = arg;
	while (pause_s(b, b->config.resolve_s)) {
		reloader_resolve_groups(b->config.reloader);
		renew_if_due(b);
		service_log_ends(b->config.service, &b->said);
	}
	return NULL;
}

/* The last round comes when nothing is answered any more: the trail's end is countersigned too. */
static void *
countersign(void *arg)
{
	struct background *b = arg;
	do {
		audit_heads_round(b->config.service);
	} while (pause_s(b, b->config.head_s));
	audit_heads_round(b->config.service);
	return NULL;
}

static void *
prune(void *arg)
{
	struct background *b = arg;
	bool more;
	do {
		more = audit_prune_round(b->config.service);
	} while (pause_s(b, more ? 0 : b->config.prune_s));
	return NULL;
}

static void *
run_round(void *arg)
{
	struct round *round = arg;
	unsigned next_s;
	do {
		next_s = round->what.run(round->what.arg);
	} while (pause_s(round->background, next_s));
	return NULL;
}

static bool
start_thread(struct background *b, void *(*run)(void *), void *arg)
{
	if (b->n_threads == NELEMS(b->threads) ||
	    pthread_create(&b->threads[b->n_threads], NULL, run, arg) != 0)
		return false;
	b->n_threads++;
	return true;
}

static bool
start_threads(struct background *b)
{
	static void *(*const tasks[TASKS])(void *) = {
	    follow_hosts, follow_acts, sweep, maintain, countersign, prune};
	bool good = b->config.n_rounds <= BACKGROUND_ROUNDS_MAX;
	for (size_t i = 0; i < TASKS && good; i++)
		good = start_thread(b, tasks[i], b);
	for (size_t i = 0; i < b->config.n_rounds && good; i++) {
		b->rounds[i] = (struct round){b, b->config.rounds[i]};
		good = start_thread(b, run_round, &b->rounds[i]);
	}
	return good;
}

enum fas_code
background_start(const struct background_config *config, struct background **out, struct fas_err *e)
{
	struct background *b = calloc(1, sizeof(*b));
	if (!b)
		return fas_fail_nomem(e);
	b->config = *config;
	tell_service(b);
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->renewal, NULL);
	clock_cond_init(&b->wake);
	if (!start_threads(b)) {
		background_stop(b);
		return fas_fail(e, FAS_E_IO, "io_error", "no thread for the background");
	}
	*out = b;
	return FAS_OK;
}

void
background_stop(struct background *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_cond_broadcast(&b->wake);
	pthread_mutex_unlock(&b->lock);
	signer_stop_waiting(b->config.service->signer);
	for (size_t i = 0; i < b->n_threads; i++)
		pthread_join(b->threads[i], NULL);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->renewal);
	free(b);
}
