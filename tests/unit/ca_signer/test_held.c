/* Keys that the signer holds, at rest and in use. */
#include "place.h"

#include <stdio.h>
#include <time.h>

#include "ca/held.h"
#include "ca/key_parts.h"
#include "fas/base/clock.h"

#define TYPE "p-256"
#define WAIT_US 60000000
#define LONG_AGO_S 3600

struct table {
	struct pool *pool;
	struct held_keys *held;
};

static int
set_up(void **state)
{
	static struct table t;
	struct fas_err e = {0};
	const struct pool_target target = {TYPE, 4};
	t = (struct table){0};
	assert_int_equal(pool_start(&target, 1, &t.pool, &e), FAS_OK);
	assert_int_equal(held_new(t.pool, &t.held, &e), FAS_OK);
	*state = &t;
	return 0;
}

static int
tear_down(void **state)
{
	struct table *t = *state;
	held_free(t->held);
	pool_stop(t->pool);
	return 0;
}

static void
pause_until(int64_t until_us)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	assert_true(clock_monotonic_us() < until_us);
	(void)nanosleep(&pause, NULL);
}

/* A key of this session that may sign; its name into id. */
static void
hold(struct table *t, const char *session, char id[HELD_KEY_ID_MAX])
{
	int64_t wait_s = 0, until_us = clock_monotonic_us() + WAIT_US;
	OWN(held_key) struct held_key *key = NULL;
	const struct held_terms terms = {session, "vda1.vdi.corp.example.com",
	    "alice@corp.example.com", "S-1-5-21-1-2-3-1104", clock_now() + 600, 8};
	for (;;) {
		struct fas_err e = {0};
		enum fas_code rc =
		    held_reserve(t->held, session, TYPE, &terms, clock_now(), &key, &wait_s, &e);
		if (rc == FAS_OK)
			break;
		assert_reason(e, "pool_empty");
		pause_until(until_us);
	}
	held_arm(t->held, key, "0102", clock_now() + 600);
	(void)snprintf(id, HELD_KEY_ID_MAX, "%s", held_id(key));
}

static struct held_key *
use(struct table *t, const char *session, const char *id, int64_t now_s)
{
	static const uint8_t digest[32] = {1};
	struct fas_err e = {0};
	struct held_key *key = NULL;
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	assert_int_equal(held_use(t->held, session, id, now_s, &key, &e), FAS_OK);
	assert_int_equal(key_sign_digest(held_key(key), KEY_ECDSA, "sha256", digest, sizeof(digest),
			     signature, &len, &e),
	    FAS_OK);
	return key;
}

static bool
is_folded(struct table *t, const char *session)
{
	OWN(held_key) struct held_key *key = held_find_request(t->held, session);
	assert_non_null(key);
	return key_pkey(held_key(key)) == NULL;
}

static void
a_key_is_folded_until_it_signs_and_when_it_has_not_for_a_while(void **state)
{
	struct table *t = *state;
	char id[HELD_KEY_ID_MAX];
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	hold(t, "one", id);
	assert_true(is_folded(t, "one"));
	held_unref(use(t, "one", id, clock_now() - LONG_AGO_S));
	while (!is_folded(t, "one"))
		pause_until(until_us);
	held_unref(use(t, "one", id, clock_now()));
	assert_false(is_folded(t, "one"));
}

static void
a_key_that_somebody_uses_is_not_folded_under_him(void **state)
{
	struct table *t = *state;
	char used[HELD_KEY_ID_MAX], left[HELD_KEY_ID_MAX];
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	hold(t, "used", used);
	hold(t, "left", left);
	OWN(held_key) struct held_key *key = use(t, "used", used, clock_now() - LONG_AGO_S);
	for (int sweeps = 0; sweeps < 2; sweeps++) {
		held_unref(use(t, "left", left, clock_now() - LONG_AGO_S));
		while (!is_folded(t, "left"))
			pause_until(until_us);
	}
	assert_non_null(key_pkey(held_key(key)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_key_is_folded_until_it_signs_and_when_it_has_not_for_a_while, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_key_that_somebody_uses_is_not_folded_under_him, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
