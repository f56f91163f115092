/*
 * One listening unix socket and a fixed number of threads, each with one connection at a time.  Whoever comes when all
 * are busy waits in the kernel's queue; whoever may not speak here is told so at once and holds nobody up.
 */
#ifndef CA_LISTENER_H
#define CA_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ca/ca.h"
#include "fas/base/wire.h"

#define LISTENER_THREADS_MAX 64

struct listener;

struct listener_config {
	const char *name; /* of its threads; under 16 characters */
	const char *path;
	mode_t mode;
	size_t n_threads;
	int idle_ms; /* a silent connection is closed after so long; -1 = never */
	const struct operation *operations;
	size_t n_operations;
	bool (*may_speak)(const struct ca *ca, const struct wire_peer *peer);
	const char *refused; /* event of the record of a peer that may not */
};

/* config is copied. */
MUST_CHECK enum fas_code listener_start(
    struct ca *ca, const struct listener_config *config, struct listener **out, struct fas_err *e);
/* No new connections and requests; returns when those under way have been answered.  The socket's file is removed. */
void listener_stop(struct listener *listener);

#endif
