/* Certificates within a session: who gets one, once for each wish, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/text.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, in_session_begin, world_end)
#define GRANT(more)                                                                                \
	"    in_session: { allow: true, programs: ['*'], key: p-256, validity: 30m" more " }\n"
#define WISH "wish-00000000001"
#define OTHER_WISH "wish-00000000002"

static int
in_session_begin(void **state)
{
	int rc = world_begin(state);
	world_rule_with(GRANT(""));
	return rc;
}

static void
must_get(const char *id, const char *ask, const char *csr, struct in_session_answer *out)
{
	struct fas_err e = {0};
	if (certificate_by(VDA1, id, ask, csr, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static void
assert_refused(const char *host_name, const char *id, const char *ask, const char *csr,
    enum fas_code code, const char *reason)
{
	struct fas_err e = {0};
	struct in_session_answer a;
	assert_int_equal(certificate_by(host_name, id, ask, csr, &a, &e), code);
	assert_reason(&e, reason);
	assert_null(a.certificate.pem);
}

static void
a_session_gets_a_second_certificate_for_clients_only(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	log_on(id);
	world.found = 0;
	must_get(id, WISH, csr, &a);
	assert_int_equal(world.found, 1);
	assert_string_equal(world.asked_profile, "client-auth");
	assert_int_equal(world.asked_validity_s, 1800);
	assert_string_equal(a.certificate.pem, "certificate 2");
	assert_string_equal(a.certificate.key_id, "");
	assert_non_null(a.in_session);
	assert_last_audit("session_certificate_issued", "done", NULL);
}

static void
the_same_wish_gets_the_same_certificate(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr(), *other = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0}, b = {0}, c = {0};
	log_on(id);
	must_get(id, WISH, csr, &a);
	world_restart();
	must_get(id, WISH, csr, &b);
	assert_string_equal(a.certificate.serial, b.certificate.serial);
	assert_last_audit("session_certificate_repeated", "done", NULL);
	assert_refused(VDA1, id, WISH, other, FAS_E_CONFLICT, "order_other_key");
	must_get(id, OTHER_WISH, csr, &c);
	assert_string_not_equal(a.certificate.serial, c.certificate.serial);
	assert_int_equal(world.issued, 3); /* with the logon's */
}

static void
to_another_host_there_is_no_such_session(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	log_on(id);
	assert_refused(VDA2, id, WISH, csr, FAS_E_NOTFOUND, "session_unknown");
	assert_int_equal(world.issued, 1);
}

static void
a_rule_that_grants_none_refuses(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	world_rule_with("");
	log_on(id);
	assert_refused(VDA1, id, WISH, csr, FAS_E_DENIED, "in_session_refused");
	assert_last_audit("session_certificate_refused", "deny", "in_session_refused");
	assert_int_equal(world.issued, 1);
}

static void
the_hosts_key_is_needed_and_of_a_kind_that_the_rule_takes(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	log_on(id);
	assert_refused(VDA1, id, WISH, NULL, FAS_E_CONFLICT, "csr_required");
	world_rule_with("    in_session: { allow: true, programs: ['*'], key: rsa-2048 }\n");
	assert_refused(VDA1, id, WISH, csr, FAS_E_INPUT, "csr_key");
	assert_int_equal(world.issued, 1);
}

static void
a_wish_without_a_proper_name_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"short", "wish 00000000001", "wish/0000000000001", "",
	    "0123456789012345678901234567890123456789012345678901234567890123x"};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	log_on(id);
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_refused(VDA1, id, bad[i], csr, FAS_E_INPUT, "member_invalid");
}

static void
a_disabled_account_gets_none_and_its_session_ends(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	log_on(id);
	world.disabled = true;
	assert_refused(VDA1, id, WISH, csr, FAS_E_DENIED, "over");
	assert_last_audit("session_ended", "done", "account_disabled");
	assert_refused(VDA1, id, WISH, csr, FAS_E_NOTFOUND, "session_ended");
}

static void
a_directory_that_is_away_is_a_reason_to_come_again(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	log_on(id);
	world.find_fails = FAS_E_UNAVAILABLE;
	assert_refused(VDA1, id, WISH, csr, FAS_E_UNAVAILABLE, "directory_away");
	world.find_fails = FAS_OK;
	must_get(id, WISH, csr, &a);
}

static void
no_certificate_outlives_the_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	OWN(lease_answer) struct lease_answer lease = {0};
	log_on(id);
	for (int i = 0; i < 7; i++) {
		world.now_s += 500;
		lease_answer_done(&lease);
		assert_int_equal(lease_by(VDA1, id, &lease, &e), FAS_OK);
	}
	must_get(id, WISH, csr, &a);
	assert_int_equal(world.asked_validity_s, 100);
	world.now_s += 50;
	assert_refused(VDA1, id, OTHER_WISH, csr, FAS_E_DENIED, "in_session_late");
}

