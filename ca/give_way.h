/*
 * Long work in pieces, beside those who log on: between two pieces the thread sleeps, and for as long as it worked when
 * others wanted its processor meanwhile.  So on an idle machine it takes a tenth longer, and on a busy one twice as long.
 */
#ifndef CA_GIVE_WAY_H
#define CA_GIVE_WAY_H

#include <stdint.h>

/* All zero at the begin. */
struct give_way {
	int64_t since_us; /* when this piece was begun */
	long preempted;   /* how often this thread had been until then (getrusage(2), ru_nivcsw) */
};

/* Behind each piece, by one and the same thread. */
void give_way(struct give_way *g);

#endif
