/*
 * How a part of the agent asks the service: a command makes one connection for its one request, the daemon has kept
 * ones, the state of all servers, and a credential that it renews.
 */
#ifndef FAS_AGENT_UPSTREAM_H
#define FAS_AGENT_UPSTREAM_H

#include "fas/agent/api.h"

/* All borrowed; method, path and body as in api_call. */
struct upstream_ask {
	const char *method, *path;
	json_t *body;
	const char *server; /* the one that knows the session; NULL: whichever */
	const char *node;   /* whom a ticket names */
	const char *user;   /* whose request it is */
	int total_ms;       /* 0: the default of api.h */
	bool once;
};

struct upstream {
	const struct agent_config *config;
	enum fas_code (*call)(const struct upstream *upstream, const struct upstream_ask *ask,
	    struct api_answer *out, struct fas_err *e);
	void *arg;
};

#endif
