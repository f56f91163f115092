/*
 * The state of the service for machines on the same host: /healthz, /readyz, /metrics (no client certificate, so bound to
 * loopback), and the same facts for fasd's admin socket.
 */
#ifndef FAS_OPS_H
#define FAS_OPS_H

#include <stdatomic.h>

#include "fas/http/http.h"
#include "fas/http/workers.h"
#include "fas/metrics.h"
#include "fas/service.h"

/* All borrowed. */
struct ops {
	struct service *service;
	struct metrics *metrics;
	struct caller_table *_Atomic callers; /* NULL until the signer has told them */
	struct workers *workers;              /* those of the API */
	int64_t started_s;
	atomic_bool api_up;
};

extern const struct http_route ops_routes[];
extern const size_t ops_n_routes;

/* {"ready": bool, "checks": {name: {"ok": bool, "message"?}}}; a new reference. */
json_t *ops_readiness(struct ops *ops);
/* Controllers of the directory, and identity providers, as JSON arrays; new references. */
json_t *ops_directory(struct ops *ops);
json_t *ops_providers(struct ops *ops);

#endif
