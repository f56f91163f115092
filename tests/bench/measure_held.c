/*
 * What a key costs that the signer holds for a session, by the signer's own code: at rest, and when it has just signed.
 * The keys are one and the same from a file, since a new one takes a sixth of a second.
 */
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "ca/held.h"
#include "fas/base/clock.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#define KEYS 400
#define TYPE "rsa-2048"
#define LIFE_S 3600
#define MEGABYTE 1048576.0
#define PER 10000.0

static void
sign_once(struct held_keys *held, const char *session, const char *id)
{
	static const uint8_t digest[32] = {1};
	struct fas_err e = {0};
	OWN(held_key) struct held_key *key = NULL;
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	lab_check(held_use(held, session, id, clock_now(), &key, &e), &e);
	lab_check(key_sign_digest(held_key(key), KEY_RSA_PKCS1, "sha256", digest, sizeof(digest),
		      signature, &len, &e),
	    &e);
}

/* A session's key, as a logon takes it from the pool. */
static void
hold(struct held_keys *held, size_t i, char id[HELD_KEY_ID_MAX])
{
	char name[HELD_KEY_ID_MAX];
	struct fas_err e = {0};
	int64_t wait_s = 0;
	OWN(held_key) struct held_key *key = NULL;
	(void)snprintf(name, sizeof(name), "%032zx", i);
	const struct held_terms terms = {.session = name,
	    .host = "vda1.vdi.corp.example.com",
	    .upn = "alice@corp.example.com",
	    .sid = "S-1-5-21-1-2-3-1104",
	    .until_s = clock_now() + LIFE_S,
	    .max_signatures = 8};
	lab_check(held_reserve(held, name, TYPE, &terms, clock_now(), &key, &wait_s, &e), &e);
	held_arm(held, key, "0123456789abcdef0123456789abcdef", terms.until_s);
	(void)snprintf(id, HELD_KEY_ID_MAX, "%s", held_id(key));
}

/* As the pool keeps them: folded. */
static void
shelve(struct pool *pool, const char *path)
{
	struct fas_err e = {0};
	struct key *key = NULL;
	lab_check(key_load(path, &key, &e), &e);
	key_fold(key);
	pool_give_back(pool, key);
}

static double
per_key(int64_t before)
{
	(void)malloc_trim(0);
	return (double)(gauge_memory(getpid()) - before) / KEYS;
}

struct costs {
	double at_rest, in_use; /* octets */
};

static void
measure(const char *path, struct costs *out)
{
	static char ids[KEYS][HELD_KEY_ID_MAX], session[HELD_KEY_ID_MAX];
	const struct pool_target target = {TYPE, 1};
	struct fas_err e = {0};
	OWN(pool) struct pool *pool = NULL;
	OWN(held_keys) struct held_keys *held = NULL;
	lab_check(pool_start(&target, 1, &pool, &e), &e);
	lab_check(held_new(pool, &held, &e), &e);
	shelve(pool, path);
	hold(held, KEYS, ids[0]);
	(void)snprintf(session, sizeof(session), "%032zx", (size_t)KEYS);
	sign_once(held, session, ids[0]);
	(void)malloc_trim(0);
	int64_t before = gauge_memory(getpid());
	for (size_t i = 0; i < KEYS; i++) {
		shelve(pool, path);
		hold(held, i, ids[i]);
	}
	out->at_rest = per_key(before);
	for (size_t i = 0; i < KEYS; i++) {
		(void)snprintf(session, sizeof(session), "%032zx", i);
		sign_once(held, session, ids[i]);
	}
	out->in_use = per_key(before);
}

void
measure_held(const struct lab *lab, double live_mb)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	struct costs costs;
	OWN(key) struct key *key = NULL;
	(void)snprintf(path, sizeof(path), "%s/user.key", lab->scratch);
	lab_check(key_generate(TYPE, &key, &e), &e);
	lab_check(key_save(key, path, &e), &e);
	measure(path, &costs);
	(void)unlink(path);
	table_add(&(struct row){.name = "the same, their keys kept by the service",
	    .value = live_mb + costs.at_rest * PER / MEGABYTE,
	    .unit = "MB",
	    .reference = "sessions alone",
	    .reference_value = live_mb,
	    .goal = 40,
	    .of_value = true});
	table_add(&(struct row){.name = "a kept key that has just signed",
	    .value = costs.in_use / 1024,
	    .unit = "KB",
	    .reference = "at rest",
	    .reference_value = costs.at_rest / 1024,
	    .ratio = costs.in_use / costs.at_rest});
}
