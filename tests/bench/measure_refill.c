/* Logons at half of saturation while the signer refills its pool of keys, and while it does not. */
#include "keys.h"
#include "measure.h"
#include "phase.h"

void
measure_refill(const struct lab *lab, const struct material *material)
{
	struct phases quiet, refilled;
	double rate = phase_half_of_saturation(lab, material);
	for (unsigned i = 0; i < PHASES; i++) {
		phase_run(lab, material, rate, &quiet, i);
		keys_want_for(PHASE_S * 1e3);
		phase_run(lab, material, rate, &refilled, i);
		if (!keys_are_made())
			lab_die("the pool was full before the logons were done");
		keys_await(lab);
	}
	phases_add("logon while the pool is refilled", "the pool at rest", &refilled, &quiet, 1.5);
}
