/* Redemption where the service keeps the key: from the pool, or what the rule says while that is empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/text.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

static void
get_ticket(char out[TICKET_TEXT_MAX])
{
	struct fas_err e = {0};
	if (start_logon("a1", out, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
a_key_of_the_pool_needs_no_request_and_takes_none(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0}, b = {0};
	world_service_rule_with(", signatures: 3, signature_window: 1m", "");
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_string_equal(world.asked_key_type, "p-256");
	assert_int_equal(world.asked_signatures, 3);
	assert_int_equal(world.asked_until_s, world.now_s + 60);
	assert_int_equal(strlen(a.certificate.key_id), 32);
	/* The repeat may come with another request, or with none. */
	assert_int_equal(redeem(VDA1, ticket, NULL, &b, &e), FAS_OK);
	assert_string_equal(a.certificate.key_id, b.certificate.key_id);
	assert_string_equal(a.session_id, b.session_id);
	assert_int_equal(world.issued, 1);
}

static void
a_host_that_keeps_its_key_has_to_bring_it_and_may_come_again(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "csr_required");
	assert_last_audit("ticket_redeemed", "deny", "csr_required");
	assert_int_equal(world.asked, 0);
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_string_equal(a.certificate.key_id, "");
}

static void
an_empty_pool_takes_the_hosts_key_where_the_rule_says_so(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr(), *other = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0}, b = {0}, c = {0};
	world_service_rule_with("", "");
	world.pool_empty = true;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_string_equal(a.certificate.key_id, "");
	assert_string_equal(world.asked_key_type, "");
	/* From here on it is that key's. */
	assert_int_equal(redeem(VDA1, ticket, csr, &b, &e), FAS_OK);
	assert_string_equal(b.certificate.pem, a.certificate.pem);
	assert_int_equal(redeem(VDA1, ticket, other, &c, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_used");
}

static void
an_empty_pool_asks_for_the_hosts_key_and_the_ticket_is_still_good(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_service_rule_with("", "");
	world.pool_empty = true;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "csr_required");
	fas_err_clear(&e);
	world_restart();
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_string_equal(a.certificate.key_id, "");
}

static void
a_key_of_another_kind_does_not_take_the_pools_place(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr(); /* P-256 */
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_policy("  - name: rsa\n    identity_providers: [okta]\n    storefronts: ['*']\n"
		     "    hosts: ['*']\n    users: { sids: ['*'] }\n"
		     "    logon: { authority: main, key: rsa-2048, custody: service }\n");
	world.pool_empty = true;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_INPUT);
	assert_reason(&e, "csr_key");
	fas_err_clear(&e);
	world.pool_empty = false;
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_OK);
}

static void
an_empty_pool_says_when_to_come_again_where_the_rule_waits(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_service_rule_with(", pool_empty: wait", "");
	world.pool_empty = true;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_UNAVAILABLE);
	assert_reason(&e, "pool_empty");
	assert_int_equal(world.retry_after_s, 7);
	world.pool_empty = false;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(strlen(a.certificate.key_id), 32);
	assert_int_equal(world.issued, 1);
}

static void
a_plan_for_the_pool_is_driven_again_after_a_crash(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_service_rule_with(", signatures: 5", "");
	world.issue_fails = FAS_E_TIMEOUT;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_E_TIMEOUT);
	world.issue_fails = FAS_OK;
	world_restart();
	world.now_s += 20;
	service_sweep(&world.service);
	assert_last_audit("certificate_issued", "done", "redriven");
	assert_int_equal(world.asked_signatures, 5);
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_OK);
	assert_int_equal(strlen(a.certificate.key_id), 32);
	assert_int_equal(world.issued, 1);
}

static enum fas_code
break_write(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	return db_exec(db,
	    "CREATE TRIGGER broken BEFORE INSERT ON certificates BEGIN SELECT RAISE(ABORT,'x'); "
	    "END",
	    e);
}

static void
a_key_that_is_gone_costs_the_ticket_and_leaves_nothing_behind(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_service_rule_with("", "");
	get_ticket(ticket);
	/* Issued by the signer, and fasd could not write it down. */
	assert_int_equal(db_write(world.service.db, break_write, NULL, &e), FAS_OK);
	assert_int_not_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_OK);
	assert_int_equal(world.issued, 1);
	world.key_gone = true;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, NULL, &a, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "key_gone");
	world.now_s += 120;
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_last_audit("ticket_abandoned", "error", "no_result");
}

static void
what_is_granted_within_the_session_is_told_with_the_logon(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0}, b = {0};
	world_rule_with("    in_session: { allow: true, programs: ['*'] }\n");
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_non_null(strstr(a.in_session, "\"programs\":[]"));
	assert_int_equal(redeem(VDA1, ticket, csr, &b, &e), FAS_OK);
	assert_string_equal(a.in_session, b.in_session);
}

static void
end_of(const char *id)
{
	struct fas_err e = {0};
	struct caller caller = host(VDA1);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	if (session_end(&world.service, &request, id, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
a_key_is_destroyed_at_the_end_also_where_certificates_are_kept(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX], key[KEY_ID_MAX];
	world_service_rule_with("", "    logoff: keep\n");
	log_on_by_service(id, key);
	world.revoke_fails = FAS_E_UNAVAILABLE; /* the signer is away */
	end_of(id);
	assert_int_equal(world.dropped, 0);
	world.revoke_fails = FAS_OK;
	service_sweep(&world.service);
	assert_int_equal(world.dropped, 1);
	assert_int_equal(world.revoked, 0);
	service_sweep(&world.service);
	assert_int_equal(world.dropped, 1);
	log_on(id);
	end_of(id);
	assert_int_equal(world.revoked, 0);
}

static void
a_revocation_destroys_the_key_by_itself(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX], key[KEY_ID_MAX];
	world_service_rule_with("", "    logoff: revoke\n");
	log_on_by_service(id, key);
	end_of(id);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(world.dropped, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_key_of_the_pool_needs_no_request_and_takes_none),
	    WORLD_TEST(a_host_that_keeps_its_key_has_to_bring_it_and_may_come_again),
	    WORLD_TEST(an_empty_pool_takes_the_hosts_key_where_the_rule_says_so),
	    WORLD_TEST(an_empty_pool_asks_for_the_hosts_key_and_the_ticket_is_still_good),
	    WORLD_TEST(a_key_of_another_kind_does_not_take_the_pools_place),
	    WORLD_TEST(an_empty_pool_says_when_to_come_again_where_the_rule_waits),
	    WORLD_TEST(a_plan_for_the_pool_is_driven_again_after_a_crash),
	    WORLD_TEST(a_key_that_is_gone_costs_the_ticket_and_leaves_nothing_behind),
	    WORLD_TEST(what_is_granted_within_the_session_is_told_with_the_logon),
	    WORLD_TEST(a_key_is_destroyed_at_the_end_also_where_certificates_are_kept),
	    WORLD_TEST(a_revocation_destroys_the_key_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
