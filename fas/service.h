/*
 * What the pipeline works with: the siblings, the database and the few settings that it needs.
 * Made once by fasd.c, shared by all worker threads.
 */
#ifndef FAS_SERVICE_H
#define FAS_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/client.h"
#include "fas/base/audit.h"
#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/caller.h"
#include "fas/saml/saml.h"
#include "fas/saml/sp.h"
#include "fas/watch.h"
#include "ldap/directory.h"
#include "policy/policy.h"

/* How the trail stands with the signer: see fas/audit_head.h. */
struct audit_watch {
	_Atomic int64_t seq,
	    counter; /* last record and number that were countersigned; 0 = none since start */
	_Atomic int64_t time_s; /* when */
	atomic_bool rewound;
	bool away;              /* of the one thread that asks: said already */
	unsigned skipped;       /* of the same thread */
	atomic_bool not_pruned; /* old records stay, and why is on record */
};

/* Records that anybody can cause: see trail_refuse_stranger (fas/audit_trail.h). */
struct strangers {
	_Atomic int64_t full_us;  /* when as many can be written at once again as ever */
	_Atomic int64_t left_out; /* since the last one that was written */
};

struct service {
	const char *node;         /* names this node in tickets; [a-z0-9]{1,16} */
	struct saml_trust *trust; /* the service's own; the others are borrowed: fasd.c owns */
	struct saml_sp *sp;       /* the service's own; NULL: it has no SAML keys */
	/* Held for reading as long as trust or sp is looked at. */
	pthread_rwlock_t trust_lock;
	struct directory *directory;
	struct signer *signer;
	struct db_pool *db;
	int64_t clock_skew_s;
	int64_t
	    directory_grace_s; /* how long a session's key signs while its account cannot be read */
	int64_t audit_keep_s;  /* audit: keep */
	int64_t assertions_from_s; /* none that was issued before is accepted (fas/restore.h) */
	const char *policy_path;
	const struct policy_world *world; /* for policy_load */

	struct audit_watch audit;
	struct strangers strangers;
	_Atomic int64_t api_not_before_s,
	    api_not_after_s; /* of the API's certificate; 0: none yet */
	_Atomic int64_t front_not_before_s, front_not_after_s; /* the front's; 0: there is none */
	struct watch watch;

	pthread_mutex_t policy_lock; /* guards these two only */
	struct policy *policy;
	char policy_id[CORRELATION_ID_MAX]; /* new with each that is published, for ever unique */
};

/* One request through the pipeline. */
struct request {
	const struct caller *caller;
	/* A new id at first; replaced by the ticket's or session's once that is known. */
	char correlation_id[CORRELATION_ID_MAX];
	/* Of a refusal: when to come again, where more is known than its class says; 0 = not. */
	int64_t retry_after_s;
};

/* The migrations of fas.db. */
extern const struct db_migrations fas_migrations;

/*
 * The identity providers in force, and our own SAML keys (service->sp), between hold and release: verifications go on
 * side by side, and a new set waits for those under way, but for none that begins later: whoever holds it does not ask for it
 * again.  service_trust_init: once, before all else.
 */
void service_trust_init(struct service *service);
const struct saml_trust *service_trust_hold(struct service *service);
void service_trust_release(struct service *service);
/* The service owns both from here on; the old ones are freed. */
void service_replace_trust(struct service *service, struct saml_trust *trust, struct saml_sp *sp);

/*
 * Metadata that the URL of a provider has given: judged as its entry says, then put in force.  FAS_E_NOTFOUND
 * "idp_unknown": there is no such provider with that URL any more; else as saml_trust_judge and saml_trust_renew.
 */
MUST_CHECK enum fas_code service_renew_provider(struct service *service, const char *name,
    const char *url, const uint8_t *bytes, size_t len, int64_t now_s, struct fas_err *e);

/*
 * Load the policy at policy_path, resolve its groups in the directory and publish it; on any error the old one stays.
 * warning (may be NULL) gets "" or the names of groups that could not be resolved (bounded text).
 */
MUST_CHECK enum fas_code service_reload_policy(
    struct service *service, char *warning, size_t warning_size, struct fas_err *e);
/* A reference to the present policy; policy_unref it.  NULL before the first load. */
struct policy *service_policy(struct service *service);
/* The same and its id, "" when there is none; id NULL: not asked. */
struct policy *service_policy_named(struct service *service, char id[CORRELATION_ID_MAX]);
/* Is this the id of the policy in force? */
bool service_policy_is(struct service *service, const char *id);
/* Try again to resolve groups that were not known or whose domain was away: about each minute. */
void service_resolve_groups(struct service *service);

/*
 * Housekeeping, each few seconds: end sessions past their cap or lease (with revocation where the rule says so),
 * drop dead tickets and claims, re-drive used tickets that have no result.
 */
void service_sweep(struct service *service);

/*
 * Before the first request: what a crash has left half done is finished at once, as whoever was at it is gone.  What the
 * signer cannot do yet is left to service_sweep.
 */
void service_recover(struct service *service);

/* Is the store whole, and does it keep what is written?  Housekeeping writes each few seconds. */
MUST_CHECK enum fas_code service_check_store(struct service *service, struct fas_err *e);

/* May anything be issued: is the store whole?  Under which authority, watch_check_issuing says when a rule has named it. */
MUST_CHECK enum fas_code service_check_issuing(struct service *service, struct fas_err *e);

struct service_counts {
	int64_t open_tickets, live_sessions, claims, audit_records;
};
MUST_CHECK enum fas_code service_count(
    struct service *service, struct service_counts *out, struct fas_err *e);

#endif
