#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

static enum fas_code
end_by(const char *host_name, const char *id, struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	return session_end(&world.service, &request, id, e);
}

static size_t
live_sessions(void)
{
	struct fas_err e = {0};
	OWN(json) json_t *list = NULL;
	assert_int_equal(session_list(&world.service, false, &list, &e), FAS_OK);
	return json_array_size(list);
}

static void
a_lease_keeps_a_session_alive(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct lease_answer a;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.now_s += 500;
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	assert_int_equal(a.lease_s, 600);
	world.now_s += 500;
	service_sweep(&world.service);
	assert_int_equal(live_sessions(), 1);
}

static void
a_session_without_heartbeat_ends_and_is_revoked(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct lease_answer a;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.now_s += 600;
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_ended");
	service_sweep(&world.service);
	assert_int_equal(live_sessions(), 0);
	assert_string_equal(world.revoked_session, id);
	assert_last_audit("session_ended", "done", NULL);
}

static void
no_lease_goes_beyond_the_cap(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct lease_answer a;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	for (int i = 0; i < 7; i++) {
		world.now_s += 500;
		assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_OK);
	}
	assert_int_equal(a.lease_s, 100); /* 3600 - 3500 */
	world.now_s += 100;
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_NOTFOUND);
}

static void
to_another_host_a_session_does_not_exist(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct lease_answer a;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	assert_int_equal(lease_by(VDA2, id, &a, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_unknown");
	fas_err_clear(&e);
	assert_int_equal(end_by(VDA2, id, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_unknown");
	assert_int_equal(live_sessions(), 1);
}

static void
an_id_of_another_shape_is_unknown(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "x", "../../etc/passwd", "' OR 1=1 --",
	    "ABCDEFABCDEFABCDEFABCDEFABCDEFAB", "00000000000000000000000000000000"};
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		assert_int_equal(end_by(VDA1, bad[i], &e), FAS_E_NOTFOUND);
		assert_reason(&e, "session_unknown");
	}
}

static void
logoff_ends_and_revokes_once(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct lease_answer a;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	assert_int_equal(end_by(VDA1, id, &e), FAS_OK);
	assert_last_audit("session_ended", "done", NULL);
	assert_int_equal(end_by(VDA1, id, &e), FAS_OK);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_NOTFOUND);
}

static void
logoff_keeps_the_certificate_where_the_rule_says_so(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	world_policy(
	    "  - name: keep\n    identity_providers: [okta]\n    storefronts: [" STOREFRONT "]\n"
	    "    hosts: ['*.vdi.corp.example.com']\n    users: { upn_suffixes: [corp.example.com] "
	    "}\n"
	    "    logon: { authority: main, profile: smartcard-logon, key: p-256 }\n    logoff: "
	    "keep\n");
	log_on(id);
	assert_int_equal(end_by(VDA1, id, &e), FAS_OK);
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 0);
}

static void
a_revocation_is_owed_until_the_signer_has_it(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	world.revoke_fails = FAS_E_UNAVAILABLE;
	assert_int_equal(end_by(VDA1, id, &e), FAS_OK);
	assert_int_equal(live_sessions(), 0);
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 0);
	world_restart();
	world.revoke_fails = FAS_OK;
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
}

static void
an_administrator_ends_a_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	assert_int_equal(
	    session_end_by_admin(&world.service, "uid:0", id, "lost laptop", &e), FAS_OK);
	assert_int_equal(live_sessions(), 0);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(session_end_by_admin(
			     &world.service, "uid:0", "00000000000000000000000000000000", NULL, &e),
	    FAS_E_NOTFOUND);
}

/* A redemption that the signer has not answered: the ticket is used and has no result. */
static void
leave_unfinished(char ticket[TICKET_TEXT_MAX], char **csr)
{
	struct fas_err e = {0};
	struct redeem_answer a;
	*csr = new_csr();
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world.issue_fails = FAS_E_TIMEOUT;
	assert_int_equal(redeem(VDA1, ticket, *csr, &a, &e), FAS_E_TIMEOUT);
	world.issue_fails = FAS_OK;
}

