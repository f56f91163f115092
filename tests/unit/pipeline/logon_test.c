#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

static enum fas_code
start_by(const char *who, const char *response_text, const char *host_name,
    struct logon_answer *out, struct fas_err *e)
{
	struct caller caller = storefront(who);
	struct request request = {.caller = &caller};
	OWN(text) char *response = response_with(response_text);
	struct logon_request body = {.saml_response = response, .host = host_name};
	correlation_id_new(request.correlation_id);
	return logon_start(&world.service, &request, &body, out, e);
}

static void
an_assertion_becomes_a_ticket_for_its_account(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_OK);
	assert_string_equal(a.upn, "alice@corp.example.com");
	assert_string_equal(a.sid, ALICE_SID);
	assert_string_equal(a.rule, "everyone");
	assert_int_equal(a.expires_s, world.now_s + 60);
	assert_last_audit("logon_decided", "allow", NULL);
}

static void
a_refused_assertion_is_on_record(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	assert_int_equal(start_by(STOREFRONT, "bad", VDA1, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "saml_signature");
	assert_string_equal(a.ticket, "");
	assert_last_audit("logon_decided", "deny", "saml_signature");
}

static void
a_response_that_is_not_base64_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct caller caller = storefront(STOREFRONT);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	struct logon_request body = {.saml_response = "%%%", .host = VDA1};
	struct logon_answer a;
	assert_int_equal(logon_start(&world.service, &request, &body, &a, &e), FAS_E_INPUT);
	assert_reason(&e, "base64_malformed");
}

static void
a_host_cannot_ask_for_tickets(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct caller caller = host(VDA1);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	struct logon_request body = {.saml_response = "YTE=", .host = VDA1};
	struct logon_answer a;
	assert_int_equal(logon_start(&world.service, &request, &body, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "caller_role");
}

static void
a_host_name_that_is_none_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	assert_int_equal(start_by(STOREFRONT, "a1", "vda1..corp", &a, &e), FAS_E_INPUT);
	assert_reason(&e, "host_invalid");
}

static void
a_host_outside_the_rule_is_denied(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	assert_int_equal(start_by(STOREFRONT, "a1", "dc1.corp.example.com", &a, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_no_rule");
	assert_last_audit("logon_decided", "deny", "policy_no_rule");
}

static void
a_disabled_account_is_denied(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	world.disabled = true;
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "account_disabled");
}

static void
claims_that_disagree_with_the_account_are_denied(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	world.found_sid = "S-1-5-21-1-2-3-1105";
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "claim_sid_mismatch");
}

static void
a_directory_that_is_away_leaves_the_assertion_open(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	world.find_fails = FAS_E_UNAVAILABLE;
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_E_UNAVAILABLE);
	assert_last_audit("logon_decided", "error", "directory_away");
	world.find_fails = FAS_OK;
	fas_err_clear(&e);
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_OK);
}

static void
the_same_storefront_may_repeat_and_the_old_ticket_is_void(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char first[TICKET_TEXT_MAX], second[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer out = {0};
	assert_int_equal(start_logon("a1", first, &e), FAS_OK);
	assert_int_equal(start_logon("a1", second, &e), FAS_OK);
	assert_string_not_equal(first, second);
	assert_int_equal(redeem(VDA1, first, csr, &out, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_void");
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, second, csr, &out, &e), FAS_OK);
}

static void
another_storefront_cannot_repeat(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	world_policy("  - name: two\n    identity_providers: [okta]\n    storefronts: "
		     "['*.corp.example.com']\n"
		     "    hosts: ['*.vdi.corp.example.com']\n    users: { upn_suffixes: "
		     "[corp.example.com] }\n"
		     "    logon: { authority: main, profile: smartcard-logon, key: p-256 }\n");
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_OK);
	logon_answer_done(&a);
	assert_int_equal(
	    start_by("storefront02.corp.example.com", "a1", VDA1, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "assertion_replayed");
	assert_last_audit("logon_decided", "deny", "assertion_replayed");
}

static void
the_same_assertion_in_another_response_is_a_replay(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(logon_answer) struct logon_answer a = {0};
	assert_int_equal(start_by(STOREFRONT, "a1", VDA1, &a, &e), FAS_OK);
	logon_answer_done(&a);
	assert_int_equal(start_by(STOREFRONT, "a1 wrapped anew", VDA1, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "assertion_replayed");
}

static void
a_redeemed_assertion_is_a_replay_also_after_a_restart(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer out = {0};
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	assert_int_equal(redeem(VDA1, ticket, csr, &out, &e), FAS_OK);
	world_restart();
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_CONFLICT);
	assert_reason(&e, "assertion_replayed");
}

static void
a_claim_is_remembered_as_long_as_any_configuration_could_accept_it(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer out = {0};
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	assert_int_equal(redeem(VDA1, ticket, csr, &out, &e), FAS_OK);
	world.now_s += 3600 + 600; /* max_age 1h and clock_skew 5m at both ends */
	service_sweep(&world.service);
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_CONFLICT);
	assert_reason(&e, "assertion_replayed");
}

static void
a_claim_that_nothing_can_need_is_dropped(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct service_counts counts;
	char ticket[TICKET_TEXT_MAX];
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world.now_s += 86400;
	service_sweep(&world.service);
	assert_int_equal(service_count(&world.service, &counts, &e), FAS_OK);
	assert_int_equal(counts.claims, 0);
}

struct racer {
	pthread_t thread;
	enum fas_code rc;
	char ticket[TICKET_TEXT_MAX];
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	struct fas_err e = {0};
	r->rc = start_logon("a1", r->ticket, &e);
	return NULL;
}

static void
of_concurrent_repeats_one_ticket_stays_good(void **state)
{
	(void)state;
	struct racer racers[8] = {0};
	size_t good = 0;
	OWN(text) char *csr = new_csr();
	for (size_t i = 0; i < NELEMS(racers); i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (size_t i = 0; i < NELEMS(racers); i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
	for (size_t i = 0; i < NELEMS(racers); i++) {
		struct fas_err e = {0};
		OWN(redeem_answer) struct redeem_answer out = {0};
		assert_int_equal(racers[i].rc, FAS_OK);
		if (redeem(VDA1, racers[i].ticket, csr, &out, &e) == FAS_OK)
			good++;
		else
			assert_reason(&e, "ticket_void");
	}
	assert_int_equal(good, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(an_assertion_becomes_a_ticket_for_its_account),
	    WORLD_TEST(a_refused_assertion_is_on_record),
	    WORLD_TEST(a_response_that_is_not_base64_is_refused),
	    WORLD_TEST(a_host_cannot_ask_for_tickets),
	    WORLD_TEST(a_host_name_that_is_none_is_refused),
	    WORLD_TEST(a_host_outside_the_rule_is_denied),
	    WORLD_TEST(a_disabled_account_is_denied),
	    WORLD_TEST(claims_that_disagree_with_the_account_are_denied),
	    WORLD_TEST(a_directory_that_is_away_leaves_the_assertion_open),
	    WORLD_TEST(the_same_storefront_may_repeat_and_the_old_ticket_is_void),
	    WORLD_TEST(another_storefront_cannot_repeat),
	    WORLD_TEST(the_same_assertion_in_another_response_is_a_replay),
	    WORLD_TEST(a_redeemed_assertion_is_a_replay_also_after_a_restart),
	    WORLD_TEST(a_claim_is_remembered_as_long_as_any_configuration_could_accept_it),
	    WORLD_TEST(a_claim_that_nothing_can_need_is_dropped),
	    WORLD_TEST(of_concurrent_repeats_one_ticket_stays_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
