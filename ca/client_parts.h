/* What the signer's client is made of: one place for its connections, one for questions, one for waiting.  For ca/client*.c. */
#ifndef CA_CLIENT_PARTS_H
#define CA_CLIENT_PARTS_H

#include <pthread.h>

#include "ca/client.h"

#define CHAIN_DIGEST 32
#define WAITERS_MAX 4

struct signer {
	char *path;
	int timeout_ms;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	size_t max, n_open, n_idle; /* idle[0..n_idle) are kept connections nobody uses */
	int idle[SIGNER_CONNECTIONS_MAX];
	bool stopped; /* nobody waits any more */
	/* Descriptors on which somebody waits for news, plus one; 0: free. */
	int waiting[WAITERS_MAX];
	pthread_mutex_t chain_lock;
	char *chain; /* the last one that was answered, and its digest: see struct known_chain */
	char chain_digest[2 * CHAIN_DIGEST + 1];
};

/* The wire's own failures in the words of ca/client.h; the signer's refusals never pass here. */
enum fas_code client_failed(const struct fas_err *why, struct fas_err *e);

/*
 * One question on a kept connection, or on a new one.  Takes the request's reference; request NULL = it could not be made.
 * *reply is the caller's.  FAS_E_UNAVAILABLE "signer_away", FAS_E_TIMEOUT "signer_timeout", and what the signer refuses with.
 */
MUST_CHECK enum fas_code client_call(
    struct signer *signer, json_t *request, json_t **reply, struct fas_err *e);

#endif
