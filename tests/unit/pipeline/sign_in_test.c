/* From a browser's question to a code, and from the code to a ticket: each is good once, for whom it is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/restore_store.h"
#include "fas/sign_in_store.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)
#define OTHER_STOREFRONT "storefront02.corp.example.com"

static const char *const providers[] = {"entra", "okta"};
static const struct sign_in_target targets[] = {
    {"store", "https://store.example.com/return", STOREFRONT},
    {"mobile", "https://m.example.com/?a=b", OTHER_STOREFRONT},
};
static const struct sign_in_server server = {.name = "default",
    .entity_id = "https://login.example.com/saml/metadata",
    .acs_url = "https://login.example.com/saml/acs",
    .providers = providers,
    .n_providers = NELEMS(providers),
    .targets = targets,
    .n_targets = NELEMS(targets)};
static const struct sign_in_server elsewhere = {.name = "mobile",
    .entity_id = "https://login.example.com/saml/v/mobile/metadata",
    .acs_url = "https://login.example.com/saml/v/mobile/acs",
    .providers = providers,
    .n_providers = 1,
    .targets = targets,
    .n_targets = NELEMS(targets)};
static const uint8_t browser[BROWSER_HASH_BYTES] = {1, 2, 3};
static const uint8_t another[BROWSER_HASH_BYTES] = {1, 2, 4};

/* The question's correlation id, which is its RelayState, in relay. */
static enum fas_code
ask_with(char relay[CORRELATION_ID_MAX], const char *idp, const char *state, struct fas_err *e)
{
	static const struct caller nobody;
	struct request request = {.caller = &nobody};
	const struct sign_in_question question = {.server = &server,
	    .target = &targets[0],
	    .browser = {.hash = browser, .address = "192.0.2.7"},
	    .idp = idp,
	    .request_id = "_request",
	    .state = state,
	    .force_authn = true};
	correlation_id_new(request.correlation_id);
	memcpy(relay, request.correlation_id, CORRELATION_ID_MAX);
	return sign_in_begin(&world.service, &request, &question, e);
}

static void
ask(char relay[CORRELATION_ID_MAX])
{
	struct fas_err e = {0};
	assert_int_equal(ask_with(relay, "okta", "st-1", &e), FAS_OK);
}

static enum fas_code
answer_at(const struct sign_in_server *at, const uint8_t *by, const char *assertion,
    const char *relay, struct sign_in_answer *out, struct fas_err *e)
{
	static const struct caller nobody;
	struct request request = {.caller = &nobody};
	OWN(text) char *text = response_with(assertion);
	const struct sign_in_response response = {.server = at,
	    .browser = {.hash = by, .address = "192.0.2.7"},
	    .saml_response = text,
	    .relay_state = relay};
	correlation_id_new(request.correlation_id);
	return sign_in_finish(&world.service, &request, &response, out, e);
}

static enum fas_code
answer(const char *assertion, const char *relay, struct sign_in_answer *out, struct fas_err *e)
{
	return answer_at(&server, browser, assertion, relay, out, e);
}

static enum fas_code
exchange(const char *who, const char *code, const char *host_name, char ticket[TICKET_TEXT_MAX],
    char correlation[CORRELATION_ID_MAX], struct fas_err *e)
{
	struct caller caller = storefront(who);
	struct request request = {.caller = &caller};
	const struct logon_request body = {.code = code, .host = host_name};
	OWN(logon_answer) struct logon_answer a = {0};
	correlation_id_new(request.correlation_id);
	enum fas_code rc = logon_start(&world.service, &request, &body, &a, e);
	memcpy(ticket, a.ticket, TICKET_TEXT_MAX);
	if (correlation)
		memcpy(correlation, request.correlation_id, CORRELATION_ID_MAX);
	return rc;
}

