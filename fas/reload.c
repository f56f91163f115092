#include "fas/reload.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/macros.h"

#define NAMES_MAX 256

struct names {
	size_t n;
	char *name[NAMES_MAX]; /* owned */
};

struct reloader {
	const struct config *config;
	struct service *service;
	struct metrics *metrics;
	reload_machines *load_machines; /* NULL: there is none */
	void *machines;
	reload_front *load_front; /* in the same way */
	void *front;
	pthread_mutex_t lock; /* one load at a time; guards all below */
	struct names idps, authorities, domains, logon_profiles, client_profiles, policies;
	struct policy_world world;
};

static void
names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	names->n = 0;
}

static bool
names_add(struct names *names, const char *name)
{
	if (names->n == NAMES_MAX)
		return true; /* what does not fit is merely not offered as a correction */
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->name[i], name) == 0)
			return true;
	}
	names->name[names->n] = strdup(name);
	return names->name[names->n] ? names->n++, true : false;
}

static bool
add_domains(struct reloader *reloader)
{
	const struct yaml_node *domains = reloader->config->domains;
	bool good = true;
	for (size_t i = 0; i < directory_count(reloader->service->directory); i++)
		good = good && names_add(&reloader->domains,
				   directory_domain(reloader->service->directory, i));
	for (size_t i = 0; i < domains->n; i++) {
		for (size_t k = 0; k < domains->items[i]->n; k++) {
			const struct yaml_node *member = domains->items[i]->items[k];
			if (member->key && strcmp(member->key, "netbios") == 0 && member->text)
				good = good && names_add(&reloader->domains, member->text);
		}
	}
	return good;
}

static bool
add_idps(struct reloader *reloader)
{
	const struct saml_trust *trust = reloader->service->trust;
	bool good = true;
	for (size_t i = 0; i < saml_trust_count(trust); i++)
		good = good && names_add(&reloader->idps, saml_trust_name(trust, i));
	return good;
}

static void
point_world(struct reloader *reloader)
{
	reloader->world = (struct policy_world){
	    .idps = (const char *const *)reloader->idps.name,
	    .n_idps = reloader->idps.n,
	    .authorities = (const char *const *)reloader->authorities.name,
	    .n_authorities = reloader->authorities.n,
	    .logon_profiles = (const char *const *)reloader->logon_profiles.name,
	    .n_logon_profiles = reloader->logon_profiles.n,
	    .client_profiles = (const char *const *)reloader->client_profiles.name,
	    .n_client_profiles = reloader->client_profiles.n,
	    .policies = (const char *const *)reloader->policies.name,
	    .n_policies = reloader->policies.n,
	    .domains = (const char *const *)reloader->domains.name,
	    .n_domains = reloader->domains.n,
	};
}

enum fas_code
reloader_new(const struct config *config, struct service *service, struct metrics *metrics,
    struct reloader **out, struct fas_err *e)
{
	OWN(reloader) struct reloader *reloader = calloc(1, sizeof(*reloader));
	if (!reloader)
		return fas_fail_nomem(e);
	reloader->config = config;
	reloader->service = service;
	reloader->metrics = metrics;
	pthread_mutex_init(&reloader->lock, NULL);
	if (!add_idps(reloader) || !add_domains(reloader))
		return fas_fail_nomem(e);
	point_world(reloader);
	service->world = &reloader->world;
	*out = TAKE(reloader);
	return FAS_OK;
}

void
reloader_free(struct reloader *reloader)
{
	if (!reloader)
		return;
	names_clear(&reloader->idps);
	names_clear(&reloader->authorities);
	names_clear(&reloader->logon_profiles);
	names_clear(&reloader->client_profiles);
	names_clear(&reloader->policies);
	names_clear(&reloader->domains);
	pthread_mutex_destroy(&reloader->lock);
	free(reloader);
}

