#include "ca/server.h"

#include <stdlib.h>

#include "ca/act.h"
#include "ca/asn1.h"
#include "ca/backup.h"
#include "ca/ca.h"
#include "ca/countersign.h"
#include "ca/held.h"
#include "ca/hosts.h"
#include "ca/prune.h"
#include "ca/publisher.h"
#include "ca/restore.h"
#include "ca/sockets.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/log.h"
#include "fas/base/restore.h"

#define READERS 4

struct signer_server {
	struct ca ca;
	struct listener *issue, *admin;
};

/* ---- limits ---- */

static enum fas_code
seed(const char *sid_text, int64_t when_s, void *arg, struct fas_err *e)
{
	struct sid sid;
	enum fas_code rc = sid_parse(sid_text, &sid, e);
	return rc == FAS_OK ? rate_seed(arg, &sid, when_s, e) : rc;
}

struct seeding {
	struct rate *rate;
	int64_t since_s;
};

static enum fas_code
seed_all(struct db *db, void *arg, struct fas_err *e)
{
	const struct seeding *s = arg;
	return store_rates_each(db, s->since_s, seed, s->rate, e);
}

/* A CRL must outlive the longest certificate: a dead node's certificates then stay usable until they end. */
static enum fas_code
check_lives(const struct signer_config *config, const struct limits *limits, struct fas_err *e)
{
	for (size_t i = 0; i < config->n_authorities; i++) {
		const struct authority_config *a = &config->authorities[i];
		if (a->crl_life_s < limits->longest_life_s)
			return fas_fail(e, FAS_E_CONFIG, "config_crl",
			    "authority \"%s\": crl_life of %lld s is shorter than longest_life of "
			    "%lld s",
			    a->name, (long long)a->crl_life_s, (long long)limits->longest_life_s);
	}
	return FAS_OK;
}

/* New limits with the counts of the past, in place of the old ones. */
static enum fas_code
load_limits(struct ca *ca, struct fas_err *e)
{
	OWN(limits) struct limits *limits = NULL;
	OWN(rate) struct rate *rate = NULL;
	enum fas_code rc = limits_load(ca->config->limits_path, ca->owner, ca->config, &limits, e);
	if (rc == FAS_OK)
		rc = check_lives(ca->config, limits, e);
	if (rc == FAS_OK)
		rc = rate_new(&limits->per_sid, &limits->total, &rate, e);
	if (rc != FAS_OK)
		return rc;
	int64_t period_s = limits->per_sid.period_s > limits->total.period_s
			       ? limits->per_sid.period_s
			       : limits->total.period_s;
	struct seeding s = {.rate = rate, .since_s = clock_now() - 2 * period_s};
	/* Under the lock: at most what is under way in this moment escapes the count. */
	(void)pthread_rwlock_wrlock(&ca->limits_lock);
	rc = db_read(ca->db, seed_all, &s, e);
	if (rc == FAS_OK) {
		struct limits *old_limits = ca->limits;
		struct rate *old_rate = ca->rate;
		ca->limits = TAKE(limits);
		ca->rate = TAKE(rate);
		limits = old_limits;
		rate = old_rate;
	}
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return rc;
}

enum fas_code
signer_server_reload(struct signer_server *server, struct fas_err *e)
{
	return load_limits(&server->ca, e);
}

/* ---- start and stop ---- */

static enum fas_code
open_state(struct ca *ca, struct fas_err *e)
{
	char path[PATH_MAX], keys[PATH_MAX];
	/* 0711: the public folder may lie in it; what is private has modes of its own. */
	enum fas_code rc = file_make_folder(ca->config->state, 0711, e);
	if (rc == FAS_OK)
		rc = restore_check(ca->config->state, e);
	if (rc == FAS_OK)
		rc = file_join(keys, sizeof(keys), ca->config->state, "keys", e);
	if (rc == FAS_OK)
		rc = file_make_folder(keys, 0700, e);
	if (rc == FAS_OK)
		rc = key_folder_check(keys, e);
	if (rc == FAS_OK)
		rc = file_join(path, sizeof(path), ca->config->state, "ca.db", e);
	if (rc == FAS_OK)
		rc = db_pool_open(path, &ca_migrations, READERS, &ca->db, e);
	return rc;
}

static enum fas_code
start_all(struct signer_server *s, struct fas_err *e)
{
	struct ca *ca = &s->ca;
	enum fas_code rc;
	/* OpenSSL 3.0 adds an object to its table without a lock, while others look into it: so before there are others. */
	if (asn1_nid(OID_CRL_NEXT_PUBLISH) == NID_undef)
		return fas_fail_nomem(e);
	if ((rc = open_state(ca, e)) != FAS_OK)
		return rc;
	if ((rc = backup_init(ca, e)) != FAS_OK)
		return rc;
	authorities_init(&ca->authorities, ca->config, ca->db);
	if ((rc = hosts_init(&ca->hosts, ca->db, e)) != FAS_OK)
		return rc;
	if ((rc = acts_init(&ca->acts, ca->db, e)) != FAS_OK)
		return rc;
	if ((rc = load_limits(ca, e)) != FAS_OK)
		return rc;
	if ((rc = authorities_load(&ca->authorities, e)) != FAS_OK)
		return rc;
	if ((rc = restore_apply(ca, e)) != FAS_OK)
		return rc;
	if ((rc = authorities_make_service_ca(&ca->authorities, e)) != FAS_OK)
		return rc;
	if ((rc = countersign_init(ca, e)) != FAS_OK)
		return rc;
	if ((rc = publisher_start(ca, e)) != FAS_OK)
		return rc;
	if ((rc = pool_start(ca->config->pool, ca->config->n_pool, &ca->pool, e)) != FAS_OK)
		return rc;
	if ((rc = held_new(ca->pool, &ca->held, e)) != FAS_OK)
		return rc;
	if ((rc = admin_socket_start(ca, &s->admin, e)) != FAS_OK)
		return rc;
	if ((rc = issue_socket_start(ca, &s->issue, e)) != FAS_OK)
		return rc;
	return prune_start(ca, e);
}

enum fas_code
signer_server_start(
    const struct signer_config *config, uid_t owner, struct signer_server **out, struct fas_err *e)
{
	OWN(signer_server) struct signer_server *s = calloc(1, sizeof(*s));
	if (!s)
		return fas_fail_nomem(e);
	s->ca.config = config;
	s->ca.owner = owner;
	(void)pthread_rwlock_init(&s->ca.limits_lock, NULL);
	(void)pthread_mutex_init(&s->ca.refusals.lock, NULL);
	enum fas_code rc = start_all(s, e);
	if (rc == FAS_OK)
		*out = TAKE(s);
	return rc;
}

void
signer_server_stop(struct signer_server *s)
{
	if (!s)
		return;
	struct ca *ca = &s->ca;
	if (ca->authorities.db) { /* the host table and the authorities have been initialised */
		hosts_stop(&ca->hosts);
		acts_stop(&ca->acts);
		listener_stop(s->issue);
		listener_stop(s->admin);
		publisher_stop(ca->publisher);
		prune_stop(ca->pruner);
		hosts_done(&ca->hosts);
		acts_done(&ca->acts);
		authorities_done(&ca->authorities);
	}
	held_free(ca->held);
	pool_stop(ca->pool);
	countersign_done(ca);
	backup_done(ca->backup);
	rate_free(ca->rate);
	limits_free(ca->limits);
	db_pool_close(ca->db);
	(void)pthread_rwlock_destroy(&ca->limits_lock);
	(void)pthread_mutex_destroy(&ca->refusals.lock);
	free(s);
}
