#include "fas/service.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/logon_store.h"
#include "fas/saml/metadata.h"
#include "fas/session_store.h"

/* ---- the identity providers in force ---- */

/* Anybody can have responses verified one after the other without a gap: else a provider could not be taken out of force. */
void
service_trust_init(struct service *service)
{
	pthread_rwlockattr_t kind;
	(void)pthread_rwlockattr_init(&kind);
	(void)pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&service->trust_lock, &kind);
	(void)pthread_rwlockattr_destroy(&kind);
}

const struct saml_trust *
service_trust_hold(struct service *service)
{
	(void)pthread_rwlock_rdlock(&service->trust_lock);
	return service->trust;
}

void
service_trust_release(struct service *service)
{
	(void)pthread_rwlock_unlock(&service->trust_lock);
}

void
service_replace_trust(struct service *service, struct saml_trust *trust, struct saml_sp *sp)
{
	(void)pthread_rwlock_wrlock(&service->trust_lock);
	struct saml_trust *old = service->trust;
	struct saml_sp *old_sp = service->sp;
	service->trust = trust;
	service->sp = sp;
	(void)pthread_rwlock_unlock(&service->trust_lock);
	if (old)
		saml_trust_free(old);
	saml_sp_free(old_sp);
}

/* The provider of this name, as long as its metadata come from there; under the lock. */
static enum fas_code
find_provider(const struct saml_trust *trust, const char *name, const char *url, size_t *out,
    struct fas_err *e)
{
	struct saml_metadata_state state;
	size_t n = saml_trust_count(trust);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(saml_trust_name(trust, i), name) != 0 ||
		    !saml_trust_metadata(trust, i, &state) || strcmp(state.location, url) != 0)
			continue;
		*out = i;
		return FAS_OK;
	}
	return fas_fail(e, FAS_E_NOTFOUND, "idp_unknown",
	    "there is no identity provider %.64s with these metadata any more", name);
}

/* Judging takes its time: it is done beside verifications, and only the exchange keeps them waiting. */
enum fas_code
service_renew_provider(struct service *service, const char *name, const char *url,
    const uint8_t *bytes, size_t len, int64_t now_s, struct fas_err *e)
{
	size_t i = 0;
	OWN(saml_entity) struct saml_entity *entity = NULL;
	const struct saml_trust *trust = service_trust_hold(service);
	enum fas_code rc = find_provider(trust, name, url, &i, e);
	if (rc == FAS_OK)
		rc = saml_trust_judge(trust, i, bytes, len, now_s, &entity, e);
	service_trust_release(service);
	if (rc != FAS_OK)
		return rc;
	(void)pthread_rwlock_wrlock(&service->trust_lock);
	rc = find_provider(service->trust, name, url, &i, e);
	if (rc == FAS_OK)
		rc = saml_trust_renew(service->trust, i, entity, now_s, e);
	(void)pthread_rwlock_unlock(&service->trust_lock);
	return rc;
}

/* ---- the policy in force ---- */

struct policy *
service_policy_named(struct service *service, char id[CORRELATION_ID_MAX])
{
	(void)pthread_mutex_lock(&service->policy_lock);
	struct policy *policy = service->policy ? policy_ref(service->policy) : NULL;
	if (id)
		memcpy(id, service->policy_id, sizeof(service->policy_id));
	(void)pthread_mutex_unlock(&service->policy_lock);
	return policy;
}

struct policy *
service_policy(struct service *service)
{
	return service_policy_named(service, NULL);
}

bool
service_policy_is(struct service *service, const char *id)
{
	(void)pthread_mutex_lock(&service->policy_lock);
	bool same = service->policy && strcmp(service->policy_id, id) == 0;
	(void)pthread_mutex_unlock(&service->policy_lock);
	return same;
}

/* With policy_lock held; returns the one before. */
static struct policy *
exchange(struct service *service, struct policy *policy)
{
	struct policy *old = service->policy;
	service->policy = policy;
	correlation_id_new(service->policy_id); /* the same shape: 128 random bits in hex */
	return old;
}

static void
publish(struct service *service, struct policy *policy)
{
	(void)pthread_mutex_lock(&service->policy_lock);
	struct policy *old = exchange(service, policy);
	(void)pthread_mutex_unlock(&service->policy_lock);
	if (old)
		policy_unref(old);
}