/* A code of a sign-in that was asked for, and its correlation id. */
static void
sign_in(const char *assertion, char code[CODE_TEXT_MAX], char relay[CORRELATION_ID_MAX])
{
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	if (answer(assertion, relay, &a, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	memcpy(code, a.code, CODE_TEXT_MAX);
}

static void
assert_refused(enum fas_code got, enum fas_code want, const struct fas_err *e, const char *reason)
{
	assert_reason(e, reason);
	assert_int_equal(got, want);
}

static void
a_question_that_is_answered_becomes_a_code_for_its_storefront(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	assert_last_audit("sign_in_begun", "done", NULL);
	assert_int_equal(answer("a1", relay, &a, &e), FAS_OK);
	assert_ptr_equal(a.target, &targets[0]);
	assert_string_equal(a.state, "st-1");
	assert_true(strncmp(a.code, "fas1-", 5) == 0);
	assert_last_audit("sign_in_decided", "allow", NULL);
}

static void
what_the_provider_must_have_answered_is_what_was_asked(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	world.now_s += 5;
	assert_int_equal(answer("a1", relay, &a, &e), FAS_OK);
	assert_string_equal(world.expected.in_response_to, "_request");
	assert_string_equal(world.expected.entity_id, server.entity_id);
	assert_string_equal(world.expected.acs_url, server.acs_url);
	assert_int_equal(world.expected.n_providers, 1);
	assert_string_equal(world.expected.provider, "okta");
	assert_true(world.expected.force_authn);
	assert_int_equal(world.expected.asked_s, world.now_s - 5);
}

static void
an_unsolicited_response_is_judged_as_one_of_the_servers_providers(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	assert_int_equal(answer_at(&server, NULL, "a1", "mobile", &a, &e), FAS_OK);
	assert_string_equal(world.expected.in_response_to, "");
	assert_int_equal(world.expected.n_providers, 2);
	assert_false(world.expected.force_authn);
	assert_ptr_equal(a.target, &targets[1]);
	assert_string_equal(a.state, "");
}

static void
relay_state_names_a_target_or_is_exactly_its_url(void **state)
{
	(void)state;
	static const char *const bad[] = {"Store", "store ", "https://store.example.com/",
	    "https://store.example.com/return?x", "https://store.example.com/return/",
	    "https://evil.example.org/return", "//store.example.com/return", "javascript:alert(1)"};
	const struct sign_in_target *found;
	struct fas_err e = {0};
	assert_int_equal(sign_in_target_find(&server, NULL, &found, &e), FAS_OK);
	assert_ptr_equal(found, &targets[0]);
	assert_int_equal(sign_in_target_find(&server, "", &found, &e), FAS_OK);
	assert_ptr_equal(found, &targets[0]);
	assert_int_equal(sign_in_target_find(&server, targets[1].url, &found, &e), FAS_OK);
	assert_ptr_equal(found, &targets[1]);
	for (size_t i = 0; i < NELEMS(bad); i++) {
		OWN(sign_in_answer) struct sign_in_answer a = {0};
		fas_err_clear(&e);
		assert_refused(answer("a1", bad[i], &a, &e), FAS_E_DENIED, &e, "sign_in_target");
		assert_last_audit("sign_in_decided", "deny", "sign_in_target");
	}
}

static void
a_question_is_good_once(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0}, b = {0};
	ask(relay);
	assert_int_equal(answer("a1", relay, &a, &e), FAS_OK);
	assert_refused(answer("a2", relay, &b, &e), FAS_E_CONFLICT, &e, "sign_in_used");
	assert_string_equal(b.code, "");
	assert_last_audit("sign_in_decided", "deny", "sign_in_used");
}

static void
a_refused_response_leaves_the_question_open(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0}, none = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	assert_refused(answer("bad", relay, &a, &e), FAS_E_AUTH, &e, "saml_signature");
	assert_int_equal(answer("a1", relay, &a, &none), FAS_OK);
}

static void
another_browser_cannot_answer(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0}, without = {0}, none = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	assert_refused(
	    answer_at(&server, another, "a1", relay, &a, &e), FAS_E_AUTH, &e, "sign_in_browser");
	assert_refused(answer_at(&server, NULL, "a1", relay, &a, &without), FAS_E_AUTH, &without,
	    "sign_in_browser");
	assert_int_equal(answer("a1", relay, &a, &none), FAS_OK);
}

static void
another_server_cannot_answer(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	assert_refused(answer_at(&elsewhere, browser, "a1", relay, &a, &e), FAS_E_NOTFOUND, &e,
	    "sign_in_unknown");
}

/* A restart may have changed which providers a server has. */
static void
a_provider_that_the_server_has_no_more_cannot_answer(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	struct sign_in_server less = server;
	less.n_providers = 1;
	ask(relay);
	assert_refused(
	    answer_at(&less, browser, "a1", relay, &a, &e), FAS_E_NOTFOUND, &e, "sign_in_provider");
}

