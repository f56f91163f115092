/* What a live session asks for: signatures by the key that the service keeps for it, and leases. */
#include <stdlib.h>

#include "gauge.h"
#include "keys.h"
#include "live.h"
#include "measure.h"
#include "table.h"

#define ROUNDS_MAX 64
#define ALONE 100
#define CROWD 25
#define RAW "raw RSA-2048 signature"

struct side {
	double cpu_us[ROUNDS_MAX], to_raw[ROUNDS_MAX];
	double *us; /* all rounds' round trips */
	size_t n_us;
};

static void
run_side(const struct lab *lab, struct live *all, size_t n, size_t each, enum live_what what,
    struct side *side, unsigned round, double raw_us)
{
	struct live_run run = {
	    .sessions = all, .n = n, .each = each, .what = what, .us = side->us + side->n_us};
	live_run(lab, &run);
	side->n_us += n * each;
	side->cpu_us[round] = run.server_cpu_us;
	side->to_raw[round] = run.server_cpu_us / raw_us;
}

static void
add_cpu(const char *name, struct side *side, double *raw, unsigned rounds, double goal)
{
	table_add(&(struct row){.name = name,
	    .value = gauge_median(side->cpu_us, rounds),
	    .unit = "us CPU",
	    .reference = RAW,
	    .reference_value = gauge_median(raw, rounds),
	    .ratio = gauge_median(side->to_raw, rounds),
	    .goal = goal});
}

static void
add_round_trip(const char *name, struct side *side, double q, double *raw, unsigned rounds)
{
	double value = gauge_quantile(side->us, side->n_us, q) / 1e3;
	double reference = gauge_median(raw, rounds) / 1e3;
	table_add(&(struct row){.name = name,
	    .value = value,
	    .unit = "ms",
	    .reference = RAW,
	    .reference_value = reference,
	    .ratio = value / reference});
}

static void
side_open(struct side *side, size_t n, unsigned rounds)
{
	*side = (struct side){.us = calloc(n * rounds, sizeof(*side->us))};
	if (!side->us)
		lab_die("out of memory");
}

void
measure_session(const struct lab *lab, const struct material *material)
{
	static struct live all[LIVE_MAX];
	struct side alone, crowd, lease;
	double raw[ROUNDS_MAX];
	side_open(&alone, ALONE, lab->rounds + 1);
	side_open(&crowd, (size_t)LIVE_MAX * CROWD, lab->rounds + 1);
	side_open(&lease, (size_t)LIVE_MAX * CROWD, lab->rounds + 1);
	keys_want(LIVE_MAX); /* and then there is one more, which is what the pool is to have */
	keys_await(lab);
	live_open(lab, material, all, LIVE_MAX);
	run_side(
	    lab, all, LIVE_MAX, CROWD, LIVE_SIGN, &crowd, 0, 1); /* caches are warm behind it */
	crowd.n_us = 0;
	for (unsigned i = 0; i < lab->rounds; i++) {
		raw[i] = measure_raw_signature() / 1e3;
		run_side(lab, all, 1, ALONE, LIVE_SIGN, &alone, i, raw[i]);
		run_side(lab, all, LIVE_MAX, CROWD, LIVE_SIGN, &crowd, i, raw[i]);
		run_side(lab, all, LIVE_MAX, CROWD, LIVE_LEASE, &lease, i, raw[i]);
	}
	if (keys_are_made())
		lab_die("keys were made for the pool meanwhile");
	add_cpu("server CPU per signature, 16 at once", &crowd, raw, lab->rounds, 2.0);
	add_cpu("server CPU per signature, one at a time", &alone, raw, lab->rounds, 0);
	add_round_trip("signature, one at a time, p50", &alone, 0.5, raw, lab->rounds);
	add_round_trip("signature, one at a time, p99", &alone, 0.99, raw, lab->rounds);
	add_cpu("server CPU per lease, 16 at once", &lease, raw, lab->rounds, 0);
	live_close(all, LIVE_MAX);
	free(alone.us);
	free(crowd.us);
	free(lease.us);
}
