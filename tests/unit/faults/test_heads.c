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

/* ---- retention ---- */

/* A day of logons, countersigned, that is old enough; and a new hour for the signer. */
static void
old_records(void *arg)
{
	struct house *house = arg;
	for (size_t i = 0; i < 2; i++) {
		add_record(house);
		house_countersign(house);
		house_later(1.5);
	}
	house_later(402);
	add_record(house);
	house_countersign(house);
	house_restart(house);
}

static enum fas_code
prune(void *arg, struct fas_err *e)
{
	struct house *house = arg;
	(void)e;
	(void)audit_prune_round(&house->service);
	return FAS_OK;
}

static void
nobody_cries_wolf(void *arg, enum fas_code rc, const struct fas_err *why)
{
	const struct house *house = arg;
	(void)rc;
	(void)why;
	assert_false(atomic_load(&house->service.audit.rewound));
	assert_false(atomic_load(&house->service.audit.not_pruned));
}

/* Each step of it meets each fault: the question, the checkpoints taken, the records that go. */
static void
pruning_goes_on_after_any_fault_and_the_trails_agree(void **state)
{
	static const enum fault_kind kinds[] = {FAULT_MEMORY, FAULT_SYSTEM};
	struct house *house = *state;
	const struct fault_case c = {NULL, prune, nobody_cries_wolf, true};
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		old_records(house);
		(void)faults_each(kinds[i], &c, house);
		house_prune(house);
		house_finds(house, NULL, NULL);
	}
	assert_true(house_count(house, "fas.db", "SELECT MIN(seq) FROM audit") > 4);
	assert_true(house_count(house, "ca.db", "SELECT MIN(seq) FROM audit") > 4);
	assert_int_equal(house_records(house, "audit_not_pruned", NULL), 0);
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
	    cmocka_unit_test(pruning_goes_on_after_any_fault_and_the_trails_agree),
	};
	return cmocka_run_group_tests_name("countersigning in need", tests, set_up, house_free);
}