static void
a_question_that_nobody_asked_or_that_is_old_is_not_answered(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0}, old = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	assert_refused(answer("a1", "0123456789abcdef0123456789abcdef", &a, &e), FAS_E_NOTFOUND, &e,
	    "sign_in_unknown");
	ask(relay);
	world.now_s += SIGN_IN_LIFE_S;
	assert_refused(answer("a1", relay, &a, &old), FAS_E_CONFLICT, &old, "sign_in_expired");
}

static void
a_provider_of_another_server_is_not_asked(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct fas_err e = {0};
	assert_refused(ask_with(relay, "ping", "", &e), FAS_E_NOTFOUND, &e, "sign_in_provider");
	assert_last_audit("sign_in_begun", "deny", "sign_in_provider");
}

static int64_t
records(void)
{
	struct fas_err e = {0};
	struct service_counts counts;
	assert_int_equal(service_count(&world.service, &counts, &e), FAS_OK);
	return counts.audit_records;
}

/* What anybody can cause does not fill the disk; what a provider has signed is on record in any case. */
static void
what_strangers_cause_is_on_record_as_far_as_there_is_room(void **state)
{
	(void)state;
	char relay[CORRELATION_ID_MAX];
	struct strangers *strangers = &world.service.strangers;
	int64_t full_us = clock_monotonic_us() + (int64_t)STRANGERS_AT_ONCE * STRANGERS_EACH_US;
	OWN(sign_in_answer) struct sign_in_answer a = {0}, b = {0};
	atomic_store(&strangers->full_us, full_us + 600 * (int64_t)STRANGERS_EACH_US);
	int64_t before = records();
	for (int i = 0; i < 3; i++) {
		struct fas_err e = {0};
		assert_refused(
		    ask_with(relay, "ping", "", &e), FAS_E_NOTFOUND, &e, "sign_in_provider");
	}
	struct fas_err e = {0};
	ask(relay);
	assert_int_equal(records(), before);
	assert_int_equal(answer("a1", relay, &a, &e), FAS_OK);
	assert_last_audit("sign_in_decided", "allow", NULL);
	ask(relay);
	assert_refused(answer("a1", relay, &b, &e), FAS_E_CONFLICT, &e, "assertion_replayed");
	assert_last_audit("sign_in_decided", "deny", "assertion_replayed");
	assert_int_equal(records(), before + 2);
	assert_int_equal(atomic_load(&strangers->left_out), 5);
	/* There is room again: the next one says how many are missing. */
	atomic_store(&strangers->full_us, full_us - 2 * (int64_t)STRANGERS_EACH_US);
	fas_err_clear(&e);
	assert_refused(ask_with(relay, "ping", "", &e), FAS_E_NOTFOUND, &e, "sign_in_provider");
	assert_last_audit("sign_in_begun", "deny", "sign_in_provider");
	assert_int_equal(atomic_load(&strangers->left_out), 0);
}

static void
a_state_that_would_change_the_url_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"a b", "a&code=x", "a#b", "%41", "\xc3\xa4"};
	char relay[CORRELATION_ID_MAX], longest[SIGN_IN_STATE_MAX + 1];
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		assert_refused(
		    ask_with(relay, "okta", bad[i], &e), FAS_E_INPUT, &e, "sign_in_state");
	}
	struct fas_err e = {0}, none = {0};
	memset(longest, 'x', sizeof(longest));
	longest[SIGN_IN_STATE_MAX] = 0;
	assert_refused(ask_with(relay, "okta", longest, &e), FAS_E_INPUT, &e, "sign_in_state");
	assert_int_equal(ask_with(relay, "okta", longest + 1, &none), FAS_OK);
}

static void
an_assertion_is_good_once_also_for_the_same_browser(void **state)
{
	(void)state;
	struct fas_err e = {0}, again = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0}, b = {0};
	assert_int_equal(answer("a1", "store", &a, &e), FAS_OK);
	assert_refused(
	    answer("a1", "store", &b, &again), FAS_E_CONFLICT, &again, "assertion_replayed");
	assert_string_equal(b.code, "");
}

static void
an_assertion_of_a_sign_in_is_not_taken_from_a_storefront_nor_the_other_way_round(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0}, again = {0}, none = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	assert_int_equal(answer("a1", "store", &a, &none), FAS_OK);
	assert_refused(start_logon("a1", ticket, &e), FAS_E_CONFLICT, &e, "assertion_replayed");
	assert_int_equal(start_logon("a2", ticket, &none), FAS_OK);
	assert_refused(
	    answer("a2", "store", &a, &again), FAS_E_CONFLICT, &again, "assertion_replayed");
}

