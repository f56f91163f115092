#include "ca/state.h"

#include <string.h>

#include "ca/act.h"
#include "ca/alarm.h"
#include "ca/describe.h"
#include "ca/publisher.h"
#include "ca/sign.h"
#include "fas/base/clock.h"

/* The administrator's own profiles, for the policy's cross-check. */
static json_t *
describe_profiles(const struct signer_config *config)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < config->n_profiles; i++) {
		const struct profile_own *own = &config->profiles[i].own;
		if (json_array_append_new(list, json_pack("{s:s,s:s}", "name", own->name, "like",
						    profile_name(own->like))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* What a rule may ask for by an authentication context. */
static json_t *
describe_policies(struct ca *ca)
{
	json_t *list = json_array();
	(void)pthread_rwlock_rdlock(&ca->limits_lock);
	const struct yaml_node *allowed = ca->limits->issuance_policies;
	for (size_t i = 0; list && allowed && i < allowed->n; i++)
		(void)json_array_append_new(list, json_string(allowed->items[i]->text));
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return list;
}

struct counts {
	int64_t certificates, audit_seq;
};

static enum fas_code
read_counts(struct db *db, void *arg, struct fas_err *e)
{
	struct counts *c = arg;
	enum fas_code rc = store_count_certificates(db, &c->certificates, e);
	return rc == FAS_OK ? audit_last(db, &c->audit_seq, e) : rc;
}

/* Those that have begun and have not ended. */
static enum fas_code
describe_all(struct ca *ca, const char *name, json_t *list, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < n; i++) {
		json_t *object = NULL;
		OWN(issuer) struct issuer *at = all[i];
		if (rc != FAS_OK || at->kind != ISSUER_LOGON || at->state == GENERATION_RETIRED ||
		    strcmp(at->authority, name) != 0)
			continue;
		rc = describe_generation(ca, at, &object, e);
		if (rc == FAS_OK && json_array_append_new(list, object) != 0)
			rc = fas_fail_nomem(e);
	}
	return rc;
}

static enum fas_code
describe(struct ca *ca, const char *name, json_t *all, struct fas_err *e)
{
	OWN(issuer) struct issuer *issuer = NULL;
	struct fas_err not_ready = {0};
	OWN(json) json_t *crl = NULL;
	enum fas_code rc = authorities_find(&ca->authorities, name, &issuer, &not_ready);
	bool ready = rc == FAS_OK;
	bool keyless = strcmp(not_ready.reason, "authority_key") == 0;
	if (!ready)
		issuer = authorities_newest(&ca->authorities, ISSUER_LOGON, name);
	json_t *at = json_pack("{s:s,s:I,s:s,s:s*,s:o}", "name", name, "generation",
	    (json_int_t)(ready || issuer ? issuer->generation : 0), "state",
	    ready     ? "ready"
	    : keyless ? "no_key"
		      : "no_certificate",
	    "trouble", keyless ? not_ready.message : NULL, "generations", json_array());
	if (!at || json_array_append_new(all, at) != 0)
		return fas_fail_nomem(e);
	if ((rc = describe_all(ca, name, json_object_get(at, "generations"), e)) != FAS_OK)
		return rc;
	if (!ready)
		return FAS_OK;
	if ((rc = publisher_describe(ca, issuer, &crl, e)) != FAS_OK)
		return rc;
	(void)json_object_set_new(at, "not_after", json_integer(issuer->not_after_s));
	(void)json_object_set(at, "crl", crl);
	return FAS_OK;
}

/* A small write of its own: what could not be kept last time may be kept now, and nobody else may be writing. */
static enum fas_code
probe(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	return db_meta_set_int(db, "probed", clock_now(), e);
}

/* Could each authority sign now?  A file is always there, a token may be away. */
static enum fas_code
check_keys(struct ca *ca, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < ca->config->n_authorities; i++) {
		OWN(issuer) struct issuer *at = NULL;
		struct fas_err not_ready = {0};
		OWN(issuer) struct issuer *able = NULL; /* itself, or the one it fails over to */
		const char *name = ca->config->authorities[i].name;
		if (authorities_find(&ca->authorities, name, &at, &not_ready) == FAS_OK)
			rc = authorities_able(&ca->authorities, name, clock_now(), &able, e);
	}
	return rc;
}

static enum fas_code
check_issuing(struct ca *ca, struct fas_err *e)
{
	int64_t now_s;
	struct fas_err unkept = {0};
	enum fas_code rc = db_pool_check(ca->db, e);
	if (rc == FAS_OK && db_pool_check_writes(ca->db, &unkept) != FAS_OK)
		rc = db_write(ca->db, probe, NULL, e);
	if (rc == FAS_OK)
		rc = check_keys(ca, e);
	return rc == FAS_OK ? clock_checked(ca->config->clock_skew_s, &now_s, e) : rc;
}

enum fas_code
op_state(struct call *call, struct fas_err *e)
{
	struct fas_err failure = {0};
	struct ca *ca = call->ca;
	struct counts counts = {0};
	OWN(json) json_t *all = json_array();
	OWN(json) json_t *ends = NULL;
	OWN(issuer) struct issuer *service = NULL;
	enum fas_code rc = all ? json_finish(&call->in) : fas_fail_nomem(e);
	for (size_t i = 0; rc == FAS_OK && i < ca->config->n_authorities; i++)
		rc = describe(ca, ca->config->authorities[i].name, all, e);
	if (rc == FAS_OK)
		rc = authorities_service(&ca->authorities, &service, e);
	if (rc == FAS_OK)
		rc = db_read(ca->db, read_counts, &counts, e);
	if (rc == FAS_OK)
		rc = alarm_describe(ca, &ends, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O,s:O,s:o,s:o,s:{s:I},s:I,s:I,s:I,s:I,s:o,s:o*}", "authorities",
	    all, "ends", ends, "profiles", describe_profiles(ca->config), "issuance_policies",
	    describe_policies(ca), "service_ca", "not_after", (json_int_t)service->not_after_s,
	    "certificates", (json_int_t)counts.certificates, "signatures",
	    (json_int_t)atomic_load(&ca->signatures), "clock", (json_int_t)clock_now(), "audit_seq",
	    (json_int_t)counts.audit_seq, "pool", sign_state(ca), "acts", acts_state(ca));
	if (atomic_load(&ca->limits_wait))
		(void)json_object_set_new(call->reply, "limits_wait", json_true());
	if (check_issuing(ca, &failure) != FAS_OK)
		(void)json_object_set_new(call->reply, "failure",
		    json_pack("{s:s, s:s}", "reason", fas_err_reason(&failure), "message",
			failure.message));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
