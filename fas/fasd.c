/*
 * fasd: what the network reaches.  Never root, holds no key but its own TLS key.
 *
 * The start is a staircase: configuration, what this process holds, the listeners that need nobody else, the signer,
 * policy, the API.  The end is the same staircase downwards.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fas/act.h"
#include "fas/admin_doctor.h"
#include "fas/background.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/notify.h"
#include "fas/base/restore.h"
#include "fas/base/sandbox.h"
#include "fas/confine.h"
#include "fas/doors.h"
#include "fas/fasd_options.h"
#include "fas/front_door.h"
#include "fas/held.h"
#include "fas/http/fetch_url.h"
#include "fas/negotiation.h"
#include "fas/restore.h"
#include "fas/upkeep.h"

#define READERS 4
#define OPS_WORKERS 2
#define OPS_QUEUE 16
#define SIGNER_RETRY_MS 500

struct daemon {
	struct config *config;
	struct directory *directory;
	struct signer *signer;
	struct db_pool *db;
	struct metrics *metrics;
	struct refusals *refusals;
	struct service service;
	struct reloader *reloader;
	struct workers *workers, *ops_workers;
	struct caller_table *callers;
	struct negotiation *negotiation;
	struct identity_key key;
	struct http_tls *tls;
	struct background *background;
	struct upkeep *upkeep;
	struct admin *admin;
	struct ops ops;
	struct api api;
	struct publisher publisher;
	struct doors doors;
	struct front_door front;
	sigset_t signals;
};

/* ---- what this process holds ---- */

static enum fas_code
load_clock(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	return clock_load(db, e);
}

static enum fas_code
open_store(struct daemon *d, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = file_make_folder(d->config->state, 0700, e);
	if (rc == FAS_OK)
		rc = restore_check(d->config->state, e);
	if (rc == FAS_OK)
		rc = file_join(path, sizeof(path), d->config->state, "fas.db", e);
	if (rc == FAS_OK)
		rc = db_pool_open(path, &fas_migrations, READERS, &d->db, e);
	return rc == FAS_OK ? db_write(d->db, load_clock, NULL, e) : rc;
}

static enum fas_code
load_machines(void *arg, const char *path, struct fas_err *e)
{
	return negotiation_load(arg, path, e);
}

static enum fas_code
load_front(void *arg, struct fas_err *e)
{
	return front_door_reload(arg, e);
}

static enum fas_code
load_siblings(struct daemon *d, struct fas_err *e)
{
	struct saml_trust *trust = NULL;
	struct saml_sp *sp = NULL;
	const struct config *config = d->config;
	enum fas_code rc = saml_init(e);
	if (rc == FAS_OK && config->saml)
		rc = saml_sp_load(config->saml, config->folder, &sp, e);
	if (rc == FAS_OK)
		rc = saml_trust_load_with(config->identity_providers, config->folder,
		    config->metadata, clock_now(), &trust, e);
	if (rc == FAS_OK)
		rc = directory_new(config->domains, config->folder, &d->directory, e);
	if (rc == FAS_OK)
		rc = negotiation_check(config, e);
	if (rc == FAS_OK)
		rc = negotiation_new(d->directory, &d->negotiation, e);
	if (rc == FAS_OK)
		rc = metrics_new(&d->metrics, e);
	d->service = (struct service){.node = config->node,
	    .trust = trust,
	    .sp = sp,
	    .directory = d->directory,
	    .clock_skew_s = config->clock_skew_s,
	    .directory_grace_s = config->directory_grace_s,
	    .audit_keep_s = config->audit.keep_s,
	    .policy_path = config->policy};
	pthread_mutex_init(&d->service.policy_lock, NULL);
	service_trust_init(&d->service);
	watch_init(&d->service.watch);
	if (rc == FAS_OK)
		rc = reloader_new(config, &d->service, d->metrics, &d->reloader, e);
	if (rc == FAS_OK)
		rc = front_door_load(&d->front, config, &d->service, d->metrics, e);
	if (rc == FAS_OK)
		reloader_use(d->reloader, load_machines, d->negotiation);
	if (rc == FAS_OK && config->front)
		reloader_use_front(d->reloader, load_front, &d->front);
	if (rc == FAS_OK)
		rc = fetch_url_init(e);
	return rc == FAS_OK ? upkeep_new(config, &d->service, &d->upkeep, e) : rc;
}

static enum fas_code
open_service(struct daemon *d, struct fas_err *e)
{
	const struct config *config = d->config;
	enum fas_code rc = open_store(d, e);
	if (rc == FAS_OK)
		rc = negotiation_load(d->negotiation, config->path, e);
	if (rc == FAS_OK)
		rc = signer_new(config->signer_socket, config->signer_connections,
		    config->signer_timeout_ms, &d->signer, e);
	if (rc != FAS_OK)
		return rc;
	d->service.db = d->db;
	d->service.signer = d->signer;
	if ((rc = restore_fasd(&d->service, config->state, e)) != FAS_OK)
		return rc;
	const struct refusals_config refusals = refusals_defaults(d->db, d->metrics);
	if ((rc = refusals_start(&refusals, &d->refusals, e)) != FAS_OK)
		return rc;
	if ((rc = front_door_start(&d->front, config, e)) != FAS_OK)
		return rc;
	if ((rc = workers_start(
		 config->workers, config->queue, http_server_work, &d->workers, e)) != FAS_OK)
		return rc;
	d->ops.service = &d->service;
	d->ops.metrics = d->metrics;
	d->ops.workers = d->workers;
	d->ops.started_s = clock_now();
	d->publisher.folder = config->public_folder;
	return workers_start(OPS_WORKERS, OPS_QUEUE, http_server_work, &d->ops_workers, e);
}

