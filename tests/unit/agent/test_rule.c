#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/lease.h"
#include "fas/agent/logon_answer.h"
#include "fas/card/wire.h"

#define ID "0123456789abcdef0123456789abcdef"
#define RULE                                                                                       \
	"{\"fetch\":\"first_use\",\"custody\":\"service\",\"key_type\":\"p-256\",\"programs\":["   \
	"\"/usr/bin/ssh\"],"                                                                       \
	"\"mechanisms\":[\"rsa-pss\",\"ecdsa\",\"later\"],\"consent\":{\"scope\":\"program\","     \
	"\"timeout_s\":1800},"                                                                     \
	"\"rate\":{\"count\":120,\"period_s\":60},\"validity_s\":3600}"
#define LEASE_HEAD                                                                                 \
	"{\"session_id\":\"s\",\"session_expires_at\":\"2026-11-23T14:35:50Z\",\"lease_s\":600,"   \
	"\"correlation_id\":\"" ID "\""

static enum fas_code
read_text(const char *text, struct session_rule *out, struct fas_err *e)
{
	OWN(json) json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(value);
	return rule_read(value, out, e);
}

static void
a_whole_rule_is_read(void **state)
{
	OWN(rule) struct session_rule rule = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_text(RULE, &rule, &e), FAS_OK);
	assert_true(rule.allowed);
	assert_int_equal(rule.fetch, RULE_FETCH_FIRST_USE);
	assert_int_equal(rule.custody, RULE_CUSTODY_SERVICE);
	assert_string_equal(rule.key_type, "p-256");
	assert_int_equal(rule.n_programs, 1);
	assert_string_equal(rule.programs[0], "/usr/bin/ssh");
	assert_int_equal(
	    rule.mechanisms, 1U << CARD_MECHANISM_RSA_PSS | 1U << CARD_MECHANISM_ECDSA);
	assert_int_equal(rule.consent, RULE_CONSENT_PROGRAM);
	assert_int_equal(rule.consent_timeout_s, 1800);
	assert_int_equal(rule.rate_count, 120);
	assert_int_equal(rule.rate_period_s, 60);
}

static void
null_and_nothing_allow_nothing(void **state)
{
	struct session_rule rule;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_text("null", &rule, &e), FAS_OK);
	assert_false(rule.allowed);
	assert_int_equal(rule_read(NULL, &rule, &e), FAS_OK);
	assert_false(rule.allowed);
	assert_int_equal(rule.mechanisms, 0);
}

static void
a_rule_that_is_not_understood_is_refused_and_allows_nothing(void **state)
{
	static const char *const members[][2] = {{"fetch", "\"never\""}, {"custody", "\"cloud\""},
	    {"key_type", "\"\""}, {"programs", "[\"ssh\"]"}, {"programs", "[7]"},
	    {"programs", "\"/usr/bin/ssh\""}, {"mechanisms", "7"},
	    {"consent", "{\"scope\":\"maybe\",\"timeout_s\":1}"}, {"consent", "null"},
	    {"rate", "{\"count\":0,\"period_s\":1}"}, {"rate", "{\"count\":1}"},
	    {"validity_s", "0"}, {"more", "1"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(members); i++) {
		struct session_rule rule;
		struct fas_err e = {0};
		OWN(json) json_t *object = json_loads(RULE, 0, NULL);
		assert_int_equal(json_object_set_new(object, members[i][0],
				     json_loads(members[i][1], JSON_DECODE_ANY, NULL)),
		    0);
		if (rule_read(object, &rule, &e) != FAS_E_INPUT || rule.allowed)
			fail_msg("%s: %s is taken", members[i][0], members[i][1]);
	}
}

static void
rules_are_equal_only_if_all_of_them_is(void **state)
{
	OWN(rule) struct session_rule one = {0};
	OWN(rule) struct session_rule other = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_text(RULE, &one, &e), FAS_OK);
	assert_int_equal(read_text(RULE, &other, &e), FAS_OK);
	assert_true(rule_equal(&one, &other));
	other.programs[0][1] = 'x';
	assert_false(rule_equal(&one, &other));
	other.programs[0][1] = 'u';
	other.rate_count++;
	assert_false(rule_equal(&one, &other));
}

/* ---- leases ---- */

static enum fas_code
answer(const struct upstream *up, const struct upstream_ask *ask, struct api_answer *out,
    struct fas_err *e)
{
	(void)e;
	assert_string_equal(ask->method, "POST");
	assert_string_equal(ask->path, "/v1/sessions/s/lease");
	assert_string_equal(ask->server, "https://a");
	*out = (struct api_answer){.status = 200, .body = json_loads(up->arg, 0, NULL)};
	assert_non_null(out->body);
	return FAS_OK;
}

