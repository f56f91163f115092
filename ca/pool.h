/*
 * Users' keys made ahead.  A new RSA-2048 key costs some 160 ms, a logon has a few: so keys lie ready, made by one thread
 * that runs only while no other wants the processor (SCHED_IDLE) and, while signatures are asked for, for a fifth of the
 * time at most, unless somebody waits for a key.  They exist in memory alone.
 */
#ifndef CA_POOL_H
#define CA_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ca/key.h"
#include "fas/base/err.h"
#include "fas/base/own.h"

#define POOL_KINDS_MAX 5
#define POOL_DEPTH_MAX 10000
#define POOL_TYPE_MAX 12 /* "rsa-2048", with NUL */

/* Which types there are, and how many keys of each shall lie ready; at least 1. */
struct pool_target {
	char type[POOL_TYPE_MAX];
	size_t depth;
};

struct pool;

/* Somebody asks for a signature, now: what is being made stands back for a while. */
void pool_stand_back(struct pool *pool);

/* Starts the thread.  n 0: a pool that has no type. */
MUST_CHECK enum fas_code pool_start(
    const struct pool_target *targets, size_t n, struct pool **out, struct fas_err *e);
/* A key that is being made is waited for. */
void pool_stop(struct pool *pool);

/*
 * A key that nobody has had; the caller's.  Never waits.  FAS_E_UNAVAILABLE "pool_empty": *wait_s says when to ask
 * again, by the time that keys take now and by how many have asked in vain; FAS_E_CONFIG "pool_type": none of this type.
 */
MUST_CHECK enum fas_code pool_take(
    struct pool *pool, const char *type, struct key **out, int64_t *wait_s, struct fas_err *e);
/* A key that was taken, and whose public half nobody has seen. */
void pool_give_back(struct pool *pool, struct key *key);

/*
 * Let at least `depth` keys (up to POOL_DEPTH_MAX) lie ready once, for a morning's rush; they are made as the others
 * are.  A smaller number than the configured depth changes nothing.  FAS_E_INPUT "pool_type", "pool_depth".
 */
MUST_CHECK enum fas_code pool_fill(
    struct pool *pool, const char *type, size_t depth, struct fas_err *e);

/*
 * [{"type", "depth" (ready), "target", "wanted" (target, or what was asked to be filled), "made", "taken", "refused"
 * (asked in vain), "key_ms" (what one takes)}]; a new reference, NULL when out of memory.
 */
json_t *pool_describe(struct pool *pool);

DEFINE_OWN(pool, struct pool *, pool_stop);

#endif