static void
an_account_that_cannot_log_on_gets_no_code(void **state)
{
	(void)state;
	struct fas_err e = {0}, mismatch = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	world.disabled = true;
	assert_refused(answer("a1", "", &a, &e), FAS_E_DENIED, &e, "account_disabled");
	world.disabled = false;
	world.found_sid = "S-1-5-21-1-2-3-1105";
	assert_refused(
	    answer("a1", "", &a, &mismatch), FAS_E_DENIED, &mismatch, "claim_sid_mismatch");
}

/* ---- the code ---- */

static void
a_code_becomes_a_ticket_under_the_sign_ins_correlation_id(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	char correlation[CORRELATION_ID_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	struct fas_err e = {0};
	sign_in("a1", code, relay);
	assert_int_equal(exchange(STOREFRONT, code, VDA1, ticket, correlation, &e), FAS_OK);
	assert_string_equal(correlation, relay);
	assert_last_audit("logon_decided", "allow", NULL);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &e), FAS_OK);
	assert_string_equal(a.upn, "alice@corp.example.com");
}

static void
a_code_is_its_storefronts_alone(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0}, none = {0};
	sign_in("a1", code, relay);
	assert_refused(exchange(OTHER_STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_AUTH, &e,
	    "code_unknown");
	assert_string_equal(ticket, "");
	assert_int_equal(exchange(STOREFRONT, code, VDA1, ticket, NULL, &none), FAS_OK);
	/* RFC 4343: as its certificate, or its account, happens to write it. */
	assert_int_equal(
	    exchange("StoreFront01.CORP.example.com", code, VDA1, ticket, NULL, &none), FAS_OK);
}

static void
what_is_no_code_of_this_node_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *code, *reason;
	} cases[] = {
	    {"fas1-aaaaaaaaaaaaaaaaaaaaaaaaaa", "code_unknown"},
	    {"fas2-aaaaaaaaaaaaaaaaaaaaaaaaaa", "code_other_node"},
	    {"fas1-aaaa", "code_malformed"},
	    {"' OR 1=1", "code_malformed"},
	};
	char ticket[TICKET_TEXT_MAX];
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		assert_refused(exchange(STOREFRONT, cases[i].code, VDA1, ticket, NULL, &e),
		    FAS_E_AUTH, &e, cases[i].reason);
	}
}

static void
a_code_is_no_ticket_and_a_ticket_is_no_code(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	char other[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	struct fas_err e = {0}, no_code = {0}, no_ticket = {0};
	sign_in("a1", code, relay);
	assert_refused(
	    redeem(VDA1, code, csr, &a, &no_ticket), FAS_E_AUTH, &no_ticket, "ticket_unknown");
	assert_int_equal(exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_OK);
	assert_refused(exchange(STOREFRONT, ticket, VDA1, other, NULL, &no_code), FAS_E_AUTH,
	    &no_code, "code_unknown");
}

static void
a_repeated_exchange_voids_the_ticket_before(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], first[TICKET_TEXT_MAX];
	char second[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0}, b = {0};
	struct fas_err e = {0}, none = {0};
	sign_in("a1", code, relay);
	assert_int_equal(exchange(STOREFRONT, code, VDA1, first, NULL, &none), FAS_OK);
	assert_int_equal(exchange(STOREFRONT, code, VDA2, second, NULL, &none), FAS_OK);
	assert_refused(redeem(VDA1, first, csr, &a, &e), FAS_E_CONFLICT, &e, "ticket_void");
	assert_int_equal(redeem(VDA2, second, csr, &b, &none), FAS_OK);
}

static void
a_code_whose_ticket_was_redeemed_is_used(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	struct fas_err e = {0}, none = {0};
	sign_in("a1", code, relay);
	assert_int_equal(exchange(STOREFRONT, code, VDA1, ticket, NULL, &none), FAS_OK);
	assert_int_equal(redeem(VDA1, ticket, csr, &a, &none), FAS_OK);
	assert_refused(
	    exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_CONFLICT, &e, "code_used");
}

static void
a_code_ends(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	sign_in("a1", code, relay);
	world.now_s += CODE_LIFE_S;
	assert_refused(
	    exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_CONFLICT, &e, "code_expired");
}

