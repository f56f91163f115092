#include "fas/gauges.h"

#include <inttypes.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/ends.h"
#include "fas/saml/metadata.h"

#define CONTROLLERS_MAX 64

static void
gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	metrics_family(out, name, "gauge", help);
	buf_printf(out, "%s %" PRId64 "\n", name, value);
}

static void
format_service(struct ops *ops, struct buf *out)
{
	struct fas_err e = {0};
	struct service_counts counts = {0};
	OWN(policy) struct policy *policy = service_policy(ops->service);
	metrics_family(out, "fas_build_info", "gauge", "Version and node");
	buf_printf(
	    out, "fas_build_info{version=\"%s\",node=\"%s\"} 1\n", FAS_VERSION, ops->service->node);
	struct audit_watch *audit = &ops->service->audit;
	gauge(out, "fas_audit_rewound", "Whether the signer refuses the audit trail",
	    atomic_load(&audit->rewound));
	gauge(out, "fas_audit_not_pruned", "Whether old audit records could not be pruned",
	    atomic_load(&audit->not_pruned));
	gauge(out, "fas_audit_countersigned_seq", "Last record that was countersigned since start",
	    atomic_load(&audit->seq));
	gauge(out, "fas_audit_countersigned_time_seconds",
	    "When the signer was last asked with success", atomic_load(&audit->time_s));
	gauge(out, "fas_start_time_seconds", "When fasd started", ops->started_s);
	gauge(out, "fas_policy_rules", "Rules in force",
	    policy ? (int64_t)policy_rule_count(policy) : 0);
	bool good = service_count(ops->service, &counts, &e) == FAS_OK;
	gauge(out, "fas_database_up", "Whether the store answers", good);
	if (!good)
		return;
	gauge(out, "fas_sessions", "Live sessions", counts.live_sessions);
	gauge(out, "fas_tickets_open", "Tickets not yet redeemed", counts.open_tickets);
	gauge(out, "fas_assertion_claims", "Assertions remembered against replay", counts.claims);
	gauge(out, "fas_audit_records", "Records of the audit trail", counts.audit_records);
}

static void
format_load(struct ops *ops, struct buf *out)
{
	struct workers_load load = workers_load(ops->workers);
	struct caller_table *callers = atomic_load(&ops->callers);
	gauge(out, "fas_workers", "Threads for slow work", (int64_t)load.threads);
	gauge(out, "fas_workers_busy", "Concurrent requests at work", (int64_t)load.busy);
	gauge(out, "fas_queue_depth", "Requests waiting for a worker", (int64_t)load.waiting);
	gauge(out, "fas_queue_limit", "Requests that may wait", (int64_t)load.queue_max);
	if (callers)
		gauge(out, "fas_host_table_generation", "Generation of the host table in force",
		    caller_table_generation(callers));
}

struct directory_family {
	const char *name;
	const char *kind;
	const char *help;
	uint64_t (*read)(const struct directory_status *status);
};

static uint64_t
read_up(const struct directory_status *status)
{
	return status->reachable;
}

static uint64_t
read_connections(const struct directory_status *status)
{
	return status->connections;
}

static uint64_t
read_binds(const struct directory_status *status)
{
	return status->binds;
}

static uint64_t
read_searches(const struct directory_status *status)
{
	return status->searches;
}

static uint64_t
read_failures(const struct directory_status *status)
{
	return status->failures;
}

static const struct directory_family directory_families[] = {
    {"fas_directory_up", "gauge", "Whether the last attempt at this controller succeeded", read_up},
    {"fas_directory_connections", "gauge", "Bound connections", read_connections},
    {"fas_directory_binds_total", "counter", "Binds", read_binds},
    {"fas_directory_searches_total", "counter", "Searches", read_searches},
    {"fas_directory_failures_total", "counter", "Operations that failed", read_failures},
};

static void
format_directory(struct ops *ops, struct buf *out)
{
	struct directory_status status[CONTROLLERS_MAX];
	size_t n = directory_status(ops->service->directory, status, CONTROLLERS_MAX);
	for (size_t f = 0; f < NELEMS(directory_families); f++) {
		const struct directory_family *family = &directory_families[f];
		metrics_family(out, family->name, family->kind, family->help);
		for (size_t i = 0; i < n && i < CONTROLLERS_MAX; i++) {
			buf_printf(out, "%s{domain=\"", family->name);
			metrics_label(out, status[i].domain);
			buf_text(out, "\",controller=\"");
			metrics_label(out, status[i].controller);
			buf_printf(out, "\"} %" PRIu64 "\n", family->read(&status[i]));
		}
	}
}

static void
format_providers(struct ops *ops, struct buf *out)
{
	const struct saml_trust *trust = service_trust_hold(ops->service);
	metrics_family(out, "fas_identity_provider_not_after_seconds", "gauge",
	    "End of the provider's certificate that ends first");
	for (size_t i = 0; i < saml_trust_count(trust); i++)
		buf_printf(out, "fas_identity_provider_not_after_seconds{idp=\"%s\"} %" PRId64 "\n",
		    saml_trust_name(trust, i), saml_trust_not_after(trust, i));
	service_trust_release(ops->service);
}

