/* Countersigning without memory and without a disk: no head is lost, and nobody cries wolf. */
#include "fas/base/log.h"
#include "tests/unit/audit/house.h"
#include "tests/unit/faults/faults.h"

/* So that there is something new to countersign. */
static void
add_record(void *arg)
{
	struct house *house = arg;
	struct fas_err e = {0};
	const struct audit_record record = {.event = "tested", .outcome = "done"};
	assert_int_equal(audit_write(house->service.db, &record, &e), FAS_OK);
}

static enum fas_code
run_round(void *arg, struct fas_err *e)
{
	(void)e;
	house_countersign(arg);
	return FAS_OK;
}

static void
all_is_well(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct house *house = arg;
	(void)rc;
	(void)why;
	assert_false(atomic_load(&house->service.audit.rewound));
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound));
}

static void
a_round_that_failed_is_made_up_for_and_raises_no_alarm(void **state)
{
	const struct fault_case c = {add_record, run_round, all_is_well, true};
	log_set_level(LOG_LEVEL_ERROR);
	house_logon(*state, true);
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
	house_finds(*state, NULL, NULL);
}

static int
set_up(void **state)
{
	faults_init();
	return house_new(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_round_that_failed_is_made_up_for_and_raises_no_alarm),
	};
	return cmocka_run_group_tests_name("countersigning in need", tests, set_up, house_free);
}
