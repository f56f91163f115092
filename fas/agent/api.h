/*
 * The service's HTTPS API as the agent calls it: JSON in, JSON out, each call with deadlines.
 *
 * Every request of the agent may be repeated (docs/PROTOCOL.md), so a lost answer or a busy server
 * is tried again, and the next server is asked where one is away or is not the one that knows.
 */
#ifndef FAS_AGENT_API_H
#define FAS_AGENT_API_H

#include <jansson.h>

#include "fas/agent/config.h"
#include "fas/agent/servers.h"
#include "fas/agent/trust.h"

#define API_ANSWER_MAX (256 * 1024)

/* A kept connection to each server that was asked over it; one thread uses it at a time. */
struct api_line;
MUST_CHECK enum fas_code api_line_new(struct api_line **out, struct fas_err *e);
void api_line_free(struct api_line *line);

/* All borrowed. */
struct api {
	const struct agent_config *config;
	struct trust *trust;
	bool negotiate;   /* by this thread's Kerberos ticket (account.h) */
	const char *only; /* ask this server alone; NULL: all */
	struct servers
	    *servers;     /* which to ask, and what comes of it; NULL: config's, in its order */
	const char *node; /* which the ticket names, see servers_order */
	const char *user;
	struct api_line *line; /* NULL: a connection for each request */
	int total_ms;          /* for one request at one server; 0: the default, 15 s */
	bool once;             /* a busy server is not asked again */
};

struct api_answer {
	long status;
	json_t *body;               /* owned; NULL for 204 */
	char server[AGENT_URL_MAX]; /* which one has answered */
};
void api_answer_done(struct api_answer *answer);

/* Once per process, before any thread. */
MUST_CHECK enum fas_code api_init(struct fas_err *e);

/*
 * method POST or DELETE; path begins with '/'.  body is borrowed, NULL for none.
 * On FAS_OK the status is 200, 201 or 204.  A problem document comes back as an error with its code
 * as the reason (fas/agent/refusal.h).  FAS_E_UNAVAILABLE "server_away", FAS_E_AUTH
 * "server_untrusted", "pin_not_shown".
 */
MUST_CHECK enum fas_code api_call(const struct api *api, const char *method, const char *path,
    json_t *body, struct api_answer *out, struct fas_err *e);

/* Does the server take a TLS connection?  As api_call in the errors of the connection. */
MUST_CHECK enum fas_code api_probe(const struct api *api, const char *server, struct fas_err *e);

DEFINE_OWN(api_line, struct api_line *, api_line_free);
DEFINE_OWN_IN_PLACE(api_answer, struct api_answer, api_answer_done);

#endif
