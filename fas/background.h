/*
 * What fasd does without being asked: follow the signer's host table, sweep, have the audit trail countersigned and pruned, resolve groups that were not known, renew the
 * API's certificate.
 */
#ifndef FAS_BACKGROUND_H
#define FAS_BACKGROUND_H

#include "fas/http/tls.h"
#include "fas/identity.h"
#include "fas/reload.h"
#include "fas/service.h"

/* What is done by turns by a thread of its own; returns in how many seconds the next turn is. */
struct background_round {
	unsigned (*run)(void *arg);
	void *arg;
};
#define BACKGROUND_ROUNDS_MAX 4

/* All borrowed. */
struct background_config {
	struct service *service;
	struct caller_table *callers;
	struct reloader *reloader;
	struct http_tls *tls;
	const struct identity_key *key;
	int64_t not_before_s, not_after_s;            /* of the API's present certificate */
	unsigned sweep_s, resolve_s, head_s, prune_s; /* 2, 60, 10 and 3600 in a running service */
	struct background_round rounds[BACKGROUND_ROUNDS_MAX];
	size_t n_rounds;
};

struct background;

MUST_CHECK enum fas_code background_start(
    const struct background_config *config, struct background **out, struct fas_err *e);
/* A new certificate for the API now; when there is none to be had, the present one stays. */
void background_renew_certificate(struct background *background);
/* Waits for the round under way. */
void background_stop(struct background *background);

/* Ask for the host table once: before the API listens. */
MUST_CHECK enum fas_code background_fetch_hosts(
    struct signer *signer, struct caller_table *callers, int wait_ms, struct fas_err *e);

DEFINE_OWN(background, struct background *, background_stop);

#endif