static void
a_newer_certificate_replaces_the_older_one_a_minute_later(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0}, b = {0};
	log_on(id);
	must_get(id, WISH, csr, &a);
	must_get(id, OTHER_WISH, csr, &b);
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 0);
	world.now_s += 60;
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_string_equal(world.revoked_serial, a.certificate.serial);
	assert_string_equal(world.revoked_why, "superseded");
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_refused(VDA1, id, WISH, csr, FAS_E_CONFLICT, "order_over");
}

static void
where_logoff_keeps_certificates_an_older_one_just_expires(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0}, b = {0};
	world_policy("  - name: keep\n    identity_providers: [okta]\n    storefronts: ['*']\n"
		     "    hosts: ['*']\n    users: { sids: ['*'] }\n    logoff: keep\n"
		     "    logon: { authority: main, key: p-256 }\n" GRANT(""));
	log_on(id);
	must_get(id, WISH, csr, &a);
	must_get(id, OTHER_WISH, csr, &b);
	world.now_s += 61;
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 0);
}

static void
a_rule_that_grants_no_more_takes_it_back_at_the_next_heartbeat(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	OWN(lease_answer) struct lease_answer lease = {0};
	log_on(id);
	must_get(id, WISH, csr, &a);
	world_rule_with("");
	assert_int_equal(lease_by(VDA1, id, &lease, &e), FAS_OK);
	assert_null(lease.in_session);
	assert_int_equal(world.revoked, 1);
	assert_string_equal(world.revoked_serial, a.certificate.serial);
	assert_string_equal(world.revoked_why, "privilegeWithdrawn");
}

static void
what_is_taken_back_is_owed_while_the_signer_is_away(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	OWN(lease_answer) struct lease_answer lease = {0};
	log_on(id);
	must_get(id, WISH, csr, &a);
	world_rule_with("");
	world.revoke_fails = FAS_E_UNAVAILABLE;
	assert_int_equal(lease_by(VDA1, id, &lease, &e), FAS_OK);
	world_restart();
	world.revoke_fails = FAS_OK;
	service_sweep(&world.service);
	assert_string_equal(world.revoked_serial, a.certificate.serial);
}

static void
a_rule_that_no_longer_grants_a_logon_takes_such_a_certificate_back(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	OWN(lease_answer) struct lease_answer lease = {0};
	world_rule_with(GRANT(", smart_card_logon: true"));
	log_on(id);
	must_get(id, WISH, csr, &a);
	assert_string_equal(world.asked_profile, "smartcard-logon");
	world_rule_with(GRANT(""));
	assert_int_equal(lease_by(VDA1, id, &lease, &e), FAS_OK);
	assert_non_null(lease.in_session);
	assert_string_equal(world.revoked_serial, a.certificate.serial);
}

/* A wish for which the signer's answer never came. */
static void
leave_open(const char *id, const char *csr)
{
	world.issue_fails = FAS_E_TIMEOUT;
	assert_refused(VDA1, id, WISH, csr, FAS_E_TIMEOUT, "signer_played");
	world.issue_fails = FAS_OK;
}

static void
an_open_wish_is_driven_again_after_a_crash(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	log_on(id);
	leave_open(id, csr);
	world_restart();
	service_sweep(&world.service);
	assert_int_equal(world.issued, 1); /* its own request may still be at work */
	world.now_s += 20;
	service_sweep(&world.service);
	assert_last_audit("session_certificate_issued", "done", "redriven");
	must_get(id, WISH, csr, &a);
	assert_int_equal(world.issued, 2);
}

static void
a_repeat_takes_up_an_open_wish(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	char request_id[REQUEST_ID_MAX];
	OWN(text) char *csr = new_csr(), *other = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	log_on(id);
	leave_open(id, csr);
	memcpy(request_id, world.asked_id, sizeof(request_id));
	assert_refused(VDA1, id, WISH, other, FAS_E_CONFLICT, "order_other_key");
	must_get(id, WISH, csr, &a);
	assert_string_equal(world.asked_id, request_id);
}

static void
an_open_wish_of_an_ended_session_becomes_a_revoked_certificate(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	log_on(id);
	leave_open(id, csr);
	assert_int_equal(session_end_by_admin(&world.service, "uid:0", id, NULL, &e), FAS_OK);
	world.now_s += 20;
	service_sweep(&world.service);
	assert_int_equal(world.issued, 2);
	assert_string_equal(world.revoked_serial, "02");
	assert_string_equal(world.revoked_why, "cessationOfOperation");
	service_sweep(&world.service);
	assert_int_equal(world.asked, 3);
}

static void
open_wishes_of_one_session_are_few(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX], ask[32];
	OWN(text) char *csr = new_csr();
	log_on(id);
	world.issue_fails = FAS_E_UNAVAILABLE;
	for (int i = 0; i < 4; i++) {
		(void)snprintf(ask, sizeof(ask), "wish-0000000000-%d", i);
		assert_refused(VDA1, id, ask, csr, FAS_E_UNAVAILABLE, "signer_played");
	}
	assert_refused(VDA1, id, WISH, csr, FAS_E_LIMIT, "orders_open");
}

