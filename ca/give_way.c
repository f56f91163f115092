#include "ca/give_way.h"

#include <sys/resource.h>
#include <time.h>

#include "fas/base/clock.h"

#define PAUSE_US 250
#define LONGEST_US 20000

static long
count_preempted(void)
{
	struct rusage usage = {0};
	(void)getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

void
give_way(struct give_way *g)
{
	int64_t worked_us = clock_monotonic_us() - g->since_us, pause_us = PAUSE_US;
	long preempted = count_preempted();
	if (g->since_us != 0 && preempted != g->preempted && worked_us > PAUSE_US)
		pause_us = worked_us < LONGEST_US ? worked_us : LONGEST_US;
	const struct timespec pause = {.tv_nsec = pause_us * 1000};
	(void)nanosleep(&pause, NULL);
	*g = (struct give_way){clock_monotonic_us(), preempted};
}