/* The same, unless another policy was published since present was looked at. */
static void
publish_instead_of(struct service *service, const struct policy *present, struct policy *policy)
{
	(void)pthread_mutex_lock(&service->policy_lock);
	bool same = service->policy == present;
	struct policy *old = same ? exchange(service, policy) : policy;
	(void)pthread_mutex_unlock(&service->policy_lock);
	policy_unref(old);
}

static void
append_name(char *text, size_t size, const char *name)
{
	size_t used = strlen(text);
	if (used + 1 < size)
		(void)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
}

/* Look up each group that has no SID yet; those that stay without one are named in unresolved. */
static size_t
resolve(struct service *service, struct policy *policy, char *unresolved, size_t size)
{
	size_t left = 0;
	for (size_t i = 0; i < policy_group_count(policy); i++) {
		struct fas_err e = {0};
		struct sid sid;
		const char *name = policy_group_name(policy, i);
		if (policy_group_is_set(policy, i))
			continue;
		if (directory_group(service->directory, name, &sid, &e) == FAS_OK) {
			policy_group_set(policy, i, &sid);
			continue;
		}
		log_error("group_unresolved", &e, "group", name, NULL);
		append_name(unresolved, size, name);
		left++;
	}
	return left;
}

static enum fas_code
load_and_resolve(
    struct service *service, struct policy **out, char *unresolved, size_t size, struct fas_err *e)
{
	enum fas_code rc = policy_load(service->policy_path, service->world, out, e);
	if (rc == FAS_OK)
		(void)resolve(service, *out, unresolved, size);
	return rc;
}

enum fas_code
service_reload_policy(
    struct service *service, char *warning, size_t warning_size, struct fas_err *e)
{
	char unresolved[512] = "", rules[24];
	struct policy *policy = NULL;
	enum fas_code rc = load_and_resolve(service, &policy, unresolved, sizeof(unresolved), e);
	if (warning && warning_size > 0)
		(void)snprintf(warning, warning_size, "%s", unresolved);
	if (rc != FAS_OK) {
		log_error("policy_refused", e, NULL);
		return rc;
	}
	(void)snprintf(rules, sizeof(rules), "%zu", policy_rule_count(policy));
	log_event(LOG_LEVEL_INFO, "policy_loaded", "digest", policy_digest(policy), "rules", rules,
	    "unresolved", unresolved[0] ? unresolved : NULL, NULL);
	publish(service, policy);
	return FAS_OK;
}

static size_t
count_unresolved(const struct policy *policy)
{
	size_t n = 0;
	for (size_t i = 0; i < policy_group_count(policy); i++)
		n += !policy_group_is_set(policy, i);
	return n;
}

/*
 * A published policy is immutable: one with more groups resolved takes its place.  It is read anew from the files, and
 * must be the same policy: an edit that nobody has asked to load stays unloaded.  One that knows no more than the present
 * one is not published: every session would be judged anew by it.
 */
void
service_resolve_groups(struct service *service)
{
	struct fas_err e = {0};
	char unresolved[512] = "";
	OWN(policy) struct policy *present = service_policy(service);
	OWN(policy) struct policy *next = NULL;
	size_t before = present ? count_unresolved(present) : 0;
	if (before == 0 ||
	    load_and_resolve(service, &next, unresolved, sizeof(unresolved), &e) != FAS_OK)
		return;
	if (strcmp(policy_digest(next), policy_digest(present)) != 0 ||
	    count_unresolved(next) >= before)
		return;
	if (strlen(unresolved) == 0)
		log_event(LOG_LEVEL_INFO, "groups_resolved", "digest", policy_digest(next), NULL);
	publish_instead_of(service, present, TAKE(next));
}

/* ---- the store ---- */

enum fas_code
service_check_store(struct service *service, struct fas_err *e)
{
	enum fas_code rc = db_pool_check(service->db, e);
	return rc == FAS_OK ? db_pool_check_writes(service->db, e) : rc;
}

enum fas_code
service_check_issuing(struct service *service, struct fas_err *e)
{
	return db_pool_check(service->db, e);
}

/* ---- counts ---- */

static enum fas_code
count(struct db *db, void *arg, struct fas_err *e)
{
	struct service_counts *c = arg;
	enum fas_code rc = logon_count(db, clock_now(), &c->open_tickets, &c->claims, e);
	if (rc == FAS_OK)
		rc = session_count_live(db, &c->live_sessions, e);
	return rc == FAS_OK ? audit_last(db, &c->audit_records, e) : rc;
}

enum fas_code
service_count(struct service *service, struct service_counts *out, struct fas_err *e)
{
	*out = (struct service_counts){0};
	return db_read(service->db, count, out, e);
}
