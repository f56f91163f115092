#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/ctl/status.h"

#define NOW 1700000000
#define DAY 86400

static const char good_signer[] =
    "{\"authorities\":[{\"name\":\"main\",\"generation\":1,\"state\":\"ready\",\"not_after\":"
    "1800000000,"
    "\"crl\":{\"number\":5,\"this_update\":1699990000,\"next_update\":1700076400,\"entries\":0}}],"
    "\"service_ca\":{\"not_after\":1900000000},\"certificates\":3,\"signatures\":4}";
static const char good_fasd[] =
    "{\"node\":\"n\",\"maintenance\":false,\"policy\":{\"digest\":\"d\",\"rules\":2,\"unresolved\":"
    "0},"
    "\"directory\":[{\"domain\":\"corp\",\"controller\":\"dc1\",\"reachable\":true,\"failures\":0},"
    "{\"domain\":\"corp\",\"controller\":\"dc2\",\"reachable\":false,\"failures\":0}],"
    "\"signer\":{\"authorities\":[]},\"identity_providers\":[{\"name\":\"okta\","
    "\"certificate_not_after\":\"2030-01-01T00:00:00Z\"}],"
    "\"checks\":{\"database\":{\"ok\":true},\"directory\":{\"ok\":true}}}";

/* The good replies, with one member of one of them replaced (path "a.b"; value JSON). */
static void
judge(const char *signer_text, const char *fasd_text, const char *where, const char *member,
    const char *value, struct findings *out)
{
	OWN(json) json_t *signer = signer_text ? json_loads(signer_text, 0, NULL) : NULL;
	OWN(json) json_t *fasd = fasd_text ? json_loads(fasd_text, 0, NULL) : NULL;
	json_t *target = fasd;
	if (where && strcmp(where, "authority") == 0)
		target = json_array_get(json_object_get(signer, "authorities"), 0);
	else if (where && strcmp(where, "signer") == 0)
		target = signer;
	else if (where && strcmp(where, "policy") == 0)
		target = json_object_get(fasd, "policy");
	if (where)
		assert_int_equal(
		    json_object_set_new(target, member, json_loads(value, JSON_DECODE_ANY, NULL)),
		    0);
	status_judge(signer, fasd, NOW, out);
}

static void
one_finding(const char *where, const char *member, const char *value, bool error, const char *what)
{
	struct findings f;
	judge(good_signer, good_fasd, where, member, value, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.items[0].error, error);
	assert_non_null(strstr(f.items[0].what, what));
	assert_true(f.items[0].remedy[0]);
}

static void
two_good_answers_give_no_finding(void **state)
{
	struct findings f;
	(void)state;
	judge(good_signer, good_fasd, NULL, NULL, NULL, &f);
	assert_int_equal(f.n, 0);
}

static void
a_process_that_is_away_is_an_error_with_a_remedy(void **state)
{
	struct findings f;
	(void)state;
	judge(NULL, good_fasd, NULL, NULL, NULL, &f);
	assert_int_equal(f.errors, 1);
	assert_non_null(strstr(f.items[0].what, "fas-signer does not answer"));
	judge(good_signer, NULL, NULL, NULL, NULL, &f);
	assert_int_equal(f.errors, 1);
	assert_non_null(strstr(f.items[0].what, "fasd does not answer"));
	assert_non_null(strstr(f.items[0].remedy, "systemctl"));
}

static void
an_authority_without_a_certificate_is_an_error(void **state)
{
	(void)state;
	one_finding("authority", "state", "\"no_certificate\"", true, "has no certificate");
}

static void
an_ended_crl_is_an_error_and_a_late_one_a_warning(void **state)
{
	(void)state;
	one_finding("authority", "crl", "{\"this_update\":1699900000,\"next_update\":1699999999}",
	    true, "every logon fails");
	one_finding("authority", "crl", "{\"this_update\":1699920000,\"next_update\":1700001000}",
	    false, "has not been renewed");
	one_finding("authority", "crl", "null", true, "has no CRL");
}

/* As a service has judged it. */
static const char *
ends(const char *what, const char *name, int64_t not_after_s, int alarm)
{
	static char text[256];
	(void)snprintf(text, sizeof(text),
	    "[{\"what\":\"%s\",\"name\":\"%s\",\"not_after\":%lld,\"alarm\":%d}]", what, name,
	    (long long)not_after_s, alarm);
	return text;
}

