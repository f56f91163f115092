/*
 * A bounded pool of threads for work that waits for somebody else (directory, signer, disk).
 *
 * A place in the queue is reserved before the request is suspended: so whoever reserves can still say no.
 */
#ifndef FAS_HTTP_WORKERS_H
#define FAS_HTTP_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct workers;
typedef void workers_fn(void *job);

/* fn runs each job on one of n threads; at most queue_max jobs wait for one. */
MUST_CHECK enum fas_code workers_start(
    size_t n, size_t queue_max, workers_fn *fn, struct workers **out, struct fas_err *e);
/* False when as many jobs as the queue holds are waiting: the caller answers "busy". */
bool workers_reserve(struct workers *workers);
/* Hand over a job under a reservation. */
void workers_push(struct workers *workers, void *job);
/* Runs what waits, then ends the threads. */
void workers_stop(struct workers *workers);

struct workers_load {
	size_t threads, busy, waiting, queue_max;
};
struct workers_load workers_load(struct workers *workers);

DEFINE_OWN(workers, struct workers *, workers_stop);

#endif
