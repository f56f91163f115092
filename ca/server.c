#include "ca/server.h"

#include <stdlib.h>

#include "ca/act.h"
#include "ca/asn1.h"
#include "ca/backup.h"
#include "ca/ca.h"
#include "ca/countersign.h"
#include "ca/held.h"
#include "ca/hosts.h"
#include "ca/limits_take.h"
#include "ca/prune.h"
#include "ca/publisher.h"
#include "ca/restore.h"
#include "ca/sockets.h"
#include "fas/base/file.h"
#include "fas/base/log.h"
#include "fas/base/restore.h"

#define READERS 4

struct signer_server {
	struct ca ca;
	struct listener *issue, *admin;
};

enum fas_code
signer_server_reload(struct signer_server *server, struct fas_err *e)
{
	return limits_take(&server->ca, LIMITS_SIGNAL, e);
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
	if ((rc = limits_take(ca, LIMITS_START, e)) != FAS_OK)
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
		prune_stop(ca->pruner); /* it asks the publisher */
		publisher_stop(ca->publisher);
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