static void
what_is_near_its_end_is_a_warning_and_behind_it_an_error(void **state)
{
	struct findings f;
	(void)state;
	one_finding(
	    "signer", "ends", ends("authority", "main-1", NOW + 89 * DAY, 1), false, "in 89 days");
	one_finding("signer", "ends", ends("authority", "main-1", NOW - 1, 4), true, "ended at");
	one_finding("signer", "ends", ends("root", "main-1-root", NOW + DAY, 3), false, "root's");
	one_finding(
	    "signer", "ends", ends("root_crl", "main-1-root", NOW + DAY, 3), false, "root's CRL");
	one_finding("signer", "ends", ends("crl", "main-2", NOW + 60, 3), false, "CRL of main-2");
	one_finding("signer", "ends", ends("service_ca", "service-1", NOW + DAY, 3), false,
	    "the service CA");
	one_finding("fasd", "ends", ends("tls", "fas1", NOW + DAY, 3), false, "API's certificate");
	one_finding(
	    "fasd", "ends", ends("front", "fas1", NOW + DAY, 3), false, "front's certificate");
	judge(good_signer, good_fasd, "signer", "ends",
	    ends("authority", "main-1", NOW + 91 * DAY, 0), &f);
	assert_int_equal(f.n, 0);
	/* The present generation's CRL has findings of its own. */
	judge(good_signer, good_fasd, "signer", "ends", ends("crl", "main-1", NOW + 60, 3), &f);
	assert_int_equal(f.n, 0);
}

static void
an_authority_whose_key_is_away_is_an_error(void **state)
{
	(void)state;
	one_finding("authority", "state", "\"no_key\"", true, "has no key");
}

static void
a_signer_that_cannot_issue_is_an_error(void **state)
{
	(void)state;
	one_finding("signer", "acts", "{\"holds\":1,\"stopped_since\":1700000000}", true,
	    "all issuing is stopped");
	one_finding(
	    "signer", "acts", "{\"holds\":2,\"stopped_since\":0}", false, "2 holds are in force");
	one_finding("signer", "failure",
	    "{\"reason\":\"disk_full\",\"message\":\"database: disk is full\"}", true,
	    "cannot issue: database: disk is full");
}

static void
a_policy_that_cannot_decide_is_an_error(void **state)
{
	(void)state;
	one_finding("policy", "unresolved", "2", true, "2 groups of the policy are not known");
	one_finding("policy", "rules", "0", true, "has no rule");
}

static void
a_controller_that_failed_is_a_warning_while_another_serves(void **state)
{
	(void)state;
	one_finding("fasd", "directory",
	    "[{\"domain\":\"c\",\"controller\":\"dc1\",\"reachable\":false,\"failures\":3},"
	    "{\"domain\":\"c\",\"controller\":\"dc2\",\"reachable\":true,\"failures\":0}]",
	    false, "dc1 of c does not answer");
	one_finding("fasd", "directory",
	    "[{\"domain\":\"c\",\"controller\":\"dc1\",\"reachable\":false,\"failures\":3}]", true,
	    "cannot log on");
}

static void
fasd_that_does_not_reach_the_signer_is_an_error(void **state)
{
	(void)state;
	one_finding("fasd", "signer", "{\"error\":{\"code\":\"unavailable\"}}", true,
	    "does not reach the signer");
}

static void
a_failed_check_of_fasd_is_an_error(void **state)
{
	(void)state;
	one_finding("fasd", "checks", "{\"database\":{\"ok\":false,\"message\":\"disk full\"}}",
	    true, "disk full");
}

static void
a_providers_ending_certificate_is_a_warning(void **state)
{
	(void)state;
	one_finding("fasd", "ends", ends("provider", "okta", NOW + 6 * DAY, 3), false,
	    "identity provider okta");
	one_finding("fasd", "ends", ends("provider", "okta", NOW - DAY, 4), false, "ended at");
}

#define LINK(serves, alarm, place)                                                                 \
	"{\"links\":[{\"certificates\":\"what main-1 issues\",\"for\":" serves ",\"alarm\":" alarm \
	",\"places\":[{\"url\":\"http://pki/crl/main-1.crl\"," place "}]}]}"

static void
certificates_whose_crl_nobody_finds_are_an_error_if_they_are_still_issued(void **state)
{
	(void)state;
	one_finding("fasd", "revocation", LINK("[\"main\"]", "true", "\"alarm\":false"), true,
	    "what main-1 issues: logons fail");
	one_finding("fasd", "revocation", LINK("[]", "true", "\"alarm\":false"), false,
	    "its last certificates");
}

static void
an_authority_that_the_watchdog_has_stopped_is_named(void **state)
{
	(void)state;
	one_finding("fasd", "revocation", "{\"links\":[],\"stopped\":[\"second\"]}", true,
	    "stopped issuing under authority second");
}