void
reloader_use(struct reloader *reloader, reload_machines *load, void *arg)
{
	reloader->load_machines = load;
	reloader->machines = arg;
}

void
reloader_use_front(struct reloader *reloader, reload_front *load, void *arg)
{
	reloader->load_front = load;
	reloader->front = arg;
}

bool
reloader_has_front(const struct reloader *reloader)
{
	return reloader->load_front != NULL;
}

enum fas_code
reloader_check(struct reloader *reloader, struct fas_err *e)
{
	OWN(policy) struct policy *policy = NULL;
	pthread_mutex_lock(&reloader->lock);
	enum fas_code rc = policy_load(reloader->config->policy, &reloader->world, &policy, e);
	pthread_mutex_unlock(&reloader->lock);
	return rc;
}

static void
take_profiles(struct reloader *reloader, const json_t *state)
{
	const json_t *profile;
	size_t i;
	names_clear(&reloader->logon_profiles);
	names_clear(&reloader->client_profiles);
	json_array_foreach(json_object_get(state, "profiles"), i, profile)
	{
		const char *name = json_string_value(json_object_get(profile, "name"));
		const char *like = json_string_value(json_object_get(profile, "like"));
		bool logon = like && strcmp(like, "smartcard-logon") == 0;
		if (name &&
		    !names_add(
			logon ? &reloader->logon_profiles : &reloader->client_profiles, name))
			break;
	}
}

static void
take_policies(struct reloader *reloader, const json_t *state)
{
	const json_t *oid;
	size_t i;
	names_clear(&reloader->policies);
	json_array_foreach(json_object_get(state, "issuance_policies"), i, oid)
	{
		const char *text = json_string_value(oid);
		if (text && !names_add(&reloader->policies, text))
			break;
	}
}

/* While the signer is away the names that it last told stand. */
static void
ask_authorities(struct reloader *reloader)
{
	struct fas_err e = {0};
	OWN(json) json_t *state = NULL;
	json_t *authority;
	size_t i;
	if (!reloader->service->signer ||
	    signer_state(reloader->service->signer, &state, &e) != FAS_OK)
		return;
	names_clear(&reloader->authorities);
	json_array_foreach(json_object_get(state, "authorities"), i, authority)
	{
		const char *name = json_string_value(json_object_get(authority, "name"));
		if (name && !names_add(&reloader->authorities, name))
			break;
	}
	take_profiles(reloader, state);
	take_policies(reloader, state);
	point_world(reloader);
}

static void
put_record(struct reloader *reloader, const struct audit_record *record)
{
	struct fas_err e = {0};
	if (audit_write(reloader->service->db, record, &e) != FAS_OK)
		log_error("audit_not_written", &e, NULL);
}

static void
record_load(
    struct reloader *reloader, const char *who, const char *warning, const struct fas_err *why)
{
	OWN(policy) struct policy *policy = service_policy(reloader->service);
	OWN(json) json_t *detail = json_object();
	if (policy) {
		(void)json_object_set_new(detail, "digest", json_string(policy_digest(policy)));
		(void)json_object_set_new(
		    detail, "rules", json_integer((json_int_t)policy_rule_count(policy)));
	}
	if (warning[0])
		(void)json_object_set_new(detail, "unresolved", json_string(warning));
	const struct audit_record record = {.event = "policy_loaded",
	    .outcome = why->code == FAS_OK ? "done" : "error",
	    .reason = why->code == FAS_OK ? NULL : fas_err_reason(why),
	    .caller = who,
	    .message = why->code == FAS_OK ? NULL : why->message,
	    .detail = detail};
	put_record(reloader, &record);
}

enum fas_code
reloader_load(struct reloader *reloader, const char *who, char *warning, size_t warning_size,
    struct fas_err *e)
{
	pthread_mutex_lock(&reloader->lock);
	ask_authorities(reloader);
	enum fas_code rc = service_reload_policy(reloader->service, warning, warning_size, e);
	record_load(reloader, who, warning, e);
	pthread_mutex_unlock(&reloader->lock);
	metrics_add(reloader->metrics,
	    rc == FAS_OK ? METRIC_POLICY_RELOAD_DONE : METRIC_POLICY_RELOAD_ERROR);
	return rc;
}