/* ---- the signer ---- */

static enum fas_code
ask_signer(struct daemon *d, struct signer_certificate *certificate, struct fas_err *e)
{
	OWN(text) char *service_ca = NULL;
	enum fas_code rc = signer_service_ca(d->signer, &service_ca, e);
	if (rc == FAS_OK && !d->callers)
		rc = caller_table_new(service_ca, &d->callers, e);
	if (rc == FAS_OK)
		rc = background_fetch_hosts(d->signer, d->callers, 0, e);
	/* What was revoked while we were away is over before anybody is answered. */
	if (rc == FAS_OK)
		rc = acts_follow(&d->service, 0, e);
	if (rc == FAS_OK)
		rc = identity_certificate(d->signer, &d->key, certificate, e);
	if (rc == FAS_OK)
		rc = http_tls_new(
		    service_ca, (const char *)d->key.pem.data, certificate->pem, &d->tls, e);
	if (rc == FAS_OK)
		atomic_store(&d->ops.callers, d->callers);
	return rc;
}

/* The next signal within the time, 0 when there is none. */
static int
next_signal(const struct daemon *d, int wait_ms)
{
	const struct timespec wait = {
	    .tv_sec = wait_ms / 1000, .tv_nsec = (long)(wait_ms % 1000) * 1000000};
	int signal_number = sigtimedwait(&d->signals, NULL, &wait);
	return signal_number < 0 ? 0 : signal_number;
}

static bool
is_end(int signal_number)
{
	return signal_number == SIGTERM || signal_number == SIGINT;
}

/*
 * fas-signer may start after us, or be away for a while: wait for it, and say so to whoever calls.  False: told to end
 * meanwhile.
 */
static bool
await_signer(struct daemon *d, struct signer_certificate *certificate)
{
	char said[FAS_ERR_REASON_MAX] = "";
	for (;;) {
		struct fas_err e = {0};
		if (ask_signer(d, certificate, &e) == FAS_OK)
			return true;
		if (!said[0]) {
			doors_shut_api(&d->doors, &d->key, &e);
			notify_manager("READY=1\nSTATUS=waiting for fas-signer");
		}
		if (strcmp(said, e.reason) != 0)
			log_error("waiting_for_signer", &e, NULL);
		memcpy(said, e.reason, sizeof(said));
		if (is_end(next_signal(d, SIGNER_RETRY_MS)))
			return false;
	}
}

static enum fas_code
start_background(struct daemon *d, const struct signer_certificate *certificate, struct fas_err *e)
{
	struct background_config background = {.service = &d->service,
	    .callers = d->callers,
	    .reloader = d->reloader,
	    .tls = d->tls,
	    .key = &d->key,
	    .not_before_s = certificate->not_before_s,
	    .not_after_s = certificate->not_after_s,
	    .sweep_s = 2,
	    .resolve_s = 60,
	    .head_s = 10,
	    .prune_s = 3600};
	background.n_rounds = upkeep_rounds(d->upkeep, background.rounds);
	return background_start(&background, &d->background, e);
}

static enum fas_code
listen_all(struct daemon *d, struct fas_err *e)
{
	const struct doors_config doors = {.config = d->config,
	    .metrics = d->metrics,
	    .refusals = d->refusals,
	    .workers = d->workers,
	    .ops_workers = d->ops_workers,
	    .ops = &d->ops,
	    .publisher = &d->publisher,
	    .front = front_door_doors(&d->front)};
	return doors_open(&d->doors, &doors, e);
}

static enum fas_code
open_api(struct daemon *d, struct fas_err *e)
{
	d->api = (struct api){.service = &d->service, .callers = d->callers, .metrics = d->metrics};
	return doors_open_api(&d->doors, &d->api, d->tls, negotiation_http(d->negotiation), e);
}

/* Before the signer is there, so that an administrator can see what is waited for. */
static enum fas_code
listen_admin(struct daemon *d, struct fas_err *e)
{
	const struct admin_config admin = {.config = d->config,
	    .service = &d->service,
	    .ops = &d->ops,
	    .reloader = d->reloader,
	    .refusals = d->refusals,
	    .places = upkeep_admin(d->upkeep),
	    .doctor = admin_doctor};
	return admin_start(&admin, &d->admin, e);
}

/* ---- life ---- */

