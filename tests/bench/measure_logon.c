/* Whole logons against the running services: CPU, rate, latency. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge.h"
#include "load.h"
#include "measure.h"
#include "table.h"

#define ROUNDS_MAX 64
#define ALONE 120
#define CROWD 320
#define CROWD_THREADS 16
#define PACED_S 6.0
#define SAMPLES_MAX 65536
#define POINTS 400

struct samples {
	double us[SAMPLES_MAX];
	size_t n;
};

static void
keep(struct samples *samples, const struct load *load)
{
	for (size_t i = 0; i < load->requests->n && samples->n < SAMPLES_MAX; i++)
		samples->us[samples->n++] = load->latency_us[i];
}

/* The distribution at POINTS quantiles, for the picture. */
static void
write_samples(const struct lab *lab, const char *name, struct samples *samples)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s.dat", lab->scratch, name);
	FILE *f = fopen(path, "we");
	if (!f)
		lab_die("%s cannot be written", path);
	for (size_t i = 0; i < samples->n; i++)
		(void)fprintf(
		    f, "%.3f %.6f\n", samples->us[i] / 1e3, (double)(i + 1) / (double)samples->n);
	(void)fclose(f);
}

struct side {
	double cpu_us[ROUNDS_MAX], rate[ROUNDS_MAX];
	struct samples samples;
};

static void
run_side(const struct lab *lab, const struct material *material, unsigned threads, size_t n,
    double rate, struct side *side, unsigned round)
{
	struct requests requests;
	requests_make(material, lab, n, &requests);
	struct load load = {.lab = lab,
	    .material = material,
	    .requests = &requests,
	    .threads = threads,
	    .rate = rate};
	load_run(&load);
	side->cpu_us[round] = (double)load.server_cpu_ns / 1e3 / (double)n;
	side->rate[round] = (double)n / load.wall_s;
	keep(&side->samples, &load);
	load_done(&load);
	requests_done(&requests);
}

static double
median_ratio(const double *a, const double *b, unsigned n)
{
	double ratio[ROUNDS_MAX];
	for (unsigned i = 0; i < n; i++)
		ratio[i] = a[i] / b[i];
	return gauge_median(ratio, n);
}

static void
add_cpu(const char *name, struct side *side, double *raw, unsigned rounds, double goal)
{
	double ratio = median_ratio(side->cpu_us, raw, rounds);
	table_add(&(struct row){.name = name,
	    .value = gauge_median(side->cpu_us, rounds),
	    .unit = "us CPU",
	    .reference = "raw RSA-2048 signature",
	    .reference_value = gauge_median(raw, rounds),
	    .ratio = ratio,
	    .goal = goal});
}

static void
add_latency(const char *name, struct side *paced, struct side *alone, double q)
{
	double value = gauge_quantile(paced->samples.us, paced->samples.n, q) / 1e3;
	double reference = gauge_quantile(alone->samples.us, alone->samples.n, q) / 1e3;
	table_add(&(struct row){.name = name,
	    .value = value,
	    .unit = "ms",
	    .reference = "the same, one logon at a time",
	    .reference_value = reference,
	    .ratio = value / reference});
}

static void
measure_paced(
    const struct lab *lab, const struct material *material, double saturation, struct side *alone)
{
	static struct side paced;
	double rate = saturation / 2;
	run_side(lab, material, CROWD_THREADS, (size_t)(rate * PACED_S), rate, &paced, 0);
	add_latency("logon at half of saturation, p50", &paced, alone, 0.5);
	add_latency("logon at half of saturation, p99", &paced, alone, 0.99);
	write_samples(lab, "latency-half", &paced.samples);
}

static void
add_rate(const char *name, struct side *crowd, struct side *alone, unsigned rounds, double goal)
{
	double more = median_ratio(crowd->rate, alone->rate, rounds);
	table_add(&(struct row){.name = name,
	    .value = gauge_median(crowd->rate, rounds),
	    .unit = "1/s",
	    .reference = "one at a time",
	    .reference_value = gauge_median(alone->rate, rounds),
	    .ratio = more,
	    .goal = goal,
	    .at_least = true});
}

static struct lab
lab_of_steps(const struct lab *lab, const struct bare_server *bare)
{
	struct lab steps = *lab;
	steps.api_host = "127.0.0.1";
	steps.api_port = bare->port;
	steps.fasd = bare->pid;
	steps.signer = 0;
	steps.storefront = steps.host = lab->anyone;
	return steps;
}

static void
add_price(struct side *crowd, struct side *steps, unsigned rounds)
{
	table_add(&(struct row){.name = "the same, against its bare steps",
	    .value = gauge_median(crowd->cpu_us, rounds),
	    .unit = "us CPU",
	    .reference = "the steps in one process, bare",
	    .reference_value = gauge_median(steps->cpu_us, rounds),
	    .ratio = median_ratio(crowd->cpu_us, steps->cpu_us, rounds),
	    .goal = 1.5});
}

void
measure_logon(
    const struct lab *lab, const struct material *material, const struct bare_server *bare)
{
	static struct side alone, crowd, steps, steps_alone, warm;
	const struct lab steps_lab = lab_of_steps(lab, bare);
	double raw[ROUNDS_MAX];
	run_side(lab, material, CROWD_THREADS, CROWD, 0, &warm, 0);
	run_side(&steps_lab, material, CROWD_THREADS, CROWD, 0, &warm, 0);
	for (unsigned i = 0; i < lab->rounds; i++) {
		raw[i] = measure_raw_signature() / 1e3;
		run_side(lab, material, 1, ALONE, 0, &alone, i);
		run_side(lab, material, CROWD_THREADS, CROWD, 0, &crowd, i);
		run_side(&steps_lab, material, 1, ALONE, 0, &steps_alone, i);
		run_side(&steps_lab, material, CROWD_THREADS, CROWD, 0, &steps, i);
	}
	add_cpu("server CPU per logon, 16 at once", &crowd, raw, lab->rounds, 4.0);
	add_cpu("the bare steps of a logon, 16 at once", &steps, raw, lab->rounds, 0);
	add_price(&crowd, &steps, lab->rounds);
	add_cpu("server CPU per logon, one at a time", &alone, raw, lab->rounds, 0);
	add_rate("logons, 16 at once", &crowd, &alone, lab->rounds, 3);
	add_rate("the bare steps of a logon, 16 at once", &steps, &steps_alone, lab->rounds, 0);
	measure_paced(lab, material, gauge_median(crowd.rate, lab->rounds), &alone);
	write_samples(lab, "latency-one", &alone.samples);
	write_samples(lab, "latency-crowd", &crowd.samples);
}
