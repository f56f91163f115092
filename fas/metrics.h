/*
 * Counters that only grow, and the text form in which Prometheus reads them (exposition format 0.0.4).
 *
 * Gauges are not kept here: whoever answers /metrics asks for them when it is asked.
 */
#ifndef FAS_METRICS_H
#define FAS_METRICS_H

#include <stdint.h>

#include "fas/base/buf.h"
#include "fas/base/err.h"

enum metric {
	METRIC_LOGON_ALLOW,
	METRIC_LOGON_DENY,
	METRIC_LOGON_ERROR,
	METRIC_TICKET_ISSUED,
	METRIC_TICKET_REDEEMED,
	METRIC_TICKET_REFUSED,
	METRIC_CERTIFICATE_ISSUED,
	METRIC_SESSION_STARTED,
	METRIC_SESSION_ENDED,
	METRIC_LEASE_RENEWED,
	METRIC_SESSION_CERTIFICATE,
	METRIC_KEY_USED,
	METRIC_SIGN_REFUSED,
	METRIC_MACHINE_ENROLLED,
	METRIC_MACHINE_RENEWED,
	METRIC_REFUSAL_RECORDED,
	METRIC_REFUSAL_UNRECORDED,
	METRIC_OVERLOADED,
	METRIC_SIGN_IN_BEGUN,
	METRIC_SIGN_IN_ALLOW,
	METRIC_SIGN_IN_DENY,
	METRIC_SIGN_IN_ERROR,
	METRIC_LOGOUT_DONE,
	METRIC_LOGOUT_REFUSED,
	METRIC_FRONT_LIMITED,
	METRIC_POLICY_RELOAD_DONE,
	METRIC_POLICY_RELOAD_ERROR,
	METRIC_COUNT
};

struct metrics;
/* One route's requests by status, and the histogram of their durations. */
struct metrics_route;

MUST_CHECK enum fas_code metrics_new(struct metrics **out, struct fas_err *e);
void metrics_free(struct metrics *metrics);

void metrics_add(struct metrics *metrics, enum metric metric);
uint64_t metrics_get(const struct metrics *metrics, enum metric metric);

#define METRICS_ROUTES_MAX 48
/* The route of this name, made when it is new; NULL when there are METRICS_ROUTES_MAX others.  name: static. */
struct metrics_route *metrics_route(struct metrics *metrics, const char *name);
/* route may be NULL. */
void metrics_request(struct metrics_route *route, unsigned status, int64_t duration_us);

/* All counters and histograms, appended. */
void metrics_format(const struct metrics *metrics, struct buf *out);

/* "# HELP" and "# TYPE" of a family whose samples the caller writes; kind: "gauge" or "counter". */
void metrics_family(struct buf *out, const char *name, const char *kind, const char *help);
/* A value of a label: quote, backslash and line break escaped. */
void metrics_label(struct buf *out, const char *value);

DEFINE_OWN(metrics, struct metrics *, metrics_free);

#endif