static enum fas_code
keep(char *text, struct lease *out, struct fas_err *e)
{
	static const struct session_file session = {.id = "s", .server = "https://a"};
	const struct upstream up = {.call = answer, .arg = text};
	return lease_keep(&up, &session, out, e);
}

static void
a_lease_of_an_earlier_service_is_kept_in_thirds(void **state)
{
	OWN(lease) struct lease lease = {0};
	struct fas_err e = {0};
	char text[] = LEASE_HEAD "}";
	(void)state;
	assert_int_equal(keep(text, &lease, &e), FAS_OK);
	assert_int_equal(lease.next_s, 200);
	assert_false(lease.has_rule);
	assert_int_equal(lease.expires_s, 1795444550);
}

static void
a_lease_says_what_is_allowed_by_now(void **state)
{
	OWN(lease) struct lease lease = {0};
	OWN(lease) struct lease taken = {0};
	struct fas_err e = {0};
	char text[] = LEASE_HEAD ",\"next_s\":45,\"account\":\"ok\",\"in_session\":" RULE "}";
	char null[] = LEASE_HEAD ",\"next_s\":45,\"account\":\"unknown\",\"in_session\":null}";
	(void)state;
	assert_int_equal(keep(text, &lease, &e), FAS_OK);
	assert_true(lease.has_rule && lease.rule.allowed);
	assert_int_equal(lease.next_s, 45);
	assert_int_equal(keep(null, &taken, &e), FAS_OK);
	assert_true(taken.has_rule && !taken.rule.allowed);
}

static void
a_bent_lease_is_no_lease(void **state)
{
	static const char *const tails[] = {",\"more\":1}", ",\"next_s\":0}", ",\"next_s\":\"45\"}",
	    ",\"in_session\":7}", ",\"in_session\":{}}", ",\"account\":7}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(tails); i++) {
		OWN(lease) struct lease lease = {0};
		struct fas_err e = {0};
		char text[512];
		(void)snprintf(text, sizeof(text), "%s%s", LEASE_HEAD, tails[i]);
		if (keep(text, &lease, &e) != FAS_E_INPUT)
			fail_msg("%s is taken", tails[i]);
	}
}

/* ---- custody ---- */

static const char *
key_of(const char *text, struct fas_err *e, json_t **keep_alive)
{
	struct json_reader r = {0};
	assert_int_equal(json_open(&r, text, strlen(text), e), FAS_OK);
	const char *key = answer_want_key(&r);
	*keep_alive = json_incref(r.object);
	json_close(&r);
	return key;
}

static void
custody_and_key_belong_together(void **state)
{
	static const char *const wrong[] = {"{\"custody\":\"service\"}", "{\"key\":\"" ID "\"}",
	    "{\"custody\":\"host\",\"key\":\"" ID "\"}", "{\"custody\":\"cloud\"}",
	    "{\"custody\":\"service\",\"key\":\"../4567890123456789012345678901\"}"};
	json_t *object = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_null(key_of("{}", &e, &object));
	assert_int_equal(e.code, FAS_OK);
	json_decref(object);
	assert_null(key_of("{\"custody\":\"host\"}", &e, &object));
	assert_int_equal(e.code, FAS_OK);
	json_decref(object);
	assert_string_equal(
	    key_of("{\"custody\":\"service\",\"key\":\"" ID "\"}", &e, &object), ID);
	json_decref(object);
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct fas_err why = {0};
		(void)key_of(wrong[i], &why, &object);
		json_decref(object);
		if (why.code != FAS_E_INPUT)
			fail_msg("%s is taken", wrong[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_rule_is_read),
	    cmocka_unit_test(null_and_nothing_allow_nothing),
	    cmocka_unit_test(a_rule_that_is_not_understood_is_refused_and_allows_nothing),
	    cmocka_unit_test(rules_are_equal_only_if_all_of_them_is),
	    cmocka_unit_test(a_lease_of_an_earlier_service_is_kept_in_thirds),
	    cmocka_unit_test(a_lease_says_what_is_allowed_by_now),
	    cmocka_unit_test(a_bent_lease_is_no_lease),
	    cmocka_unit_test(custody_and_key_belong_together),
	};
	return cmocka_run_group_tests_name("rules and leases", tests, NULL, NULL);
}
