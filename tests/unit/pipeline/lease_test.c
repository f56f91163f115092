/* The heartbeat: who may go on, and what is granted within the session. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)
#define GRANT "    in_session: { allow: true, programs: [/usr/bin/ssh], validity: 30m }\n"

static void
assert_lives(const char *id, bool known)
{
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer a = {0};
	if (lease_by(VDA1, id, &a, &e) != FAS_OK)
		fail_msg("%s", e.message);
	assert_int_equal(a.account_known, known);
}

static void
assert_ends(const char *id, const char *reason)
{
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer a = {0};
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "over");
	assert_last_audit("session_ended", "done", reason);
	assert_string_equal(world.revoked_session, id);
	fas_err_clear(&e);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_ended");
}

static void
the_account_is_read_again_each_half_minute_at_most(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	assert_lives(id, true);
	world.now_s += 29;
	assert_lives(id, true);
	assert_int_equal(world.reread, 0);
	world.now_s += 1;
	assert_lives(id, true);
	assert_int_equal(world.reread, 1);
	world.now_s += 29;
	assert_lives(id, true);
	assert_int_equal(world.reread, 1);
	world.now_s += 45;
	assert_lives(id, true);
	assert_int_equal(world.reread, 2);
}

static void
a_disabled_account_ends_the_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.disabled = true;
	assert_lives(id, true);
	world.now_s += 45;
	assert_ends(id, "account_disabled");
}

static void
an_account_that_is_gone_ends_the_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.gone = true;
	world.now_s += 45;
	assert_ends(id, "account_not_found");
}

static void
a_session_ends_durably_while_the_signer_is_away(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(lease_answer) struct lease_answer a = {0};
	log_on(id);
	world.disabled = true;
	world.revoke_fails = FAS_E_UNAVAILABLE;
	world.now_s += 45;
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_DENIED);
	world_restart();
	world.revoke_fails = FAS_OK;
	service_sweep(&world.service);
	assert_string_equal(world.revoked_session, id);
}

static void
another_policy_is_asked_at_once(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world_rule_with("    deny: { upns: [alice@corp.example.com] }\n");
	assert_ends(id, "policy_denied_by_rule");
}

static void
a_policy_without_the_rule_ends_the_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world_policy("  []\n");
	assert_ends(id, "policy_no_rule");
}

static void
a_group_that_is_not_known_ends_no_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world_rule_with("    deny: { groups: ['CORP\\Ghosts'] }\n");
	assert_lives(id, false);
	world_rule_with("");
	assert_lives(id, true);
}

static void
a_directory_that_is_away_ends_no_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.find_fails = FAS_E_UNAVAILABLE;
	for (int i = 0; i < 40; i++) {
		world.now_s += 45;
		assert_lives(id, false);
	}
	assert_lives(id, false);
	world.find_fails = FAS_OK;
	world.now_s += 30;
	assert_lives(id, true);
}

static void
what_is_granted_within_the_session_is_told(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(lease_answer) struct lease_answer a = {0}, b = {0};
	log_on(id);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	assert_null(a.in_session);
	world_rule_with(GRANT);
	assert_int_equal(lease_by(VDA1, id, &b, &e), FAS_OK);
	assert_string_equal(b.in_session,
	    "{\"fetch\":\"logon\",\"custody\":\"host\",\"key_type\":\"rsa-2048\","
	    "\"programs\":[\"/usr/bin/ssh\"],\"mechanisms\":[\"rsa-pkcs1\",\"rsa-pss\",\"ecdsa\"],"
	    "\"consent\":{\"scope\":\"none\",\"timeout_s\":0},"
	    "\"rate\":{\"count\":120,\"period_s\":60},\"validity_s\":1800}");
}

static void
what_the_logon_granted_survives_a_restart(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(lease_answer) struct lease_answer a = {0};
	world_rule_with(GRANT);
	log_on(id);
	world_restart();
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	assert_non_null(a.in_session);
	assert_int_equal(world.reread, 0);
}

static void
the_next_heartbeat_is_due_within_45_s_and_half_a_lease(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(lease_answer) struct lease_answer a = {0};
	log_on(id);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	assert_int_equal(a.next_s, 45);
	world_policy(
	    "  - name: short\n    identity_providers: [okta]\n    storefronts: [" STOREFRONT "]\n"
	    "    hosts: ['*.vdi.corp.example.com']\n    users: { sids: ['*'] }\n"
	    "    session: { lease: 30s }\n    logon: { authority: main, key: p-256 }\n");
	log_on(id);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	assert_int_equal(a.next_s, 15);
}

static void
the_tickets_row_may_go_while_the_session_lives(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	struct service_counts counts;
	log_on(id);
	for (int i = 0; i < 120; i++) { /* 6000 s: the usual rule's session has a cap of an hour */
		if (i == 60)
			break;
		world.now_s += 50;
		assert_lives(id, true);
		service_sweep(&world.service);
	}
	assert_int_equal(service_count(&world.service, &counts, &e), FAS_OK);
	world_rule_with("    deny: { upns: [alice@corp.example.com] }\n");
	assert_ends(id, "policy_denied_by_rule");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(the_account_is_read_again_each_half_minute_at_most),
	    WORLD_TEST(a_disabled_account_ends_the_session),
	    WORLD_TEST(an_account_that_is_gone_ends_the_session),
	    WORLD_TEST(a_session_ends_durably_while_the_signer_is_away),
	    WORLD_TEST(another_policy_is_asked_at_once),
	    WORLD_TEST(a_policy_without_the_rule_ends_the_session),
	    WORLD_TEST(a_group_that_is_not_known_ends_no_session),
	    WORLD_TEST(a_directory_that_is_away_ends_no_session),
	    WORLD_TEST(what_is_granted_within_the_session_is_told),
	    WORLD_TEST(what_the_logon_granted_survives_a_restart),
	    WORLD_TEST(the_next_heartbeat_is_due_within_45_s_and_half_a_lease),
	    WORLD_TEST(the_tickets_row_may_go_while_the_session_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
