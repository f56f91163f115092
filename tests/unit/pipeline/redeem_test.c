#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

/* A ticket of a fresh assertion for VDA1. */
static void
get_ticket(char out[TICKET_TEXT_MAX])
{
	struct fas_err e = {0};
	if (start_logon("a1", out, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
a_ticket_becomes_a_session_and_a_certificate(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(strlen(a.session_id), 32);
	assert_string_equal(a.certificate.pem, "certificate 1");
	assert_string_equal(a.certificate.chain_pem, "chain");
	assert_string_equal(a.principal, "alice@CORP.EXAMPLE.COM");
	assert_string_equal(a.sam_account_name, "alice");
	assert_string_equal(a.sid, ALICE_SID);
	assert_int_equal(a.session_expires_s, world.now_s + 3600);
	assert_int_equal(a.lease_s, 600);
	assert_last_audit("certificate_issued", "done", NULL);
}

static void
nothing_outlives_the_providers_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world.session_ends_s = world.now_s + 120;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(a.session_expires_s, world.now_s + 120);
	assert_int_equal(world.asked_validity_s, 120);
}

static void
a_ticket_dies_with_the_providers_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world.session_ends_s = world.now_s + 30;
	get_ticket(ticket);
	world.now_s += 30;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "saml_session_expired");
	assert_int_equal(world.issued, 0);
}

static void
no_certificate_is_made_for_the_last_minute_of_the_providers_session(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world.session_ends_s = world.now_s + 59;
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "saml_session_expired");
	assert_int_equal(world.issued, 0);
}

static void
the_correlation_id_is_the_tickets(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct caller sf = storefront(STOREFRONT), vda = host(VDA1);
	struct request first = {
	    .caller = &sf, .correlation_id = "11111111111111111111111111111111"};
	struct request second = {
	    .caller = &vda, .correlation_id = "22222222222222222222222222222222"};
	OWN(text) char *response = response_with("a1");
	OWN(text) char *csr = new_csr();
	OWN(logon_answer) struct logon_answer started = {0};
	OWN(redeem_answer) struct redeem_answer a = {0};
	struct logon_request start = {.saml_response = response, .host = VDA1};
	assert_int_equal(logon_start(&world.service, &first, &start, &started, &e), FAS_OK);
	struct redeem_request body = {.ticket = started.ticket, .csr = csr};
	assert_int_equal(logon_redeem(&world.service, &second, &body, &a, &e), FAS_OK);
	assert_string_equal(second.correlation_id, first.correlation_id);
}

static void
a_ticket_at_the_wrong_host_is_refused_and_stays_good_at_the_right_one(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA2, ticket, csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "ticket_wrong_host");
	assert_last_audit("ticket_redeemed", "deny", "ticket_wrong_host");
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
}

static void
an_unknown_ticket_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	assert_int_equal(redeem(VDA1, "fas1-abcdefghijklmnopqrstuvwxyz", csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "ticket_unknown");
}

static void
an_expired_ticket_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world.now_s += 60;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "ticket_expired");
	assert_int_equal(world.asked, 0);
}

static void
a_storefront_cannot_redeem(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	struct caller caller = storefront(STOREFRONT);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	struct redeem_answer a;
	get_ticket(ticket);
	struct redeem_request body = {.ticket = ticket, .csr = csr};
	assert_int_equal(logon_redeem(&world.service, &request, &body, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "caller_role");
}

static void
neither_or_both_proofs_are_refused(void **state)
{
	(void)state;
	OWN(text) char *csr = new_csr();
	struct caller caller = host(VDA1);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	struct redeem_request bodies[] = {
	    {.csr = csr}, {.csr = csr, .ticket = "x", .saml_response = "y"}};
	for (size_t i = 0; i < NELEMS(bodies); i++) {
		struct fas_err e = {0};
		struct redeem_answer a;
		assert_int_equal(
		    logon_redeem(&world.service, &request, &bodies[i], &a, &e), FAS_E_INPUT);
		assert_reason(&e, "member_missing");
	}
}

/* The first answer comes from memory, a repeat from the record. */
static void
assert_same_answer(const struct redeem_answer *a, const struct redeem_answer *b)
{
	assert_string_equal(a->session_id, b->session_id);
	assert_string_equal(a->certificate.pem, b->certificate.pem);
	assert_string_equal(a->certificate.chain_pem, b->certificate.chain_pem);
	assert_string_equal(a->certificate.serial, b->certificate.serial);
	assert_int_equal(a->certificate.not_before_s, b->certificate.not_before_s);
	assert_int_equal(a->certificate.not_after_s, b->certificate.not_after_s);
	assert_int_equal(a->session_expires_s, b->session_expires_s);
	assert_int_equal(a->lease_s, b->lease_s);
	assert_string_equal(a->upn, b->upn);
	assert_string_equal(a->realm, b->realm);
	assert_string_equal(a->principal, b->principal);
	assert_string_equal(a->sam_account_name, b->sam_account_name);
	assert_string_equal(a->sid, b->sid);
}

static void
the_same_host_and_key_get_the_same_certificate_again(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer first = {0};
	OWN(redeem_answer) struct redeem_answer again = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &first, &e), FAS_OK);
	world_restart();
	assert_int_equal(redeem(VDA1, ticket, csr, &again, &e), FAS_OK);
	assert_same_answer(&first, &again);
	assert_int_equal(world.asked, 1);
	assert_last_audit("certificate_repeated", "done", NULL);
}

