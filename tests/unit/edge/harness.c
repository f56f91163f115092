#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "fas/http/listen.h"

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_closed;
static unsigned gate_waiting;

static void
must(enum fas_code rc, const struct fas_err *e)
{
	if (rc == FAS_OK)
		return;
	(void)fprintf(stderr, "%s: %s\n", e->reason, e->message);
	abort();
}

void
harness_start(
    struct harness *h, const struct http_server_config *config, size_t n_workers, size_t queue)
{
	struct fas_err e = {0};
	int fd = -1;
	*h = (struct harness){.config = *config};
	must(metrics_new(&h->metrics, &e), &e);
	if (n_workers > 0)
		must(workers_start(n_workers, queue, http_server_work, &h->workers, &e), &e);
	must(http_listen("127.0.0.1:0", &fd, &e), &e);
	h->config.metrics = h->metrics;
	h->config.workers = h->workers;
	if (h->config.threads == 0)
		h->config.threads = 2;
	if (h->config.connections == 0)
		h->config.connections = 64;
	if (h->config.connections_per_address == 0)
		h->config.connections_per_address = 64;
	if (h->config.idle_s == 0)
		h->config.idle_s = 30;
	if (h->config.request_s == 0)
		h->config.request_s = 30;
	must(http_server_start(&h->config, fd, &h->server, &e), &e);
	h->port = http_server_port(h->server);
}

void
harness_stop(struct harness *h)
{
	http_server_stop(h->server, 1000);
	workers_stop(h->workers);
	metrics_free(h->metrics);
}

void
gate_close(void)
{
	pthread_mutex_lock(&gate_lock);
	gate_is_closed = true;
	pthread_mutex_unlock(&gate_lock);
}

void
gate_open(void)
{
	pthread_mutex_lock(&gate_lock);
	gate_is_closed = false;
	pthread_cond_broadcast(&gate_changed);
	pthread_mutex_unlock(&gate_lock);
}

void
gate_pass(void)
{
	pthread_mutex_lock(&gate_lock);
	gate_waiting++;
	pthread_cond_broadcast(&gate_changed);
	while (gate_is_closed)
		pthread_cond_wait(&gate_changed, &gate_lock);
	gate_waiting--;
	pthread_mutex_unlock(&gate_lock);
}

void
gate_await(unsigned n)
{
	pthread_mutex_lock(&gate_lock);
	while (gate_waiting < n)
		pthread_cond_wait(&gate_changed, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
}

static void *
run_ask(void *arg)
{
	struct background_ask *b = arg;
	(void)client_ask(&b->client, &b->ask);
	return NULL;
}

void
background_ask(struct background_ask *b, uint16_t port, const char *path)
{
	client_init(&b->client, port, NULL, NULL);
	b->ask = (struct ask){.path = path};
	if (pthread_create(&b->thread, NULL, run_ask, b) != 0)
		abort();
}

long
background_join(struct background_ask *b)
{
	pthread_join(b->thread, NULL);
	return b->client.status;
}
