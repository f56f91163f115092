/* What the host's own keys have signed, on its way to the service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/uses.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "played.h"

static struct played p;
static struct session *s;
static const struct card_key key = {.serial = "00ab"};

static int
begin(void **state)
{
	(void)state;
	played_begin(&p);
	s = played_session(&p, NULL);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	session_unref(&p.d.sessions, s);
	played_end(&p);
	return 0;
}

static void
sign_by(const char *program, enum card_hash hash)
{
	const struct signing what = {.mechanism = CARD_MECHANISM_RSA_PKCS1, .hash = hash};
	struct permit permit = {0};
	(void)snprintf(permit.program, sizeof(permit.program), "%s", program);
	sessions_lock(&p.d.sessions);
	uses_note(s, &key, &what, &permit);
	sessions_unlock(&p.d.sessions);
}

static bool
is_due(bool at_the_end)
{
	sessions_lock(&p.d.sessions);
	bool due = uses_are_due(s, clock_monotonic_us(), at_the_end);
	sessions_unlock(&p.d.sessions);
	return due;
}

static void
report(void)
{
	(void)uses_report(&p.d.up, &p.d.sessions, s);
}

/* The report that went out last; the caller's. */
static json_t *
sent(json_int_t number, size_t kinds)
{
	json_t *body = json_loads(p.body, 0, NULL);
	assert_non_null(body);
	assert_int_equal(json_integer_value(json_object_get(body, "report")), number);
	assert_int_equal(json_array_size(json_object_get(body, "uses")), kinds);
	return body;
}

static void
signatures_of_one_kind_are_counted_together(void **state)
{
	(void)state;
	assert_false(is_due(true));
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	sign_by("/usr/bin/ssh", CARD_HASH_SHA512);
	sign_by("", CARD_HASH_SHA256);
	assert_false(is_due(false));
	assert_true(is_due(true));
	played_answer(&p, json_object());
	report();
	assert_string_equal(p.path, "POST /v1/sessions/" PLAYED_ID "/uses");
	OWN(json) json_t *body = sent(1, 3);
	json_t *first = json_array_get(json_object_get(body, "uses"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "signatures")), 2);
	assert_string_equal(json_string_value(json_object_get(first, "program")), "/usr/bin/ssh");
	assert_string_equal(json_string_value(json_object_get(first, "hash")), "sha256");
	json_t *last = json_array_get(json_object_get(body, "uses"), 2);
	assert_null(json_object_get(last, "program"));
	assert_false(is_due(true));
}

static void
what_may_not_have_arrived_goes_again_under_its_number_before_anything_new(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_UNAVAILABLE, "server_away");
	report();
	sign_by("/usr/bin/curl", CARD_HASH_SHA256);
	played_answer(&p, json_object());
	report();
	json_decref(sent(1, 1));
	assert_non_null(strstr(p.body, "/usr/bin/ssh"));
	assert_true(is_due(true));
	played_answer(&p, json_object());
	report();
	json_decref(sent(2, 1));
	assert_non_null(strstr(p.body, "/usr/bin/curl"));
}

static void
a_service_that_takes_no_reports_is_not_asked_again(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_NOTFOUND, "not_found");
	report();
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	assert_false(is_due(true));
}

/* One that cannot be taken must not silence the session. */
static void
a_report_that_is_refused_is_given_up_and_the_next_one_goes(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_DENIED, "sign_refused");
	report();
	assert_false(is_due(true));
	sign_by("/usr/bin/curl", CARD_HASH_SHA256);
	assert_true(is_due(true));
	played_answer(&p, json_object());
	report();
	json_decref(sent(2, 1));
	assert_non_null(strstr(p.body, "/usr/bin/curl"));
}

/* The machine's certificate is renewed, or the server's, and the report arrives. */
static void
a_host_that_is_not_believed_reports_again(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_AUTH, "server_untrusted");
	report();
	assert_true(is_due(true));
	played_answer(&p, json_object());
	report();
	json_decref(sent(1, 1));
	assert_false(is_due(true));
}

static void
the_end_tells_what_is_on_its_way_and_what_was_gathered_behind_it(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_UNAVAILABLE, "server_away");
	report();
	sign_by("/usr/bin/curl", CARD_HASH_SHA256);
	played_answer(&p, json_object());
	played_answer(&p, json_object());
	uses_report_rest(&p.d.up, &p.d.sessions, s);
	json_decref(sent(2, 1));
	assert_non_null(strstr(p.body, "/usr/bin/curl"));
	assert_int_equal(p.n_asked, 3);
	assert_false(is_due(true));
}

static void
the_end_asks_a_service_that_is_away_once(void **state)
{
	(void)state;
	sign_by("/usr/bin/ssh", CARD_HASH_SHA256);
	played_refuse(&p, FAS_E_UNAVAILABLE, "server_away");
	uses_report_rest(&p.d.up, &p.d.sessions, s);
	assert_int_equal(p.n_asked, 1);
}

static void
more_kinds_than_a_report_holds_leave_the_others_whole(void **state)
{
	(void)state;
	char program[32];
	for (int i = 0; i < 40; i++) {
		(void)snprintf(program, sizeof(program), "/usr/bin/p%d", i);
		sign_by(program, CARD_HASH_SHA256);
	}
	sign_by("/usr/bin/p0", CARD_HASH_SHA256);
	played_answer(&p, json_object());
	report();
	OWN(json) json_t *body = sent(1, 16);
	json_t *first = json_array_get(json_object_get(body, "uses"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "signatures")), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		signatures_of_one_kind_are_counted_together, begin, end),
	    cmocka_unit_test_setup_teardown(
		what_may_not_have_arrived_goes_again_under_its_number_before_anything_new, begin,
		end),
	    cmocka_unit_test_setup_teardown(
		a_service_that_takes_no_reports_is_not_asked_again, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_report_that_is_refused_is_given_up_and_the_next_one_goes, begin, end),
	    cmocka_unit_test_setup_teardown(a_host_that_is_not_believed_reports_again, begin, end),
	    cmocka_unit_test_setup_teardown(
		the_end_tells_what_is_on_its_way_and_what_was_gathered_behind_it, begin, end),
	    cmocka_unit_test_setup_teardown(the_end_asks_a_service_that_is_away_once, begin, end),
	    cmocka_unit_test_setup_teardown(
		more_kinds_than_a_report_holds_leave_the_others_whole, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