static void
a_used_ticket_with_another_key_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(text) char *other = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	redeem_answer_done(&a);
	assert_int_equal(redeem(VDA1, ticket, other, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_used");
	assert_last_audit("ticket_redeemed", "deny", "ticket_used");
}

static void
a_repeat_past_the_tickets_life_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	redeem_answer_done(&a);
	world.now_s += 61;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_AUTH);
	assert_reason(&e, "ticket_expired");
}

static void
an_account_disabled_since_the_ticket_is_denied(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world.disabled = true;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "account_disabled");
	assert_int_equal(world.asked, 0);
}

static void
an_account_that_became_another_is_denied(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world.found_sid = "S-1-5-21-1-2-3-1199";
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "account_changed");
}

static void
the_policy_is_asked_again(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world_policy("  - name: nobody\n    deny: true\n    identity_providers: [okta]\n"
		     "    storefronts: [" STOREFRONT "]\n    hosts: ['*.vdi.corp.example.com']\n"
		     "    users: { upn_suffixes: [corp.example.com] }\n");
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_denied_by_rule");
}

static void
a_key_that_the_rule_does_not_allow_is_refused(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_policy(
	    "  - name: rsa\n    identity_providers: [okta]\n    storefronts: [" STOREFRONT "]\n"
	    "    hosts: ['*.vdi.corp.example.com']\n    users: { upn_suffixes: [corp.example.com] "
	    "}\n"
	    "    logon: { authority: main, profile: smartcard-logon, key: rsa-2048 }\n");
	get_ticket(ticket);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_INPUT);
	assert_reason(&e, "csr_key");
}

static void
a_signer_that_is_away_costs_nothing_but_a_repeat(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(text) char *other = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world.issue_fails = FAS_E_UNAVAILABLE;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_UNAVAILABLE);
	world.issue_fails = FAS_OK;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, other, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_used");
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_int_equal(world.issued, 1);
}

static void
a_certificate_that_the_signer_refuses_ends_the_ticket(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	get_ticket(ticket);
	world.issue_fails = FAS_E_DENIED;
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_DENIED);
	assert_last_audit("ticket_redeemed", "deny", "signer_played");
	world.issue_fails = FAS_OK;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_failed");
}

struct racer {
	pthread_t thread;
	const char *ticket;
	char *csr;
	enum fas_code rc;
	struct fas_err e;
	struct redeem_answer answer;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	r->rc = redeem(VDA1, r->ticket, r->csr, &r->answer, &r->e);
	return NULL;
}

static void
run_race(struct racer *racers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
}

static void
of_concurrent_keys_one_wins(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct racer racers[8] = {0};
	size_t won = 0;
	get_ticket(ticket);
	for (size_t i = 0; i < NELEMS(racers); i++) {
		racers[i].ticket = ticket;
		racers[i].csr = new_csr();
	}
	run_race(racers, NELEMS(racers));
	for (size_t i = 0; i < NELEMS(racers); i++) {
		if (racers[i].rc == FAS_OK)
			won++;
		else
			assert_reason(&racers[i].e, "ticket_used");
		redeem_answer_done(&racers[i].answer);
		free(racers[i].csr);
	}
	assert_int_equal(won, 1);
	assert_int_equal(world.issued, 1);
}