/* What is wrong with the new files is in the log and on record; what was in force stays. */
static void
reload(struct daemon *d)
{
	char warning[512] = "";
	struct fas_err providers = {0}, machines = {0}, front = {0}, policy = {0};
	(void)!reloader_load_providers(d->reloader, "signal", &providers);
	(void)!reloader_load_machines(d->reloader, "signal", &machines);
	(void)!reloader_load_front(d->reloader, "signal", &front);
	(void)!reloader_load(d->reloader, "signal", warning, sizeof(warning), &policy);
	background_renew_certificate(d->background);
}

static void
serve(struct daemon *d)
{
	for (;;) {
		int signal_number = sigwaitinfo(&d->signals, NULL);
		if (is_end(signal_number))
			return;
		if (signal_number == SIGHUP)
			reload(d);
	}
}

static enum fas_code
run(struct daemon *d, struct fas_err *e)
{
	char warning[512] = "";
	OWN(signer_certificate) struct signer_certificate certificate = {0};
	enum fas_code rc = reloader_check(d->reloader, e);
	if (rc == FAS_OK)
		rc = open_service(d, e);
	if (rc == FAS_OK)
		rc = identity_key_load(d->config->state, &d->key, e);
	if (rc == FAS_OK)
		rc = listen_all(d, e);
	if (rc == FAS_OK)
		rc = listen_admin(d, e);
	if (rc != FAS_OK || !await_signer(d, &certificate))
		return rc;
	rc = reloader_load(d->reloader, "start", warning, sizeof(warning), e);
	if (rc == FAS_OK)
		service_recover(&d->service);
	if (rc == FAS_OK)
		rc = open_api(d, e);
	if (rc == FAS_OK)
		rc = start_background(d, &certificate, e);
	if (rc != FAS_OK)
		return rc;
	log_event(LOG_LEVEL_INFO, "started", "version", FAS_VERSION, "node", d->config->node, NULL);
	notify_manager("READY=1\nSTATUS=serving");
	serve(d);
	log_event(LOG_LEVEL_INFO, "stopping", NULL);
	notify_manager("STOPPING=1");
	return FAS_OK;
}

/* Requests under way are finished before anything that they use is taken away. */
static void
shut_down(struct daemon *d)
{
	upkeep_stop(d->upkeep);
	doors_close_api(&d->doors);
	admin_stop(d->admin);
	background_stop(d->background);
	doors_close(&d->doors);
	front_door_stop(&d->front);
	workers_stop(d->workers);
	workers_stop(d->ops_workers);
	refusals_stop(d->refusals);
	reloader_free(d->reloader);
	if (d->service.policy)
		policy_unref(d->service.policy);
	http_tls_free(d->tls);
	front_door_free(&d->front);
	caller_table_free(d->callers);
	identity_key_done(&d->key);
	upkeep_free(d->upkeep);
	if (d->signer)
		signer_free(d->signer);
	if (d->db)
		db_pool_close(d->db);
	metrics_free(d->metrics);
	watch_done(&d->service.watch);
	negotiation_free(d->negotiation);
	if (d->directory)
		directory_free(d->directory);
	if (d->service.trust)
		saml_trust_free(d->service.trust);
	saml_sp_free(d->service.sp);
	saml_done();
	config_free(d->config);
}

static enum fas_code
prepare_process(struct daemon *d, struct fas_err *e)
{
	struct rlimit files;
	enum fas_code rc = sandbox_refuse_root("fasd", e);
	if (rc == FAS_OK)
		rc = sandbox_enter(false, e);
	if (rc != FAS_OK)
		return rc;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&d->signals);
	sigaddset(&d->signals, SIGTERM);
	sigaddset(&d->signals, SIGINT);
	sigaddset(&d->signals, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &d->signals, NULL) != 0)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "signal mask");
	return fasd_confine(d->config, e);
}

static int
report(const struct fas_err *e, bool check)
{
	if (e->code == FAS_OK) {
		if (check)
			(void)puts("configuration and policy are good");
		return STATUS_DONE;
	}
	if (check)
		(void)fprintf(stderr, "%s\n", e->message);
	else
		log_error("failed", e, NULL);
	bool is_config =
	    e->code == FAS_E_CONFIG || e->code == FAS_E_NOTFOUND || e->code == FAS_E_INPUT;
	return is_config ? STATUS_CONFIG : STATUS_FAILED;
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	struct fas_err e = {0};
	struct options options = {.config = FAS_SYSCONFDIR "/fasd.yaml"};
	int status = fasd_options_read(argc, argv, &options);
	if (status >= 0)
		return status;
	held_init();
	enum fas_code rc = config_load(options.config, &d.config, &e);
	if (rc != FAS_OK)
		return report(&e, options.check);
	log_set_level(d.config->log_level);
	audit_set_journal(d.config->audit.journal);
	if (!options.check)
		rc = prepare_process(&d, &e);
	if (rc == FAS_OK)
		rc = load_siblings(&d, &e);
	if (rc == FAS_OK)
		rc = options.check ? reloader_check(d.reloader, &e) : run(&d, &e);
	status = report(&e, options.check);
	if (rc != FAS_OK)
		held_give_up();
	shut_down(&d);
	return status;
}
