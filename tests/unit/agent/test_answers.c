#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/logon_answer.h"
#include "fas/agent/refusal.h"

#define ID "0123456789abcdef0123456789abcdef"

static enum fas_code
parse(const char *text, long status, struct refusal *out)
{
	struct fas_err e = {0};
	enum fas_code rc = refusal_parse(text, strlen(text), status, out, &e);
	if (rc != FAS_OK)
		assert_string_equal(e.reason, "problem_malformed");
	return rc;
}

static void
a_problem_becomes_one_sentence_with_its_correlation_id(void **state)
{
	struct refusal r;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(
	    parse("{\"type\":\"about:blank\",\"title\":\"The ticket has been used\","
		  "\"status\":409,\"code\":\"ticket_used\",\"correlation_id\":\"" ID "\"}",
		409, &r),
	    FAS_OK);
	assert_int_equal(refusal_fail(&r, &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "ticket_used");
	assert_string_equal(e.message, "The ticket has been used; correlation id " ID);
}

static void
a_problem_without_a_correlation_id_is_fine(void **state)
{
	struct refusal r;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(parse("{\"title\":\"Busy\",\"code\":\"busy\"}", 429, &r), FAS_OK);
	assert_int_equal(refusal_fail(&r, &e), FAS_E_LIMIT);
	assert_string_equal(e.message, "Busy");
}

static void
unknown_members_of_a_problem_are_ignored_as_rfc_9457_demands(void **state)
{
	struct refusal r;
	(void)state;
	assert_int_equal(parse("{\"title\":\"T\",\"code\":\"c\",\"balance\":30}", 403, &r), FAS_OK);
}

static void
what_is_no_problem_document_is_refused(void **state)
{
	static const char *const wrong[] = {"", "[]", "<html>", "{\"title\":\"T\"}",
	    "{\"code\":\"c\"}", "{\"title\":\"T\",\"code\":\"Has Spaces\"}",
	    "{\"title\":\"T\",\"code\":\"c\",\"status\":200}",
	    "{\"title\":\"T\",\"code\":\"c\",\"correlation_id\":\"short\"}",
	    "{\"title\":\"T\\u001b[31m\",\"code\":\"c\"}",
	    "{\"title\":\"T\\u202e\",\"code\":\"c\"}", "{\"title\":7,\"code\":\"c\"}",
	    "{\"title\":\"T\",\"title\":\"U\",\"code\":\"c\"}"};
	struct refusal r;
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++)
		assert_int_equal(parse(wrong[i], 403, &r), FAS_E_INPUT);
}

static void
statuses_have_their_classes(void **state)
{
	(void)state;
	assert_int_equal(refusal_class(403), FAS_E_DENIED);
	assert_int_equal(refusal_class(500), FAS_E_INTERNAL);
	assert_int_equal(refusal_class(502), FAS_E_UNAVAILABLE);
	assert_int_equal(refusal_class(503), FAS_E_UNAVAILABLE);
	assert_int_equal(refusal_class(302), FAS_E_INTERNAL);
}

/* ---- the answer to a logon ---- */

static json_t *
good_answer(void)
{
	return json_pack("{s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "session_id", ID,
	    "session_expires_at", "2026-11-23T14:35:50Z", "lease_s", 600, "certificate", "C\n",
	    "chain", "D\n", "serial", "0a0b", "not_after", "2026-11-23T02:50:50Z", "upn",
	    "alice@x.org", "sam_account_name", "alice", "realm", "X.ORG", "principal",
	    "alice@X.ORG", "sid", "S-1-5-21-1-2-3-4", "correlation_id", ID);
}

static enum fas_code
read_with(const char *member, const char *value, struct fas_err *e)
{
	OWN(logon_answer) struct logon_answer answer = {0};
	OWN(json) json_t *body = good_answer();
	assert_non_null(body);
	if (value)
		assert_int_equal(json_object_set_new(body, member, json_string(value)), 0);
	else if (member)
		assert_int_equal(json_object_del(body, member), 0);
	return logon_answer_read(body, &answer, e);
}

static void
a_whole_answer_is_read(void **state)
{
	OWN(logon_answer) struct logon_answer answer = {0};
	OWN(json) json_t *body = good_answer();
	struct session_file session;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(logon_answer_read(body, &answer, &e), FAS_OK);
	logon_answer_session(&answer, "https://a", &session);
	assert_string_equal(session.id, ID);
	assert_string_equal(session.server, "https://a");
	assert_int_equal(session.expires_s, 1795444550);
	assert_int_equal(session.lease_s, 600);
}

static void
each_missing_member_is_an_error(void **state)
{
	(void)state;
	OWN(json) json_t *body = good_answer();
	const char *name;
	json_t *value;
	json_object_foreach(body, name, value)
	{
		struct fas_err e = {0};
		assert_int_equal(read_with(name, NULL, &e), FAS_E_INPUT);
		assert_non_null(strstr(e.message, name));
	}
}

static void
an_unknown_member_is_an_error(void **state)
{
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_with("more", "x", &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "member_unknown");
}

static void
names_that_would_leave_their_place_are_refused(void **state)
{
	static const char *const wrong[][2] = {{"session_id", "../../etc/passwd"},
	    {"session_id", "a/b"}, {"realm", "X.ORG\n[appdefaults]"}, {"realm", "X.ORG {"},
	    {"realm", "a b"}, {"upn", "alice"}, {"principal", "alice"}, {"principal", "a@b@c"},
	    {"sam_account_name", "a/b"}, {"sam_account_name", "a\xe2\x80\xae"},
	    {"correlation_id", "zz"}, {"not_after", "2026-02-31T00:00:00Z"},
	    {"not_after", "tomorrow"}, {"session_expires_at", "2026-1-1T0:0:0Z"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct fas_err e = {0};
		if (read_with(wrong[i][0], wrong[i][1], &e) != FAS_E_INPUT)
			fail_msg("%s = %s is accepted", wrong[i][0], wrong[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_problem_becomes_one_sentence_with_its_correlation_id),
	    cmocka_unit_test(a_problem_without_a_correlation_id_is_fine),
	    cmocka_unit_test(unknown_members_of_a_problem_are_ignored_as_rfc_9457_demands),
	    cmocka_unit_test(what_is_no_problem_document_is_refused),
	    cmocka_unit_test(statuses_have_their_classes),
	    cmocka_unit_test(a_whole_answer_is_read),
	    cmocka_unit_test(each_missing_member_is_an_error),
	    cmocka_unit_test(an_unknown_member_is_an_error),
	    cmocka_unit_test(names_that_would_leave_their_place_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
