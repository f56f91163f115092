#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gauge.h"

#define TICKET_MAX 128
#define REDEEM_MAX (MATERIAL_CSR_MAX + 512)

struct run {
	struct load *load;
	atomic_size_t next;
	int64_t begun_ns;
	struct pair *pairs;
};

struct loader {
	struct run *run;
	struct pair *pair;
	pthread_t thread;
};

void
pair_open(struct pair *pair, const struct lab *lab)
{
	client_connect(&pair->storefront, lab->storefront, lab->api_host, lab->api_port, NULL);
	client_connect(&pair->host, lab->host, lab->api_host, lab->api_port, NULL);
	/* The end of the handshake and the judgement of the caller are the connection's, not a logon's. */
	client_ask_refused(&pair->storefront, "/v1/logons");
	client_ask_refused(&pair->host, "/v1/certificates");
}

void
pair_close(struct pair *pair)
{
	client_close(&pair->storefront);
	client_close(&pair->host);
}

static void
ask(struct client *client, const char *request)
{
	int status = client_ask(client, request, strlen(request));
	if (status != 201)
		lab_die("status %d: %s", status, client->answer + client->body);
}

void
pair_logon(struct pair *pair, const struct material *material, const char *request)
{
	char ticket[TICKET_MAX], body[REDEEM_MAX], whole[REDEEM_MAX + 256];
	ask(&pair->storefront, request);
	client_member(&pair->storefront, "ticket", ticket, sizeof(ticket));
	int len = snprintf(
	    body, sizeof(body), "{\"ticket\":\"%s\",\"csr\":\"%s\"}", ticket, material->csr_json);
	(void)snprintf(whole, sizeof(whole),
	    "POST /v1/certificates HTTP/1.1\r\nHost: fas1.corp.example.com:8443\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    len, body);
	ask(&pair->host, whole);
}

/* When logon i is due; now, where no rate is asked for. */
static int64_t
await_turn(const struct run *run, size_t i)
{
	double rate = run->load->rate;
	if (rate <= 0)
		return gauge_wall();
	int64_t due = run->begun_ns + (int64_t)((double)i / rate * 1e9);
	const struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	return due;
}

static void *
loader_main(void *arg)
{
	struct loader *loader = arg;
	struct run *run = loader->run;
	struct load *load = run->load;
	for (;;) {
		size_t i = atomic_fetch_add(&run->next, 1);
		if (i >= load->requests->n)
			return NULL;
		int64_t due = await_turn(run, i);
		pair_logon(loader->pair, load->material, load->requests->request[i]);
		load->latency_us[i] = (double)(gauge_wall() - due) / 1e3;
	}
}

static void
run_loaders(struct run *run, struct loader *loaders)
{
	unsigned n = run->load->threads;
	for (unsigned i = 0; i < n; i++) {
		loaders[i] = (struct loader){.run = run, .pair = &run->pairs[i]};
		if (pthread_create(&loaders[i].thread, NULL, loader_main, &loaders[i]) != 0)
			lab_die("no thread");
	}
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(loaders[i].thread, NULL);
}

static int64_t
server_cpu(const struct lab *lab)
{
	return gauge_process_cpu(lab->fasd) + (lab->signer ? gauge_process_cpu(lab->signer) : 0);
}

void
load_run(struct load *load)
{
	struct loader loaders[LOAD_THREADS_MAX];
	struct run run = {.load = load, .pairs = calloc(load->threads, sizeof(*run.pairs))};
	free(load->latency_us);
	load->latency_us = calloc(load->requests->n, sizeof(*load->latency_us));
	if (!run.pairs || !load->latency_us)
		lab_die("out of memory");
	for (unsigned i = 0; i < load->threads; i++)
		pair_open(&run.pairs[i], load->lab);
	int64_t cpu = server_cpu(load->lab);
	run.begun_ns = gauge_wall();
	run_loaders(&run, loaders);
	load->wall_s = (double)(gauge_wall() - run.begun_ns) / 1e9;
	load->server_cpu_ns = server_cpu(load->lab) - cpu;
	for (unsigned i = 0; i < load->threads; i++)
		pair_close(&run.pairs[i]);
	free(run.pairs);
}

void
load_done(struct load *load)
{
	free(load->latency_us);
	load->latency_us = NULL;
}
