/* Administrators' acts at the signer, as they meet tickets, redemptions and sessions here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/act.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, world_end)

/* The signer's side of the feed. */
static struct {
	json_t *acts;
	int64_t asked_after;
	json_t *applied; /* all that was said */
	enum fas_code fails;
} feed;

static int
begin(void **state)
{
	json_decref(feed.acts);
	json_decref(feed.applied);
	memset(&feed, 0, sizeof(feed));
	feed.acts = json_array();
	feed.applied = json_array();
	return world_begin(state);
}

enum fas_code __wrap_signer_acts(struct signer *signer, int64_t after, json_t *applied, int wait_ms,
    json_t **reply, struct fas_err *e);

enum fas_code
__wrap_signer_acts(struct signer *signer, int64_t after, json_t *applied, int wait_ms,
    json_t **reply, struct fas_err *e)
{
	size_t i;
	json_t *act;
	(void)signer;
	(void)wait_ms;
	feed.asked_after = after;
	if (feed.fails != FAS_OK)
		return fas_fail(e, feed.fails, "signer_away", "played: the signer is away");
	json_t *behind = json_array();
	assert_int_equal(json_array_extend(feed.applied, applied), 0);
	json_array_foreach(feed.acts, i, act)
	{
		if (json_integer_value(json_object_get(act, "id")) > after)
			(void)json_array_append(behind, act);
	}
	*reply =
	    json_pack("{s:o,s:I}", "acts", behind, "last", (json_int_t)json_array_size(feed.acts));
	return FAS_OK;
}

static void
add_act_of(const char *kind, const char *target, const char *value, const char *session,
    int64_t from_s, int64_t to_s, bool stops)
{
	int64_t now_ms = clock_now_ms();
	json_t *act = json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:b,s:I,s:s,s:s}", "id",
	    (json_int_t)json_array_size(feed.acts) + 1, "kind", kind, "target", target, "value",
	    value, "session", session, "from", (json_int_t)from_s, "to", (json_int_t)to_s, "stops",
	    (int)stops, "time_ms", (json_int_t)now_ms, "caller", "uid:0", "correlation_id", "");
	assert_int_equal(json_array_append_new(feed.acts, act), 0);
	/* What begins within the same millisecond counts as begun before. */
	while (clock_now_ms() <= now_ms)
		continue;
}

static void
follow(void)
{
	struct fas_err e = {0};
	if (acts_follow(&world.service, 0, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static void
act(const char *kind, const char *target, const char *value)
{
	bool holds = strcmp(kind, "hold") == 0 && strcmp(target, "session") != 0;
	bool kills = strcmp(kind, "revoke") == 0 && strcmp(target, "everything") == 0;
	add_act_of(kind, target, value, "", 0, 0, holds || kills);
	follow();
}

/* How many sessions the last act concerned. */
static json_int_t
concerned(void)
{
	json_t *last = json_array_get(feed.applied, json_array_size(feed.applied) - 1);
	return json_integer_value(json_object_get(last, "sessions"));
}

static const char *
state_of(const char *id)
{
	static char state[16];
	struct fas_err e = {0};
	OWN(json) json_t *session = NULL;
	assert_int_equal(session_show(&world.service, id, &session, &e), FAS_OK);
	(void)snprintf(
	    state, sizeof(state), "%s", json_string_value(json_object_get(session, "state")));
	return state;
}

static void
lease_is(const char *id, enum fas_code code, const char *reason)
{
	struct fas_err e = {0};
	struct lease_answer a = {0};
	assert_int_equal(lease_by(VDA1, id, &a, &e), code);
	if (code != FAS_OK)
		assert_reason(&e, reason);
	lease_answer_done(&a);
}

/* ---- revocations ---- */

static void
a_revocation_ends_what_it_covers_and_refuses_at_once(void **state)
{
	(void)state;
	static const struct {
		const char *target, *value;
	} cases[] = {{"upn", "ALICE@corp.example.com"}, {"sid", ALICE_SID},
	    {"host", "VDA1.vdi.corp.example.com"}, {"rule", "everyone"}};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		char id[SESSION_ID_TEXT_MAX], key[KEY_ID_MAX];
		if (i == 0)
			world_service_rule_with("", "");
		log_on_by_service(id, key);
		act("revoke", cases[i].target, cases[i].value);
		assert_int_equal(concerned(), 1);
		assert_string_equal(state_of(id), "ended");
		assert_last_audit("session_ended", "done", "revoked");
		lease_is(id, FAS_E_NOTFOUND, "session_ended");
		assert_int_equal(sign_by(VDA1, id, key, &e), FAS_E_NOTFOUND);
		assert_reason(&e, "session_ended");
	}
}

static void
a_revocation_of_another_ends_nothing(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	act("revoke", "upn", "bob@corp.example.com");
	act("revoke", "host", VDA2);
	act("revoke", "rule", "sales");
	act("revoke", "session", "0123456789abcdef0123456789abcdef");
	add_act_of("revoke", "everything", "", "", 1, 1000, false);
	add_act_of("revoke", "serial", "01", "", 0, 0, false);
	follow();
	lease_is(id, FAS_OK, NULL);
}

static void
a_revocation_by_session_serial_or_time_ends_that_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	act("revoke", "session", id);
	lease_is(id, FAS_E_NOTFOUND, "session_ended");
	log_on(id);
	add_act_of("revoke", "serial", "02", id, 0, 0, false);
	follow();
	lease_is(id, FAS_E_NOTFOUND, "session_ended");
	log_on(id);
	add_act_of("revoke", "everything", "", "", world.now_s - 5, world.now_s + 5, false);
	follow();
	lease_is(id, FAS_E_NOTFOUND, "session_ended");
}

static void
a_new_logon_after_a_revocation_goes_on(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	act("revoke", "upn", "alice@corp.example.com");
	const struct timespec pause = {.tv_nsec = 2000000}; /* ids know milliseconds */
	(void)nanosleep(&pause, NULL);
	log_on(id);
	lease_is(id, FAS_OK, NULL);
	follow();
	lease_is(id, FAS_OK, NULL);
}

/* ---- what is under way ---- */

static void
a_ticket_from_before_the_revocation_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	struct redeem_answer a = {0};
	char *csr = new_csr();
	assert_int_equal(start_logon("A1", ticket, &e), FAS_OK);
	act("revoke", "upn", "alice@corp.example.com");
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "ticket_revoked");
	assert_int_equal(world.asked, 0);
	free(csr);
}