static void
an_unfinished_redemption_is_driven_again_after_a_restart(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = NULL;
	OWN(redeem_answer) struct redeem_answer a = {0};
	leave_unfinished(ticket, &csr);
	world_restart();
	world.now_s += 20;
	service_sweep(&world.service);
	assert_int_equal(live_sessions(), 1);
	assert_last_audit("certificate_issued", "done", "redriven");
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(world.issued, 1);
}

/* Whoever was at it is gone: no time has to pass. */
static void
what_a_crash_left_half_done_is_finished_before_the_first_request(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = NULL;
	OWN(redeem_answer) struct redeem_answer a = {0};
	leave_unfinished(ticket, &csr);
	world_restart();
	world.issue_fails = FAS_E_UNAVAILABLE; /* nor the signer is back yet */
	service_recover(&world.service);
	assert_int_equal(live_sessions(), 0);
	world.issue_fails = FAS_OK;
	service_recover(&world.service);
	assert_int_equal(live_sessions(), 1);
	assert_last_audit("certificate_issued", "done", "redriven");
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(world.issued, 1);
}

static void
a_redemption_under_way_is_left_alone(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = NULL;
	leave_unfinished(ticket, &csr);
	size_t asked = world.asked;
	world.now_s += 5;
	service_sweep(&world.service);
	assert_int_equal(world.asked, asked);
}

static void
an_unfinished_redemption_past_its_life_is_revoked_and_closed(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = NULL;
	struct redeem_answer a;
	leave_unfinished(ticket, &csr);
	world.now_s += 120;
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(world.issued, 0);
	assert_int_equal(live_sessions(), 0);
	assert_last_audit("ticket_abandoned", "error", "no_result");
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_failed");
}

static void
a_bad_policy_leaves_the_old_one_in_force(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	FILE *f = fopen(world.policy_path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "rules:\n  - nmae: x\n") > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(service_reload_policy(&world.service, NULL, 0, &e), FAS_E_CONFIG);
	fas_err_clear(&e);
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
}

static void
an_unresolved_group_denies_and_is_named(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX], warning[128] = "";
	world_policy(
	    "  - name: g\n    identity_providers: [okta]\n    storefronts: [" STOREFRONT "]\n"
	    "    hosts: ['*.vdi.corp.example.com']\n    users: { groups: ['CORP\\Ghosts'] }\n"
	    "    logon: { authority: main, profile: smartcard-logon, key: p-256 }\n");
	assert_int_equal(
	    service_reload_policy(&world.service, warning, sizeof(warning), &e), FAS_OK);
	assert_string_equal(warning, "CORP\\Ghosts");
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_group_unresolved");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_lease_keeps_a_session_alive),
	    WORLD_TEST(a_session_without_heartbeat_ends_and_is_revoked),
	    WORLD_TEST(no_lease_goes_beyond_the_cap),
	    WORLD_TEST(to_another_host_a_session_does_not_exist),
	    WORLD_TEST(an_id_of_another_shape_is_unknown),
	    WORLD_TEST(logoff_ends_and_revokes_once),
	    WORLD_TEST(logoff_keeps_the_certificate_where_the_rule_says_so),
	    WORLD_TEST(a_revocation_is_owed_until_the_signer_has_it),
	    WORLD_TEST(an_administrator_ends_a_session),
	    WORLD_TEST(an_unfinished_redemption_is_driven_again_after_a_restart),
	    WORLD_TEST(what_a_crash_left_half_done_is_finished_before_the_first_request),
	    WORLD_TEST(a_redemption_under_way_is_left_alone),
	    WORLD_TEST(an_unfinished_redemption_past_its_life_is_revoked_and_closed),
	    WORLD_TEST(a_bad_policy_leaves_the_old_one_in_force),
	    WORLD_TEST(an_unresolved_group_denies_and_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
