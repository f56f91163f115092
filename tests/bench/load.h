/* Whole logons (POST /v1/logons, then POST /v1/certificates) over kept connections. */
#ifndef FAS_BENCH_LOAD_H
#define FAS_BENCH_LOAD_H

#include "client.h"
#include "lab.h"
#include "material.h"

#define LOAD_THREADS_MAX 32

/* One storefront and one host, each with its connection. */
struct pair {
	struct client storefront, host;
};
void pair_open(struct pair *pair, const struct lab *lab);
void pair_close(struct pair *pair);
/* Ends the bench unless both answers are 201. */
void pair_logon(struct pair *pair, const struct material *material, const char *request);

struct load {
	const struct lab *lab;
	const struct material *material;
	struct requests *requests; /* each is used once */
	unsigned threads;
	double rate; /* logons per second, evenly spaced; 0 = each thread one after the other */
	/* results */
	double *latency_us; /* one per request; from when it was due */
	double wall_s;
	int64_t server_cpu_ns; /* of fasd and fas-signer */
};
void load_run(struct load *load);
void load_done(struct load *load);

#endif
