/* How the provider knew the user: asked at the ticket, at redemption and ever after, and what it puts into certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/order.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

#define MFA "https://refeds.org/profile/mfa"
#define CARD "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
#define OID_MFA "1.3.6.1.4.1.99999.1.402"
#define OID_CARD "1.3.6.1.4.1.99999.1.403"
#define WANTS_MFA "    authentication: { contexts: ['" MFA "'] }\n"
#define WORTH                                                                                      \
	"    authentication:\n      policies:\n        '" MFA "': " OID_MFA "\n        '" CARD     \
	"': [" OID_MFA ", " OID_CARD "]\n"

static void
a_logon_by_another_context_gets_no_ticket(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	world_rule_with(WANTS_MFA);
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_authentication");
	assert_last_audit("logon_decided", "deny", "policy_authentication");
	world.authn_context = CARD;
	fas_err_clear(&e);
	assert_int_equal(start_logon("a2", ticket, &e), FAS_E_DENIED);
	world.authn_context = MFA;
	fas_err_clear(&e);
	assert_int_equal(start_logon("a3", ticket, &e), FAS_OK);
}

/* The ticket stores the fact, not the verdict. */
static void
the_context_is_asked_again_at_redemption(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	world.authn_context = CARD;
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world_rule_with(WANTS_MFA);
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_DENIED);
	assert_reason(&e, "policy_authentication");
	assert_int_equal(world.asked, 0);
}

static void
a_session_ends_when_its_context_is_no_longer_enough(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer answer = {0};
	world.authn_context = CARD;
	log_on(id);
	world_rule_with(WANTS_MFA);
	world.now_s += 1;
	assert_int_equal(lease_by(VDA1, id, &answer, &e), FAS_E_DENIED);
	assert_last_audit("session_ended", "done", "policy_authentication");
}

/* ---- issuance policies ---- */

static void
the_signer_is_asked_for_what_the_context_is_worth(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	world_rule_with(WORTH);
	log_on(id);
	assert_string_equal(world.asked_policies, "");
	world.authn_context = MFA;
	log_on(id);
	assert_string_equal(world.asked_policies, OID_MFA " ");
	world.authn_context = CARD;
	log_on(id);
	assert_string_equal(world.asked_policies, OID_MFA " " OID_CARD " ");
}

static void
a_certificate_within_the_session_names_them_too(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(in_session_answer) struct in_session_answer answer = {0};
	world_rule_with(WORTH "    in_session: { allow: true, key: p-256, programs: ['*'] }\n");
	world.authn_context = MFA;
	log_on(id);
	world.asked_policies[0] = 0;
	assert_int_equal(
	    certificate_by(VDA1, id, "ask-0123456789abcdef", csr, &answer, &e), FAS_OK);
	assert_string_equal(world.asked_policies, OID_MFA " ");
}

/* The plan is what was promised: whoever asks again asks for the same, or the signer takes it for another request. */
static void
a_repeat_asks_for_the_same_whatever_the_rule_says_meanwhile(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	world_rule_with(WORTH);
	world.authn_context = MFA;
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world.answer_lost = true;
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_TIMEOUT);
	world.answer_lost = false;
	world_rule_with("");
	world_restart();
	fas_err_clear(&e);
	world.asked_policies[0] = 0;
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_OK);
	assert_string_equal(world.asked_policies, OID_MFA " ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_logon_by_another_context_gets_no_ticket),
	    WORLD_TEST(the_context_is_asked_again_at_redemption),
	    WORLD_TEST(a_session_ends_when_its_context_is_no_longer_enough),
	    WORLD_TEST(the_signer_is_asked_for_what_the_context_is_worth),
	    WORLD_TEST(a_certificate_within_the_session_names_them_too),
	    WORLD_TEST(a_repeat_asks_for_the_same_whatever_the_rule_says_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