/* Of those whose metadata come from somewhere. */
static void
format_metadata(struct ops *ops, struct buf *out)
{
	struct saml_metadata_state state;
	const struct saml_trust *trust = service_trust_hold(ops->service);
	metrics_family(out, "fas_identity_provider_metadata_up", "gauge",
	    "Whether what the provider says of itself is known and fresh");
	for (size_t i = 0; i < saml_trust_count(trust); i++) {
		if (!saml_trust_metadata(trust, i, &state))
			continue;
		buf_text(out, "fas_identity_provider_metadata_up{idp=\"");
		metrics_label(out, saml_trust_name(trust, i));
		buf_printf(out, "\"} %d\n", !saml_metadata_is_stale(&state, clock_now()));
	}
	service_trust_release(ops->service);
}

static int64_t
number(const json_t *object, const char *member)
{
	return (int64_t)json_integer_value(json_object_get(object, member));
}

static void
authority_sample(struct buf *out, const char *family, const json_t *authority, int64_t value)
{
	const char *name = json_string_value(json_object_get(authority, "name"));
	buf_printf(out, "%s{authority=\"", family);
	metrics_label(out, name ? name : "");
	buf_printf(out, "\",generation=\"%" PRId64 "\"} %" PRId64 "\n",
	    number(authority, "generation"), value);
}

static void
format_authorities(const json_t *state, struct buf *out)
{
	static const struct {
		const char *family, *member, *help;
		bool of_crl;
	} families[] = {
	    {"fas_authority_not_after_seconds", "not_after", "End of the authority's certificate",
		false},
	    {"fas_crl_next_update_seconds", "next_update", "nextUpdate of the present CRL", true},
	    {"fas_crl_this_update_seconds", "this_update", "thisUpdate of the present CRL", true},
	    {"fas_crl_entries", "entries", "Certificates on the present CRL", true},
	    {"fas_crl_number", "number", "cRLNumber of the present CRL", true},
	};
	const json_t *list = json_object_get(state, "authorities"), *authority;
	size_t i;
	for (size_t f = 0; f < NELEMS(families); f++) {
		metrics_family(out, families[f].family, "gauge", families[f].help);
		json_array_foreach(list, i, authority)
		{
			const json_t *from =
			    families[f].of_crl ? json_object_get(authority, "crl") : authority;
			if (json_object_get(from, families[f].member))
				authority_sample(out, families[f].family, authority,
				    number(from, families[f].member));
		}
	}
}

/* ---- what ends, here and at the signer ---- */

static void
ends_family(const json_t *ends, const char *family, const char *member, struct buf *out)
{
	const json_t *end;
	size_t i;
	json_array_foreach(ends, i, end)
	{
		const char *what = json_string_value(json_object_get(end, "what"));
		const char *name = json_string_value(json_object_get(end, "name"));
		buf_printf(out, "%s{what=\"", family);
		metrics_label(out, what ? what : "");
		buf_text(out, "\",name=\"");
		metrics_label(out, name ? name : "");
		buf_printf(out, "\"} %" PRId64 "\n", number(end, member));
	}
}

static void
format_ends(struct ops *ops, const json_t *signer, struct buf *out)
{
	static const struct {
		const char *family, *member, *help;
	} families[] = {
	    {"fas_end_time_seconds", "not_after", "When a certificate or CRL ends"},
	    {"fas_end_alarm", "alarm", "0: far; 1, 2, 3: within 90, 30, 7 days; 4: ended"},
	};
	OWN(json) json_t *own = service_describe_ends(ops->service);
	for (size_t f = 0; f < NELEMS(families); f++) {
		metrics_family(out, families[f].family, "gauge", families[f].help);
		ends_family(own, families[f].family, families[f].member, out);
		ends_family(signer, families[f].family, families[f].member, out);
	}
}

static void
format_pool(const json_t *state, struct buf *out)
{
	static const struct {
		const char *family, *member, *kind, *help;
	} families[] = {
	    {"fas_pool_depth", "depth", "gauge", "Keys that lie ready"},
	    {"fas_pool_target", "target", "gauge", "Keys that shall lie ready"},
	    {"fas_pool_made_total", "made", "counter", "Keys made since fas-signer's start"},
	    {"fas_pool_empty_total", "refused", "counter", "Keys that were asked for in vain"},
	};
	const json_t *pool = json_object_get(state, "pool"), *shelf;
	size_t i;
	for (size_t f = 0; f < NELEMS(families); f++) {
		metrics_family(out, families[f].family, families[f].kind, families[f].help);
		json_array_foreach(json_object_get(pool, "pools"), i, shelf)
		{
			const char *type = json_string_value(json_object_get(shelf, "type"));
			buf_printf(out, "%s{type=\"%s\"} %" PRId64 "\n", families[f].family,
			    type ? type : "", number(shelf, families[f].member));
		}
	}
	gauge(out, "fas_session_keys", "Keys that the signer holds for sessions",
	    number(pool, "held"));
	metrics_family(
	    out, "fas_session_signatures_total", "counter", "Signatures by sessions' keys");
	buf_printf(out, "fas_session_signatures_total %" PRId64 "\n", number(pool, "signatures"));
}

