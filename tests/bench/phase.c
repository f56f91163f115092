#include "phase.h"

#include <stdio.h>

#include "gauge.h"
#include "table.h"

#define CROWD 320
#define THREADS 16
#define NAMES_MAX 16

/* Logons per second, when there is no rate to keep; how long they took into out, unless it is NULL. */
static double
run(const struct lab *lab, const struct material *material, size_t n, double rate,
    struct phases *out, unsigned i)
{
	struct requests requests;
	requests_make(material, lab, n, &requests);
	struct load load = {.lab = lab,
	    .material = material,
	    .requests = &requests,
	    .threads = THREADS,
	    .rate = rate};
	load_run(&load);
	if (out) {
		out->p50_ms[i] = gauge_quantile(load.latency_us, n, 0.5) / 1e3;
		out->p99_ms[i] = gauge_quantile(load.latency_us, n, 0.99) / 1e3;
	}
	load_done(&load);
	requests_done(&requests);
	return (double)n / load.wall_s;
}

double
phase_half_of_saturation(const struct lab *lab, const struct material *material)
{
	return run(lab, material, CROWD, 0, NULL, 0) / 2;
}

void
phase_run(const struct lab *lab, const struct material *material, double rate, struct phases *out,
    unsigned i)
{
	(void)run(lab, material, (size_t)(rate * PHASE_S), rate, out, i);
}

/* The table keeps the names. */
static void
add(const char *name, const char *which, const char *without, double busy[PHASES],
    double quiet[PHASES], double goal)
{
	static char names[NAMES_MAX][80];
	static size_t n;
	double ratio[PHASES];
	if (n == NAMES_MAX)
		lab_die("too many phases");
	(void)snprintf(names[n], sizeof(names[n]), "%s, %s", name, which);
	for (unsigned i = 0; i < PHASES; i++)
		ratio[i] = busy[i] / quiet[i];
	table_add(&(struct row){.name = names[n++],
	    .value = gauge_median(busy, PHASES),
	    .unit = "ms",
	    .reference = without,
	    .reference_value = gauge_median(quiet, PHASES),
	    .ratio = gauge_median(ratio, PHASES),
	    .goal = goal});
}

void
phases_add(
    const char *name, const char *without, struct phases *busy, struct phases *quiet, double goal)
{
	add(name, "p50", without, busy->p50_ms, quiet->p50_ms, 0);
	add(name, "p99", without, busy->p99_ms, quiet->p99_ms, goal);
}
