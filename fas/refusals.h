/*
 * Records of requests that never reached the pipeline: no certificate, wrong role, broken JSON, no such route.
 *
 * Anybody can cause them, so they are bounded: a token bucket for unauthenticated callers, another for known ones.
 * What does not fit is counted by reason and recorded as one sum each minute.  Noting never blocks: a thread of its own
 * writes.
 */
#ifndef FAS_REFUSALS_H
#define FAS_REFUSALS_H

#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/caller.h"
#include "fas/metrics.h"

struct refusals;

struct refusal_rate {
	unsigned burst;
	unsigned each_ms; /* one more after this time */
};

struct refusals_config {
	struct db_pool *db;
	struct metrics *metrics;
	struct refusal_rate unknown; /* callers without an identity: all together */
	struct refusal_rate known;   /* authenticated callers: all together */
	unsigned summary_s;
};
/* The rates of a running service. */
struct refusals_config refusals_defaults(struct db_pool *db, struct metrics *metrics);

MUST_CHECK enum fas_code refusals_start(
    const struct refusals_config *config, struct refusals **out, struct fas_err *e);
/* Writes what is noted, and the last sum. */
void refusals_stop(struct refusals *refusals);

/*
 * caller: NULL or kind CALLER_NONE = unauthenticated; then address (numeric text) says where from.
 * route: its name in metrics, or NULL.  All borrowed during the call.
 */
void refusals_note(struct refusals *refusals, const struct caller *caller, const char *address,
    const char *route, const char *correlation_id, const struct fas_err *why);

#endif
