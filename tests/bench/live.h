/* Sessions that live while they are measured: each with a key that the service keeps, and its host's connection. */
#ifndef FAS_BENCH_LIVE_H
#define FAS_BENCH_LIVE_H

#include "client.h"
#include "lab.h"
#include "material.h"

#define LIVE_MAX 16

struct live {
	struct client host;
	char *sign, *lease; /* whole requests */
};
/* n sessions on lab->keyless_host, by as many keys of the pool. */
void live_open(const struct lab *lab, const struct material *material, struct live *all, size_t n);
void live_close(struct live *all, size_t n);

enum live_what { LIVE_SIGN, LIVE_LEASE };

/* n sessions at once, `each` requests of one after the other. */
struct live_run {
	struct live *sessions;
	size_t n, each;
	enum live_what what;
	double *us;           /* room for n * each; what the round trips took */
	double server_cpu_us; /* of fasd and fas-signer, for one request */
};
void live_run(const struct lab *lab, struct live_run *run);

#endif