static void
the_host_is_judged_when_the_code_is_exchanged(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	sign_in("a1", code, relay);
	assert_refused(exchange(STOREFRONT, code, "dc1.corp.example.com", ticket, NULL, &e),
	    FAS_E_DENIED, &e, "policy_no_rule");
}

static void
another_account_under_the_same_name_gets_nothing_for_the_code(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	sign_in("a1", code, relay);
	world.found_sid = "S-1-5-21-1-2-3-1105";
	assert_refused(exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_DENIED, &e,
	    "account_changed");
}

/* ---- what survives, and what does not ---- */

static void
questions_and_codes_survive_a_restart(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	ask(relay);
	world_restart();
	assert_int_equal(answer("a1", relay, &a, &e), FAS_OK);
	memcpy(code, a.code, sizeof(code));
	world_restart();
	assert_int_equal(exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_OK);
}

static enum fas_code
restore(struct db *db, void *arg, struct fas_err *e)
{
	struct restored ended = {0};
	(void)arg;
	return restored_end_all(db, world.now_s, &ended, e);
}

static void
a_restore_ends_questions_and_codes(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], asked[CORRELATION_ID_MAX];
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0}, unknown = {0}, none = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	sign_in("a1", code, relay);
	ask(asked);
	assert_int_equal(db_write(world.service.db, restore, NULL, &none), FAS_OK);
	assert_refused(
	    exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_CONFLICT, &e, "code_void");
	assert_refused(
	    answer("a2", asked, &a, &unknown), FAS_E_NOTFOUND, &unknown, "sign_in_unknown");
}

static void
what_is_long_over_is_dropped(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], relay[CORRELATION_ID_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0}, unknown = {0};
	OWN(sign_in_answer) struct sign_in_answer a = {0};
	sign_in("a1", code, relay);
	world.now_s += SIGN_IN_LIFE_S + 2 * 3600;
	service_sweep(&world.service);
	assert_refused(
	    exchange(STOREFRONT, code, VDA1, ticket, NULL, &e), FAS_E_AUTH, &e, "code_unknown");
	assert_refused(
	    answer("a2", relay, &a, &unknown), FAS_E_NOTFOUND, &unknown, "sign_in_unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_question_that_is_answered_becomes_a_code_for_its_storefront),
	    WORLD_TEST(what_the_provider_must_have_answered_is_what_was_asked),
	    WORLD_TEST(an_unsolicited_response_is_judged_as_one_of_the_servers_providers),
	    WORLD_TEST(relay_state_names_a_target_or_is_exactly_its_url),
	    WORLD_TEST(a_question_is_good_once),
	    WORLD_TEST(a_refused_response_leaves_the_question_open),
	    WORLD_TEST(another_browser_cannot_answer),
	    WORLD_TEST(another_server_cannot_answer),
	    WORLD_TEST(a_provider_that_the_server_has_no_more_cannot_answer),
	    WORLD_TEST(a_question_that_nobody_asked_or_that_is_old_is_not_answered),
	    WORLD_TEST(a_provider_of_another_server_is_not_asked),
	    WORLD_TEST(what_strangers_cause_is_on_record_as_far_as_there_is_room),
	    WORLD_TEST(a_state_that_would_change_the_url_is_refused),
	    WORLD_TEST(an_assertion_is_good_once_also_for_the_same_browser),
	    WORLD_TEST(
		an_assertion_of_a_sign_in_is_not_taken_from_a_storefront_nor_the_other_way_round),
	    WORLD_TEST(an_account_that_cannot_log_on_gets_no_code),
	    WORLD_TEST(a_code_becomes_a_ticket_under_the_sign_ins_correlation_id),
	    WORLD_TEST(a_code_is_its_storefronts_alone),
	    WORLD_TEST(what_is_no_code_of_this_node_is_refused),
	    WORLD_TEST(a_code_is_no_ticket_and_a_ticket_is_no_code),
	    WORLD_TEST(a_repeated_exchange_voids_the_ticket_before),
	    WORLD_TEST(a_code_whose_ticket_was_redeemed_is_used),
	    WORLD_TEST(a_code_ends),
	    WORLD_TEST(the_host_is_judged_when_the_code_is_exchanged),
	    WORLD_TEST(another_account_under_the_same_name_gets_nothing_for_the_code),
	    WORLD_TEST(questions_and_codes_survive_a_restart),
	    WORLD_TEST(a_restore_ends_questions_and_codes),
	    WORLD_TEST(what_is_long_over_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
