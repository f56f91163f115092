/* What a provider's logout ends, and what a browser's own wish does: exactly that, at once, and once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/logout.h"
#include "fas/revoke.h"
#include "tests/unit/pipeline/world.h"

#define PERSISTENT "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
#define UNSPECIFIED "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
#define EMAIL "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

static int
begin(void **state)
{
	int rc = world_begin(state);
	world.name_id = "_alice";
	world.name_id_format = PERSISTENT;
	world.session_index = "_s1";
	return rc;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, world_end)

/* ---- a message ---- */

static unsigned messages;

struct named {
	const char *idp, *name_id, *format, *index;
};
static const struct named alice = {"okta", "_alice", PERSISTENT, NULL};

static enum fas_code
log_out_as(
    const struct named *n, const char *id, size_t *sessions, bool *repeated, struct fas_err *e)
{
	static const struct caller nobody;
	struct request request = {.caller = &nobody};
	struct saml_logout m = {.id = (char *)(uintptr_t)id,
	    .idp = (char *)(uintptr_t)n->idp,
	    .name_id = (char *)(uintptr_t)n->name_id,
	    .name_id_format = (char *)(uintptr_t)n->format,
	    .issued_s = world.now_s,
	    .expires_s = world.now_s + 300};
	if (n->index)
		m.session_index[m.n_session_index++] = (char *)(uintptr_t)n->index;
	correlation_id_new(request.correlation_id);
	return logout_apply(&world.service, &request, &m, sessions, repeated, e);
}

