#include "fas/agent/servers.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fas/base/clock.h"

#define PROBE_FIRST_US 1000000
#define PROBE_LAST_US 30000000
#define WEIGHT_TEXT_MAX (AGENT_URL_MAX + UPN_MAX + 2)

void
servers_init(struct servers *servers, const struct agent_config *config)
{
	struct server_order urls = {.n = config->n_servers};
	*servers = (struct servers){0};
	(void)pthread_mutex_init(&servers->lock, NULL);
	memcpy(urls.urls, config->servers, sizeof(urls.urls));
	servers_replace(servers, &urls);
	for (size_t i = 0; i < config->n_nodes; i++)
		servers_note_node(servers, config->nodes[i].url, config->nodes[i].name);
}

void
servers_done(struct servers *servers)
{
	(void)pthread_mutex_destroy(&servers->lock);
}

/* Called with the lock held. */
static struct server_state *
find(struct servers *servers, const char *url)
{
	for (size_t i = 0; i < servers->n; i++) {
		if (strcmp(servers->list[i].url, url) == 0)
			return &servers->list[i];
	}
	return NULL;
}

void
servers_replace(struct servers *servers, const struct server_order *urls)
{
	struct server_state fresh[AGENT_SERVERS_MAX] = {0};
	(void)pthread_mutex_lock(&servers->lock);
	for (size_t i = 0; i < urls->n; i++) {
		const struct server_state *old = find(servers, urls->urls[i]);
		if (old)
			fresh[i] = *old;
		else
			(void)snprintf(fresh[i].url, AGENT_URL_MAX, "%s", urls->urls[i]);
	}
	memcpy(servers->list, fresh, sizeof(fresh));
	servers->n = urls->n;
	(void)pthread_mutex_unlock(&servers->lock);
}

void
ticket_node(const char *ticket, char out[SERVER_NODE_MAX])
{
	size_t len = strspn(ticket, "abcdefghijklmnopqrstuvwxyz0123456789");
	bool named = len > 0 && len < SERVER_NODE_MAX && ticket[len] == '-';
	(void)snprintf(out, SERVER_NODE_MAX, "%.*s", named ? (int)len : 0, ticket);
}

/* The highest weight comes first. */
static uint64_t
weight(const char *url, const char *user)
{
	char text[WEIGHT_TEXT_MAX];
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	uint64_t value = 0;
	int n = snprintf(text, sizeof(text), "%s %s", url, user);
	for (int i = 0; i < n && i < (int)sizeof(text); i++) {
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	}
	if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL) != 1 ||
	    len < sizeof(value))
		return 0;
	memcpy(&value, digest, sizeof(value));
	return value;
}

struct candidate {
	const struct server_state *server;
	bool named; /* it is the ticket's node */
	uint64_t weight;
};

static bool
goes_before(const struct candidate *a, const struct candidate *b)
{
	return a->named != b->named ? a->named : a->weight > b->weight;
}

/* Insertion: stable, and there are eight at most. */
static void
insert(struct candidate *list, size_t n, const struct candidate *new)
{
	size_t at = n;
	for (; at > 0 && goes_before(new, &list[at - 1]); at--)
		list[at] = list[at - 1];
	list[at] = *new;
}

void
servers_order(struct servers *servers, const char *node, const char *user, struct server_order *out)
{
	struct candidate list[AGENT_SERVERS_MAX];
	bool any = false;
	out->n = out->n_away = 0;
	(void)pthread_mutex_lock(&servers->lock);
	for (size_t i = 0; i < servers->n; i++)
		any = any || !servers->list[i].away;
	for (size_t i = 0; i < servers->n; i++) {
		const struct server_state *s = &servers->list[i];
		const struct candidate one = {.server = s,
		    .named = node && node[0] && strcmp(s->node, node) == 0,
		    .weight = user ? weight(s->url, user) : 0};
		/* With none left somebody who waits at a login is better served by a try than by a no. */
		if (s->away && any)
			out->n_away++;
		else
			insert(list, out->n++, &one);
	}
	for (size_t i = 0; i < out->n; i++)
		memcpy(out->urls[i], list[i].server->url, AGENT_URL_MAX);
	(void)pthread_mutex_unlock(&servers->lock);
}

bool
servers_is_away(struct servers *servers, const char *url)
{
	(void)pthread_mutex_lock(&servers->lock);
	const struct server_state *s = find(servers, url);
	bool away = s && s->away;
	(void)pthread_mutex_unlock(&servers->lock);
	return away;
}

static int64_t
pause_us(unsigned failures)
{
	int64_t pause = PROBE_FIRST_US;
	for (unsigned i = 1; i < failures && pause < PROBE_LAST_US; i++)
		pause *= 2;
	return pause < PROBE_LAST_US ? pause : PROBE_LAST_US;
}

void
servers_note(struct servers *servers, const char *url, bool answered)
{
	(void)pthread_mutex_lock(&servers->lock);
	struct server_state *s = find(servers, url);
	if (s) {
		s->away = !answered;
		s->failures = answered ? 0 : s->failures + 1;
		s->probe_at_us = clock_monotonic_us() + pause_us(s->failures);
	}
	(void)pthread_mutex_unlock(&servers->lock);
}

void
servers_note_node(struct servers *servers, const char *url, const char *node)
{
	(void)pthread_mutex_lock(&servers->lock);
	struct server_state *s = find(servers, url);
	if (s)
		(void)snprintf(s->node, sizeof(s->node), "%s", node);
	(void)pthread_mutex_unlock(&servers->lock);
}

bool
servers_due(struct servers *servers, int64_t now_us, char url[AGENT_URL_MAX])
{
	struct server_state *due = NULL;
	(void)pthread_mutex_lock(&servers->lock);
	for (size_t i = 0; i < servers->n && !due; i++) {
		if (servers->list[i].away && now_us >= servers->list[i].probe_at_us)
			due = &servers->list[i];
	}
	if (due) {
		due->probe_at_us = now_us + PROBE_LAST_US; /* until the probe has said something */
		memcpy(url, due->url, AGENT_URL_MAX);
	}
	(void)pthread_mutex_unlock(&servers->lock);
	return due != NULL;
}

size_t
servers_copy(struct servers *servers, struct server_state out[AGENT_SERVERS_MAX])
{
	(void)pthread_mutex_lock(&servers->lock);
	size_t n = servers->n;
	memcpy(out, servers->list, sizeof(servers->list));
	(void)pthread_mutex_unlock(&servers->lock);
	return n;
}
