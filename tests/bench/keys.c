#include "keys.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fas/base/json.h"
#include "fas/base/wire.h"
#include "gauge.h"

#define TYPE "rsa-2048"
#define TIMEOUT_MS 10000
#define PATIENCE_S 180
#define PAUSE_NS 20000000

struct shelf {
	json_int_t depth, wanted, key_ms;
};

/* Takes the request. */
static struct shelf
ask(json_t *request)
{
	struct fas_err e = {0};
	OWN(json) json_t *owned = request;
	OWN(json) json_t *reply = NULL;
	lab_check(wire_ask(lab_variable("FAS_SIGNER_ADMIN"), owned, TIMEOUT_MS, &reply, &e), &e);
	json_t *shelf = json_array_get(json_object_get(reply, "pools"), 0);
	const char *type = json_string_value(json_object_get(shelf, "type"));
	if (!type || strcmp(type, TYPE) != 0)
		lab_die("the signer has no pool of " TYPE " keys");
	return (struct shelf){json_integer_value(json_object_get(shelf, "depth")),
	    json_integer_value(json_object_get(shelf, "wanted")),
	    json_integer_value(json_object_get(shelf, "key_ms"))};
}

static struct shelf
look(void)
{
	return ask(json_pack("{s:s}", "op", "pool.show"));
}

void
keys_want(size_t n)
{
	(void)ask(json_pack("{s:s,s:s,s:I}", "op", "pool.fill", "type", TYPE, "depth",
	    look().depth + (json_int_t)n));
}

void
keys_want_for(double ms)
{
	json_int_t key_ms = look().key_ms;
	keys_want((size_t)(ms / (double)(key_ms > 0 ? key_ms : 1)) * 2 + 2);
}

bool
keys_are_made(void)
{
	struct shelf shelf = look();
	return shelf.depth < shelf.wanted;
}

static void
set_priority(const struct lab *lab, int policy)
{
	const struct sched_param none = {0};
	pid_t maker = gauge_find_thread(lab->signer, "pool");
	if (maker == 0 || sched_setscheduler(maker, policy, &none) != 0)
		lab_die("the thread that makes keys cannot be hurried");
}

void
keys_await(const struct lab *lab)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int64_t begun = gauge_wall();
	set_priority(lab, SCHED_OTHER);
	while (keys_are_made()) {
		if (gauge_wall() - begun > PATIENCE_S * INT64_C(1000000000))
			lab_die("the pool is not full after %d s", PATIENCE_S);
		(void)nanosleep(&pause, NULL);
	}
	set_priority(lab, SCHED_IDLE);
}