/* How many sessions a new message ends. */
static size_t
log_out(const struct named *n)
{
	char id[32];
	struct fas_err e = {0};
	size_t sessions = 0;
	bool repeated = false;
	(void)snprintf(id, sizeof(id), "_m%u", messages++);
	if (log_out_as(n, id, &sessions, &repeated, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_false(repeated);
	return sessions;
}

static bool
is_live(const char *id)
{
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer answer = {0};
	return lease_by(VDA1, id, &answer, &e) == FAS_OK;
}

/* ---- which sessions ---- */

static void
a_logout_ends_all_sessions_of_its_subject_and_no_other(void **state)
{
	(void)state;
	char first[SESSION_ID_TEXT_MAX], second[SESSION_ID_TEXT_MAX], other[SESSION_ID_TEXT_MAX];
	const struct named stranger = {"adfs", "_alice", PERSISTENT, NULL};
	log_on(first);
	world.session_index = "_s2";
	log_on(second);
	world.name_id = "_bob";
	log_on(other);
	assert_int_equal(log_out(&stranger), 0);
	assert_true(is_live(first));
	assert_int_equal(log_out(&alice), 2);
	assert_false(is_live(first));
	assert_false(is_live(second));
	assert_true(is_live(other));
}

static void
a_session_index_ends_that_session_alone(void **state)
{
	(void)state;
	char first[SESSION_ID_TEXT_MAX], second[SESSION_ID_TEXT_MAX], without[SESSION_ID_TEXT_MAX];
	const struct named one = {"okta", "_alice", PERSISTENT, "_s2"};
	log_on(first);
	world.session_index = "_s2";
	log_on(second);
	world.session_index = NULL;
	log_on(without);
	assert_int_equal(log_out(&one), 1);
	assert_true(is_live(first));
	assert_false(is_live(second));
	assert_true(is_live(without));
}

/* SAML core 3.3.4, 8.3.1 */
static void
a_name_of_another_format_is_another_name(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	const struct named by_mail = {"okta", "_alice", EMAIL, NULL};
	const struct named open = {"okta", "_alice", UNSPECIFIED, NULL};
	const struct named bare = {"okta", "_alice", NULL, NULL};
	log_on(id);
	assert_int_equal(log_out(&by_mail), 0);
	assert_int_equal(log_out(&open), 1);
	world.now_s += 2;
	log_on(id);
	assert_int_equal(log_out(&bare), 1);
}

static void
a_subject_without_a_format_is_found_by_its_name(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	world.name_id_format = NULL;
	log_on(id);
	assert_int_equal(log_out(&alice), 1);
	assert_false(is_live(id));
}

static void
nobody_is_found_by_a_name_that_nobody_has(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	world.name_id = NULL;
	log_on(id);
	assert_int_equal(log_out(&alice), 0);
	assert_true(is_live(id));
}

/* ---- at once ---- */

static void
the_next_signature_and_the_next_lease_are_refused(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX], key[KEY_ID_MAX];
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer answer = {0};
	world_service_rule_with("", "");
	log_on_by_service(id, key);
	assert_int_equal(sign_by(VDA1, id, key, &e), FAS_OK);
	assert_int_equal(log_out(&alice), 1);
	assert_int_equal(sign_by(VDA1, id, key, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_ended");
	fas_err_clear(&e);
	assert_int_equal(lease_by(VDA1, id, &answer, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_ended");
}

static void
the_rule_says_whether_certificates_are_revoked(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	log_on(id);
	assert_int_equal(log_out(&alice), 1);
	assert_int_equal(world.revoked, 1);
	assert_string_equal(world.revoked_session, id);
	world.now_s += 2;
	char key[KEY_ID_MAX];
	world_service_rule_with("", "    logoff: keep\n");
	log_on_by_service(id, key);
	assert_int_equal(log_out(&alice), 1);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(world.dropped, 1);
}

static enum fas_code
hold_all(struct db *db, void *arg, struct fas_err *e)
{
	OWN(query) struct db_query q = db_query(db, "UPDATE sessions SET state='held'", e);
	(void)arg;
	return db_run(&q);
}

static void
a_session_on_hold_ends_too(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	log_on(id);
	assert_int_equal(db_write(world.service.db, hold_all, NULL, &e), FAS_OK);
	assert_int_equal(log_out(&alice), 1);
	assert_int_equal(log_out(&alice), 0);
}

/* ---- what is on its way ---- */

static void
an_open_ticket_is_void(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	assert_int_equal(log_out(&alice), 0);
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_void");
	assert_int_equal(world.asked, 0);
}

/* SAML core 3.7.3.1: the assertion may arrive behind the logout. */
static void
an_assertion_that_was_issued_before_comes_too_late(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	assert_int_equal(log_out(&alice), 0);
	world.now_s += 30;
	world.issued_ago_s = 31;
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "signed_out");
	assert_last_audit("logon_decided", "deny", "signed_out");
	world.issued_ago_s = 29;
	fas_err_clear(&e);
	assert_int_equal(start_logon("a2", ticket, &e), FAS_OK);
}

/* The provider has ended this session of its own: whoever comes with it later comes with something old. */
static void
an_assertion_of_the_session_that_was_named_comes_too_late_always(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	const struct named one = {"okta", "_alice", PERSISTENT, "_s1"};
	assert_int_equal(log_out(&one), 0);
	world.now_s += 30;
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "signed_out");
	world.session_index = "_s2";
	fas_err_clear(&e);
	assert_int_equal(start_logon("a2", ticket, &e), FAS_OK);
}

/* The signer was asked, its answer is not there yet, and the person signs out. */
static void
a_redemption_under_way_makes_no_session_that_lives(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world.answer_lost = true;
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_TIMEOUT);
	assert_int_equal(log_out(&alice), 0);
	world.answer_lost = false;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_CONFLICT);
	assert_reason(&e, "session_ended");
	revoke_owed(&world.service);
	assert_int_equal(world.revoked, 1);
}

/* ---- once ---- */

static void
the_same_message_again_ends_nothing_that_is_younger(void **state)
{
	(void)state;
	char first[SESSION_ID_TEXT_MAX], second[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	size_t sessions = 0;
	bool repeated = false;
	log_on(first);
	assert_int_equal(log_out_as(&alice, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_int_equal(sessions, 1);
	assert_last_audit("logout", "done", NULL);
	world.now_s += 2;
	log_on(second);
	assert_int_equal(log_out_as(&alice, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_true(repeated);
	assert_int_equal(sessions, 0);
	assert_true(is_live(second));
}

/* Each provider draws its own IDs. */
static void
a_message_id_is_one_providers(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	size_t sessions = 0;
	bool repeated = true;
	const struct named stranger = {"adfs", "_alice", PERSISTENT, NULL};
	log_on(id);
	assert_int_equal(log_out_as(&stranger, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_int_equal(log_out_as(&alice, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_false(repeated);
	assert_int_equal(sessions, 1);
}

/* As kill -9 leaves it between the logout and the signer: what is owed is done by the next life. */
static void
what_is_owed_to_the_signer_survives_a_crash(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	size_t sessions = 0;
	bool repeated = false;
	log_on(id);
	world.revoke_fails = FAS_E_UNAVAILABLE;
	assert_int_equal(log_out_as(&alice, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_int_equal(world.revoked, 0);
	world_restart();
	assert_false(is_live(id));
	world.revoke_fails = FAS_OK;
	assert_int_equal(log_out_as(&alice, "_once", &sessions, &repeated, &e), FAS_OK);
	assert_true(repeated);
	service_sweep(&world.service);
	assert_int_equal(world.revoked, 1);
	assert_string_equal(world.revoked_session, id);
}

/* A logout is forgotten when nothing can be on its way any more, not before. */
static void
a_logout_is_remembered_as_long_as_an_assertion_may_come(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	assert_int_equal(log_out(&alice), 0);
	world.now_s += 4500; /* max_age of an hour, and the skew twice */
	world.issued_ago_s = 4501;
	service_sweep(&world.service);
	assert_int_equal(start_logon("a1", ticket, &e), FAS_E_DENIED);
	assert_reason(&e, "signed_out");
	world.now_s += 3000;
	world.issued_ago_s = 7501;
	service_sweep(&world.service);
	fas_err_clear(&e);
	assert_int_equal(start_logon("a2", ticket, &e), FAS_OK);
}

/* ---- a browser ---- */

static const char *const providers[] = {"okta"};
static const struct sign_in_target targets[] = {
    {"store", "https://store.example.com/return", STOREFRONT}};
static const struct sign_in_server server = {.name = "default",
    .entity_id = "https://login.example.com/saml/metadata",
    .acs_url = "https://login.example.com/saml/acs",
    .providers = providers,
    .n_providers = 1,
    .targets = targets,
    .n_targets = 1};
static const struct logout_place place = {&server, "https://login.example.com/saml/slo"};
static const uint8_t mine[BROWSER_HASH_BYTES] = {1}, anothers[BROWSER_HASH_BYTES] = {2};

/* From the provider's response, brought by this browser, to the code. */
static void
sign_in(const uint8_t *browser, const char *assertion, char code[CODE_TEXT_MAX])
{
	static const struct caller nobody;
	struct fas_err e = {0};
	struct request request = {.caller = &nobody};
	OWN(text) char *text = response_with(assertion);
	OWN(sign_in_answer) struct sign_in_answer answer = {0};
	const struct sign_in_response response = {.server = &server,
	    .browser = {.hash = browser, .address = "192.0.2.7"},
	    .saml_response = text,
	    .relay_state = "store"};
	correlation_id_new(request.correlation_id);
	if (sign_in_finish(&world.service, &request, &response, &answer, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	memcpy(code, answer.code, CODE_TEXT_MAX);
}

static enum fas_code
exchange(const char *code, char ticket[TICKET_TEXT_MAX], struct fas_err *e)
{
	struct caller caller = storefront(STOREFRONT);
	struct request request = {.caller = &caller};
	const struct logon_request body = {.code = code, .host = VDA1};
	OWN(logon_answer) struct logon_answer answer = {0};
	correlation_id_new(request.correlation_id);
	enum fas_code rc = logon_start(&world.service, &request, &body, &answer, e);
	memcpy(ticket, answer.ticket, TICKET_TEXT_MAX);
	return rc;
}

static void
desktop_of(const uint8_t *browser, const char *assertion, char id[SESSION_ID_TEXT_MAX])
{
	char code[CODE_TEXT_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	sign_in(browser, assertion, code);
	if (exchange(code, ticket, &e) != FAS_OK ||
	    redeem(VDA1, ticket, csr, &answer, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	memcpy(id, answer.session_id, SESSION_ID_TEXT_MAX);
}

enum fas_code __wrap_saml_logout_request(const struct saml_sp *sp, const struct saml_trust *trust,
    const char *idp, const struct saml_server *at, const struct saml_logout_subject *subject,
    const char *relay_state, int64_t now_s, struct saml_message **out, struct fas_err *e);

/* The provider cannot be asked: the desktops end all the same. */
enum fas_code
__wrap_saml_logout_request(const struct saml_sp *sp, const struct saml_trust *trust,
    const char *idp, const struct saml_server *at, const struct saml_logout_subject *subject,
    const char *relay_state, int64_t now_s, struct saml_message **out, struct fas_err *e)
{
	(void)sp;
	(void)trust;
	(void)relay_state;
	(void)now_s;
	(void)out;
	assert_string_equal(idp, "okta");
	assert_string_equal(at->slo_url, place.slo_url);
	assert_string_equal(subject->name_id, "_alice");
	assert_string_equal(subject->name_id_format, PERSISTENT);
	return fas_fail(e, FAS_E_CONFIG, "idp_single_logout", "played: no place for it");
}

static size_t
sign_out(const uint8_t *browser)
{
	static const struct caller nobody;
	struct fas_err e = {0};
	struct request request = {.caller = &nobody};
	OWN(logout_outcome) struct logout_outcome outcome = {0};
	const struct sign_in_browser who = {.hash = browser, .address = "192.0.2.7"};
	correlation_id_new(request.correlation_id);
	if (logout_begin(&world.service, &request, &place, &who, &outcome, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_null(outcome.send);
	return outcome.sessions;
}

static void
a_person_ends_what_began_in_this_browser_and_nothing_else(void **state)
{
	(void)state;
	char first[SESSION_ID_TEXT_MAX], second[SESSION_ID_TEXT_MAX], other[SESSION_ID_TEXT_MAX],
	    without[SESSION_ID_TEXT_MAX];
	desktop_of(mine, "b1", first);
	world.session_index = "_s2";
	desktop_of(mine, "b2", second);
	world.session_index = "_s3";
	desktop_of(anothers, "b3", other);
	log_on(without);
	assert_int_equal(sign_out(mine), 2);
	assert_last_audit("logout", "done", NULL);
	assert_false(is_live(first));
	assert_false(is_live(second));
	assert_true(is_live(other));
	assert_true(is_live(without));
	assert_int_equal(sign_out(mine), 0);
}

static void
a_browser_that_began_nothing_ends_nothing(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	desktop_of(mine, "b1", id);
	assert_int_equal(sign_out(anothers), 0);
	assert_int_equal(sign_out(NULL), 0);
	assert_true(is_live(id));
}

static void
its_code_and_its_ticket_are_void_too(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], used[CODE_TEXT_MAX], ticket[TICKET_TEXT_MAX],
	    none[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	sign_in(mine, "b1", code);
	sign_in(mine, "b2", used);
	assert_int_equal(exchange(used, ticket, &e), FAS_OK);
	assert_int_equal(sign_out(mine), 0);
	assert_int_equal(exchange(code, none, &e), FAS_E_CONFLICT);
	assert_reason(&e, "code_void");
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_CONFLICT);
	assert_reason(&e, "ticket_void");
}

static void
a_redemption_of_its_code_under_way_makes_no_session_that_lives(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer answer = {0};
	sign_in(mine, "b1", code);
	assert_int_equal(exchange(code, ticket, &e), FAS_OK);
	world.answer_lost = true;
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_TIMEOUT);
	assert_int_equal(sign_out(mine), 0);
	world.answer_lost = false;
	fas_err_clear(&e);
	assert_int_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_E_CONFLICT);
	assert_reason(&e, "session_ended");
}

/* A provider's word reaches the codes of its people, too, whatever browser has them. */
static void
a_providers_logout_voids_codes(void **state)
{
	(void)state;
	char code[CODE_TEXT_MAX], ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	sign_in(mine, "b1", code);
	assert_int_equal(log_out(&alice), 0);
	assert_int_equal(exchange(code, ticket, &e), FAS_E_CONFLICT);
	assert_reason(&e, "code_void");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_logout_ends_all_sessions_of_its_subject_and_no_other),
	    WORLD_TEST(a_session_index_ends_that_session_alone),
	    WORLD_TEST(a_name_of_another_format_is_another_name),
	    WORLD_TEST(a_subject_without_a_format_is_found_by_its_name),
	    WORLD_TEST(nobody_is_found_by_a_name_that_nobody_has),
	    WORLD_TEST(the_next_signature_and_the_next_lease_are_refused),
	    WORLD_TEST(the_rule_says_whether_certificates_are_revoked),
	    WORLD_TEST(a_session_on_hold_ends_too),
	    WORLD_TEST(an_open_ticket_is_void),
	    WORLD_TEST(an_assertion_that_was_issued_before_comes_too_late),
	    WORLD_TEST(an_assertion_of_the_session_that_was_named_comes_too_late_always),
	    WORLD_TEST(a_redemption_under_way_makes_no_session_that_lives),
	    WORLD_TEST(the_same_message_again_ends_nothing_that_is_younger),
	    WORLD_TEST(a_message_id_is_one_providers),
	    WORLD_TEST(what_is_owed_to_the_signer_survives_a_crash),
	    WORLD_TEST(a_logout_is_remembered_as_long_as_an_assertion_may_come),
	    WORLD_TEST(a_person_ends_what_began_in_this_browser_and_nothing_else),
	    WORLD_TEST(a_browser_that_began_nothing_ends_nothing),
	    WORLD_TEST(its_code_and_its_ticket_are_void_too),
	    WORLD_TEST(a_redemption_of_its_code_under_way_makes_no_session_that_lives),
	    WORLD_TEST(a_providers_logout_voids_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