/* Under the lock.  The names of the providers in force, for the policy's cross-check. */
static bool
renew_idps(struct reloader *reloader, const struct saml_trust *trust)
{
	bool good = true;
	names_clear(&reloader->idps);
	for (size_t i = 0; i < saml_trust_count(trust); i++)
		good = good && names_add(&reloader->idps, saml_trust_name(trust, i));
	point_world(reloader);
	return good;
}

static void
record_part(
    struct reloader *reloader, const char *event, const char *who, const struct fas_err *why)
{
	bool good = why->code == FAS_OK;
	const struct audit_record record = {.event = event,
	    .outcome = good ? "done" : "error",
	    .reason = good ? NULL : fas_err_reason(why),
	    .caller = who,
	    .message = good ? NULL : why->message};
	put_record(reloader, &record);
}

/* Only the providers and our own keys of the file are taken; whatever else has changed in it waits for a restart. */
static enum fas_code
read_providers(
    struct reloader *reloader, struct saml_trust **trust, struct saml_sp **sp, struct fas_err *e)
{
	OWN(config) struct config *next = NULL;
	enum fas_code rc = config_load(reloader->config->path, &next, e);
	if (rc == FAS_OK && next->saml)
		rc = saml_sp_load(next->saml, next->folder, sp, e);
	if (rc != FAS_OK)
		return rc;
	return saml_trust_load_with(next->identity_providers, next->folder,
	    reloader->config->metadata, clock_now(), trust, e);
}

enum fas_code
reloader_load_providers(struct reloader *reloader, const char *who, struct fas_err *e)
{
	OWN(saml_sp) struct saml_sp *sp = NULL;
	struct saml_trust *trust = NULL;
	pthread_mutex_lock(&reloader->lock);
	enum fas_code rc = read_providers(reloader, &trust, &sp, e);
	if (rc == FAS_OK && !renew_idps(reloader, trust)) {
		(void)!renew_idps(reloader, reloader->service->trust);
		saml_trust_free(trust);
		rc = fas_fail_nomem(e);
	}
	if (rc == FAS_OK)
		service_replace_trust(reloader->service, trust, TAKE(sp));
	record_part(reloader, "providers_loaded", who, e);
	pthread_mutex_unlock(&reloader->lock);
	if (rc != FAS_OK)
		log_error("providers_refused", e, NULL);
	return rc;
}

enum fas_code
reloader_load_machines(struct reloader *reloader, const char *who, struct fas_err *e)
{
	if (!reloader->load_machines)
		return FAS_OK;
	pthread_mutex_lock(&reloader->lock);
	enum fas_code rc = reloader->load_machines(reloader->machines, reloader->config->path, e);
	record_part(reloader, "machines_loaded", who, e);
	pthread_mutex_unlock(&reloader->lock);
	if (rc != FAS_OK)
		log_error("machines_refused", e, NULL);
	return rc;
}

enum fas_code
reloader_load_front(struct reloader *reloader, const char *who, struct fas_err *e)
{
	if (!reloader->load_front)
		return FAS_OK;
	pthread_mutex_lock(&reloader->lock);
	enum fas_code rc = reloader->load_front(reloader->front, e);
	record_part(reloader, "front_loaded", who, e);
	pthread_mutex_unlock(&reloader->lock);
	if (rc != FAS_OK)
		log_error("front_refused", e, NULL);
	return rc;
}

void
reloader_resolve_groups(struct reloader *reloader)
{
	pthread_mutex_lock(&reloader->lock);
	service_resolve_groups(reloader->service);
	pthread_mutex_unlock(&reloader->lock);
}