static void
link_sample(struct buf *out, const char *family, const json_t *link)
{
	const char *certificates = json_string_value(json_object_get(link, "certificates"));
	const char *authority = json_string_value(json_object_get(link, "authority"));
	buf_printf(out, "%s{authority=\"", family);
	metrics_label(out, authority ? authority : "");
	buf_printf(
	    out, "\",generation=\"%" PRId64 "\",certificates=\"", number(link, "generation"));
	metrics_label(out, certificates ? certificates : "");
	buf_text(out, "\"");
}

static void
place_samples(const json_t *link, struct buf *out, const char *family, const char *member)
{
	const json_t *place;
	size_t i;
	json_array_foreach(json_object_get(link, "places"), i, place)
	{
		const json_t *value = json_object_get(place, member);
		const char *url = json_string_value(json_object_get(place, "url"));
		if (!value)
			continue;
		link_sample(out, family, link);
		buf_text(out, ",url=\"");
		metrics_label(out, url ? url : "");
		buf_printf(out, "\"} %" PRId64 "\n",
		    json_is_integer(value) ? (int64_t)json_integer_value(value)
					   : (int64_t)json_is_true(value));
	}
}

/* What the watchdog has seen. */
static void
format_revocation(struct ops *ops, struct buf *out)
{
	OWN(json) json_t *seen = watch_get(&ops->service->watch, WATCH_REVOCATION);
	const json_t *links = json_object_get(seen, "links"), *link;
	size_t i;
	if (!seen)
		return;
	gauge(out, "fas_revocation_checked_time_seconds", "When the watchdog last looked",
	    number(seen, "checked"));
	metrics_family(out, "fas_revocation_up", "gauge",
	    "Whether a domain controller would find a fresh CRL of these certificates");
	json_array_foreach(links, i, link)
	{
		link_sample(out, "fas_revocation_up", link);
		buf_printf(out, "} %d\n", json_is_true(json_object_get(link, "ok")));
	}
	metrics_family(out, "fas_published_place_up", "gauge",
	    "Whether what lies at this place is what should lie there");
	json_array_foreach(links, i, link) place_samples(link, out, "fas_published_place_up", "ok");
	metrics_family(out, "fas_published_place_next_update_seconds", "gauge",
	    "nextUpdate of the CRL at this place");
	json_array_foreach(links, i, link)
	    place_samples(link, out, "fas_published_place_next_update_seconds", "next_update");
}

/* What `publish:` looks after. */
static void
format_objects(struct ops *ops, struct buf *out)
{
	OWN(json) json_t *seen = watch_get(&ops->service->watch, WATCH_DIRECTORY);
	const json_t *object;
	size_t i;
	if (!seen)
		return;
	metrics_family(out, "fas_directory_object_up", "gauge",
	    "Whether this object of the PKI is in the directory as it should be");
	json_array_foreach(json_object_get(seen, "objects"), i, object)
	{
		const char *name = json_string_value(json_object_get(object, "object"));
		buf_text(out, "fas_directory_object_up{object=\"");
		metrics_label(out, name ? name : "");
		buf_printf(out, "\"} %d\n", json_is_true(json_object_get(object, "ok")));
	}
}

static void
format_signer(struct ops *ops, struct buf *out)
{
	struct fas_err e = {0};
	OWN(json) json_t *state = NULL;
	bool up = ops->service->signer && signer_state(ops->service->signer, &state, &e) == FAS_OK;
	gauge(out, "fas_signer_up", "Whether fas-signer answers", up);
	format_ends(ops, json_object_get(state, "ends"), out);
	if (!up)
		return;
	gauge(out, "fas_signer_certificates", "Certificates on the signer's record",
	    number(state, "certificates"));
	const json_t *acts = json_object_get(state, "acts");
	gauge(out, "fas_issuing_stopped", "Whether an administrator has stopped all issuing",
	    number(acts, "stopped_since") > 0);
	gauge(out, "fas_holds", "What administrators have put on hold", number(acts, "holds"));
	metrics_family(
	    out, "fas_signer_signatures_total", "counter", "Signatures by the authorities' keys");
	buf_printf(out, "fas_signer_signatures_total %" PRId64 "\n", number(state, "signatures"));
	format_authorities(state, out);
	format_pool(state, out);
}

void
gauges_format(struct ops *ops, struct buf *out)
{
	format_service(ops, out);
	format_load(ops, out);
	format_directory(ops, out);
	format_providers(ops, out);
	format_metadata(ops, out);
	format_signer(ops, out);
	format_revocation(ops, out);
	format_objects(ops, out);
}