/* The signer has issued, the answer was lost; then there is a revocation, and then the host comes again. */
static void
a_redemption_under_way_becomes_no_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	struct redeem_answer a = {0};
	char *csr = new_csr();
	assert_int_equal(start_logon("A1", ticket, &e), FAS_OK);
	world.answer_lost = true;
	assert_int_not_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	world.answer_lost = false;
	act("revoke", "host", VDA1);
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "session_ended");
	/* It may be younger than the act: it is revoked by itself. */
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_string_not_equal(world.revoked_session, "");
	free(csr);
}

/* ---- holds ---- */

static void
a_hold_suspends_and_a_release_lets_go_on(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX], key[KEY_ID_MAX];
	world_service_rule_with("", "");
	log_on_by_service(id, key);
	act("hold", "upn", "alice@corp.example.com");
	assert_int_equal(concerned(), 1);
	assert_string_equal(state_of(id), "held");
	assert_last_audit("session_held", "done", "on_hold");
	lease_is(id, FAS_E_DENIED, "session_held");
	assert_int_equal(sign_by(VDA1, id, key, &e), FAS_E_DENIED);
	assert_reason(&e, "session_held");
	/* It needs no heartbeat meanwhile, and has time to come back. */
	world.now_s += 1200;
	service_sweep(&world.service);
	lease_is(id, FAS_E_DENIED, "session_held");
	act("release", "upn", "ALICE@corp.example.com");
	assert_int_equal(concerned(), 1);
	service_sweep(&world.service);
	lease_is(id, FAS_OK, NULL);
	assert_int_equal(world.revoked, 0);
}

static void
a_held_session_still_ends_by_its_host_and_at_its_cap(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char first[SESSION_ID_TEXT_MAX], second[SESSION_ID_TEXT_MAX];
	struct caller caller = host(VDA1);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	log_on(first);
	log_on(second);
	act("hold", "session", first);
	act("hold", "session", second);
	assert_int_equal(session_end(&world.service, &request, first, &e), FAS_OK);
	assert_string_equal(state_of(first), "ended");
	world.now_s += 3600;
	service_sweep(&world.service);
	assert_string_equal(state_of(second), "ended");
}

static void
of_two_holds_the_last_release_counts(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	act("hold", "host", VDA1);
	act("hold", "upn", "alice@corp.example.com");
	act("release", "host", VDA1);
	assert_int_equal(concerned(), 0);
	lease_is(id, FAS_E_DENIED, "session_held");
	act("release", "upn", "alice@corp.example.com");
	lease_is(id, FAS_OK, NULL);
}

static void
a_hold_of_another_time_holds_nobody_back(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	add_act_of("hold", "host", VDA1, "", 1, 1000, false);
	act("hold", "host", VDA1);
	act("release", "host", VDA1);
	lease_is(id, FAS_OK, NULL);
}

