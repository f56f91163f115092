/* The host's daemon: tests/bench/run has logged sessions on and says what each of them took. */
#include <stdlib.h>

#include "measure.h"
#include "table.h"

static void
add(const char *name, const char *variable)
{
	table_add(&(struct row){.name = name,
	    .value = strtod(lab_variable(variable), NULL),
	    .unit = "KB",
	    .goal = 64,
	    .of_value = true});
}

void
measure_agent(void)
{
	add("fas-agent, memory per session", "BENCH_AGENT_KB");
	add("the same, keys kept by the service", "BENCH_AGENT_KEYLESS_KB");
}
