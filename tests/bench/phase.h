/* Logons at half of saturation in phases, in turns with and without something else under way. */
#ifndef FAS_BENCH_PHASE_H
#define FAS_BENCH_PHASE_H

#include "load.h"

#define PHASES 5
#define PHASE_S 2.0

struct phases {
	double p50_ms[PHASES], p99_ms[PHASES];
};

/* So many logons per second. */
double phase_half_of_saturation(const struct lab *lab, const struct material *material);
/* Phase i, of PHASE_S at this rate. */
void phase_run(const struct lab *lab, const struct material *material, double rate,
    struct phases *out, unsigned i);
/* Two rows, "NAME, p50" and "NAME, p99", against the phases without; the goal is the second one's. */
void phases_add(
    const char *name, const char *without, struct phases *busy, struct phases *quiet, double goal);

#endif
