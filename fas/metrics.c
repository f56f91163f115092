#include "fas/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct description {
	const char *family;
	const char *labels; /* "" or {...} */
	const char *help;   /* of the family; NULL when the sample before belongs to it too */
};

static const struct description descriptions[METRIC_COUNT] = {
    [METRIC_LOGON_ALLOW] = {"fas_logons_total", "{outcome=\"allow\"}",
	"SAML responses judged, by outcome"},
    [METRIC_LOGON_DENY] = {"fas_logons_total", "{outcome=\"deny\"}", NULL},
    [METRIC_LOGON_ERROR] = {"fas_logons_total", "{outcome=\"error\"}", NULL},
    [METRIC_TICKET_ISSUED] = {"fas_tickets_issued_total", "", "Tickets handed to storefronts"},
    [METRIC_TICKET_REDEEMED] = {"fas_tickets_redeemed_total", "", "Tickets redeemed by hosts"},
    [METRIC_TICKET_REFUSED] = {"fas_tickets_refused_total", "", "Redemptions refused"},
    [METRIC_CERTIFICATE_ISSUED] = {"fas_certificates_issued_total", "",
	"Logon certificates handed out"},
    [METRIC_SESSION_STARTED] = {"fas_sessions_started_total", "", "Sessions started"},
    [METRIC_SESSION_ENDED] = {"fas_sessions_ended_total", "",
	"Sessions ended by their host or an administrator"},
    [METRIC_LEASE_RENEWED] = {"fas_leases_renewed_total", "", "Heartbeats of sessions"},
    [METRIC_SESSION_CERTIFICATE] = {"fas_session_certificates_issued_total", "",
	"In-session certificates handed out"},
    [METRIC_KEY_USED] = {"fas_signatures_total", "{outcome=\"done\"}",
	"Signatures by users' keys that the service keeps"},
    [METRIC_SIGN_REFUSED] = {"fas_signatures_total", "{outcome=\"refused\"}", NULL},
    [METRIC_MACHINE_ENROLLED] = {"fas_machines_enrolled_total", "",
	"Machines that joined with a token"},
    [METRIC_MACHINE_RENEWED] = {"fas_machines_renewed_total", "", "Machine certificates renewed"},
    [METRIC_REFUSAL_RECORDED] = {"fas_edge_refusals_total", "{audit=\"recorded\"}",
	"Requests refused before the pipeline; beyond a rate they are recorded as counts only"},
    [METRIC_REFUSAL_UNRECORDED] = {"fas_edge_refusals_total", "{audit=\"counted\"}", NULL},
    [METRIC_OVERLOADED] = {"fas_overloaded_total", "",
	"Requests answered 429 because the queue was full"},
    [METRIC_SIGN_IN_BEGUN] = {"fas_sign_ins_begun_total", "", "Browsers sent to a provider"},
    [METRIC_SIGN_IN_ALLOW] = {"fas_sign_ins_total", "{outcome=\"allow\"}",
	"SAML responses that browsers brought, by outcome"},
    [METRIC_SIGN_IN_DENY] = {"fas_sign_ins_total", "{outcome=\"deny\"}", NULL},
    [METRIC_SIGN_IN_ERROR] = {"fas_sign_ins_total", "{outcome=\"error\"}", NULL},
    [METRIC_LOGOUT_DONE] = {"fas_logouts_total", "{outcome=\"done\"}",
	"Logout messages and wishes of browsers"},
    [METRIC_LOGOUT_REFUSED] = {"fas_logouts_total", "{outcome=\"refused\"}", NULL},
    [METRIC_FRONT_LIMITED] = {"fas_front_limited_total", "",
	"Requests of browsers answered 429 because their address, provider or server asked too "
	"often"},
    [METRIC_POLICY_RELOAD_DONE] = {"fas_policy_reloads_total", "{outcome=\"done\"}",
	"Policy reloads by outcome"},
    [METRIC_POLICY_RELOAD_ERROR] = {"fas_policy_reloads_total", "{outcome=\"error\"}", NULL},
};

/* Statuses that our answers have; the last slot counts any other. */
static const unsigned statuses[] = {
    200, 201, 204, 303, 304, 400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 503, 0};

/* Upper bounds; what is above the last is counted under +Inf only. */
static const struct {
	int64_t us;
	const char *text;
} bounds[] = {{500, "0.0005"}, {1000, "0.001"}, {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"}, {100000, "0.1"}, {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"}, {2500000, "2.5"}, {5000000, "5"}, {10000000, "10"}};

