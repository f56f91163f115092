/* Logons at half of saturation while the signer refills its pool of keys, and while it does not. */
#include <stdlib.h>
#include <string.h>

#include "gauge.h"
#include "keys.h"
#include "load.h"
#include "measure.h"
#include "table.h"

#define ROUNDS 4
#define CROWD 320
#define THREADS 16
#define PHASE_S 2.0
#define SAMPLES_MAX 65536

struct side {
	double us[SAMPLES_MAX];
	size_t n;
};

/* Logons per second, when there is no rate to keep; their latencies into side, unless it is NULL. */
static double
run(const struct lab *lab, const struct material *material, size_t n, double rate,
    struct side *side)
{
	struct requests requests;
	requests_make(material, lab, n, &requests);
	struct load load = {.lab = lab,
	    .material = material,
	    .requests = &requests,
	    .threads = THREADS,
	    .rate = rate};
	load_run(&load);
	for (size_t i = 0; side && i < n && side->n < SAMPLES_MAX; i++)
		side->us[side->n++] = load.latency_us[i];
	load_done(&load);
	requests_done(&requests);
	return (double)n / load.wall_s;
}

static void
add(const char *name, struct side *refilled, struct side *quiet, double q, double goal)
{
	double value = gauge_quantile(refilled->us, refilled->n, q) / 1e3;
	double reference = gauge_quantile(quiet->us, quiet->n, q) / 1e3;
	table_add(&(struct row){.name = name,
	    .value = value,
	    .unit = "ms",
	    .reference = "the pool at rest",
	    .reference_value = reference,
	    .ratio = value / reference,
	    .goal = goal});
}

void
measure_refill(const struct lab *lab, const struct material *material)
{
	static struct side quiet, refilled;
	double rate = run(lab, material, CROWD, 0, NULL) / 2;
	size_t n = (size_t)(rate * PHASE_S);
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)run(lab, material, n, rate, &quiet);
		keys_want_for(PHASE_S * 1e3);
		(void)run(lab, material, n, rate, &refilled);
		if (!keys_are_made())
			lab_die("the pool was full before the logons were done");
		keys_await(lab);
	}
	add("logon while the pool is refilled, p50", &refilled, &quiet, 0.5, 0);
	add("logon while the pool is refilled, p99", &refilled, &quiet, 0.99, 1.5);
}