static void
a_place_that_is_wrong_is_a_warning_with_its_remedy(void **state)
{
	static const char *const reasons[] = {"host_unknown", "fetch_timeout", "http_status",
	    "crl_ended", "crl_wrong_signature", "crl_old", "crl_went_back", "crl_not_begun",
	    "crl_malformed", "ldap_no_object", "certificate_other", "something_new"};
	(void)state;
	struct findings good;
	judge(good_signer, good_fasd, "fasd", "revocation",
	    LINK("[\"main\"]", "false", "\"alarm\":false"), &good);
	assert_int_equal(good.n, 0);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		char value[512];
		(void)snprintf(value, sizeof(value),
		    LINK("[\"main\"]", "false",
			"\"alarm\":true,\"reason\":\"%s\",\"message\":\"why\""),
		    reasons[i]);
		one_finding("fasd", "revocation", value, false, "http://pki/crl/main-1.crl: why");
	}
}

#define PROVIDERS(metadata)                                                                        \
	"[{\"name\":\"okta\",\"metadata\":{\"location\":\"https://idp/m\"," metadata               \
	"}},{\"name\":\"b\"}]"

static void
metadata_that_are_not_fresh_are_found(void **state)
{
	struct findings good;
	(void)state;
	judge(good_signer, good_fasd, "fasd", "identity_providers",
	    PROVIDERS("\"ok\":true,\"pending\":false"), &good);
	assert_int_equal(good.n, 0);
	one_finding("fasd", "identity_providers",
	    PROVIDERS("\"ok\":false,\"pending\":false,\"fetched_at\":\"2026-01-01T00:00:00Z\""),
	    false, "the metadata of identity provider okta are of 2026-01-01T00:00:00Z");
	one_finding("fasd", "identity_providers",
	    PROVIDERS("\"ok\":false,\"pending\":true,\"message\":\"no answer\""), true,
	    "nobody of identity provider okta can sign in: no answer");
}

static void
what_is_missing_in_the_directory_is_one_warning(void **state)
{
	(void)state;
	one_finding("fasd", "directory_objects",
	    "{\"objects\":[{\"object\":\"CN=a\",\"ok\":true},{\"object\":\"CN=b\",\"ok\":false,"
	    "\"message\":\"no right\"},{\"object\":\"CN=c\",\"ok\":false}]}",
	    false, "2 objects are missing or old in the directory: CN=b: no right");
	one_finding("fasd", "directory_objects",
	    "{\"objects\":[],\"reason\":\"directory_away\",\"message\":\"nobody answers\"}", false,
	    "nobody answers");
}

static void
replies_of_another_shape_do_no_harm(void **state)
{
	struct findings f;
	(void)state;
	judge("{}", "{}", NULL, NULL, NULL, &f);
	assert_int_equal(f.n, 1);
	judge("{\"authorities\":[3,null,[]],\"service_ca\":7}",
	    "{\"directory\":{},\"policy\":[],\"checks\":[1]}", NULL, NULL, NULL, &f);
	assert_true(f.n >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_good_answers_give_no_finding),
	    cmocka_unit_test(a_process_that_is_away_is_an_error_with_a_remedy),
	    cmocka_unit_test(an_authority_without_a_certificate_is_an_error),
	    cmocka_unit_test(an_ended_crl_is_an_error_and_a_late_one_a_warning),
	    cmocka_unit_test(what_is_near_its_end_is_a_warning_and_behind_it_an_error),
	    cmocka_unit_test(an_authority_whose_key_is_away_is_an_error),
	    cmocka_unit_test(a_signer_that_cannot_issue_is_an_error),
	    cmocka_unit_test(a_policy_that_cannot_decide_is_an_error),
	    cmocka_unit_test(a_controller_that_failed_is_a_warning_while_another_serves),
	    cmocka_unit_test(fasd_that_does_not_reach_the_signer_is_an_error),
	    cmocka_unit_test(a_failed_check_of_fasd_is_an_error),
	    cmocka_unit_test(a_providers_ending_certificate_is_a_warning),
	    cmocka_unit_test(
		certificates_whose_crl_nobody_finds_are_an_error_if_they_are_still_issued),
	    cmocka_unit_test(an_authority_that_the_watchdog_has_stopped_is_named),
	    cmocka_unit_test(a_place_that_is_wrong_is_a_warning_with_its_remedy),
	    cmocka_unit_test(metadata_that_are_not_fresh_are_found),
	    cmocka_unit_test(what_is_missing_in_the_directory_is_one_warning),
	    cmocka_unit_test(replies_of_another_shape_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