struct metrics_route {
	const char *name;
	_Atomic uint64_t by_status[NELEMS(statuses)];
	_Atomic uint64_t
	    by_bound[NELEMS(bounds) + 1]; /* not cumulative; the last is above all bounds */
	_Atomic uint64_t sum_us;
};

struct metrics {
	_Atomic uint64_t counters[METRIC_COUNT];
	pthread_mutex_t lock; /* for adding routes */
	atomic_size_t n_routes;
	struct metrics_route routes[METRICS_ROUTES_MAX];
};

enum fas_code
metrics_new(struct metrics **out, struct fas_err *e)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	if (!metrics)
		return fas_fail_nomem(e);
	pthread_mutex_init(&metrics->lock, NULL);
	*out = metrics;
	return FAS_OK;
}

void
metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

void
metrics_add(struct metrics *metrics, enum metric metric)
{
	atomic_fetch_add_explicit(&metrics->counters[metric], 1, memory_order_relaxed);
}

uint64_t
metrics_get(const struct metrics *metrics, enum metric metric)
{
	return atomic_load(&metrics->counters[metric]);
}

static struct metrics_route *
find_or_add(struct metrics *metrics, const char *name)
{
	size_t n = atomic_load(&metrics->n_routes);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(metrics->routes[i].name, name) == 0)
			return &metrics->routes[i];
	}
	if (n == METRICS_ROUTES_MAX)
		return NULL;
	metrics->routes[n].name = name;
	atomic_store(&metrics->n_routes, n + 1);
	return &metrics->routes[n];
}

struct metrics_route *
metrics_route(struct metrics *metrics, const char *name)
{
	pthread_mutex_lock(&metrics->lock);
	struct metrics_route *route = find_or_add(metrics, name);
	pthread_mutex_unlock(&metrics->lock);
	return route;
}

void
metrics_request(struct metrics_route *route, unsigned status, int64_t duration_us)
{
	size_t s = 0, b = 0;
	if (!route)
		return;
	while (s + 1 < NELEMS(statuses) && statuses[s] != status)
		s++;
	while (b < NELEMS(bounds) && duration_us > bounds[b].us)
		b++;
	atomic_fetch_add_explicit(&route->by_status[s], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&route->by_bound[b], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&route->sum_us, (uint64_t)duration_us, memory_order_relaxed);
}

void
metrics_family(struct buf *out, const char *name, const char *kind, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void
metrics_label(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_text(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_append(out, value, 1);
	}
}

static void
format_statuses(const struct metrics_route *route, struct buf *out)
{
	for (size_t i = 0; i < NELEMS(statuses); i++) {
		uint64_t count = atomic_load(&route->by_status[i]);
		if (count == 0)
			continue;
		buf_printf(out, "fas_requests_total{route=\"%s\",status=\"", route->name);
		if (statuses[i] == 0)
			buf_text(out, "other");
		else
			buf_printf(out, "%u", statuses[i]);
		buf_printf(out, "\"} %" PRIu64 "\n", count);
	}
}

static void
format_durations(const struct metrics_route *route, struct buf *out)
{
	uint64_t count = 0;
	for (size_t i = 0; i < NELEMS(bounds); i++) {
		count += atomic_load(&route->by_bound[i]);
		buf_printf(out,
		    "fas_request_duration_seconds_bucket{route=\"%s\",le=\"%s\"} %" PRIu64 "\n",
		    route->name, bounds[i].text, count);
	}
	count += atomic_load(&route->by_bound[NELEMS(bounds)]);
	uint64_t sum_us = atomic_load(&route->sum_us);
	buf_printf(out,
	    "fas_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
	    route->name, count);
	buf_printf(out,
	    "fas_request_duration_seconds_sum{route=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n",
	    route->name, sum_us / 1000000, sum_us % 1000000);
	buf_printf(out, "fas_request_duration_seconds_count{route=\"%s\"} %" PRIu64 "\n",
	    route->name, count);
}

void
metrics_format(const struct metrics *metrics, struct buf *out)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct description *d = &descriptions[i];
		if (d->help)
			metrics_family(out, d->family, "counter", d->help);
		buf_printf(out, "%s%s %" PRIu64 "\n", d->family, d->labels,
		    atomic_load(&metrics->counters[i]));
	}
	size_t n = atomic_load(&metrics->n_routes);
	metrics_family(out, "fas_requests_total", "counter", "HTTP requests by route and status");
	for (size_t i = 0; i < n; i++)
		format_statuses(&metrics->routes[i], out);
	metrics_family(out, "fas_request_duration_seconds", "histogram",
	    "Time from a request's head to its answer");
	for (size_t i = 0; i < n; i++)
		format_durations(&metrics->routes[i], out);
}
