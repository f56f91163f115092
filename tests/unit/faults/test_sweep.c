/*
 * What fasd does without being asked, and what a host asks about its session, without memory and without a disk: the next
 * round makes up for it, and nothing happens twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/log.h"
#include "tests/unit/faults/faults.h"
#include "tests/unit/faults/played.h"

#define ISSUED_MAX 60 /* the played signer remembers 64 */

struct story {
	unsigned number;
	char *csr;
	char ticket[TICKET_TEXT_MAX];
	char session[SESSION_ID_TEXT_MAX];
	struct service_counts before;
	size_t issued, revoked;
};

static void
count(struct service_counts *out)
{
	struct fas_err e = {0};
	if (service_count(&world.service, out, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
new_ticket(struct story *s)
{
	char id[32];
	struct fas_err e = {0};
	if (world.issued == ISSUED_MAX) {
		assert_int_equal(world_end(NULL), 0);
		assert_int_equal(world_begin(NULL), 0);
	}
	(void)snprintf(id, sizeof(id), "_a%u", s->number++);
	if (start_logon(id, s->ticket, &e) != FAS_OK)
		fail_msg("%s", e.message);
	count(&s->before);
	s->issued = world.issued;
	s->revoked = world.revoked;
}

/* ---- used tickets without a result ---- */

static void
leave_half_done(void *arg)
{
	struct story *s = arg;
	struct fas_err e = {0};
	struct redeem_answer a;
	new_ticket(s);
	world.issue_fails = FAS_E_TIMEOUT;
	assert_int_equal(redeem(VDA1, s->ticket, s->csr, &a, &e), FAS_E_TIMEOUT);
	world.issue_fails = FAS_OK;
}

static enum fas_code
run_recovery(void *arg, struct fas_err *e)
{
	(void)arg;
	(void)e;
	service_recover(&world.service);
	return FAS_OK;
}

/* Once more, when all is well: one certificate, one session, and the host gets it. */
static void
recover_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	OWN(redeem_answer) struct redeem_answer a = {0};
	(void)rc;
	(void)why;
	service_recover(&world.service);
	count(&now);
	assert_int_equal(now.live_sessions, s->before.live_sessions + 1);
	assert_int_equal(world.issued, s->issued + 1);
	if (redeem(VDA1, s->ticket, s->csr, &a, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(world.issued, s->issued + 1);
}

static void
what_a_crash_left_half_done_is_finished_once(void **state)
{
	const struct fault_case c = {leave_half_done, run_recovery, recover_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
leave_too_late(void *arg)
{
	leave_half_done(arg);
	world.now_s += 120;
}

static enum fas_code
run_sweep(void *arg, struct fas_err *e)
{
	(void)arg;
	(void)e;
	service_sweep(&world.service);
	return FAS_OK;
}

static void
sweep_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct fas_err e = {0};
	struct redeem_answer a;
	(void)rc;
	(void)why;
	service_sweep(&world.service);
	assert_true(world.revoked > s->revoked);
	assert_int_equal(world.issued, s->issued);
	assert_int_equal(redeem(VDA1, s->ticket, s->csr, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_failed");
}

static void
what_nobody_can_ask_for_any_more_is_revoked_and_closed(void **state)
{
	const struct fault_case c = {leave_too_late, run_sweep, sweep_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

/* ---- sessions ---- */

static void
new_session(void *arg)
{
	struct story *s = arg;
	struct fas_err e = {0};
	OWN(redeem_answer) struct redeem_answer a = {0};
	new_ticket(s);
	if (redeem(VDA1, s->ticket, s->csr, &a, &e) != FAS_OK)
		fail_msg("%s", e.message);
	memcpy(s->session, a.session_id, sizeof(s->session));
	count(&s->before);
}

static enum fas_code
run_lease(void *arg, struct fas_err *e)
{
	const struct story *s = arg;
	const struct caller caller = host(VDA1);
	struct request request = {.caller = &caller, .correlation_id = "0"};
	struct lease_answer answer = {0};
	enum fas_code rc = session_lease(&world.service, &request, s->session, &answer, e);
	assert_true(rc != FAS_OK || answer.lease_s > 0);
	return rc;
}

static void
lease_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct fas_err e = {0};
	(void)rc;
	(void)why;
	if (run_lease(arg, &e) != FAS_OK)
		fail_msg("again: %s: %s", e.reason, e.message);
}

static void
a_session_whose_lease_failed_has_its_next_one(void **state)
{
	const struct fault_case c = {NULL, run_lease, lease_again, true};
	new_session(*state);
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static enum fas_code
run_end(void *arg, struct fas_err *e)
{
	const struct story *s = arg;
	const struct caller caller = host(VDA1);
	struct request request = {.caller = &caller, .correlation_id = "0"};
	return session_end(&world.service, &request, s->session, e);
}

/* Ended, and its certificate revoked: at once, or owed and then paid. */
static void
end_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	const struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	(void)rc;
	(void)why;
	if (run_end(arg, &e) != FAS_OK)
		fail_msg("again: %s: %s", e.reason, e.message);
	service_sweep(&world.service);
	count(&now);
	assert_int_equal(now.live_sessions, s->before.live_sessions - 1);
	assert_true(world.revoked > s->revoked);
	assert_string_equal(world.revoked_session, s->session);
}

static void
an_ended_session_is_revoked_in_the_end(void **state)
{
	const struct fault_case c = {new_session, run_end, end_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

/* ---- the policy in force ---- */

static enum fas_code
run_reload(void *arg, struct fas_err *e)
{
	(void)arg;
	return service_reload_policy(&world.service, NULL, 0, e);
}

static void
policy_is_in_force(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct policy *policy = service_policy(&world.service);
	(void)arg;
	(void)rc;
	(void)why;
	assert_non_null(policy);
	assert_int_equal(policy_rule_count(policy), 1);
	policy_unref(policy);
}

static void
a_policy_is_in_force_whatever_becomes_of_a_reload(void **state)
{
	const struct fault_case c = {NULL, run_reload, policy_is_in_force, false};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static int
set_up(void **state)
{
	static struct story story;
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	story.csr = new_csr();
	*state = &story;
	return world_begin(&(void *){NULL});
}

static int
tear_down(void **state)
{
	free(((struct story *)*state)->csr);
	return world_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_crash_left_half_done_is_finished_once),
	    cmocka_unit_test(what_nobody_can_ask_for_any_more_is_revoked_and_closed),
	    cmocka_unit_test(a_session_whose_lease_failed_has_its_next_one),
	    cmocka_unit_test(an_ended_session_is_revoked_in_the_end),
	    cmocka_unit_test(a_policy_is_in_force_whatever_becomes_of_a_reload),
	};
	return cmocka_run_group_tests_name("housekeeping in need", tests, set_up, tear_down);
}