static void
a_wish_that_the_signer_refuses_leaves_nothing_behind(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0};
	log_on(id);
	world.issue_fails = FAS_E_DENIED;
	for (int i = 0; i < 6; i++)
		assert_refused(VDA1, id, WISH, csr, FAS_E_DENIED, "signer_played");
	world.issue_fails = FAS_OK;
	must_get(id, WISH, csr, &a);
}

static void
the_service_keeps_the_key_where_the_rule_says_so(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(in_session_answer) struct in_session_answer a = {0}, b = {0};
	world_rule_with(GRANT(", custody: service, rate: { count: 10, period: 10m }"));
	log_on(id);
	must_get(id, WISH, NULL, &a);
	assert_string_equal(world.asked_key_type, "p-256");
	assert_int_equal(
	    world.asked_signatures, 50); /* 10 for each of 3 periods and two begun ones */
	assert_int_equal(world.asked_until_s, world.now_s + 1800);
	assert_int_equal(strlen(a.certificate.key_id), 32);
	must_get(id, WISH, NULL, &b);
	assert_string_equal(a.certificate.key_id, b.certificate.key_id);
}

static void
an_empty_pool_is_told_or_the_hosts_key_taken(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer a = {0}, b = {0};
	world_rule_with(GRANT(", custody: service, pool_empty: wait"));
	log_on(id);
	world.pool_empty = true;
	assert_refused(VDA1, id, WISH, csr, FAS_E_UNAVAILABLE, "pool_empty");
	assert_int_equal(world.retry_after_s, 7);
	world_rule_with(GRANT(", custody: service"));
	assert_refused(VDA1, id, WISH, NULL, FAS_E_CONFLICT, "csr_required");
	must_get(id, WISH, csr, &a);
	assert_string_equal(a.certificate.key_id, "");
	world.pool_empty = false;
	must_get(id, OTHER_WISH, csr, &b);
	assert_int_equal(strlen(b.certificate.key_id), 32);
}

static void
a_wish_whose_key_is_gone_has_to_be_made_anew(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	OWN(in_session_answer) struct in_session_answer a = {0};
	world_rule_with(GRANT(", custody: service"));
	log_on(id);
	/* The signer has issued, and its answer was lost; then it was started anew. */
	world.answer_lost = true;
	assert_refused(VDA1, id, WISH, NULL, FAS_E_TIMEOUT, "signer_timeout");
	world.answer_lost = false;
	world.key_gone = true;
	assert_refused(VDA1, id, WISH, NULL, FAS_E_CONFLICT, "order_key_gone");
	must_get(id, OTHER_WISH, NULL, &a);
	assert_int_equal(world.issued, 3);
}

static void
a_key_that_is_gone_is_found_by_the_sweep_and_put_on_record(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	world_rule_with(GRANT(", custody: service"));
	log_on(id);
	world.answer_lost = true;
	assert_refused(VDA1, id, WISH, NULL, FAS_E_TIMEOUT, "signer_timeout");
	world.answer_lost = false;
	world.key_gone = true;
	world.now_s += 20;
	service_sweep(&world.service);
	assert_last_audit("order_abandoned", "error", "key_gone");
	service_sweep(&world.service);
	assert_int_equal(world.asked, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_session_gets_a_second_certificate_for_clients_only),
	    WORLD_TEST(the_same_wish_gets_the_same_certificate),
	    WORLD_TEST(to_another_host_there_is_no_such_session),
	    WORLD_TEST(a_rule_that_grants_none_refuses),
	    WORLD_TEST(the_hosts_key_is_needed_and_of_a_kind_that_the_rule_takes),
	    WORLD_TEST(a_wish_without_a_proper_name_is_refused),
	    WORLD_TEST(a_disabled_account_gets_none_and_its_session_ends),
	    WORLD_TEST(a_directory_that_is_away_is_a_reason_to_come_again),
	    WORLD_TEST(no_certificate_outlives_the_session),
	    WORLD_TEST(a_newer_certificate_replaces_the_older_one_a_minute_later),
	    WORLD_TEST(where_logoff_keeps_certificates_an_older_one_just_expires),
	    WORLD_TEST(a_rule_that_grants_no_more_takes_it_back_at_the_next_heartbeat),
	    WORLD_TEST(what_is_taken_back_is_owed_while_the_signer_is_away),
	    WORLD_TEST(a_rule_that_no_longer_grants_a_logon_takes_such_a_certificate_back),
	    WORLD_TEST(an_open_wish_is_driven_again_after_a_crash),
	    WORLD_TEST(a_repeat_takes_up_an_open_wish),
	    WORLD_TEST(an_open_wish_of_an_ended_session_becomes_a_revoked_certificate),
	    WORLD_TEST(open_wishes_of_one_session_are_few),
	    WORLD_TEST(a_wish_that_the_signer_refuses_leaves_nothing_behind),
	    WORLD_TEST(the_service_keeps_the_key_where_the_rule_says_so),
	    WORLD_TEST(an_empty_pool_is_told_or_the_hosts_key_taken),
	    WORLD_TEST(a_wish_whose_key_is_gone_has_to_be_made_anew),
	    WORLD_TEST(a_key_that_is_gone_is_found_by_the_sweep_and_put_on_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
