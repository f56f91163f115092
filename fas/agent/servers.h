/*
 * The servers of the service as the whole daemon sees them: which to ask first, and which to leave alone.
 *
 * A ticket names the node that issued it, and that node is asked first once it is known where it lives.  Else the order
 * is by rendezvous hashing of the user's name (Thaler, Ravishankar 1998), so that a user's requests meet one server and
 * all hosts agree on it.  A server that does not answer is left alone until a probe finds it again.
 */
#ifndef FAS_AGENT_SERVERS_H
#define FAS_AGENT_SERVERS_H

#include <pthread.h>
#include <stdbool.h>

#include "fas/agent/config.h"

#define SERVER_NODE_MAX 17

struct server_state {
	char url[AGENT_URL_MAX];
	char node[SERVER_NODE_MAX]; /* "" = not known yet */
	bool away;
	int64_t probe_at_us; /* of one that is away */
	unsigned failures;   /* in a row */
};

struct servers {
	pthread_mutex_t lock; /* guards all below */
	size_t n;
	struct server_state list[AGENT_SERVERS_MAX];
};

/* An order of asking; URLs are copies. */
struct server_order {
	size_t n;
	size_t n_away; /* that were left out */
	char urls[AGENT_SERVERS_MAX][AGENT_URL_MAX];
};

/* The servers of the configuration, with the nodes that it names. */
void servers_init(struct servers *servers, const struct agent_config *config);
void servers_done(struct servers *servers);
/* Replace the list (discovery): what is known of a URL that stays is kept. */
void servers_replace(struct servers *servers, const struct server_order *urls);

/* The node's name in a ticket ("fas1-..."), or "" when it has no such shape. */
void ticket_node(const char *ticket, char out[SERVER_NODE_MAX]);

/*
 * node: "" or NULL = any; user: NULL = in the configuration's order.  Servers that are away are left out, unless all are:
 * then each is tried again, for somebody who waits at a login.
 */
void servers_order(
    struct servers *servers, const char *node, const char *user, struct server_order *out);
/* Is this one of ours, and away? */
bool servers_is_away(struct servers *servers, const char *url);
void servers_note(struct servers *servers, const char *url, bool answered);
void servers_note_node(struct servers *servers, const char *url, const char *node);
/* One that is away and due to be probed: false if none.  It is not due again for a while. */
bool servers_due(struct servers *servers, int64_t now_us, char url[AGENT_URL_MAX]);
/* A copy of the states, for people. */
size_t servers_copy(struct servers *servers, struct server_state out[AGENT_SERVERS_MAX]);

#endif
