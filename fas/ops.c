#include "fas/ops.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/gauges.h"
#include "fas/saml/metadata.h"

#define CONTROLLERS_MAX 64

/* ---- readiness: each check says yes, or why not ---- */

/* What fas-signer said, or why it did not. */
struct signer_view {
	json_t *state; /* NULL when there is none */
	struct fas_err why;
};

typedef enum fas_code check_fn(
    struct ops *ops, const struct signer_view *signer, struct fas_err *e);

static enum fas_code
check_database(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	struct service_counts counts;
	(void)signer;
	enum fas_code rc = service_check_store(ops->service, e);
	return rc == FAS_OK ? service_count(ops->service, &counts, e) : rc;
}

static enum fas_code
check_clock(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	int64_t now_s;
	(void)signer;
	return clock_checked(ops->service->clock_skew_s, &now_s, e);
}

static enum fas_code
check_policy(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	OWN(policy) struct policy *policy = service_policy(ops->service);
	(void)signer;
	return policy ? FAS_OK
		      : fas_fail(e, FAS_E_UNAVAILABLE, "policy_none", "no policy is loaded");
}

static enum fas_code
check_directory(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	(void)signer;
	return directory_ping(ops->service->directory, e);
}

static enum fas_code
check_api(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	(void)signer;
	return atomic_load(&ops->api_up) ? FAS_OK
					 : fas_fail(e, FAS_E_UNAVAILABLE, "api_down",
					       "the API serves nobody yet, or nobody any more");
}

static enum fas_code
check_signer(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	const json_t *failure = json_object_get(signer->state, "failure");
	const char *reason = json_string_value(json_object_get(failure, "reason"));
	const char *message = json_string_value(json_object_get(failure, "message"));
	(void)ops;
	if (!signer->state)
		return fas_fail(
		    e, signer->why.code, fas_err_reason(&signer->why), "%s", signer->why.message);
	if (failure)
		return fas_fail(e, FAS_E_UNAVAILABLE, reason ? reason : "signer_failure",
		    "fas-signer cannot issue: %s", message ? message : "");
	const json_t *acts = json_object_get(signer->state, "acts");
	return json_integer_value(json_object_get(acts, "stopped_since")) > 0
		   ? fas_fail(e, FAS_E_UNAVAILABLE, "issuing_stopped",
			 "an administrator has stopped all issuing")
		   : FAS_OK;
}

static enum fas_code
check_audit(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	(void)signer;
	return atomic_load(&ops->service->audit.rewound)
		   ? fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
			 "an audit trail has gone back: fasctl audit verify")
		   : FAS_OK;
}

static bool
is_ready(const json_t *authority)
{
	const char *state = json_string_value(json_object_get(authority, "state"));
	return state && strcmp(state, "ready") == 0;
}

/* Of each name at least one generation is ready, and there is at least one name. */
static enum fas_code
check_authority(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	const json_t *list = json_object_get(signer->state, "authorities"), *authority;
	size_t i;
	(void)ops;
	json_array_foreach(list, i, authority)
	{
		if (is_ready(authority))
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "authority_none",
	    "no authority has a certificate: fasctl ca init, then fasctl ca install");
}

static enum fas_code
check_crl(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	const json_t *list = json_object_get(signer->state, "authorities"), *authority;
	int64_t now_s = clock_now();
	size_t i;
	(void)ops;
	if (!signer->state)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "signer_away", "nobody tells how fresh it is");
	json_array_foreach(list, i, authority)
	{
		const json_t *crl = json_object_get(authority, "crl");
		const char *name = json_string_value(json_object_get(authority, "name"));
		if (is_ready(authority) &&
		    json_integer_value(json_object_get(crl, "next_update")) <= now_s)
			return fas_fail(e, FAS_E_UNAVAILABLE, "crl_stale",
			    "authority %s has no fresh CRL: domain controllers refuse logons",
			    name ? name : "?");
	}
	return FAS_OK;
}

/* What the watchdog has seen: would a domain controller find a fresh CRL of each certificate of the chain? */
static enum fas_code
check_revocation(struct ops *ops, const struct signer_view *signer, struct fas_err *e)
{
	(void)signer;
	return watch_check(&ops->service->watch, e);
}

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {{"database", check_database}, {"clock", check_clock}, {"policy", check_policy},
    {"directory", check_directory}, {"signer", check_signer}, {"authority", check_authority},
    {"crl", check_crl}, {"revocation", check_revocation}, {"audit", check_audit},
    {"api", check_api}};

