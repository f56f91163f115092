/* Logons at half of saturation while the signer refills its pool of keys, and while it does not. */
#include <stdlib.h>
#include <string.h>

#include "gauge.h"
#include "keys.h"
#include "load.h"
#include "measure.h"
#include "table.h"

#define ROUNDS 5
#define CROWD 320
#define THREADS 16
#define PHASE_S 2.0

/* One phase each round. */
struct side {
	double p50_ms[ROUNDS], p99_ms[ROUNDS];
};

/* Logons per second, when there is no rate to keep; how long they took into side, unless it is NULL. */
static double
run(const struct lab *lab, const struct material *material, size_t n, double rate,
    struct side *side, unsigned round)
{
	struct requests requests;
	requests_make(material, lab, n, &requests);
	struct load load = {.lab = lab,
	    .material = material,
	    .requests = &requests,
	    .threads = THREADS,
	    .rate = rate};
	load_run(&load);
	if (side) {
		side->p50_ms[round] = gauge_quantile(load.latency_us, n, 0.5) / 1e3;
		side->p99_ms[round] = gauge_quantile(load.latency_us, n, 0.99) / 1e3;
	}
	load_done(&load);
	requests_done(&requests);
	return (double)n / load.wall_s;
}

static void
add(const char *name, double refilled[ROUNDS], double quiet[ROUNDS], double goal)
{
	double ratio[ROUNDS];
	for (unsigned i = 0; i < ROUNDS; i++)
		ratio[i] = refilled[i] / quiet[i];
	table_add(&(struct row){.name = name,
	    .value = gauge_median(refilled, ROUNDS),
	    .unit = "ms",
	    .reference = "the pool at rest",
	    .reference_value = gauge_median(quiet, ROUNDS),
	    .ratio = gauge_median(ratio, ROUNDS),
	    .goal = goal});
}

void
measure_refill(const struct lab *lab, const struct material *material)
{
	struct side quiet, refilled;
	double rate = run(lab, material, CROWD, 0, NULL, 0) / 2;
	size_t n = (size_t)(rate * PHASE_S);
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)run(lab, material, n, rate, &quiet, i);
		keys_want_for(PHASE_S * 1e3);
		(void)run(lab, material, n, rate, &refilled, i);
		if (!keys_are_made())
			lab_die("the pool was full before the logons were done");
		keys_await(lab);
	}
	add("logon while the pool is refilled, p50", refilled.p50_ms, quiet.p50_ms, 0);
	add("logon while the pool is refilled, p99", refilled.p99_ms, quiet.p99_ms, 1.5);
}