static void
concurrent_repeats_get_the_same_certificate(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	struct racer racers[8] = {0};
	get_ticket(ticket);
	for (size_t i = 0; i < NELEMS(racers); i++) {
		racers[i].ticket = ticket;
		racers[i].csr = csr;
	}
	run_race(racers, NELEMS(racers));
	for (size_t i = 0; i < NELEMS(racers); i++) {
		if (racers[i].rc != FAS_OK)
			fail_msg("%s", racers[i].e.message);
		assert_string_equal(racers[i].answer.session_id, racers[0].answer.session_id);
		assert_string_equal(racers[i].answer.certificate.pem, "certificate 1");
	}
	for (size_t i = 0; i < NELEMS(racers); i++)
		redeem_answer_done(&racers[i].answer);
	assert_int_equal(world.issued, 1);
}

/* ---- front_end: host ---- */

static enum fas_code
present(const char *host_name, const char *text, const char *csr, struct redeem_answer *out,
    struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {.caller = &caller};
	OWN(text) char *response = response_with(text);
	struct redeem_request body = {.saml_response = response, .csr = csr};
	correlation_id_new(request.correlation_id);
	return logon_redeem(&world.service, &request, &body, out, e);
}

#define HOST_RULE                                                                                  \
	"  - name: kiosk\n    front_end: host\n    identity_providers: [okta]\n"                   \
	"    hosts: ['*.vdi.corp.example.com']\n    users: { upn_suffixes: [corp.example.com] }\n" \
	"    logon: { authority: main, profile: smartcard-logon, key: p-256 }\n"

static void
a_host_cannot_present_an_assertion_without_a_rule_that_says_so(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	assert_int_equal(present(VDA1, "a1", csr, &a, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_no_rule");
}

static void
a_host_presents_an_assertion_under_front_end_host(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	OWN(redeem_answer) struct redeem_answer again = {0};
	world_policy(HOST_RULE);
	assert_int_equal(present(VDA1, "a1", csr, &a, &e), FAS_OK);
	assert_int_equal(present(VDA1, "a1", csr, &again, &e), FAS_OK);
	assert_string_equal(a.session_id, again.session_id);
	assert_int_equal(world.issued, 1);
}

static void
a_presented_assertion_is_good_for_one_key_and_one_host(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(text) char *other = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	world_policy(HOST_RULE);
	assert_int_equal(present(VDA1, "a1", csr, &a, &e), FAS_OK);
	redeem_answer_done(&a);
	assert_int_equal(present(VDA1, "a1", other, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_used");
	fas_err_clear(&e);
	assert_int_equal(present(VDA2, "a1", csr, &a, &e), FAS_E_CONFLICT);
	assert_reason(&e, "assertion_replayed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_ticket_becomes_a_session_and_a_certificate),
	    WORLD_TEST(no_certificate_is_made_for_the_last_minute_of_the_providers_session),
	    WORLD_TEST(a_ticket_dies_with_the_providers_session),
	    WORLD_TEST(nothing_outlives_the_providers_session),
	    WORLD_TEST(the_correlation_id_is_the_tickets),
	    WORLD_TEST(a_ticket_at_the_wrong_host_is_refused_and_stays_good_at_the_right_one),
	    WORLD_TEST(an_unknown_ticket_is_refused),
	    WORLD_TEST(an_expired_ticket_is_refused),
	    WORLD_TEST(a_storefront_cannot_redeem),
	    WORLD_TEST(neither_or_both_proofs_are_refused),
	    WORLD_TEST(the_same_host_and_key_get_the_same_certificate_again),
	    WORLD_TEST(a_used_ticket_with_another_key_is_refused),
	    WORLD_TEST(a_repeat_past_the_tickets_life_is_refused),
	    WORLD_TEST(an_account_disabled_since_the_ticket_is_denied),
	    WORLD_TEST(an_account_that_became_another_is_denied),
	    WORLD_TEST(the_policy_is_asked_again),
	    WORLD_TEST(a_key_that_the_rule_does_not_allow_is_refused),
	    WORLD_TEST(a_signer_that_is_away_costs_nothing_but_a_repeat),
	    WORLD_TEST(a_certificate_that_the_signer_refuses_ends_the_ticket),
	    WORLD_TEST(of_concurrent_keys_one_wins),
	    WORLD_TEST(concurrent_repeats_get_the_same_certificate),
	    WORLD_TEST(a_host_cannot_present_an_assertion_without_a_rule_that_says_so),
	    WORLD_TEST(a_host_presents_an_assertion_under_front_end_host),
	    WORLD_TEST(a_presented_assertion_is_good_for_one_key_and_one_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
