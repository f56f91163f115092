#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/custody.h"
#include "fas/agent/in_session.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "played.h"

#define KEY "0123456789abcdef0123456789abcdef"

static struct played p;

static int
begin(void **state)
{
	(void)state;
	played_begin(&p);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	played_end(&p);
	return 0;
}

static void
under_host_custody_the_key_is_made_here_and_certified(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("host", "logon"));
	uint64_t before = s->generation;
	played_certify(&p, NULL, played_rule("host", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	assert_string_equal(p.path, "POST /v1/sessions/" PLAYED_ID "/certificates");
	assert_non_null(strstr(p.body, "BEGIN CERTIFICATE REQUEST"));
	assert_non_null(strstr(p.body, "\"request_id\":\""));
	assert_non_null(s->in_session);
	assert_non_null(s->in_session->key);
	assert_int_equal(s->in_session->purpose, CARD_PURPOSE_IN_SESSION);
	assert_true(s->generation > before);
	session_unref(&p.d.sessions, s);
}

static void
under_service_custody_no_key_of_ours_is_sent(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("service", "logon"));
	played_certify(&p, KEY, played_rule("service", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	assert_null(strstr(p.body, "csr"));
	assert_null(s->in_session->key);
	assert_string_equal(s->in_session->name, KEY);
	session_unref(&p.d.sessions, s);
}

static void
where_the_rule_has_changed_to_the_hosts_custody_a_key_is_made(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("service", "logon"));
	played_refuse(&p, FAS_E_CONFLICT, "csr_required");
	played_certify(&p, NULL, played_rule("host", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	assert_non_null(s->in_session->key);
	assert_int_equal(s->rule.custody, RULE_CUSTODY_HOST);
	session_unref(&p.d.sessions, s);
}

static void
the_pool_may_be_empty_and_the_hosts_key_is_taken_where_one_came_along(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("service", "first_use"));
	played_refuse(&p, FAS_E_UNAVAILABLE, "pool_empty");
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "pool_empty");
	assert_null(s->in_session);
	/* not asked again at once */
	in_session_first_look(&p.d, s);
	assert_int_equal(p.n_asked, 1);
	assert_true(s->fetch_after_us > clock_monotonic_us());
	session_unref(&p.d.sessions, s);
}

static void
a_first_look_fetches_once(void **state)
{
	(void)state;
	struct session *s = played_session(&p, played_rule("host", "first_use"));
	assert_false(in_session_is_due(s, clock_now(), clock_monotonic_us()));
	played_certify(&p, NULL, played_rule("host", "first_use"));
	in_session_first_look(&p.d, s);
	assert_non_null(s->in_session);
	in_session_first_look(&p.d, s);
	assert_int_equal(p.n_asked, 1);
	session_unref(&p.d.sessions, s);
}

static void
at_logon_it_is_due_at_once_and_again_at_two_thirds_of_its_life(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("host", "logon"));
	int64_t now_s = clock_now(), now_us = clock_monotonic_us();
	assert_true(in_session_is_due(s, now_s, now_us));
	played_certify(&p, NULL, played_rule("host", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	/* its certificate: from a minute ago for 61 minutes */
	assert_false(in_session_is_due(s, now_s, now_us));
	assert_false(in_session_is_due(s, now_s + 2300, now_us));
	assert_true(in_session_is_due(s, now_s + 2420, now_us));
	session_unref(&p.d.sessions, s);
}

static void
what_the_service_no_longer_allows_is_gone_from_the_card(void **state)
{
	struct fas_err e = {0};
	OWN(rule) struct session_rule nothing = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("host", "logon"));
	played_certify(&p, NULL, played_rule("host", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	uint64_t before = s->generation;
	session_set_rule(&p.d.sessions, s, &nothing);
	assert_null(s->in_session);
	assert_true(s->generation > before);
	assert_false(in_session_is_due(s, clock_now(), clock_monotonic_us()));
	session_unref(&p.d.sessions, s);
}

static void
an_answer_for_another_key_is_not_taken(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("service", "logon"));
	/* host custody in the answer to a request without a CSR: whose key would it be? */
	played_certify(&p, NULL, played_rule("service", "logon"));
	assert_int_not_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	assert_null(s->in_session);
	session_unref(&p.d.sessions, s);
}

static void
an_ended_session_gets_nothing_more(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = played_session(&p, played_rule("host", "logon"));
	(void)session_end(&p.d.sessions, s, "over");
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	assert_int_equal(p.n_asked, 0);
	assert_null(s->in_session);
	session_unref(&p.d.sessions, s);
}

/* ---- signatures of the service ---- */

static struct session *
with_service_key(void)
{
	struct fas_err e = {0};
	struct session *s = played_session(&p, played_rule("service", "logon"));
	played_certify(&p, KEY, played_rule("service", "logon"));
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	return s;
}

static enum fas_code
sign(struct session *s, uint8_t *out, size_t *len, struct fas_err *e)
{
	const struct signing what = {.mechanism = CARD_MECHANISM_RSA_PSS,
	    .hash = CARD_HASH_SHA256,
	    .digest = "0123456789abcdef0123456789abcde",
	    .digest_len = 32};
	const struct permit permit = {.program = "/usr/bin/ssh"};
	OWN(card_key) struct card_key *key = card_key_ref(s->in_session);
	return custody_sign(&p.d, s, key, &what, &permit, out, len, e);
}

static void
a_signature_is_asked_of_the_service_with_program_and_purpose(void **state)
{
	uint8_t out[SIGNATURE_MAX];
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	struct session *s = with_service_key();
	played_answer(&p, json_pack("{s:s,s:s}", "signature", "AQID", "correlation_id", PLAYED_ID));
	assert_int_equal(sign(s, out, &len, &e), FAS_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\x01\x02\x03", 3);
	assert_string_equal(p.path, "POST /v1/sessions/" PLAYED_ID "/keys/" KEY "/sign");
	OWN(json) json_t *body = json_loads(p.body, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(body, "mechanism")), "rsa-pss");
	assert_string_equal(json_string_value(json_object_get(body, "hash")), "sha256");
	assert_string_equal(json_string_value(json_object_get(body, "program")), "/usr/bin/ssh");
	assert_string_equal(json_string_value(json_object_get(body, "purpose")), "in-session");
	assert_int_equal(json_integer_value(json_object_get(body, "salt_len")), 32);
	session_unref(&p.d.sessions, s);
}

static void
a_key_that_the_service_has_lost_is_gone_from_the_card_and_due_anew(void **state)
{
	uint8_t out[SIGNATURE_MAX];
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	struct session *s = with_service_key();
	played_refuse(&p, FAS_E_NOTFOUND, "key_unknown");
	assert_int_equal(sign(s, out, &len, &e), FAS_E_NOTFOUND);
	assert_null(s->in_session);
	assert_true(in_session_is_due(s, clock_now(), clock_monotonic_us()));
	session_unref(&p.d.sessions, s);
}

static void
a_session_that_the_service_does_not_know_ends(void **state)
{
	uint8_t out[SIGNATURE_MAX];
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	struct session *s = with_service_key();
	played_refuse(&p, FAS_E_NOTFOUND, "session_unknown");
	assert_int_equal(sign(s, out, &len, &e), FAS_E_NOTFOUND);
	assert_int_equal(s->state, SESSION_ENDED);
	session_unref(&p.d.sessions, s);
}

static void
a_refusal_and_a_bent_answer_sign_nothing_and_change_nothing(void **state)
{
	uint8_t out[SIGNATURE_MAX];
	size_t len = 0;
	(void)state;
	struct session *s = with_service_key();
	played_refuse(&p, FAS_E_DENIED, "sign_refused");
	played_refuse(&p, FAS_E_UNAVAILABLE, "server_away");
	played_answer(&p, json_pack("{s:s}", "signature", "not base64!"));
	for (int i = 0; i < 3; i++) {
		struct fas_err e = {0};
		assert_int_not_equal(sign(s, out, &len, &e), FAS_OK);
		assert_true(i != 1 || strcmp(e.reason, "node_away") == 0);
	}
	assert_non_null(s->in_session);
	assert_int_equal(s->state, SESSION_OPEN);
	session_unref(&p.d.sessions, s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(under_host_custody_the_key_is_made_here_and_certified),
	    T(under_service_custody_no_key_of_ours_is_sent),
	    T(where_the_rule_has_changed_to_the_hosts_custody_a_key_is_made),
	    T(the_pool_may_be_empty_and_the_hosts_key_is_taken_where_one_came_along),
	    T(a_first_look_fetches_once),
	    T(at_logon_it_is_due_at_once_and_again_at_two_thirds_of_its_life),
	    T(what_the_service_no_longer_allows_is_gone_from_the_card),
	    T(an_answer_for_another_key_is_not_taken),
	    T(an_ended_session_gets_nothing_more),
	    T(a_signature_is_asked_of_the_service_with_program_and_purpose),
	    T(a_key_that_the_service_has_lost_is_gone_from_the_card_and_due_anew),
	    T(a_session_that_the_service_does_not_know_ends),
	    T(a_refusal_and_a_bent_answer_sign_nothing_and_change_nothing),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("in-session certificates", tests, NULL, NULL);
}