json_t *
ops_readiness(struct ops *ops)
{
	struct signer_view signer = {0};
	json_t *results = json_object();
	bool ready = true;
	if (ops->service->signer)
		(void)!signer_state(ops->service->signer, &signer.state, &signer.why);
	else
		fas_fail(
		    &signer.why, FAS_E_UNAVAILABLE, "signer_away", "nobody has been asked yet");
	for (size_t i = 0; i < NELEMS(checks); i++) {
		struct fas_err e = {0};
		bool ok = checks[i].check(ops, &signer, &e) == FAS_OK;
		ready = ready && ok;
		(void)json_object_set_new(results, checks[i].name,
		    json_pack("{s:b, s:s*, s:s*}", "ok", ok, "reason",
			ok ? NULL : fas_err_reason(&e), "message", ok ? NULL : e.message));
	}
	json_decref(signer.state);
	return json_pack("{s:b, s:o}", "ready", ready, "checks", results);
}

/* ---- facts for the admin socket ---- */

json_t *
ops_directory(struct ops *ops)
{
	struct directory_status status[CONTROLLERS_MAX];
	json_t *list = json_array();
	size_t n = directory_status(ops->service->directory, status, CONTROLLERS_MAX);
	for (size_t i = 0; i < n && i < CONTROLLERS_MAX; i++)
		(void)json_array_append_new(list,
		    json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "domain", status[i].domain,
			"controller", status[i].controller, "reachable", status[i].reachable,
			"connections", (json_int_t)status[i].connections, "binds",
			(json_int_t)status[i].binds, "searches", (json_int_t)status[i].searches,
			"failures", (json_int_t)status[i].failures));
	return list;
}

static void
put_time(json_t *object, const char *member, int64_t at_s)
{
	char text[TIME_TEXT_MAX];
	if (at_s != 0)
		(void)json_object_set_new(object, member, json_string(time_format(at_s, text)));
}

/* How the provider's metadata stand; NULL where its entry says all itself. */
static json_t *
describe_metadata(const struct saml_trust *trust, size_t i)
{
	struct saml_metadata_state state;
	if (!saml_trust_metadata(trust, i, &state))
		return NULL;
	json_t *out = json_pack("{s:s, s:b, s:b}", "location", state.location, "ok",
	    !saml_metadata_is_stale(&state, clock_now()), "pending", state.pending);
	put_time(out, "fetched_at", state.fetched_s);
	put_time(out, "valid_until", state.valid_until_s);
	if (state.pending)
		(void)json_object_set_new(out, "message", json_string(state.trouble));
	return out;
}

json_t *
ops_providers(struct ops *ops)
{
	const struct saml_trust *trust = service_trust_hold(ops->service);
	json_t *list = json_array();
	for (size_t i = 0; i < saml_trust_count(trust); i++) {
		json_t *provider = json_pack("{s:s}", "name", saml_trust_name(trust, i));
		json_t *metadata = describe_metadata(trust, i);
		put_time(provider, "certificate_not_after", saml_trust_not_after(trust, i));
		if (metadata)
			(void)json_object_set_new(provider, "metadata", metadata);
		(void)json_array_append_new(list, provider);
	}
	service_trust_release(ops->service);
	return list;
}

/* ---- the routes ---- */

static void
get_healthz(void *app, const struct http_request *request, struct http_response *response)
{
	(void)app;
	(void)request;
	http_answer_text(response, 200, "text/plain; charset=utf-8", "ok\n");
}

static void
get_readyz(void *app, const struct http_request *request, struct http_response *response)
{
	json_t *state = ops_readiness(app);
	(void)request;
	bool ready = json_is_true(json_object_get(state, "ready"));
	if (!ready)
		http_header(response, "Retry-After", "5");
	http_answer_json(response, ready ? 200 : 503, state);
}

static void
get_metrics(void *app, const struct http_request *request, struct http_response *response)
{
	(void)request;
	http_answer_text(response, 200, "text/plain; version=0.0.4; charset=utf-8", "");
	gauges_format(app, &response->body);
	metrics_format(((struct ops *)app)->metrics, &response->body);
}

const struct http_route ops_routes[] = {
    {"GET", "/healthz", "healthz", ROLE_NONE, 0, 0, false, false, get_healthz},
    {"GET", "/readyz", "readyz", ROLE_NONE, 0, 0, true, false, get_readyz},
    {"GET", "/metrics", "metrics", ROLE_NONE, 0, 0, true, false, get_metrics},
};
const size_t ops_n_routes = NELEMS(ops_routes);
