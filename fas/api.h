/*
 * The HTTP API (docs/PROTOCOL.md): strict JSON in, one call of the pipeline or of the signer, JSON out.
 */
#ifndef FAS_API_H
#define FAS_API_H

#include "fas/http/http.h"
#include "fas/metrics.h"
#include "fas/service.h"

/* What the handlers work with; all borrowed. */
struct api {
	struct service *service;
	struct caller_table *callers;
	struct metrics *metrics;
};

extern const struct http_route api_routes[];
extern const size_t api_n_routes;

#endif
