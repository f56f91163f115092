/* A server on 127.0.0.1 with a port of the kernel's choice, and a gate at which handlers wait. */
#ifndef TESTS_EDGE_HARNESS_H
#define TESTS_EDGE_HARNESS_H

#include <pthread.h>

#include "client.h"
#include "fas/http/server.h"

struct harness {
	struct metrics *metrics;
	struct workers *workers;
	struct http_server *server;
	struct http_server_config config;
	uint16_t port;
};

/* config: routes, app and whatever differs from small defaults; n_workers 0 = none. */
void harness_start(
    struct harness *h, const struct http_server_config *config, size_t n_workers, size_t queue);
void harness_stop(struct harness *h);

/* Handlers that call gate_pass stand still while the gate is closed. */
void gate_close(void);
void gate_open(void);
void gate_pass(void);
/* Until n handlers stand at the gate. */
void gate_await(unsigned n);

/* A request on a thread of its own; background_join gives its status. */
struct background_ask {
	pthread_t thread;
	struct client client;
	struct ask ask;
};
void background_ask(struct background_ask *b, uint16_t port, const char *path);
long background_join(struct background_ask *b);

#endif