static void
a_hold_refuses_a_logon_before_its_assertion_is_used(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	act("hold", "sid", ALICE_SID);
	assert_int_equal(start_logon("A1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "on_hold");
	assert_last_audit("logon_decided", "deny", "on_hold");
	act("release", "sid", ALICE_SID);
	fas_err_clear(&e);
	assert_int_equal(start_logon("A1", ticket, &e), FAS_OK);
}

static void
everything_revoked_lets_nobody_in_until_it_is_released(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX], ticket[TICKET_TEXT_MAX];
	log_on(id);
	act("revoke", "everything", "");
	lease_is(id, FAS_E_NOTFOUND, "session_ended");
	assert_int_equal(start_logon("B1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "issuing_stopped");
	world_restart();
	fas_err_clear(&e);
	assert_int_equal(start_logon("B1", ticket, &e), FAS_E_DENIED);
	act("release", "everything", "");
	fas_err_clear(&e);
	assert_int_equal(start_logon("B1", ticket, &e), FAS_OK);
}

/* ---- the feed ---- */

static void
each_act_is_applied_once_also_over_a_restart(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	act("revoke", "upn", "bob@corp.example.com");
	assert_int_equal(feed.asked_after, 1);
	world_restart();
	const struct timespec pause = {.tv_nsec = 2000000};
	(void)nanosleep(&pause, NULL);
	log_on(id);
	follow();
	assert_int_equal(feed.asked_after, 1);
	assert_int_equal(json_array_size(feed.applied), 1);
	lease_is(id, FAS_OK, NULL);
}

static void
acts_made_while_we_were_away_are_made_up_for_in_their_order(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	add_act_of("hold", "host", VDA1, "", 0, 0, true);
	add_act_of("release", "host", VDA1, "", 0, 0, false);
	add_act_of("revoke", "upn", "bob@corp.example.com", "", 0, 0, false);
	follow();
	assert_int_equal(json_array_size(feed.applied), 3);
	lease_is(id, FAS_OK, NULL);
}

static void
a_signer_that_is_away_says_so_and_changes_nothing(void **state)
{
	(void)state;
	struct fas_err e = {0};
	feed.fails = FAS_E_UNAVAILABLE;
	assert_int_equal(acts_follow(&world.service, 0, &e), FAS_E_UNAVAILABLE);
	assert_reason(&e, "signer_away");
}

/* The numbers of an old ca.db that was put back are given again. */
static void
an_old_ledger_starts_the_numbers_again(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	act("revoke", "upn", "bob@corp.example.com");
	act("hold", "upn", "bob@corp.example.com");
	json_array_clear(feed.acts);
	follow();
	log_on(id);
	act("revoke", "host", VDA1);
	assert_int_equal(concerned(), 1);
	lease_is(id, FAS_E_NOTFOUND, "session_ended");
}

static void
an_act_that_nobody_can_read_is_not_passed_over(void **state)
{
	(void)state;
	struct fas_err e = {0};
	(void)json_array_append_new(feed.acts, json_pack("{s:i,s:s}", "id", 1, "kind", "revoke"));
	assert_int_equal(acts_follow(&world.service, 0, &e), FAS_E_INPUT);
	fas_err_clear(&e);
	assert_int_equal(acts_follow(&world.service, 0, &e), FAS_E_INPUT);
	assert_int_equal(feed.asked_after, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_revocation_ends_what_it_covers_and_refuses_at_once),
	    WORLD_TEST(a_revocation_of_another_ends_nothing),
	    WORLD_TEST(a_revocation_by_session_serial_or_time_ends_that_session),
	    WORLD_TEST(a_new_logon_after_a_revocation_goes_on),
	    WORLD_TEST(a_ticket_from_before_the_revocation_is_refused),
	    WORLD_TEST(a_redemption_under_way_becomes_no_session),
	    WORLD_TEST(a_hold_suspends_and_a_release_lets_go_on),
	    WORLD_TEST(a_held_session_still_ends_by_its_host_and_at_its_cap),
	    WORLD_TEST(of_two_holds_the_last_release_counts),
	    WORLD_TEST(a_hold_of_another_time_holds_nobody_back),
	    WORLD_TEST(a_hold_refuses_a_logon_before_its_assertion_is_used),
	    WORLD_TEST(everything_revoked_lets_nobody_in_until_it_is_released),
	    WORLD_TEST(each_act_is_applied_once_also_over_a_restart),
	    WORLD_TEST(acts_made_while_we_were_away_are_made_up_for_in_their_order),
	    WORLD_TEST(a_signer_that_is_away_says_so_and_changes_nothing),
	    WORLD_TEST(an_old_ledger_starts_the_numbers_again),
	    WORLD_TEST(an_act_that_nobody_can_read_is_not_passed_over),
	};
	return cmocka_run_group_tests_name("acts", tests, NULL, NULL);
}
