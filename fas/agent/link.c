#include "fas/agent/link.h"

#include <string.h>

#include "fas/agent/commands.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"

#define PROOF_LIFE_US                                                                              \
	(30LL * 60 * 1000000) /* of a machine account's ticket, which lives for hours */

struct link {
	bool ready;
	unsigned credential; /* the daemon's count when this was loaded */
	int64_t proved_us;
	struct identity identity;
	struct account_ticket ticket;
	struct trust trust;
	struct api_line *line;
};

static pthread_key_t links;

static void
link_clear(struct link *l)
{
	api_line_free(TAKE(l->line));
	trust_done(&l->trust);
	account_ticket_drop(&l->ticket);
	identity_done(&l->identity);
	*l = (struct link){0};
}

static void
link_end(void *arg)
{
	link_clear(arg);
	free(arg);
}

enum fas_code
link_setup(struct fas_err *e)
{
	return pthread_key_create(&links, link_end) == 0
		   ? FAS_OK
		   : fas_fail(e, FAS_E_INTERNAL, "internal", "no place for a thread's own data");
}

static struct link *
my_link(void)
{
	struct link *l = pthread_getspecific(links);
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (l && pthread_setspecific(links, l) != 0) {
		free(l);
		return NULL;
	}
	return l;
}

static bool
is_fresh(const struct daemon *d, const struct link *l)
{
	bool timed = l->ticket.cache[0] != 0;
	return l->ready && l->credential == atomic_load(&d->credential) &&
	       (!timed || clock_monotonic_us() - l->proved_us < PROOF_LIFE_US);
}

static enum fas_code
link_ready(struct daemon *d, struct link *l, struct fas_err *e)
{
	if (is_fresh(d, l))
		return FAS_OK;
	link_clear(l);
	l->credential = atomic_load(&d->credential);
	l->proved_us = clock_monotonic_us();
	l->trust.identity = &l->identity;
	l->trust.state = d->config.state;
	enum fas_code rc = agent_prove(&d->config, &l->identity, &l->ticket, e);
	if (rc == FAS_OK)
		rc = api_line_new(&l->line, e);
	l->ready = rc == FAS_OK;
	return rc;
}

/* Our credential is not taken: the next request loads it anew. */
static void
doubt(struct link *l, const struct fas_err *why)
{
	if (strcmp(why->reason, "caller_refused") == 0 ||
	    strcmp(why->reason, "caller_required") == 0)
		l->ready = false;
}

static struct api
api_of(struct daemon *d, struct link *l, const struct upstream_ask *ask)
{
	return (struct api){.config = &d->config,
	    .trust = &l->trust,
	    .negotiate = l->ticket.cache[0] != 0,
	    .only = ask->server,
	    .servers = &d->servers,
	    .node = ask->node,
	    .user = ask->user ? ask->user : "",
	    .line = l->line,
	    .total_ms = ask->total_ms,
	    .once = ask->once || atomic_load(&d->stopping)};
}

enum fas_code
link_call(const struct upstream *up, const struct upstream_ask *ask, struct api_answer *out,
    struct fas_err *e)
{
	struct daemon *d = up->arg;
	struct link *l = my_link();
	if (!l)
		return fas_fail_nomem(e);
	enum fas_code rc = link_ready(d, l, e);
	if (rc != FAS_OK)
		return rc;
	const struct api api = api_of(d, l, ask);
	rc = api_call(&api, ask->method, ask->path, ask->body, out, e);
	if (rc != FAS_OK)
		doubt(l, e);
	if (rc == FAS_OK && ask->node && ask->node[0])
		servers_note_node(&d->servers, out->server, ask->node);
	return rc;
}

void
link_probe(struct daemon *d, const char *server)
{
	struct fas_err e = {0};
	struct link *l = my_link();
	if (!l || link_ready(d, l, &e) != FAS_OK)
		return;
	const struct api api = api_of(d, l, &(struct upstream_ask){0});
	bool there = api_probe(&api, server, &e) == FAS_OK;
	servers_note(&d->servers, server, there);
	if (there)
		log_event(LOG_LEVEL_INFO, "server_back", "server", server, NULL);
}
