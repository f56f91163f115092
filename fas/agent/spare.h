/* A user's key made ahead, in idle time, so that a logon does not wait for it. */
#ifndef FAS_AGENT_SPARE_H
#define FAS_AGENT_SPARE_H

#include <pthread.h>

#include "fas/agent/key.h"

struct spare {
	pthread_mutex_t lock;
	EVP_PKEY *key; /* NULL = it has been taken */
};

void spare_init(struct spare *spare);
void spare_done(struct spare *spare);
bool spare_is_there(struct spare *spare);
/* Make one if there is none; takes a quarter of a second of one processor. */
MUST_CHECK enum fas_code spare_fill(struct spare *spare, struct fas_err *e);
/* The spare one, else a new one. */
MUST_CHECK enum fas_code spare_take(struct spare *spare, EVP_PKEY **out, struct fas_err *e);

#endif
