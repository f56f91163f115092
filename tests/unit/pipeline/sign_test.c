/* Signatures by keys that the service keeps: whose, what, how often, how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, sign_begin, world_end)
#define GRANT(more)                                                                                \
	"    in_session: { allow: true, programs: ['*'], key: rsa-2048, custody: service" more     \
	" }\n"
#define WISH "wish-00000000001"

static char id[SESSION_ID_TEXT_MAX], logon_key[KEY_ID_MAX], key[KEY_ID_MAX], serial[SERIAL_HEX_MAX];

/* A session with both keys. */
static int
sign_begin(void **state)
{
	struct fas_err e = {0};
	int rc = world_begin(state);
	OWN(in_session_answer) struct in_session_answer a = {0};
	world_service_rule_with(", signatures: 3, signature_window: 1m", GRANT(""));
	log_on_by_service(id, logon_key);
	if (certificate_by(VDA1, id, WISH, NULL, &a, &e) != FAS_OK)
		return -1;
	memcpy(key, a.certificate.key_id, sizeof(key));
	memcpy(serial, a.certificate.serial, sizeof(serial));
	return rc;
}

static void
assert_signs(const char *which)
{
	struct fas_err e = {0};
	if (sign_by(VDA1, id, which, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_last_audit("key_used", "done", NULL);
}

static void
assert_refused(const char *which, enum fas_code code, const char *reason)
{
	struct fas_err e = {0};
	size_t before = world.signatures;
	assert_int_equal(sign_by(VDA1, id, which, &e), code);
	assert_reason(&e, reason);
	assert_int_equal(world.signatures, before);
}

static void
heartbeat(void)
{
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer a = {0};
	if (lease_by(VDA1, id, &a, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static void
each_use_is_on_record_and_asks_no_directory(void **state)
{
	(void)state;
	world.reread = world.found = 0;
	assert_signs(logon_key);
	assert_signs(key);
	assert_int_equal(world.reread + world.found, 0);
}

static void
another_host_another_session_and_another_key_find_nothing(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char other[SESSION_ID_TEXT_MAX], others_key[KEY_ID_MAX];
	assert_int_equal(sign_by(VDA2, id, key, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_unknown");
	log_on_by_service(other, others_key);
	assert_refused(others_key, FAS_E_NOTFOUND, "key_unknown");
	assert_refused("00000000000000000000000000000000", FAS_E_NOTFOUND, "key_unknown");
	assert_refused("' OR 1=1 --", FAS_E_NOTFOUND, "key_unknown");
	assert_int_equal(world.signatures, 0);
}

static void
a_logons_key_signs_a_few_times_only(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_signs(logon_key);
	assert_refused(logon_key, FAS_E_DENIED, "sign_count");
	assert_last_audit("sign_refused", "deny", "sign_count");
	world_restart();
	assert_refused(logon_key, FAS_E_DENIED, "sign_count");
	assert_signs(key);
}

static void
a_logons_key_signs_shortly_after_redemption_only(void **state)
{
	(void)state;
	world.now_s += 59;
	assert_signs(logon_key);
	world.now_s += 1;
	assert_refused(logon_key, FAS_E_DENIED, "sign_window");
	assert_signs(key);
}

static void
no_key_signs_beyond_its_certificate(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		world.now_s += 400;
		heartbeat();
	}
	assert_signs(key); /* 3200 s of an hour */
	world.now_s += 399;
	heartbeat();
	assert_signs(key);
	world.now_s += 1;
	assert_refused(key, FAS_E_NOTFOUND, "session_ended");
}

static void
an_ended_session_signs_nothing(void **state)
{
	(void)state;
	struct fas_err e = {0};
	assert_int_equal(session_end_by_admin(&world.service, "uid:0", id, NULL, &e), FAS_OK);
	assert_refused(key, FAS_E_NOTFOUND, "session_ended");
}

static void
a_session_without_heartbeat_signs_nothing(void **state)
{
	(void)state;
	world.now_s += 600;
	assert_refused(key, FAS_E_NOTFOUND, "session_ended");
}

static void
a_heartbeat_that_is_late_is_made_up_for(void **state)
{
	(void)state;
	world.reread = 0;
	world.now_s += 60;
	assert_signs(key);
	assert_int_equal(world.reread, 0);
	world.now_s += 1;
	assert_signs(key);
	assert_int_equal(world.reread, 1);
	assert_signs(key);
	assert_int_equal(world.reread, 1);
	world.disabled = true;
	world.now_s += 61;
	assert_refused(key, FAS_E_DENIED, "over");
	assert_last_audit("session_ended", "done", "account_disabled");
}

static void
another_policy_is_asked_before_the_next_signature(void **state)
{
	(void)state;
	world_service_rule_with("", GRANT("") "    deny: { upns: [alice@corp.example.com] }\n");
	assert_refused(key, FAS_E_DENIED, "over");
	assert_last_audit("session_ended", "done", "policy_denied_by_rule");
}

static void
a_rule_that_grants_no_more_stops_the_key_at_once_and_revokes(void **state)
{
	(void)state;
	world_service_rule_with("", "");
	assert_refused(key, FAS_E_DENIED, "sign_grant");
	assert_string_equal(world.revoked_serial, serial);
	assert_string_equal(world.revoked_why, "privilegeWithdrawn");
	assert_signs(logon_key);
	world_service_rule_with("", GRANT(""));
	assert_refused(key, FAS_E_DENIED, "sign_certificate");
}

static void
a_mechanism_that_the_rule_does_not_name_is_refused(void **state)
{
	(void)state;
	world_service_rule_with("", GRANT(", mechanisms: rsa-pss"));
	assert_refused(key, FAS_E_DENIED, "sign_mechanism");
	world_service_rule_with("", GRANT(", mechanisms: [rsa-pss, rsa-pkcs1]"));
	assert_signs(key);
}

static size_t
records(void)
{
	struct fas_err e = {0};
	struct service_counts counts;
	assert_int_equal(service_count(&world.service, &counts, &e), FAS_OK);
	return (size_t)counts.audit_records;
}

static void
the_rate_is_counted_in_each_period_and_told_once(void **state)
{
	(void)state;
	world_service_rule_with("", GRANT(", rate: { count: 2, period: 10s }"));
	world.now_s += 1;
	assert_signs(key);
	world.now_s += 4;
	assert_signs(key);
	assert_refused(key, FAS_E_LIMIT, "sign_rate");
	assert_int_equal(world.retry_after_s, 6);
	assert_last_audit("sign_refused", "error", "sign_rate");
	size_t before = records();
	for (int i = 0; i < 5; i++)
		assert_refused(key, FAS_E_LIMIT, "sign_rate");
	assert_int_equal(records(), before);
	world_restart();
	assert_refused(key, FAS_E_LIMIT, "sign_rate");
	world.now_s += 6;
	assert_signs(key);
	assert_signs(key);
	assert_refused(key, FAS_E_LIMIT, "sign_rate");
}

static void
a_directory_that_is_away_stops_signatures_after_a_while(void **state)
{
	(void)state;
	world.find_fails = FAS_E_UNAVAILABLE;
	for (int i = 0; i < 9; i++) {
		world.now_s += 100;
		heartbeat();
		assert_signs(key);
	}
	world.now_s += 1;
	assert_refused(key, FAS_E_UNAVAILABLE, "account_unknown");
	world.now_s += 100;
	heartbeat();
	world.find_fails = FAS_OK;
	world.now_s += 5;
	assert_signs(key);
}

static void
while_the_directory_is_away_another_policy_stops_signatures(void **state)
{
	(void)state;
	world.find_fails = FAS_E_UNAVAILABLE;
	world_service_rule_with("", GRANT(""));
	world.reread = 0;
	assert_refused(key, FAS_E_UNAVAILABLE, "account_unknown");
	assert_refused(key, FAS_E_UNAVAILABLE, "account_unknown");
	assert_int_equal(world.reread, 1); /* not with each of them */
	heartbeat();
	world.find_fails = FAS_OK;
	world.now_s += 5;
	assert_signs(key);
}

static void
a_replaced_key_signs_for_a_minute_more(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(in_session_answer) struct in_session_answer a = {0};
	assert_int_equal(certificate_by(VDA1, id, "wish-00000000002", NULL, &a, &e), FAS_OK);
	world.now_s += 59;
	assert_signs(key);
	world.now_s += 1;
	assert_refused(key, FAS_E_DENIED, "sign_certificate");
	assert_signs(a.certificate.key_id);
}

static void
the_signers_own_refusals_are_on_record(void **state)
{
	(void)state;
	world.sign_fails = FAS_E_NOTFOUND;
	(void)strcpy(world.sign_reason, "key_unknown");
	assert_refused(key, FAS_E_NOTFOUND, "key_unknown");
	assert_last_audit("sign_refused", "deny", "key_unknown");
	world.sign_fails = FAS_E_UNAVAILABLE;
	(void)strcpy(world.sign_reason, "signer_away");
	assert_refused(key, FAS_E_UNAVAILABLE, "signer_away");
}

static enum fas_code
break_audit(struct db *db, void *arg, struct fas_err *e)
{
	(void)arg;
	return db_exec(db,
	    "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT,'x'); END", e);
}

static void
a_signature_that_cannot_be_recorded_does_not_leave(void **state)
{
	(void)state;
	struct fas_err e = {0};
	assert_int_equal(db_write(world.service.db, break_audit, NULL, &e), FAS_OK);
	assert_int_not_equal(sign_by(VDA1, id, key, &e), FAS_OK);
	assert_int_equal(world.signatures, 1);
}

static void
assert_text(const json_t *object, const char *name, const char *want)
{
	assert_string_equal(json_string_value(json_object_get(object, name)), want);
}

static void
a_session_tells_its_keys_and_their_use(void **state)
{
	(void)state;
	struct fas_err e = {0};
	OWN(json) json_t *list = NULL;
	assert_signs(logon_key);
	assert_signs(key);
	assert_signs(key);
	assert_int_equal(session_list(&world.service, false, &list, &e), FAS_OK);
	assert_int_equal(json_array_size(list), 1);
	OWN(json) json_t *session = NULL;
	assert_int_equal(session_show(&world.service, id, &session, &e), FAS_OK);
	json_t *const both[] = {json_array_get(list, 0), session};
	for (size_t i = 0; i < NELEMS(both); i++) {
		assert_text(both[i], "custody", "service");
		assert_int_equal(json_integer_value(json_object_get(both[i], "keys")), 2);
		assert_int_equal(json_integer_value(json_object_get(both[i], "signatures")), 3);
		assert_int_equal(
		    json_integer_value(json_object_get(both[i], "in_session_certificates")), 1);
	}
	json_t *certificates = json_object_get(session, "certificates");
	assert_int_equal(json_array_size(certificates), 2);
	json_t *second = json_array_get(certificates, 1);
	assert_text(second, "purpose", "in_session");
	assert_text(second, "key", key);
	assert_text(second, "serial", serial);
	assert_text(second, "state", "good");
	assert_int_equal(json_integer_value(json_object_get(second, "signatures")), 2);
	assert_int_equal(session_show(&world.service, "0", &session, &e), FAS_E_NOTFOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(each_use_is_on_record_and_asks_no_directory),
	    WORLD_TEST(another_host_another_session_and_another_key_find_nothing),
	    WORLD_TEST(a_logons_key_signs_a_few_times_only),
	    WORLD_TEST(a_logons_key_signs_shortly_after_redemption_only),
	    WORLD_TEST(no_key_signs_beyond_its_certificate),
	    WORLD_TEST(an_ended_session_signs_nothing),
	    WORLD_TEST(a_session_without_heartbeat_signs_nothing),
	    WORLD_TEST(a_heartbeat_that_is_late_is_made_up_for),
	    WORLD_TEST(another_policy_is_asked_before_the_next_signature),
	    WORLD_TEST(a_rule_that_grants_no_more_stops_the_key_at_once_and_revokes),
	    WORLD_TEST(a_mechanism_that_the_rule_does_not_name_is_refused),
	    WORLD_TEST(the_rate_is_counted_in_each_period_and_told_once),
	    WORLD_TEST(a_directory_that_is_away_stops_signatures_after_a_while),
	    WORLD_TEST(while_the_directory_is_away_another_policy_stops_signatures),
	    WORLD_TEST(a_replaced_key_signs_for_a_minute_more),
	    WORLD_TEST(the_signers_own_refusals_are_on_record),
	    WORLD_TEST(a_signature_that_cannot_be_recorded_does_not_leave),
	    WORLD_TEST(a_session_tells_its_keys_and_their_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
